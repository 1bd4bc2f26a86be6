WITH lot AS ({lots} AND l.available_from > %(now)s - make_interval(months => {oldest})),
moved AS (
    SELECT lot.began, lot.id, {moved_age} AS age,
           CASE WHEN e.kind IN ('redeem', 'hold') THEN part.points - part.returned ELSE 0 END AS spent,
           CASE WHEN e.kind IN ('redeem', 'hold') THEN 0 ELSE part.points - part.returned END AS lost
    FROM lot JOIN loyalty_allocation part ON part.lot_id = lot.id JOIN loyalty_entry e ON e.id = part.entry_id
    UNION ALL
    SELECT began, id, {expired_age}, 0, expired FROM lot WHERE expired > 0),
issued AS (SELECT date_trunc('month', began) AS cohort, sum(points) AS points FROM lot GROUP BY 1)
SELECT issued.cohort, issued.points::bigint,
       {cohort_age},
       coalesce(sums.age, 0), coalesce(sums.spent, 0)::bigint, coalesce(sums.lost, 0)::bigint
FROM issued LEFT JOIN (
    SELECT date_trunc('month', began) AS cohort, greatest(age, 0) AS age, sum(spent) AS spent, sum(lost) AS lost
    FROM moved GROUP BY 1, 2) AS sums USING (cohort)
ORDER BY 1, 4
