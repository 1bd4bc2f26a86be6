-- Commands that are written in SQL claim an idempotency key, refuse and emit an event with these functions. No other SQL
-- file writes the three tables, except loyalty_hold and loyalty_redeem_many: there the rows are parts of the one
-- statement that writes the redemption, because each further statement lengthens the lock of the account.

-- Refuse the command: LK001 with the code as message and the figures as JSON in DETAIL. The caller's transaction then
-- rolls everything back, so a refused command leaves no trace and its key stays free.
CREATE OR REPLACE FUNCTION core_refuse(p_code text, p_detail jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', p_code USING ERRCODE = 'LK001', DETAIL = p_detail::text;
END $$;

-- Keys have the scope of their caller, such as loyalty:1:key:3, loyalty:1:member:12 or coupons:key:3, so that no caller
-- sees the keys of another. The product's own keys have loyalty:1:internal, which no caller has. In earlier versions all
-- keys of an area shared its name, such as loyalty:1. Return that older scope of a caller's scope; NULL for internal
-- keys, which are never repeated.
CREATE OR REPLACE FUNCTION core_older_scope(p_scope text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substring(p_scope FROM '^(.+):(?:(?:key|user|member):[0-9]+|system)$')
$$;

-- Return the answer of a repeated command (L7), or NULL when the key is new. A key from before the scopes still answers
-- its request. With another request it is refused, but not for a member: such a key may have belonged to any caller.
CREATE OR REPLACE FUNCTION core_stored_answer(p_scope text, p_key text, p_digest bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE stored record;
BEGIN
    SELECT r.digest, r.answer, r.scope INTO stored FROM core_idempotencyrecord r
        WHERE r.scope = ANY (ARRAY[p_scope, core_older_scope(p_scope)]) AND r.key = p_key
        ORDER BY r.scope = p_scope DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF stored.digest <> p_digest THEN
        IF stored.scope <> p_scope AND p_scope LIKE '%:member:%' THEN
            RETURN NULL;
        END IF;
        PERFORM core_refuse('idempotency_key_reused');
    END IF;
    RETURN stored.answer;
END $$;

-- Claim a key before the work (L7), for core_store_answer after it. Return the stored answer when the same request was
-- answered before, else NULL.
CREATE OR REPLACE FUNCTION core_claim_key(p_scope text, p_key text, p_digest bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answered jsonb := core_stored_answer(p_scope, p_key, p_digest);
BEGIN
    IF answered IS NOT NULL THEN
        RETURN answered;
    END IF;
    INSERT INTO core_idempotencyrecord (scope, key, digest) VALUES (p_scope, p_key, p_digest)
        ON CONFLICT (scope, key) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    -- Another call with the key was first and has committed since.
    RETURN core_stored_answer(p_scope, p_key, p_digest);
END $$;

CREATE OR REPLACE FUNCTION core_store_answer(p_scope text, p_key text, p_answer jsonb) RETURNS jsonb LANGUAGE sql AS $$
    UPDATE core_idempotencyrecord SET answer = p_answer WHERE scope = p_scope AND key = p_key RETURNING answer
$$;

-- Claim a key together with its answer, in one row version. Return false when another command has taken the key since
-- the caller looked it up with core_stored_answer.
CREATE OR REPLACE FUNCTION core_claim_answered(p_scope text, p_key text, p_digest bytea, p_answer jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO core_idempotencyrecord (scope, key, digest, answer) VALUES (p_scope, p_key, p_digest, p_answer)
        ON CONFLICT (scope, key) DO NOTHING;
    RETURN FOUND;
END $$;

-- Write an event and its pending deliveries. The caller names the handlers (core.events.bus.handler_names) and wakes
-- them after the commit.
CREATE OR REPLACE FUNCTION core_emit(
    p_kind text, p_subject bigint, p_payload jsonb, p_actor text, p_request text, p_handlers text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE event bigint;
BEGIN
    INSERT INTO core_domainevent (kind, subject_id, payload, actor, request_id, occurred_at)
        VALUES (p_kind, p_subject, p_payload, p_actor, p_request, now()) RETURNING id INTO event;
    IF cardinality(p_handlers) > 0 THEN
        INSERT INTO core_eventdelivery (event_id, handler, attempts, last_error)
            SELECT event, handler, 0, '' FROM unnest(p_handlers) AS handler;
    END IF;
END $$;
