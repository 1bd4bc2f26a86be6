"""The ledger in bulk: awards for a batch of orders, expiry of a million lots, tiers of a million members, one balance.

Floors, in the same run: plain statements that change as many rows. ROWS makes it smaller.
"""

from __future__ import annotations

import os

from bench.common import interleaved, report, sql, timed, vacuum

ROWS = int(os.environ.get("ROWS", "1000000"))
ORDERS = max(ROWS // 10, 1)


def each(*statements: str) -> None:
    for statement in statements:
        sql(statement)


def make_members() -> None:
    """Create ROWS members, each with an order in the window, a lot that expired a minute ago and one without expiry."""
    from config.demo import shop
    from crm.customers.services.setup import ensure_store
    from loyalty.earning.services.setup import ensure_default_program

    shop.empty_shop()
    store = ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    program = ensure_default_program()
    assert program is not None
    points = program.point_types.get()
    each(
        f"""INSERT INTO crm_customer (number, name, state, gender, language, time_zone, country, region, attributes,
                                      source)
            SELECT crm_next_customer_number(), 'Bench', 'active', '', '', '', 'CN', '', '{{}}', 'bench'
            FROM generate_series(1, {ROWS})""",
        f"""INSERT INTO crm_order (store_id, source, number, customer_id, state, channel, currency, subtotal, discount,
                points_amount, shipping, tax, fees, total, refunded, item_count, placed_at, paid_at)
            SELECT {store.pk}, 'bench', 'B' || id, id, 'paid', 'web', 'CNY', 100 + id % 900000, 0, 0, 0, 0, 0,
                   100 + id % 900000, 0, 1, now() - interval '10 days', now() - interval '10 days'
            FROM crm_customer""",
        f"""INSERT INTO loyalty_member (program_id, customer_id, state, qualifying, enrolled_at)
            SELECT {program.pk}, id, 'active', 0, now() FROM crm_customer""",
        f"""INSERT INTO loyalty_account (member_id, point_type_id, available, pending, held, debt)
            SELECT id, {points.pk}, 200, 0, 0, 0 FROM loyalty_member""",
        """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                      occurred_at)
           SELECT a.id, 'adjust', 100, 0, 0, 0, '', 'migration', 'bench', now()
           FROM loyalty_account a, generate_series(1, 2)""",
        """INSERT INTO loyalty_lot (account_id, source, entry_id, points, remaining, held, expired, available_from,
               confirmed_at, expires_at)
           SELECT e.account_id, 'adjustment', e.id, 100, 100, 0, 0, now(), now(),
                  CASE WHEN e.id % 2 = 0 THEN now() - interval '1 minute' END FROM loyalty_entry e""",
    )
    vacuum()


def awards() -> None:
    from crm.orders.models import Order
    from loyalty.earning.services.awards import award_points_for_orders
    from loyalty.program.models import Program

    program = Program.objects.get(is_default=True)
    orders = Order.objects.order_by("customer_id", "pk")[:ORDERS]
    seconds = timed(lambda: award_points_for_orders(program=program, orders=orders.iterator(chunk_size=5000)))
    floor = timed(
        lambda: each(
            f"""WITH made AS (
                    INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason,
                                               actor, occurred_at)
                    SELECT id, 'adjust', 1, 0, 0, 0, '', 'floor', 'bench', now() FROM loyalty_account ORDER BY id
                    LIMIT {ORDERS} RETURNING id, account_id),
                lots AS (
                    INSERT INTO loyalty_lot (account_id, source, entry_id, points, remaining, held, expired,
                                             available_from, confirmed_at)
                    SELECT account_id, 'adjustment', id, 1, 1, 0, 0, now(), now() FROM made)
                UPDATE loyalty_account a SET available = a.available + 1 FROM made WHERE made.account_id = a.id"""
        )
    )
    report("award_orders", ORDERS / seconds, "orders a second", ORDERS / floor, extra={"seconds": round(seconds, 1)})


def expiry() -> None:
    from loyalty.ledger.services.reconciliation import find_differences
    from loyalty.ledger.services.sweeps import sweep_lots

    vacuum()
    floor = timed(
        lambda: each("BEGIN", "UPDATE loyalty_lot SET expired = expired WHERE expires_at <= now()", "ROLLBACK")
    )
    vacuum()
    seconds = timed(lambda: sweep_lots(limit=10 * ROWS))
    report("expire_lots", seconds, "s", floor, extra={"lots": ROWS, "lots_a_second": round(ROWS / seconds)})
    proving = timed(find_differences)
    _accounts, differ, examples = find_differences()
    if differ:
        raise RuntimeError(f"the ledger does not agree: {examples[:3]}")
    report("reconcile", proving, "s", extra={"accounts": ROWS})


def tiers() -> None:
    from loyalty.program.models import Program
    from loyalty.tiers.services.evaluation import evaluate_tiers

    program = Program.objects.get(is_default=True)
    vacuum()
    floor = timed(
        lambda: each(
            "BEGIN",
            """UPDATE loyalty_member m SET qualifying = s.total FROM (
                   SELECT customer_id, sum(total - refunded) AS total FROM crm_order WHERE state = 'paid'
                   GROUP BY customer_id) s
               WHERE s.customer_id = m.customer_id""",
            "ROLLBACK",
        )
    )
    vacuum()
    moved: list[tuple[int, int]] = []
    seconds = timed(lambda: moved.append(evaluate_tiers(program=program, downgrade=True)))
    again = timed(lambda: evaluate_tiers(program=program, downgrade=True))
    report("tiers_of_all", seconds, "s", floor, extra={"members": ROWS, "up": moved[0][0], "again_s": round(again, 1)})


def balance() -> None:
    from loyalty.ledger.models import Account
    from loyalty.ledger.selectors.balances import balance_of

    accounts = list(Account.objects.select_related("member__program").order_by("pk")[:2000])
    bare, ours = interleaved(
        3,
        lambda: timed(lambda: [sql(f"SELECT available FROM loyalty_account WHERE id = {a.pk}") for a in accounts]),
        lambda: timed(lambda: [balance_of(account) for account in accounts]),
    )
    report("balance_read", len(accounts) / ours, "a second", len(accounts) / bare)


def run() -> None:
    make_members()
    balance()
    awards()
    expiry()
    tiers()
