"""Import of orders with one row per line: each order whole or not at all, once per (source, number).

A later row or file may advance a known order from placed to paid or cancelled, and from paid to refunded, never back.
"""

from __future__ import annotations

from psycopg.sql import Literal

from core.db.statements import statement
from core.events.bus import limited
from crm.customers import events
from crm.customers.services import identities as customers_identities
from crm.import_kinds.services import countries, returns
from crm.import_kinds.services.skus import use_known_spelling
from crm.imports.rules.formats import BY_NAME
from crm.imports.services import people
from crm.imports.services.context import Context, factor
from crm.imports.services.effects import announce_orders, effect_of, reach_of
from crm.orders.rules import state_words as words
from crm.orders.services.orders import OrderMove, advance_orders
from crm.orders.services.refunds import RefundRequest, record_refunds

AMOUNTS = ("discount", "shipping", "tax", "fees", "points_amount", "total")
# Values that may stand on any row of an order but must not differ between its rows; the earliest time counts.
LARGEST = 2**53
SHARED = (*customers_identities.PRECEDENCE[:-1], "customer_number", "store", "currency", "channel", *AMOUNTS)
# Values that differ between rows of an order that advances: the furthest state, the largest amount, the earliest time.
MOVING = ("state", "refunded_amount", "refunded_at", "placed_at", "paid_at")
# The field of a refusal that SQL detected.
FIELD_OF = """CASE code WHEN 'unknown_store' THEN 'store' WHEN 'wrong_currency' THEN 'currency'
                        WHEN 'not_positive' THEN 'quantity' WHEN 'too_precise' THEN 'quantity'
                        WHEN 'number_too_large' THEN CASE WHEN quantity > 999999999 THEN 'quantity'
                                                     ELSE 'unit_price' END
                        WHEN 'required' THEN CASE WHEN kind = 'product' AND sku IS NULL THEN 'sku' ELSE 'unit_price' END
                        WHEN 'negative' THEN CASE WHEN unit_price < 0 THEN 'unit_price' ELSE 'line_discount' END
                        WHEN 'discount_exceeds_line' THEN 'line_discount'
                        WHEN 'amount_mismatch' THEN 'line_amount' END"""
# A refund proves that the order was paid, no matter what the latest state says.
ORDER_STATE = f"""CASE WHEN came_back > 0 THEN 'paid' WHEN letter = '{words.PLACED}' THEN 'placed'
                       WHEN letter = '{words.CANCELLED}' THEN 'cancelled' ELSE 'paid' END"""


