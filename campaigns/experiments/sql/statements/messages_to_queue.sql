SELECT a.customer_id, %(channel)s, %(message_class)s, %(origin)s, %(version)s, %(step)s, a.occurrence,
       coalesce(t.id, %(template)s), coalesce(t.version, %(template_version)s),
       a.context || CASE WHEN a.everything THEN '{{"held": "everything"}}'::jsonb
                         WHEN arm.coupon_id IS NOT NULL THEN jsonb_build_object('coupon_id', arm.coupon_id)
                         ELSE '{{}}'::jsonb END,
       CASE WHEN a.held_out THEN 'suppressed' ELSE 'queued' END,
       CASE WHEN a.held_out THEN 'holdout' ELSE '' END, a.due_at, a.due_at, CASE WHEN a.held_out THEN %(now)s END
FROM (SELECT a.*, {everything} AS everything, {out} AS held_out
      FROM ({select}) AS a(customer_id, occurrence, due_at, context)
      WHERE {where} AND a.customer_id > %(beyond_customer)s AND {fresh}
      ORDER BY a.customer_id LIMIT %(chunk_size)s) AS a
LEFT JOIN campaigns_exposure x ON x.experiment_id = %(experiment)s AND x.customer_id = a.customer_id AND NOT a.held_out
LEFT JOIN campaigns_experimentarm arm ON arm.id = coalesce(x.arm_id, %(arm_for_all)s) AND NOT a.held_out
LEFT JOIN campaigns_template t ON t.id = arm.template_id
