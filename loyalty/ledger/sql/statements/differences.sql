WITH entries AS (
    SELECT account_id, sum(available) AS available, sum(pending) AS pending, sum(held) AS held,
           sum(debt) AS debt FROM loyalty_entry GROUP BY account_id),
lots AS (
    SELECT account_id, coalesce(sum(remaining) FILTER (WHERE confirmed_at IS NOT NULL), 0) AS available,
           coalesce(sum(remaining) FILTER (WHERE confirmed_at IS NULL), 0) AS pending, sum(held) AS held
    FROM loyalty_lot GROUP BY account_id)
SELECT a.id, a.available, a.pending, a.held, a.debt,
       coalesce(e.available, 0), coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.debt, 0),
       coalesce(l.available, 0), coalesce(l.pending, 0), coalesce(l.held, 0), count(*) OVER ()
FROM loyalty_account a LEFT JOIN entries e ON e.account_id = a.id LEFT JOIN lots l ON l.account_id = a.id
WHERE (a.available, a.pending, a.held, a.debt) IS DISTINCT FROM
      (coalesce(e.available, 0), coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.debt, 0))
   OR (a.available, a.pending, a.held) IS DISTINCT FROM
      (coalesce(l.available, 0), coalesce(l.pending, 0), coalesce(l.held, 0))
ORDER BY a.id LIMIT %s
