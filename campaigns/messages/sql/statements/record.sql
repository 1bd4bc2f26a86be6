UPDATE campaigns_message m SET
    state = CASE g.result WHEN 'sent' THEN 'sent' WHEN 'unknown' THEN 'uncertain' WHEN 'away' THEN 'queued'
            WHEN 'temporary' THEN CASE WHEN m.attempts >= %(most)s THEN 'failed' ELSE 'queued' END
            ELSE 'failed' END,
    reason = CASE g.result WHEN 'bounced' THEN 'bounce' WHEN 'refused' THEN 'refused'
             WHEN 'temporary' THEN CASE WHEN m.attempts >= %(most)s THEN 'gave_up' ELSE '' END ELSE '' END,
    error = g.error,
    sent_at = CASE WHEN g.result = 'sent' THEN clock_timestamp() END,
    attempts = m.attempts - (g.result = 'away')::int,
    due_at = CASE g.result
        WHEN 'away' THEN clock_timestamp() + make_interval(secs => %(away)s)
        WHEN 'temporary' THEN clock_timestamp() + make_interval(secs => 60 * power(4, m.attempts - 1))
        ELSE m.due_at END,
    provider_id = CASE WHEN g.result IN ('away', 'temporary') THEN ''
                  ELSE coalesce(nullif(g.provider_id, ''), m.provider_id) END,
    claim = CASE WHEN g.result = 'unknown' THEN m.claim END, leased_until = NULL
FROM {outcomes} AS g(id, result, provider_id, error)
WHERE m.id = g.id AND m.claim IS NOT DISTINCT FROM %(claim)s AND m.state IN ('sending', 'uncertain')
RETURNING m.id, g.result
