-- Redeem many times in one transaction: every row is done or refused by itself, as if it had come alone. Rows that are
-- alone (one row of their account, one of their key) are done in one statement; the others follow one by one, in the
-- order given. Return for every row its place, and either the answer or the refusal's code and figures.
CREATE OR REPLACE FUNCTION loyalty_redeem_many(
    p_numbers text[], p_keys text[], p_digests bytea[], p_points bigint[], p_references text[], p_actor text, p_request text,
    p_handlers text[]
) RETURNS TABLE (place integer, refusal text, figures jsonb, answer jsonb) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    accounts bigint[]; alone boolean[]; moment timestamptz; program record; key_scope text; older_scope text; one record;
    refused text; detail text; numbers jsonb; given jsonb;
BEGIN
    SELECT p.id, p.redeem_minimum, p.hold_seconds INTO program FROM loyalty_program p WHERE p.is_default;
    key_scope := 'loyalty:' || program.id || ':' || p_actor;
    older_scope := core_older_scope(key_scope);
    SELECT array_agg(found.account ORDER BY found.place),
           array_agg(found.account IS NOT NULL AND found.of_account = 1 AND found.of_key = 1 ORDER BY found.place)
        INTO accounts, alone
        FROM (SELECT row.place, held.id AS account, count(*) OVER (PARTITION BY held.id) AS of_account,
                     count(*) OVER (PARTITION BY row.key) AS of_key
              FROM unnest(p_numbers, p_keys) WITH ORDINALITY AS row(number, key, place)
              LEFT JOIN LATERAL (
                  SELECT a.id FROM crm_customer c
                      JOIN crm_customer s ON s.id = coalesce(c.merged_into_id, c.id) AND s.state = 'active'
                      JOIN loyalty_member m ON m.customer_id = s.id AND m.program_id = program.id
                      JOIN loyalty_account a ON a.member_id = m.id JOIN loyalty_pointtype t ON t.id = a.point_type_id
                  WHERE c.number = row.number AND t.spendable ORDER BY t.id LIMIT 1) held ON true) found;
    PERFORM 1 FROM loyalty_account a WHERE a.id = ANY (accounts) ORDER BY a.id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    PERFORM loyalty_settle_many(array_agg(DISTINCT l.account_id), moment) FROM loyalty_lot l
        WHERE l.account_id = ANY (accounts) AND l.open
              AND (l.expires_at <= moment OR (l.confirmed_at IS NULL AND l.available_from <= moment))
        HAVING count(*) > 0;

    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT row.place::integer AS place, row.account, row.key, row.digest, row.points, row.reference, a.available, a.held,
               m.customer_id, m.state, r.digest AS stored_digest, r.answer AS stored, core_new_id() AS hold
        FROM unnest(accounts, alone, p_keys, p_digests, p_points, p_references) WITH ORDINALITY
             AS row(account, alone, key, digest, points, reference, place)
        JOIN loyalty_account a ON a.id = row.account JOIN loyalty_member m ON m.id = a.member_id
        LEFT JOIN LATERAL (
            SELECT k.digest, k.answer FROM core_idempotencyrecord k
            WHERE k.scope = ANY (ARRAY[key_scope, older_scope]) AND k.key = row.key
            ORDER BY k.scope = key_scope DESC LIMIT 1) r ON true
        WHERE row.alone),
    judged AS MATERIALIZED (
        SELECT asked.*, CASE
                   WHEN stored_digest IS NOT NULL THEN CASE WHEN stored_digest <> digest THEN 'idempotency_key_reused' END
                   WHEN state <> 'active' THEN 'member_not_active'
                   WHEN points < program.redeem_minimum THEN 'below_minimum'
                   WHEN available < points THEN 'insufficient_points' END AS code,
               jsonb_build_object(
                   'hold', hold, 'state', 'captured', 'points', points, 'captured', points, 'available', available - points,
                   'held', held, 'balance', available - points + held, 'reference', reference, 'expires_at', NULL) AS fresh
        FROM asked),
    -- In order of the keys, so that two batches can't deadlock. A key that another transaction has taken since is not
    -- returned, and its row is refused.
    claimed AS (
        INSERT INTO core_idempotencyrecord (scope, key, digest, answer)
        SELECT key_scope, key, digest, fresh FROM judged WHERE code IS NULL AND stored_digest IS NULL ORDER BY key
        ON CONFLICT ON CONSTRAINT core_idempotency_key_once_per_scope DO NOTHING RETURNING key),
    spent AS MATERIALIZED (
        SELECT judged.*, nextval('loyalty_entry_id_seq') AS entry, nextval('core_domainevent_id_seq') AS event
        FROM judged JOIN claimed USING (key)),
    entries AS (
        INSERT INTO loyalty_entry
            (id, account_id, kind, available, pending, held, debt, hold_id, reference, reason, actor, occurred_at)
        SELECT entry, account, 'redeem', -points, 0, 0, 0, hold, reference, '', p_actor, moment FROM spent),
    -- Soonest expiry first, never-expiring last (L2).
    parts AS MATERIALIZED (
        SELECT entry, lot, least(remaining, points - before) AS take
        FROM (SELECT spent.entry, spent.points, l.id AS lot, l.remaining,
                     sum(l.remaining) OVER (PARTITION BY spent.entry ORDER BY l.expires_at NULLS LAST, l.id)::bigint - l.remaining
                         AS before
              FROM spent JOIN loyalty_lot l ON l.account_id = spent.account
              WHERE l.open AND l.confirmed_at IS NOT NULL AND (l.expires_at IS NULL OR l.expires_at > moment)) AS walk
        WHERE before < points),
    emptied AS (
        UPDATE loyalty_lot l SET remaining = l.remaining - parts.take FROM parts WHERE l.id = parts.lot),
    allocated AS (
        INSERT INTO loyalty_allocation (entry_id, lot_id, points, returned) SELECT entry, lot, take, 0 FROM parts),
    holds AS (
        INSERT INTO loyalty_hold (id, account_id, entry_id, points, captured, returned, state, reference, expires_at, ended_at)
        SELECT hold, account, entry, points, points, 0, 'captured', reference,
               moment + make_interval(secs => program.hold_seconds), moment FROM spent),
    balances AS (
        UPDATE loyalty_account a SET available = a.available - spent.points, updated_at = moment
        FROM spent WHERE a.id = spent.account),
    told AS (
        INSERT INTO core_domainevent (id, kind, subject_id, payload, actor, request_id, occurred_at)
        SELECT event, 'loyalty.points_redeemed', customer_id, jsonb_build_object(
                   'hold', hold, 'points', points, 'reference', reference, 'available', available - points),
               p_actor, p_request, now() FROM spent),
    owed AS (
        INSERT INTO core_eventdelivery (event_id, handler, attempts, last_error)
        SELECT event, handler, 0, '' FROM spent, unnest(p_handlers) AS handler),
    proof AS (
        SELECT count(*) FILTER (WHERE sums.taken IS DISTINCT FROM spent.points) AS wrong
        FROM spent LEFT JOIN (SELECT entry, sum(take) AS taken FROM parts GROUP BY entry) sums USING (entry))
    SELECT judged.place,
           CASE WHEN proof.wrong > 0 THEN (1 / (proof.wrong - proof.wrong))::text
                WHEN judged.code IS NOT NULL THEN judged.code
                WHEN judged.stored IS NULL AND spent.entry IS NULL THEN 'idempotency_key_reused' END,
           CASE judged.code
               WHEN 'member_not_active' THEN jsonb_build_object('state', judged.state)
               WHEN 'below_minimum' THEN jsonb_build_object('minimum', program.redeem_minimum)
               WHEN 'insufficient_points' THEN jsonb_build_object('available', judged.available, 'requested', judged.points)
               ELSE '{}' END,
           CASE WHEN judged.code IS NULL THEN coalesce(judged.stored, CASE WHEN spent.entry IS NOT NULL THEN judged.fresh END) END
    FROM judged CROSS JOIN proof LEFT JOIN spent USING (place);

    FOR one IN SELECT row.place::integer AS place, row.account, row.key, row.digest, row.points, row.reference
               FROM unnest(accounts, alone, p_keys, p_digests, p_points, p_references) WITH ORDINALITY
                    AS row(account, alone, key, digest, points, reference, place)
               WHERE NOT row.alone ORDER BY row.place
    LOOP
        refused := NULL; numbers := '{}'; given := NULL;
        BEGIN
            given := loyalty_hold(one.account, one.key, one.digest, one.points, NULL, true, one.reference, NULL, p_actor,
                                  p_request, p_handlers);
        EXCEPTION WHEN SQLSTATE 'LK001' THEN
            GET STACKED DIAGNOSTICS refused = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
            numbers := detail::jsonb;
        END;
        place := one.place; refusal := refused; figures := numbers; answer := given;
        RETURN NEXT;
    END LOOP;
END $$;
