-- These CASE branches match tests.reference.tiers.decide line by line.
CREATE TEMP TABLE loyalty_tier_changes ON COMMIT DROP AS
WITH judged AS (
    SELECT m.*, least(before, greatest(earned, kept, floor)) AS qualified, given AND floor < before AS given_over
    FROM loyalty_tier_moves m WHERE NOT is_locked),
aimed AS (
    SELECT j.*, CASE
               WHEN greatest(earned, floor) > before THEN greatest(earned, floor)
               WHEN NOT %(downgrade)s THEN before
               WHEN given_over THEN qualified
               WHEN had >= before THEN qualified
               WHEN due AND %(one_step)s THEN greatest(qualified, before - 1)
               WHEN due THEN qualified
               ELSE before END AS step
    FROM judged j)
SELECT member_id, customer_id, at, before_id, (%(tiers)s::bigint[])[step] AS after_id, step > before AS up,
       step <> before AS moved,
       CASE WHEN step > before THEN CASE WHEN earned >= floor THEN 'qualified' ELSE floor_kind END
            WHEN step = before THEN 'qualified'
            WHEN step = floor AND floor > greatest(earned, kept) THEN floor_kind
            WHEN given_over THEN CASE WHEN refunded THEN 'returned' ELSE 'period_ended' END
            WHEN had >= before THEN 'returned'
            ELSE 'period_ended' END AS reason
FROM aimed WHERE step <> before OR (given_over AND %(downgrade)s)