class Orders:
    """Import of orders. `rows` selects the sales, `errors` adds row errors, `whole`: a refused row refuses its order.

    `several_kinds`: rows may have kinds other than product although no column says so. `follows`: later rows advance
    orders. `sound`: an order is imported without its refused lines, where `whole` would refuse it.
    """

    rows = "true"
    errors = ""
    whole = True
    sound = False
    several_kinds = False
    follows = True

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        if self.follows and context.options.get("take_sound"):
            self.whole, self.sound = False, True
        use_known_spelling(context)
        countries.use_codes(context)
        if self.follows and returns.find(context):
            self.rows = "r.row_number NOT IN (SELECT row_number FROM lk_return)"
        self._price(context)
        self._read_states(context)
        self._group(context)
        self._compare(context)
        self._refuse(context)
        if self.follows:
            returns.check(context)
        self._resolve(context)

    def _price(self, context: Context) -> None:
        """Fill lk_priced: each row with its store, kind, amounts in minor units and its first error."""
        context.execute(
            f"""CREATE TEMP TABLE lk_store ON COMMIT DROP AS
                SELECT code, id, currency, {factor("currency")} AS factor FROM crm_store"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.extra |= {"store_code": context.store.code, "currency": context.options.get("currency") or None}
        shared = ", ".join(f"r.{name} AS shared_{name}" for name in (*SHARED, *MOVING))
        context.execute(
            statement(
                __package__,
                "priced_rows",
                errors=self.errors,
                largest=str(LARGEST),
                skipped="coalesce(r.quantity = 0, false)" if self.follows else "false",
                not_skipped="AND coalesce(r.quantity <> 0, true)" if self.follows else "",
                shared=shared,
                rows=self.rows,
            )
        )
        context.execute("ANALYZE lk_priced (row_number, number, sku, kind, has_line, code)")

    def _read_states(self, context: Context) -> None:
        """Fill lk_state: orders whose rows have different states, with the state of the order and the refunded amount.

        A row that repeats a line in a later state is the same line at a later time, and does not count as another line.
        When a shop writes a state per line, lines that are cancelled or refunded were returned if the other lines were
        not.
        """
        context.execute(
            "CREATE TEMP TABLE lk_state (number text PRIMARY KEY, state text, came_back bigint) ON COMMIT DROP"
        )
        if "state" not in context.mapping or not self.follows:
            return
        # This check is cheap compared with the grouping: a file with one state, such as a day's export, has no mixed
        # order.
        if not context.value("SELECT min(state) <> max(state) FROM lk_rows"):
            return
        context.execute(
            """CREATE TEMP TABLE lk_stated ON COMMIT DROP AS
               SELECT p.row_number, p.number, p.shared_state AS state, p.has_line, p.amount, p.line_refunded,
                      CASE WHEN p.has_line THEN first_value(p.row_number) OVER line END AS first_row
               FROM (SELECT p.*, row_number() OVER (PARTITION BY number, kind, sku, quantity, unit_price, amount,
                                                    shared_state ORDER BY row_number) AS turn
                     FROM lk_priced p JOIN (
                         SELECT number FROM lk_priced WHERE number IS NOT NULL GROUP BY number
                         HAVING min(shared_state) <> max(shared_state)) several USING (number)
                     WHERE code IS NULL) p
               WINDOW line AS (PARTITION BY number, kind, sku, quantity, unit_price, amount, turn, has_line
                               ORDER BY row_number)"""
        )
        context.execute(
            f"""INSERT INTO lk_state
                WITH line AS (
                    SELECT number, first_row, max(state) AS state, bool_and(state IS NOT NULL) AS stated,
                           min(amount) AS amount, max(line_refunded) AS line_refunded
                    FROM lk_stated WHERE has_line GROUP BY number, first_row),
                lines AS (
                    SELECT number, bool_and(stated) AND min(state) <> max(state) AS mixed, max(state) AS state,
                           max(state) FILTER (WHERE state < '{words.REFUNDED}') AS standing,
                           sum(coalesce(nullif(line_refunded, 0), amount))
                               FILTER (WHERE state >= '{words.REFUNDED}') AS came_back
                    FROM line GROUP BY number)
                SELECT number, greatest(CASE WHEN l.mixed THEN l.standing ELSE l.state END, w.state),
                       CASE WHEN l.mixed THEN coalesce(came_back, 0) ELSE 0 END
                FROM (SELECT number, max(state) FILTER (WHERE NOT has_line) AS state FROM lk_stated GROUP BY number) w
                LEFT JOIN lines l USING (number)"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute(
            """UPDATE lk_priced p SET line_refunded = l.line_refunded
               FROM (SELECT first_row, max(line_refunded) AS line_refunded FROM lk_stated WHERE has_line GROUP BY 1
                     HAVING count(*) > 1) l WHERE p.row_number = l.first_row"""
        )
        context.execute(
            """UPDATE lk_priced p SET has_line = false, line_refunded = NULL, line_discount = 0
               FROM lk_stated t WHERE p.row_number = t.row_number AND t.first_row < t.row_number"""
        )

    def _group(self, context: Context) -> None:
        """Fill lk_order: one row per order number with the shared values, the sums and the first problem."""
        columns, differs = [], []
        for name in SHARED:
            identity = name in customers_identities.PRECEDENCE
            value = f"nullif(shared_{name}, 0)" if identity else f"shared_{name}"
            if name in context.mapping:
                columns.append(f"min({value}) AS {name}")
                differs.append(f"WHEN min({value}) <> max({value}) THEN '{name}'")
            else:
                columns.append(f"NULL::{'bigint' if identity else 'numeric' if name in AMOUNTS else 'text'} AS {name}")
        several = self.several_kinds or "line_kind" in context.mapping
        taken = "AND code IS NULL" if self.sound else ""
        sums = [
            f"coalesce(sum({'gross' if kind == 'product' else 'amount'}) "
            f"FILTER (WHERE kind = '{kind}' AND has_line {taken}), 0) AS sum_{kind}"
            if several or kind == "product"
            else f"0::numeric AS sum_{kind}"
            for kind in ("product", "shipping", "fee", "discount")
        ]
        # Columns that the file does not have are constants, which cost nothing to group.
        moving = [
            f"{how}({column}) AS {alias}" if name in context.mapping else f"NULL::{kind} AS {alias}"
            for name, how, column, kind, alias in (
                ("paid_at", "min", "shared_paid_at", "timestamptz", "paid_at"),
                ("state", "max", "shared_state", "text", "given_state"),
                ("refunded_at", "max", "shared_refunded_at", "timestamptz", "refunded_at"),
                ("refunded_amount", "max", "shared_refunded_amount", "numeric", "refunded_amount"),
                ("line_refunded", "sum", "line_refunded", "numeric", "lines_refunded"),
            )
        ]
        differing = f"CASE {' '.join(differs)} END" if differs else "NULL::text"
        context.execute(
            f"""CREATE TEMP VIEW lk_grouped AS
                SELECT number, min(row_number) AS first_row, max(row_number) AS last_row,
                       min(shared_placed_at) AS placed_at, {", ".join(moving)}, min(store_id) AS store_id,
                       min(currency) AS store_currency, min(factor) AS factor,
                       count(*) FILTER (WHERE has_line {taken}) AS line_count,
                       {"bool_or(code IS NOT NULL)" if self.sound else "false"} AS spoiled, bool_and(skipped) AS empty,
                       {", ".join(sums)},
                       coalesce(sum(line_discount) FILTER (WHERE kind = 'product' AND has_line {taken}),
                                0) AS line_discounts,
                       coalesce(sum(quantity) FILTER (WHERE kind = 'product' AND has_line {taken}), 0) AS item_count,
                       {", ".join(columns)}, {differing} AS differing
                FROM lk_priced WHERE number IS NOT NULL {"" if self.whole or self.sound else "AND code IS NULL"}
                GROUP BY number"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        rest = ""
        known = BY_NAME.get(context.options.get("format", ""))
        if known and known.rest_is_discount:
            rest = """ + CASE WHEN line_count > 0
                       THEN greatest(goods - given_discounts - points + shippings + taxes + all_fees - given_total, 0)
                       ELSE 0 END"""
        minor = {name: f"coalesce(round(g.{name} * factor), 0)" for name in AMOUNTS}
        # An order without lines is imported by its total, from which the goods amount is calculated.
        context.execute(
            statement(
                __package__,
                "orders",
                rest=rest,
                largest=str(LARGEST),
                paid=Literal(words.PAID),
                refunded=Literal(words.REFUNDED),
                order_state=ORDER_STATE,
                **{f"minor_{name}": sql for name, sql in minor.items()},
            )
        )
        named = ", ".join(
            ["number", "first_row", "known", "code", "customer_number", *people.kinds_in([*context.mapping])]
        )
        context.execute(f"DROP VIEW lk_grouped; ANALYZE lk_order ({named})")

    def _compare(self, context: Context) -> None:
        """Fill lk_differing: known orders whose content differs from the file."""
        context.execute("CREATE TEMP TABLE lk_differing (number text) ON COMMIT DROP")
        if not context.value("SELECT EXISTS (SELECT FROM lk_order WHERE known IS NOT NULL)"):
            return
        context.execute(
            """INSERT INTO lk_differing
               SELECT n.number FROM lk_order n JOIN crm_order o ON o.id = n.known
               -- A row without lines and total only carries a state.
               WHERE n.goods IS NOT NULL
                 AND (o.store_id, o.subtotal, o.discount, o.points_amount, o.shipping, o.tax, o.fees,
                      o.total, o.placed_at)
                     IS DISTINCT FROM (n.store_id, n.goods, n.discounts, n.points, n.shippings, n.taxes, n.all_fees,
                                       n.sum_total, coalesce(n.placed_at, o.placed_at))"""
        )
        context.execute(
            f"""INSERT INTO lk_differing
                WITH given AS (
                    SELECT n.known, p.kind, p.sku, p.quantity, p.unit_price, p.amount,
                           row_number() OVER (PARTITION BY n.known ORDER BY p.row_number) AS position
                    FROM lk_priced p JOIN lk_order n USING (number)
                    WHERE n.known IS NOT NULL AND p.has_line {"" if self.whole else "AND p.code IS NULL"}),
                stored AS (
                    SELECT l.order_id, l.position, l.kind, x.sku, l.quantity, l.unit_price, l.amount
                    FROM crm_orderline l JOIN lk_order n ON n.known = l.order_id AND n.goods IS NOT NULL
                    LEFT JOIN crm_product x ON x.id = l.product_id)
                SELECT DISTINCT n.number
                FROM given g FULL JOIN stored s ON s.order_id = g.known AND s.position = g.position
                JOIN lk_order n ON n.known = coalesce(g.known, s.order_id)
                WHERE (g.kind, CASE WHEN g.kind = 'product' THEN g.sku END, g.quantity, g.unit_price, g.amount)
                      IS DISTINCT FROM (s.kind, s.sku, s.quantity, s.unit_price, s.amount)"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )

    def _refuse(self, context: Context) -> None:
        context.refuse(
            f"""SELECT row_number, coalesce(error_field, {FIELD_OF}, ''), code, coalesce(error_detail, '')
                FROM lk_priced WHERE code IS NOT NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.refuse(
            """SELECT p.row_number, 'customer_number', 'unknown_customer', '' FROM lk_rows p
               LEFT JOIN crm_customer c ON c.number = p.customer_number
               WHERE p.customer_number IS NOT NULL AND (c.id IS NULL OR c.state = 'erased')"""
        )
        context.execute("ANALYZE lk_refused")
        if self.sound:
            # A wrong customer concerns the whole order, not one line.
            context.refuse(
                f"""SELECT r.row_number, 'number', 'order_has_refused_rows', '' FROM lk_rows r
                    JOIN (SELECT DISTINCT number FROM lk_rows JOIN lk_refused USING (row_number)
                          WHERE code = 'unknown_customer') spoiled USING (number) WHERE {self.rows}"""  # noqa: S608 - fragments and column names of the code; values are parameters
            )
            context.execute(
                """DELETE FROM lk_order WHERE number IN (
                       SELECT number FROM lk_rows JOIN lk_refused USING (row_number) WHERE code = 'unknown_customer')"""
            )
        if self.whole:
            context.refuse(
                f"""SELECT r.row_number, 'number', 'order_has_refused_rows', '' FROM lk_rows r
                    JOIN (SELECT DISTINCT number FROM lk_rows JOIN lk_refused USING (row_number)) spoiled USING (number)
                    WHERE {self.rows}"""  # noqa: S608 - fragments and column names of the code; values are parameters
            )
        context.refuse(
            f"""SELECT r.row_number, n.field, n.code, '' FROM lk_rows r JOIN lk_order n USING (number)
                WHERE n.code IS NOT NULL AND {self.rows}"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.refuse(
            f"""SELECT r.row_number, 'number', 'order_differs', '' FROM lk_rows r
                JOIN (SELECT DISTINCT number FROM lk_differing) d USING (number) WHERE {self.rows}"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        refused = "SELECT number FROM lk_rows JOIN lk_refused USING (row_number) WHERE number IS NOT NULL"
        gone = (
            f"DELETE FROM lk_order WHERE number IN ({refused})"  # noqa: S608 - fragments and column names of the code; values are parameters
            if self.whole
            else "DELETE FROM lk_order WHERE code IS NOT NULL OR number IN (SELECT number FROM lk_differing)"
        )
        fewer = context.execute(gone)
        if "quantity" in context.mapping and self.follows:
            context.execute(
                """INSERT INTO lk_skipped SELECT row_number, 'quantity', 'zero_quantity', '' FROM lk_priced
                   LEFT JOIN lk_refused x USING (row_number) WHERE skipped AND x.row_number IS NULL"""
            )
        # `becomes` only advances: an earlier state in the file than the stored one is out of date.
        context.execute(
            f"""CREATE TEMP TABLE lk_move ON COMMIT DROP AS
                SELECT k.*, becomes <> known_state OR refunded_to > known_refunded AS moves
                FROM (SELECT number, known, known_state, known_refunded, paid_at, refunded_at,
                             CASE WHEN known_state = 'placed' AND (stated OR came_back > 0) THEN order_state
                                  ELSE known_state END AS becomes,
                             CASE WHEN known_state = 'cancelled' OR order_state = 'placed' THEN 0
                                  WHEN known_state = 'placed' AND (order_state = 'cancelled'
                                                                   OR NOT (stated OR came_back > 0))
                                  THEN 0
                                  WHEN came_back = 0 AND letter >= '{words.REFUNDED}' THEN known_total
                                  ELSE came_back END AS refunded_to
                      FROM lk_order WHERE known IS NOT NULL AND {"true" if self.follows else "false"}) k"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        context.execute("ANALYZE lk_move")
        context.execute(
            f"""INSERT INTO lk_unchanged SELECT r.row_number FROM lk_rows r JOIN lk_order n USING (number)
                LEFT JOIN lk_refused x USING (row_number) LEFT JOIN lk_move k ON k.number = n.number AND k.moves
                LEFT JOIN lk_skipped s USING (row_number)
                WHERE n.known IS NOT NULL AND s.row_number IS NULL AND x.row_number IS NULL AND k.number IS NULL
                  AND {self.rows}"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        fewer += context.execute("DELETE FROM lk_order WHERE known IS NOT NULL")
        if fewer:
            context.execute("ANALYZE lk_order")

    def _resolve(self, context: Context) -> None:
        kinds = people.kinds_in([*context.mapping])
        keys = ", ".join(["coalesce(customer_number, '')", *(f"coalesce({kind}, 0)" for kind in kinds)])
        names = "".join(f", coalesce({kind}, 0) AS {kind}" for kind in kinds)
        known = " OR ".join(["customer_number IS NOT NULL", *(f"{kind} <> 0" for kind in kinds)])
        people.resolve(
            f"""SELECT min(first_row) AS row_number, coalesce(customer_number, '') AS customer_number{names}
                FROM lk_order WHERE {known} GROUP BY {keys}""",  # noqa: S608 - fragments and column names of the code; values are parameters
            kinds,
            create=True,
        )

    def apply(self, context: Context) -> None:
        """Write the accepted rows: customers, products, orders, state changes and refunds."""
        self._create_customers(context)
        with limited(reach_of(context.mode)):
            people.attach_identities(context.actor)
        self._create_products(context)
        self._create_orders(context)
        self._move_on(context)
        self._refund(context)
        countries.note_unknown(context)
        changes = ("orders_created", "orders_moved", "refunds_created", "adjustments_created")
        if any(context.result.get(name) for name in changes):
            announce_orders(context)
        with limited(reach_of(context.mode)):
            people.announce(
                events.CUSTOMERS_CHANGED,
                "SELECT customer FROM lk_owner WHERE number IS NOT NULL",
                [],
                run_id=context.run_id,
                actor=context.actor,
            )

    def _move_on(self, context: Context) -> None:
        moves = people.streamed(
            "SELECT known, becomes, paid_at FROM lk_move WHERE becomes <> known_state ORDER BY known"
        )
        context.result["orders_moved"] = sum(
            advance_orders(moves=[OrderMove(*row) for row in batch], import_run=context.run_id)
            for batch in people.batches(moves)
        )
        # The effect of an order follows from its payment date, even when it was placed long before.
        context.execute(
            f"""UPDATE crm_order o SET effect = {effect_of(context.mode, "coalesce(o.paid_at, o.placed_at)")}
                FROM lk_move k WHERE k.known = o.id AND o.import_run_id = %(run)s"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )

    def _refund(self, context: Context) -> None:
        """Record returned lines first, then the missing part of the refunded totals that the file gives."""
        returns.apply(context)
        rows = people.streamed(
            f"""SELECT f.id, CASE WHEN came_back = 0 AND letter >= '{words.REFUNDED}' THEN sum_total ELSE came_back END,
                       coalesce(n.refunded_at, n.paid_at, n.placed_at)
                FROM lk_order n JOIN lk_fresh f USING (number)
                WHERE order_state = 'paid' AND (came_back > 0 OR letter >= '{words.REFUNDED}')
                UNION ALL
                SELECT known, refunded_to, refunded_at FROM lk_move WHERE refunded_to > known_refunded ORDER BY 1"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        for batch in people.batches(rows):
            requests = [RefundRequest(order, refunded_to=int(amount), refunded_at=at) for order, amount, at in batch]
            done = record_refunds(requests=requests, source=context.source, import_run=context.run_id)
            returns.count(context, done)
        context.note(
            f"""SELECT first_row, 'refunded_amount', 'refund_amount_unknown', '' FROM lk_order n
                WHERE letter = '{words.PARTLY_REFUNDED}' AND came_back = 0 AND order_state = 'paid'
                  AND NOT EXISTS (SELECT FROM lk_return t WHERE t.number = n.number)"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )

    def _create_customers(self, context: Context) -> None:
        context.result["customers_created"] = context.execute(
            """INSERT INTO crm_customer (id, number, name, search_name, country, source, gender, language, time_zone,
                   region, attributes, state)
               SELECT w.customer, w.number, coalesce(r.customer_name, ''), coalesce(r.search_name, ''),
                      coalesce(r.country, ''), %(source)s, '', '', '', '', '{}', 'active'
               FROM lk_owner w JOIN lk_rows r USING (row_number) WHERE w.number IS NOT NULL ORDER BY w.customer"""
        )

    def _create_products(self, context: Context) -> None:
        # The latest name of a product in the file is used.
        context.execute(
            """CREATE TEMP TABLE lk_product ON COMMIT DROP AS
               SELECT p.sku, max(p.row_number) FILTER (WHERE p.product_name IS NOT NULL) AS named_in,
                      max(p.category) AS category, max(p.brand) AS brand
               FROM lk_priced p JOIN lk_order n USING (number)
               WHERE p.kind = 'product' AND p.has_line AND p.code IS NULL GROUP BY p.sku"""
        )
        context.result["products_created"] = context.execute(
            """INSERT INTO crm_product (sku, name, category, brand, active)
               SELECT seen.sku, coalesce(named.product_name, ''), coalesce(seen.category, ''),
                      coalesce(seen.brand, ''), true
               FROM lk_product seen LEFT JOIN lk_priced named ON named.row_number = seen.named_in
               LEFT JOIN crm_product x ON x.sku = seen.sku
               WHERE x.id IS NULL ORDER BY seen.sku ON CONFLICT (lower(sku)) DO NOTHING"""
        )

    def _create_orders(self, context: Context) -> None:
        kinds = people.kinds_in([*context.mapping])
        same = " AND ".join(
            ["coalesce(n.customer_number, '') = p.customer_number"]
            + [f"coalesce(n.{kind}, 0) = p.{kind}" for kind in kinds]
        )
        context.execute(
            """CREATE TEMP TABLE lk_fresh (id bigint, number text, customer bigint, bought_at timestamptz,
                                           first_row bigint)
               ON COMMIT DROP"""
        )
        context.insert_many(
            f"""WITH made AS (
                    INSERT INTO crm_order (store_id, source, number, customer_id, state, channel, currency, subtotal,
                        discount, points_amount, shipping, tax, fees, total, refunded, item_count, placed_at, paid_at,
                        effect, import_run_id)
                    SELECT n.store_id, %(source)s, n.number, w.customer, order_state, coalesce(channel, ''),
                           store_currency, goods, discounts, points, shippings, taxes, all_fees, sum_total,
                           0, item_count, placed_at,
                           CASE WHEN order_state = 'paid' THEN coalesce(paid_at, placed_at) END,
                           {effect_of(context.mode, "coalesce(paid_at, placed_at)")}, %(run)s
                    FROM lk_order n LEFT JOIN lk_person p ON {same} LEFT JOIN lk_owner w ON w.row_number = p.row_number
                    ORDER BY w.customer, n.first_row
                    RETURNING id, number, customer_id, coalesce(paid_at, placed_at) AS bought_at)
                INSERT INTO lk_fresh
                SELECT made.*, n.first_row FROM made JOIN lk_order n USING (number)""",  # noqa: S608 - fragments and column names of the code; values are parameters
            "crm_order",
            {
                "crm_store": "SELECT store_id FROM lk_order",
                "crm_customer": "SELECT customer FROM lk_owner WHERE customer IS NOT NULL",
                "crm_importrun": "SELECT %(run)s",
            },
        )
        context.result["orders_created"] = context.value("SELECT count(*) FROM lk_fresh")
        context.execute("ANALYZE lk_fresh")
        # Rows of an order are usually adjacent; then their positions are known without sorting.
        adjacent = context.value("SELECT bool_and(last_row - first_row + 1 = line_count) FROM lk_order")
        position = (
            "p.row_number - f.first_row + 1"
            if adjacent
            else "row_number() OVER (PARTITION BY f.id ORDER BY p.row_number)"
        )
        context.result["lines_created"] = context.insert_many(
            f"""INSERT INTO crm_orderline (order_id, customer_id, position, kind, product_id, name, quantity,
                   unit_price, discount, amount, refunded_quantity, refunded_amount, bought_at)
               SELECT f.id, f.customer, {position}, p.kind, x.id, coalesce(p.product_name, ''), p.quantity,
                      p.unit_price, p.line_discount, p.amount, 0, 0, f.bought_at
               FROM lk_priced p JOIN lk_fresh f USING (number)
               LEFT JOIN crm_product x ON x.sku = p.sku AND p.kind = 'product'
               WHERE p.has_line AND p.code IS NULL ORDER BY f.id""",  # noqa: S608 - fragments and column names of the code; values are parameters
            "crm_orderline",
            # The orders were made in this transaction, so no other transaction can delete them.
            {"crm_product": "SELECT x.id FROM lk_product JOIN crm_product x USING (sku)"},
        )
