"""Imports of customers and consents."""

from __future__ import annotations

from crm.customers import events
from crm.import_kinds.services import countries
from crm.imports.rules.mapping import ATTRIBUTE
from crm.imports.services import people
from crm.imports.services.context import Context
from crm.imports.services.people import refuse_misread, refuse_nobody, select_people
from crm.imports.services.staging import column_of

PLAIN = ("name", "gender", "language", "time_zone", "country", "region")


class Customers:
    """Import of one row per customer: empty cells keep the stored value, others replace it; tags are added."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        refuse_nobody(context)
        countries.use_codes(context)
        countries.refuse_unknown(context)
        kinds = people.kinds_in([*context.mapping])
        people.resolve(select_people(kinds), kinds, create=True, once=True)
        context.refuse(
            "SELECT row_number, 'customer_number', problem, '' FROM lk_owner WHERE problem IS NOT NULL "
            "ORDER BY row_number"
        )
        attributes = [column_of(name) for name in context.mapping if name.startswith(ATTRIBUTE)]
        pairs = ", ".join(f"""'"{name.removeprefix("attribute_")}":' || r."{name}\"""" for name in attributes) or "NULL"
        context.execute(
            f"""CREATE TEMP TABLE lk_profile ON COMMIT DROP AS
                SELECT w.row_number, w.customer, w.number,
                       ('{{' || concat_ws(',', {pairs}) || '}}')::jsonb AS attributes,
                       r.tags::jsonb AS tags, r.search_name, r.birthday, r.birthday_index, r.birth_year,
                       {", ".join(f"r.{name}" for name in PLAIN)}
                FROM lk_owner w JOIN lk_rows r USING (row_number) WHERE w.problem IS NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute("CREATE INDEX ON lk_profile (customer); ANALYZE lk_profile")
        differs = " OR ".join(f"c.{name} <> coalesce(p.{name}, c.{name})" for name in PLAIN)
        context.execute(
            f"""CREATE TEMP TABLE lk_changed ON COMMIT DROP AS
                SELECT p.customer FROM lk_profile p JOIN crm_customer c ON c.id = p.customer
                WHERE p.number IS NULL AND ({differs} OR NOT c.attributes @> p.attributes
                      OR (p.birthday_index IS NOT NULL AND (c.birthday_index, c.birth_year)
                                                           IS DISTINCT FROM (p.birthday_index, p.birth_year)))"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute(
            """INSERT INTO lk_unchanged SELECT p.row_number FROM lk_profile p
               WHERE p.number IS NULL AND p.customer NOT IN (SELECT customer FROM lk_changed)
                 AND p.customer NOT IN (SELECT customer FROM lk_attach)
                 AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(p.tags) AS given(name)
                                 WHERE NOT EXISTS (SELECT FROM crm_customertag ct JOIN crm_tag t ON t.id = ct.tag_id
                                                   WHERE ct.customer_id = p.customer AND t.name = given.name))"""
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""
        columns = ", ".join(PLAIN)
        values = ", ".join(f"coalesce({name}, '')" for name in PLAIN)
        context.result["customers_created"] = context.execute(
            f"""INSERT INTO crm_customer (id, number, {columns}, search_name, birthday, birthday_index, birth_year,
                                          attributes, source, state)
                SELECT customer, number, {values}, coalesce(search_name, ''), birthday, birthday_index, birth_year,
                       attributes, %(source)s, 'active'
                FROM lk_profile WHERE number IS NOT NULL ORDER BY customer"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        updates = ", ".join(f"{name} = coalesce(p.{name}, c.{name})" for name in PLAIN)
        context.result["customers_updated"] = context.execute(
            f"""UPDATE crm_customer c SET {updates}, attributes = c.attributes || p.attributes,
                    search_name = coalesce(p.search_name, c.search_name),
                    birthday = coalesce(p.birthday, c.birthday), birth_year = coalesce(p.birth_year, c.birth_year),
                    birthday_index = coalesce(p.birthday_index, c.birthday_index), updated_at = now()
                FROM lk_profile p JOIN lk_changed USING (customer) WHERE c.id = p.customer"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        people.attach_identities(context.actor)
        context.execute(
            """INSERT INTO crm_tag (name)
               SELECT DISTINCT jsonb_array_elements_text(tags) AS name FROM lk_profile WHERE tags IS NOT NULL
               ORDER BY name
               ON CONFLICT (name) DO NOTHING"""
        )
        context.execute(
            """INSERT INTO crm_customertag (customer_id, tag_id, added_by)
               SELECT p.customer, t.id, %(actor)s
               FROM lk_profile p CROSS JOIN jsonb_array_elements_text(p.tags) AS given(tag)
               JOIN crm_tag t ON t.name = given.tag
               ON CONFLICT DO NOTHING"""
        )
        people.announce(
            events.CUSTOMERS_CHANGED,
            """SELECT customer FROM lk_profile LEFT JOIN lk_unchanged u USING (row_number)
               WHERE u.row_number IS NULL""",
            [],
            run_id=context.run_id,
            actor=context.actor,
        )


class Consents:
    """Import of one consent decision per row. A repeated decision with the same time changes nothing."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        refuse_nobody(context)
        kinds = people.kinds_in([*context.mapping])
        people.resolve(select_people(kinds), kinds, create=False)
        context.refuse("SELECT row_number, 'customer_number', problem, '' FROM lk_owner WHERE problem IS NOT NULL")
        context.execute(
            """CREATE TEMP TABLE lk_consent ON COMMIT DROP AS
               SELECT r.row_number, w.customer, r.channel, r.purpose, r.decision, r.source, r.given_at,
                      coalesce(r.evidence, '') AS evidence,
                      row_number() OVER (PARTITION BY w.customer, r.channel, r.purpose, r.decision, r.given_at
                                         ORDER BY r.row_number) AS turn
               FROM lk_owner w JOIN lk_rows r USING (row_number) WHERE w.problem IS NULL"""
        )
        context.refuse("SELECT row_number, 'given_at', 'repeated_in_file', '' FROM lk_consent WHERE turn > 1")
        context.execute(
            """INSERT INTO lk_unchanged SELECT g.row_number FROM lk_consent g
               WHERE g.turn = 1 AND EXISTS (
                   SELECT FROM crm_consent c WHERE c.customer_id = g.customer AND c.channel = g.channel
                   AND c.purpose = g.purpose AND c.decision = g.decision AND c.given_at = g.given_at)"""
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""
        fresh = "g.turn = 1 AND g.row_number NOT IN (SELECT row_number FROM lk_unchanged)"
        context.result["consents_created"] = context.execute(
            f"""INSERT INTO crm_consent (customer_id, channel, purpose, decision, source, evidence, given_at, actor)
                SELECT customer, channel, purpose, decision, source, evidence, given_at, %(actor)s
                FROM lk_consent g WHERE {fresh} ORDER BY g.row_number"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        people.announce(
            events.CUSTOMERS_CHANGED,
            f"SELECT g.customer FROM lk_consent g WHERE {fresh}",  # noqa: S608 - fragments and column names of the code; values are parameters
            [],
            run_id=context.run_id,
            actor=context.actor,
        )
