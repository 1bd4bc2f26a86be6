-- Settle many accounts with a few statements, as `loyalty_settle` does for one. The sweeps use it. The caller holds the
-- locks of all of them. Return the expired points per account.
CREATE OR REPLACE FUNCTION loyalty_settle_many(p_accounts bigint[], p_now timestamptz)
RETURNS TABLE (account bigint, points bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    WITH due AS (
        UPDATE loyalty_lot SET confirmed_at = p_now
        WHERE account_id = ANY (p_accounts) AND open AND confirmed_at IS NULL AND available_from <= p_now
        RETURNING account_id, remaining, order_id),
    written AS (
        INSERT INTO loyalty_entry
            (account_id, kind, available, pending, held, debt, order_id, reference, reason, actor, occurred_at)
        SELECT account_id, 'confirm', remaining, -remaining, 0, 0, order_id, '', '', 'system', p_now FROM due)
    UPDATE loyalty_account a SET available = a.available + sums.points, pending = a.pending - sums.points, updated_at = p_now
        FROM (SELECT account_id, sum(remaining)::bigint AS points FROM due GROUP BY account_id) AS sums
        WHERE a.id = sums.account_id;

    RETURN QUERY
    WITH due AS (
        SELECT id, account_id, remaining, order_id, confirmed_at IS NOT NULL AS was_available FROM loyalty_lot
        WHERE account_id = ANY (p_accounts) AND open AND expires_at <= p_now),
    emptied AS (
        UPDATE loyalty_lot lot SET remaining = 0, expired = lot.expired + due.remaining FROM due WHERE lot.id = due.id),
    written AS (
        INSERT INTO loyalty_entry
            (account_id, kind, available, pending, held, debt, order_id, reference, reason, actor, occurred_at)
        SELECT account_id, 'expire', CASE WHEN was_available THEN -remaining ELSE 0 END,
               CASE WHEN was_available THEN 0 ELSE -remaining END, 0, 0, order_id, '', '', 'system', p_now
        FROM due),
    sums AS (
        SELECT account_id, coalesce(sum(remaining) FILTER (WHERE was_available), 0)::bigint AS available,
               coalesce(sum(remaining) FILTER (WHERE NOT was_available), 0)::bigint AS pending
        FROM due GROUP BY account_id),
    kept AS (
        UPDATE loyalty_account a
        SET available = a.available - sums.available, pending = a.pending - sums.pending, updated_at = p_now
        FROM sums WHERE a.id = sums.account_id)
    SELECT sums.account_id, sums.available + sums.pending FROM sums;

    PERFORM loyalty_settle_debt(a.id, p_now) FROM loyalty_account a
        WHERE a.id = ANY (p_accounts) AND a.debt > 0 AND a.available > 0 ORDER BY a.id;
END $$;
