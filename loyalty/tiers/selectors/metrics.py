"""SQL of the metrics that tiers follow."""

from __future__ import annotations

from loyalty.program.models import TierMetric

# Rows that count: customer, time, value, and the part undone since the last run (T4). `{who}` narrows customers.
METRICS: dict[str, str] = {
    TierMetric.SPEND: """
        SELECT o.customer_id, o.paid_at AS at, o.total - o.refunded AS value, coalesce(r.amount, 0) AS undone
        FROM crm_order o LEFT JOIN ({refunds}) AS r ON r.order_id = o.id
        WHERE o.state = 'paid' AND o.currency = %(currency)s AND o.paid_at <= %(at)s AND o.paid_at >= %(earliest)s
              AND {who} AND o.customer_id IS NOT NULL
        UNION ALL
        SELECT o.customer_id, o.occurred_at, o.amount,
               CASE WHEN o.recorded_at > %(last_run)s THEN greatest(-o.amount, 0) ELSE 0 END
        FROM crm_spendadjustment o
        WHERE o.currency = %(currency)s AND o.occurred_at <= %(at)s AND o.occurred_at >= %(earliest)s
              AND {who} AND o.customer_id IS NOT NULL""",
    TierMetric.ORDERS: """
        SELECT o.customer_id, o.paid_at AS at, crm_order_counts(o.state, o.refunded, o.total)::int AS value,
               (o.refunded >= o.total AND o.refunded - coalesce(r.amount, 0) < o.total AND o.total > 0)::int AS undone
        FROM crm_order o LEFT JOIN ({refunds}) AS r ON r.order_id = o.id
        WHERE o.state = 'paid' AND o.paid_at <= %(at)s AND o.paid_at >= %(earliest)s
              AND {who} AND o.customer_id IS NOT NULL""",
    # Points that became available (L4), less those taken back, also as debt. Spent or expired points still count.
    TierMetric.GROWTH: """
        SELECT o.customer_id, e.occurred_at AS at, e.available - e.debt AS value,
               CASE WHEN e.kind = 'clawback' AND e.created_at > %(last_run)s THEN e.debt - e.available
                    ELSE 0 END AS undone
        FROM loyalty_member o JOIN loyalty_account a ON a.member_id = o.id
        JOIN loyalty_pointtype t ON t.id = a.point_type_id AND NOT t.spendable
        JOIN loyalty_entry e ON e.account_id = a.id
        WHERE o.program_id = %(program)s AND e.kind IN ('earn', 'confirm', 'clawback', 'adjust')
              AND e.occurred_at <= %(at)s AND e.occurred_at >= %(earliest)s AND {who}""",
}
NO_REFUNDS = "SELECT 0::bigint AS order_id, 0::bigint AS amount WHERE false"
