"""Imports of products and activity."""

from __future__ import annotations

from django.core.cache import cache
from django.db import transaction

from core.text.currencies import exponent
from crm.activity import events
from crm.activity.services.activity import KNOWN_KINDS_KEY
from crm.import_kinds.services.skus import use_known_spelling
from crm.imports.rules.mapping import IDENTITIES
from crm.imports.services import people
from crm.imports.services.context import Context
from crm.imports.services.people import refuse_misread, select_people
from crm.orders.rules.products import MOST_TAG_LETTERS, MOST_TAGS

TEXTS = ("name", "name_zh", "description", "description_zh", "category", "brand")
LINKS = ("url", "picture_url")
TAGS = ("tags", "tags_zh")
COLUMNS = (*TEXTS, *LINKS, *TAGS, "price", "cost", "active")
# A cell has its tags between commas or semicolons; empty ones are dropped.
_TAGS = "array_remove(regexp_split_to_array(trim({name}), '\\s*[,;，；、]\\s*'), '')"


class Products:
    """Import of products by SKU. Empty cells keep the stored value. Prices are major units of the store's currency."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        use_known_spelling(context)
        context.extra["factor"] = 10 ** exponent(context.store.currency)
        context.extra["link"] = r"^https?://[^\s/?#]+[^\s]*$"
        for name in ("price", "cost"):
            context.refuse(f"SELECT row_number, '{name}', 'negative', '' FROM lk_rows WHERE {name} < 0")  # noqa: S608 - column names of the code
            context.refuse(
                f"SELECT row_number, '{name}', 'number_too_large', '' FROM lk_rows WHERE {name} > 1000000000000"  # noqa: S608 - column names of the code
            )
        for name in LINKS:
            context.refuse(
                f"SELECT row_number, '{name}', 'not_a_link', {name} FROM lk_rows "  # noqa: S608 - names of the code
                f"WHERE {name} <> '' AND {name} !~* %(link)s"
            )
        for name in TAGS:
            tags = _TAGS.format(name=f"r.{name}")
            context.refuse(
                f"""SELECT r.row_number, '{name}', 'wrong_tags', r.{name} FROM lk_rows r
                    WHERE cardinality({tags}) > {MOST_TAGS}
                          OR EXISTS (SELECT FROM unnest({tags}) AS t(tag) WHERE length(t.tag) > {MOST_TAG_LETTERS})"""  # noqa: S608 - column names of the code
            )
        context.refuse(
            """SELECT row_number, 'sku', 'repeated_in_file', '' FROM (
                   SELECT r.row_number, row_number() OVER (PARTITION BY r.sku ORDER BY r.row_number) AS turn
                   FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL) numbered
               WHERE turn > 1"""
        )
        texts = ", ".join(f"coalesce(r.{name}, p.{name}, '') AS {name}" for name in (*TEXTS, *LINKS))
        tags = ", ".join(
            f"CASE WHEN coalesce(r.{name}, '') = '' THEN coalesce(p.{name}, '{{}}') "
            f"ELSE {_TAGS.format(name=f'r.{name}')}::varchar(40)[] END AS {name}"
            for name in TAGS
        )
        amounts = ", ".join(
            f"coalesce(round(r.{name} * %(factor)s)::bigint, p.{name}) AS {name}" for name in ("price", "cost")
        )
        context.execute(
            f"""CREATE TEMP TABLE lk_product ON COMMIT DROP AS
                SELECT r.row_number, r.sku, {texts}, {tags}, {amounts},
                       coalesce(r.active, p.active, true) AS active, p.id AS known
                FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) LEFT JOIN crm_product p ON p.sku = r.sku
                WHERE x.row_number IS NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute(
            f"""INSERT INTO lk_unchanged SELECT g.row_number FROM lk_product g JOIN crm_product p ON p.id = g.known
               WHERE ({_of("g")}) IS NOT DISTINCT FROM ({_of("p")})"""  # noqa: S608 - column names of the code
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""
        replaced = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
        context.result["products_created"] = context.execute(
            f"""INSERT INTO crm_product (sku, {", ".join(COLUMNS)})
               SELECT sku, {", ".join(COLUMNS)} FROM lk_product WHERE known IS NULL ORDER BY sku
               ON CONFLICT (lower(sku)) DO UPDATE SET {replaced}, updated_at = now()"""  # noqa: S608 - our column names
        )
        changed = ", ".join(f"{name} = g.{name}" for name in COLUMNS)
        context.result["products_updated"] = context.execute(
            f"""UPDATE crm_product p SET {changed}, updated_at = now()
               FROM lk_product g LEFT JOIN lk_unchanged u USING (row_number)
               WHERE p.id = g.known AND u.row_number IS NULL"""  # noqa: S608 - column names of the code
        )


def _of(table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in COLUMNS)


class ActivityImport:
    """Import of events by the sender's id, unique per source (S4).

    A row names a known customer, a visitor, or both.
    """

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        use_known_spelling(context)
        someone = " OR ".join(["customer_number IS NOT NULL", *(f"{kind} <> 0" for kind in IDENTITIES)])
        context.refuse(
            f"""SELECT row_number, 'customer_number', 'nobody', '' FROM lk_rows
                WHERE anonymous_id IS NULL AND NOT ({someone})"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.refuse(
            """SELECT row_number, 'sender_id', 'repeated_in_file', '' FROM (
                   SELECT r.row_number, row_number() OVER (PARTITION BY r.sender_id ORDER BY r.row_number) AS turn
                   FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL) numbered
               WHERE turn > 1"""
        )
        kinds = people.kinds_in([*context.mapping])
        people.resolve(f"{select_people(kinds)} AND ({someone})", kinds, create=False)
        # A row with an unknown customer and a visitor id stays with the visitor until they identify (S5).
        context.refuse(
            """SELECT row_number, 'customer_number', problem, '' FROM lk_owner JOIN lk_rows USING (row_number)
               WHERE problem IS NOT NULL AND anonymous_id IS NULL"""
        )
        context.execute(
            """INSERT INTO lk_unchanged SELECT r.row_number FROM lk_rows r
               JOIN crm_activityreceipt known ON known.source = %(source)s AND known.sender_id = r.sender_id
               LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL"""
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""
        context.execute(
            """CREATE TEMP TABLE lk_event ON COMMIT DROP AS
               SELECT r.row_number, r.sender_id, r.kind, r.occurred_at, coalesce(r.anonymous_id, '') AS anonymous_id,
                      w.customer, p.id AS product, coalesce(r.properties, '{}') AS properties
               FROM lk_rows r LEFT JOIN lk_owner w USING (row_number) LEFT JOIN crm_product p ON p.sku = r.sku
               LEFT JOIN lk_refused x USING (row_number) LEFT JOIN lk_unchanged u USING (row_number)
               WHERE x.row_number IS NULL AND u.row_number IS NULL"""
        )
        taken = context.execute(
            """INSERT INTO crm_activityreceipt (source, sender_id) SELECT %(source)s, sender_id FROM lk_event
               ON CONFLICT DO NOTHING"""
        )
        if taken != context.value("SELECT count(*) FROM lk_event"):
            raise people.Raced()
        context.result["events_created"] = context.execute(
            """INSERT INTO crm_activityevent
                   (customer_id, anonymous_id, source, sender_id, kind, product_id, properties, occurred_at)
               SELECT customer, anonymous_id, %(source)s, sender_id, kind, product, properties, occurred_at
               FROM lk_event ORDER BY occurred_at, row_number"""
        )
        context.execute(
            """INSERT INTO crm_activitykind (code, label, builtin) SELECT DISTINCT kind, '', false FROM lk_event
               ON CONFLICT DO NOTHING"""
        )
        transaction.on_commit(lambda: cache.delete(KNOWN_KINDS_KEY), robust=True)
        people.announce(
            events.ACTIVITY_RECEIVED,
            "SELECT customer FROM lk_event",
            [],
            run_id=context.run_id,
            actor=context.actor,
        )
