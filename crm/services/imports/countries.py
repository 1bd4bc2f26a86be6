"""Countries of a file as ISO codes, whatever it calls them."""

from __future__ import annotations

from django.db import connection

from core.countries import code_of
from crm.services.imports.context import Context


def use_codes(context: Context) -> None:
    """Turn names in lk_rows into codes; what is no country goes to lk_nowhere and is left empty."""
    context.execute("CREATE TEMP TABLE lk_nowhere (row_number bigint, country text) ON COMMIT DROP")
    if "country" not in context.mapping:
        return
    given = [row[0] for row in context.rows("SELECT DISTINCT country FROM lk_rows WHERE country IS NOT NULL")]
    found = {text: code_of(text) for text in given}
    unknown = [text for text, code in found.items() if code is None]
    renamed = {text: code or None for text, code in found.items() if code != text}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lk_nowhere SELECT row_number, country FROM lk_rows WHERE country = ANY(%s)", [unknown]
        )
        cursor.execute(
            """UPDATE lk_rows r SET country = given.code FROM unnest(%s::text[], %s::text[]) AS given(name, code)
               WHERE r.country = given.name""",
            [list(renamed), list(renamed.values())],
        )


def refuse_unknown(context: Context) -> None:
    context.refuse("SELECT row_number, 'country', 'not_a_country', country FROM lk_nowhere")


def note_unknown(context: Context) -> None:
    """List rows that were taken without their country: an order is money, whatever its country is called."""
    context.note("SELECT row_number, 'country', 'unknown_country', country FROM lk_nowhere")
