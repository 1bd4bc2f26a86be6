-- The only INSERT into this table. The rows have the columns from customer_id to decided_at, in this order.
INSERT INTO campaigns_message (
    id, customer_id, channel, message_class, origin, origin_version, step, occurrence, template_id, template_version, context,
    state, reason, due_at, wanted_at, decided_at, attempts, language, subject, body, provider_id, error)
SELECT core_new_id(), made.*, 0, '', '', '', '', ''
FROM ({rows}) AS made
ON CONFLICT DO NOTHING RETURNING id, customer_id
