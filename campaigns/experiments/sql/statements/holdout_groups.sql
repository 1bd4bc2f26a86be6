-- The first message of the campaign puts a customer into a group, from its planned time. Customers of the shop's global
-- holdout are in neither group. Only customers who came while there was a holdout count, because other times have other
-- customers.
WITH first AS (
    SELECT DISTINCT ON (m.customer_id) m.customer_id, m.reason = 'holdout' AS held_out, m.created_at,
           coalesce(m.wanted_at, m.due_at) AS since
    FROM campaigns_message m WHERE m.origin = %(origin)s AND m.context ->> 'held' IS NULL
    ORDER BY m.customer_id, m.created_at, m.id),
member AS (
    SELECT f.*, f.since + make_interval(days => %(days)s) <= %(now)s AS over
    FROM first f, (SELECT min(created_at) AS begun, max(created_at) AS ended FROM first WHERE held_out) AS held
    WHERE f.created_at >= held.begun AND (%(goes_on)s OR f.created_at <= held.ended))
SELECT f.held_out, count(*) FILTER (WHERE f.over), {sums},
       count(*) FILTER (WHERE NOT f.over)
FROM member f
{orders}
{withdrawals}
GROUP BY f.held_out
