CREATE TEMP TABLE loyalty_tier_moves ON COMMIT DROP AS
WITH locked AS (
    SELECT m.id, m.customer_id, m.tier_id, m.tier_since, m.tier_locked_until, m.enrolled_at, m.qualifying,
           {at} AS at
    FROM loyalty_member m {moments}
    WHERE m.program_id = %(program)s AND m.state = 'active' AND (%(all)s OR m.customer_id = ANY(%(customers)s))
          AND m.id BETWEEN %(first)s AND %(last)s
    ORDER BY m.id {locks}),
windowed AS (SELECT l.*, w.* FROM locked l CROSS JOIN LATERAL ({windows}) AS w),
had AS (
    SELECT w.id, sum(v.value) FILTER (WHERE v.at >= w.up_from) AS earned,
           sum(v.value) FILTER (WHERE v.at >= w.keep_from AND v.at < w.keep_to) AS kept,
           sum(v.value + v.undone) FILTER (WHERE v.at >= w.up_from) AS had_earned,
           sum(v.value + v.undone) FILTER (WHERE v.at >= w.keep_from AND v.at < w.keep_to) AS had_kept,
           bool_or(v.undone > 0) AS undone
    FROM windowed w JOIN ({metric}) AS v ON v.customer_id = w.customer_id AND v.at <= w.at
    GROUP BY w.id),
running AS (
    SELECT DISTINCT ON (g.member_id) g.member_id, array_position(%(tiers)s::bigint[], g.tier_id) AS step, g.kind
    FROM loyalty_giventier g JOIN windowed w ON w.id = g.member_id
    WHERE g.program_id = %(program)s AND g.starts_at <= w.at AND coalesce(g.ended_at, g.ends_at) > w.at
    ORDER BY g.member_id, step DESC, g.kind),
given AS (
    SELECT p.member_id, p.started_at FROM loyalty_tierperiod p
    WHERE %(downgrade)s AND p.ended_at IS NULL AND p.reason IN ('manual', 'paid'))
SELECT w.id AS member_id, w.customer_id, w.at, w.tier_id AS before_id, w.qualifying AS qualifying_before,
       coalesce(h.earned, 0)::bigint AS qualifying,
       coalesce(array_position(%(tiers)s::bigint[], w.tier_id), 0) AS before,
       width_bucket(coalesce(h.earned, 0)::bigint, %(least)s::bigint[]) AS earned,
       width_bucket(coalesce(h.kept, 0)::bigint, %(least)s::bigint[]) AS kept,
       CASE WHEN h.undone THEN greatest(width_bucket(coalesce(h.had_earned, 0)::bigint, %(least)s::bigint[]),
                                        width_bucket(coalesce(h.had_kept, 0)::bigint, %(least)s::bigint[]))
            ELSE 0 END AS had,
       coalesce(r.step, 0) AS floor, coalesce(r.kind, '') AS floor_kind, g.member_id IS NOT NULL AS given,
       g.member_id IS NOT NULL AND EXISTS (
           SELECT FROM loyalty_giventier x WHERE x.member_id = w.id AND x.tier_id = w.tier_id
                  AND x.refunded_at IS NOT NULL AND x.ended_at >= g.started_at) AS refunded,
       coalesce(w.tier_locked_until > w.at, false) AS is_locked,
       coalesce(w.due_at <= w.at AND (%(rolling)s OR w.due_at > %(last_period)s), false) AS due
FROM windowed w LEFT JOIN had h ON h.id = w.id LEFT JOIN running r ON r.member_id = w.id
LEFT JOIN given g ON g.member_id = w.id
