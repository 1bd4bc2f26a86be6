"""Conversion of a file's country names to ISO codes."""

from __future__ import annotations

from django.db import connection

from core.text.countries import code_of
from crm.imports.services.context import Context


def use_codes(context: Context) -> None:
    """Convert names in lk_rows to codes; unknown names go to lk_nowhere and the country becomes empty."""
    context.execute("CREATE TEMP TABLE lk_nowhere (row_number bigint, country text) ON COMMIT DROP")
    if "country" not in context.mapping:
        return
    names = [row[0] for row in context.rows("SELECT DISTINCT country FROM lk_rows WHERE country IS NOT NULL")]
    codes = {text: code_of(text) for text in names}
    unknown = [text for text, code in codes.items() if code is None]
    renamed = {text: code or None for text, code in codes.items() if code != text}
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
    """Refuse rows with a text that is not a country."""
    context.refuse("SELECT row_number, 'country', 'not_a_country', country FROM lk_nowhere")


def note_unknown(context: Context) -> None:
    """List orders that were accepted without their country: an unknown country name must not refuse an order."""
    context.note("SELECT row_number, 'country', 'unknown_country', country FROM lk_nowhere")
