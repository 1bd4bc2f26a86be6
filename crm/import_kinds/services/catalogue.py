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

TEXTS = ("name", "category", "brand")


class Products:
    """Import of products by SKU. Empty cells keep the stored value. Prices are major units of the store's currency."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        use_known_spelling(context)
        context.extra["factor"] = 10 ** exponent(context.store.currency)
        context.refuse("SELECT row_number, 'price', 'negative', '' FROM lk_rows WHERE price < 0")
        context.refuse("SELECT row_number, 'price', 'number_too_large', '' FROM lk_rows WHERE price > 1000000000000")
        context.refuse(
            """SELECT row_number, 'sku', 'repeated_in_file', '' FROM (
                   SELECT r.row_number, row_number() OVER (PARTITION BY r.sku ORDER BY r.row_number) AS turn
                   FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL) numbered
               WHERE turn > 1"""
        )
        texts = ", ".join(f"coalesce(r.{name}, p.{name}, '') AS {name}" for name in TEXTS)
        context.execute(
            f"""CREATE TEMP TABLE lk_product ON COMMIT DROP AS
                SELECT r.row_number, r.sku, {texts}, coalesce(r.active, p.active, true) AS active, p.id AS known,
                       coalesce(round(r.price * %(factor)s)::bigint, p.price) AS price
                FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) LEFT JOIN crm_product p ON p.sku = r.sku
                WHERE x.row_number IS NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute(
            """INSERT INTO lk_unchanged SELECT g.row_number FROM lk_product g JOIN crm_product p ON p.id = g.known
               WHERE (g.name, g.category, g.brand, g.price, g.active)
                     IS NOT DISTINCT FROM (p.name, p.category, p.brand, p.price, p.active)"""
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""
        context.result["products_created"] = context.execute(
            """INSERT INTO crm_product (sku, name, category, brand, price, active)
               SELECT sku, name, category, brand, price, active FROM lk_product WHERE known IS NULL ORDER BY sku
               ON CONFLICT (lower(sku)) DO UPDATE SET
                   name = excluded.name, category = excluded.category, brand = excluded.brand,
                   price = excluded.price, active = excluded.active, updated_at = now()"""
        )
        context.result["products_updated"] = context.execute(
            """UPDATE crm_product p SET name = g.name, category = g.category, brand = g.brand, price = g.price,
                   active = g.active, updated_at = now()
               FROM lk_product g LEFT JOIN lk_unchanged u USING (row_number)
               WHERE p.id = g.known AND u.row_number IS NULL"""
        )


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
