-- The groups of many campaigns with a holdout: rows (origin, held out, customers, sums of each metric), by intention to
-- treat, as experiments/sql/statements/holdout_groups.sql counts those of one campaign.
WITH campaign AS (
    SELECT * FROM unnest(%(origins)s::text[], %(windows)s::int[], %(goes_on)s::bool[]) AS c(origin, days, goes_on)),
first AS (
    SELECT DISTINCT ON (m.origin, m.customer_id) m.origin, m.customer_id, c.days, c.goes_on,
           m.reason = 'holdout' AS held_out, m.created_at, coalesce(m.wanted_at, m.due_at) AS since
    FROM campaign c JOIN campaigns_message m ON m.origin = c.origin AND m.context ->> 'held' IS NULL
    ORDER BY m.origin, m.customer_id, m.created_at, m.id),
held AS (SELECT origin, min(created_at) AS begun, max(created_at) AS ended FROM first WHERE held_out GROUP BY origin),
member AS (
    SELECT f.* FROM first f JOIN held h ON h.origin = f.origin
    WHERE f.created_at >= h.begun AND (f.goes_on OR f.created_at <= h.ended)
          AND f.since + make_interval(days => f.days) <= %(now)s)
SELECT f.origin, f.held_out, count(*), {sums}
FROM member f
{orders}
GROUP BY f.origin, f.held_out
