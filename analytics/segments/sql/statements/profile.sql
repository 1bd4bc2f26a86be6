-- Count the members of a segment and all customers by stage, tier, region, spend and frequency. The first grouping has
-- few rows, so the groupings of one dimension read little.
WITH groups AS (
    SELECT f.stage, CASE WHEN f.is_member THEN f.tier_rank ELSE -1 END AS tier, c.region, coalesce(f.rfm_m, 0) AS spend,
           CASE WHEN f.order_count <= 2 THEN f.order_count WHEN f.order_count <= 5 THEN 3 ELSE 6 END AS orders,
           k.customer_id IS NOT NULL AS inside, count(*) AS customers{reach}
    FROM analytics_customerfeature f
    JOIN crm_customer c ON c.id = f.customer_id AND c.state = 'active'
    LEFT JOIN analytics_customersegments k ON k.customer_id = f.customer_id AND %s = ANY(k.inside)
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT CASE WHEN grouping(stage) = 0 THEN 'stage' WHEN grouping(tier) = 0 THEN 'tier'
            WHEN grouping(region) = 0 THEN 'region' WHEN grouping(spend) = 0 THEN 'spend'
            WHEN grouping(orders) = 0 THEN 'orders' ELSE '' END,
       coalesce(stage, tier::text, region, spend::text, orders::text, ''),
       coalesce(sum(customers) FILTER (WHERE inside), 0)::bigint, coalesce(sum(customers), 0)::bigint{reach_sums}
FROM groups
GROUP BY GROUPING SETS ((stage), (tier), (region), (spend), (orders), ())
