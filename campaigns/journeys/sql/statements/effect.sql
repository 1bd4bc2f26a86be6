-- The first entry of a customer puts them into a group for good, from the same moment for both: the entry decides who is
-- held out. Customers of the shop's global holdout are in neither group. Once there is a holdout, only customers who came
-- while there was one count, because other times have other customers.
WITH first AS MATERIALIZED (
    SELECT r.id, r.customer_id, r.state = 'held_out' AS held_out, r.entered_at AS since,
           r.entered_at + make_interval(days => %(days)s) AS until
    FROM campaigns_journeyrun r WHERE r.journey_id = %(journey)s AND r.number = 1),
member AS MATERIALIZED (
    SELECT f.*, f.until <= %(now)s AS over
    FROM first f, (SELECT min(since) AS begun, max(since) AS ended FROM first WHERE held_out) AS held
    WHERE (held.begun IS NULL OR (f.since >= held.begun AND (%(goes_on)s OR f.since <= held.ended)))
          AND NOT {globally_held_out}),
bought AS (
    SELECT m.id, count(*) FILTER (WHERE o.currency = %(currency)s) AS orders,
           sum(o.total - o.refunded) FILTER (WHERE o.currency = %(currency)s) AS revenue, bool_or({order_goal}) AS goal
    FROM member m JOIN crm_order o ON o.customer_id = m.customer_id AND o.paid_at >= m.since AND o.paid_at < m.until
    WHERE m.over AND {order_counts} GROUP BY m.id),
left_us AS (
    SELECT DISTINCT m.id FROM member m JOIN crm_consent c ON c.customer_id = m.customer_id
        AND c.given_at >= m.since AND c.given_at < m.until
    WHERE m.over AND c.purpose = 'marketing' AND c.decision = 'withdrawn'),
goal AS (
    {goal})
{answer}
