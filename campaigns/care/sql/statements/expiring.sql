-- Expiring points are named by their last valid day: the day, in the program's zone, before the lot ends.
SELECT c.id, 'expiry:' || dated.last_day,
       CASE WHEN %(send_at)s::time IS NULL THEN %(now)s
            ELSE ((dated.last_day - %(days)s + %(send_at)s::time) AT TIME ZONE z.zone) END,
       jsonb_build_object('expiring', jsonb_build_object('points', dated.points, 'on', dated.last_day))
FROM (SELECT m.customer_id, ((l.expires_at - interval '1 microsecond') AT TIME ZONE p.time_zone)::date AS last_day,
             sum(l.remaining)::bigint AS points
      FROM loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
      JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable
      JOIN loyalty_member m ON m.id = a.member_id AND m.state = 'active'
      JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
      WHERE l.open AND l.expires_at > %(now)s AND l.expires_at <= %(now)s + make_interval(days => %(days)s + 3)
      GROUP BY 1, 2) AS dated
JOIN crm_customer c ON c.id = dated.customer_id AND c.state = 'active'
CROSS JOIN LATERAL (SELECT {zone} AS zone) AS z
WHERE (%(now)s AT TIME ZONE z.zone)::date - (dated.last_day - %(days)s) BETWEEN 0 AND %(late)s
      AND dated.last_day - %(days)s >= (%(since)s AT TIME ZONE z.zone)::date
