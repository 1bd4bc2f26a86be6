-- Commands of the points ledger (L1-L11). One call is one transaction's work and one round trip: the key is claimed,
-- the account is locked, its lots are brought up to date, the rule is checked under the lock, entry, lots and balance
-- are written, the event is emitted and the answer stored. A refusal raises LK001 (core_refuse).

DROP TRIGGER IF EXISTS loyalty_entry_append_only ON loyalty_entry;
CREATE TRIGGER loyalty_entry_append_only BEFORE UPDATE OR DELETE ON loyalty_entry
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
DROP TRIGGER IF EXISTS loyalty_entry_no_truncate ON loyalty_entry;
-- The reset of the demo shop and of the tests sets this variable in the session; nothing else empties the ledger.
CREATE TRIGGER loyalty_entry_no_truncate BEFORE TRUNCATE ON loyalty_entry
    FOR EACH STATEMENT WHEN (current_setting('liuke.reset', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION core_refuse_change();

-- These moved to core/sql/commands.sql in 0.1; the next release removes these lines.
DROP FUNCTION IF EXISTS loyalty_refuse(text, jsonb);
DROP FUNCTION IF EXISTS loyalty_older_scope(text);
DROP FUNCTION IF EXISTS loyalty_answered(text, text, bytea);
DROP FUNCTION IF EXISTS loyalty_claim(text, text, bytea);
DROP FUNCTION IF EXISTS loyalty_answer(text, text, jsonb);
DROP FUNCTION IF EXISTS loyalty_answer_once(text, text, bytea, jsonb);
DROP FUNCTION IF EXISTS loyalty_emit(text, bigint, jsonb, text, text, text[]);

-- Pay the debt first with points that arrive (L5). The caller holds the account's lock.
CREATE OR REPLACE FUNCTION loyalty_settle_debt(p_account bigint, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    owed bigint; lot record; take bigint; entry bigint;
BEGIN
    SELECT debt INTO owed FROM loyalty_account WHERE id = p_account;
    FOR lot IN SELECT id, remaining FROM loyalty_lot
               WHERE account_id = p_account AND open AND confirmed_at IS NOT NULL
                     AND (expires_at IS NULL OR expires_at > p_now)
               ORDER BY expires_at NULLS LAST, id
    LOOP
        EXIT WHEN owed = 0;
        take := least(owed, lot.remaining);
        INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor, occurred_at)
            VALUES (p_account, 'settle', -take, 0, 0, -take, '', '', 'system', p_now) RETURNING id INTO entry;
        UPDATE loyalty_lot SET remaining = remaining - take WHERE id = lot.id;
        INSERT INTO loyalty_allocation (entry_id, lot_id, points, returned) VALUES (entry, lot.id, take, 0);
        UPDATE loyalty_account SET available = available - take, debt = debt - take, updated_at = p_now
            WHERE id = p_account;
        owed := owed - take;
    END LOOP;
END $$;

-- Bring one locked account up to date: lots whose window has passed become available (L4), expired ones end (L2, L10).
-- The sweeps do the same for all accounts; doing it here makes a late sweep invisible. Return whether anything was due.
CREATE OR REPLACE FUNCTION loyalty_settle(p_account bigint, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM loyalty_lot WHERE account_id = p_account AND open AND (
                       expires_at <= p_now OR (confirmed_at IS NULL AND available_from <= p_now))) THEN
        RETURN false;
    END IF;
    PERFORM loyalty_settle_many(ARRAY[p_account], p_now);
    RETURN true;
END $$;

-- Take points from the lots, soonest expiry first, never-expiring last (L2). `p_hold` moves them into `held`.
CREATE OR REPLACE FUNCTION loyalty_take(
    p_account bigint, p_entry bigint, p_points bigint, p_now timestamptz, p_hold boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := p_points; lot record; take bigint;
BEGIN
    FOR lot IN SELECT id, remaining FROM loyalty_lot
               WHERE account_id = p_account AND open AND confirmed_at IS NOT NULL
                     AND (expires_at IS NULL OR expires_at > p_now)
               ORDER BY expires_at NULLS LAST, id
    LOOP
        take := least(wanted, lot.remaining);
        UPDATE loyalty_lot SET remaining = remaining - take, held = held + CASE WHEN p_hold THEN take ELSE 0 END
            WHERE id = lot.id;
        INSERT INTO loyalty_allocation (entry_id, lot_id, points, returned) VALUES (p_entry, lot.id, take, 0);
        wanted := wanted - take;
        EXIT WHEN wanted = 0;
    END LOOP;
    IF wanted > 0 THEN
        RAISE EXCEPTION 'account % has % points less in its lots than in its balance', p_account, wanted;
    END IF;
END $$;

-- Hold points (L8), or spend them in one step. `p_seconds` NULL is the program's own value. Return {hold, state,
-- points, available, held, balance, expires_at}. The key is looked up under the account's lock and written once, with
-- its answer: a retry blocks on the account lock until the first request has finished. A key that a command of another
-- account is using conflicts at the end.
--
-- Three statements do the common case, in which the first lot has enough: lock, look, write. Each statement of a
-- function costs about as much as the work of most of these, and the lock is held through all of them.
--
-- `p_caller` is the owner of the key, by default the actor; `internal` for the product's own keys.
CREATE OR REPLACE FUNCTION loyalty_hold(
    p_account bigint, p_key text, p_digest bytea, p_points bigint, p_seconds integer, p_one_step boolean,
    p_reference text, p_order bigint, p_actor text, p_request text, p_handlers text[], p_caller text DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb; account record; seen record; entry bigint; event bigint; hold uuid; moment timestamptz;
    set_aside bigint := CASE WHEN p_one_step THEN 0 ELSE p_points END; ends timestamptz; key_scope text; scopes text[];
    in_state text := CASE WHEN p_one_step THEN 'captured' ELSE 'held' END; enough boolean;
BEGIN
    SELECT a.available, a.held, m.customer_id, m.state, m.program_id, t.spendable, p.redeem_minimum, p.hold_seconds
        INTO account
        FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id JOIN loyalty_pointtype t ON t.id = a.point_type_id
             JOIN loyalty_program p ON p.id = m.program_id
        WHERE a.id = p_account FOR NO KEY UPDATE OF a;
    IF NOT FOUND THEN
        PERFORM core_refuse('not_a_member');
    END IF;
    -- After the lock, because the transaction may have waited, and the lot may have expired by then.
    moment := clock_timestamp();
    key_scope := 'loyalty:' || account.program_id || ':' || coalesce(p_caller, p_actor);
    scopes := ARRAY[key_scope];
    IF key_scope NOT LIKE '%:member:%' AND p_caller IS DISTINCT FROM 'internal' THEN
        scopes := scopes || ('loyalty:' || account.program_id);
    END IF;
    SELECT r.digest, r.answer, lot.id AS lot, coalesce(lot.remaining, 0) AS remaining,
           EXISTS (SELECT FROM loyalty_lot l WHERE l.account_id = p_account AND l.open AND (
                       l.expires_at <= moment OR (l.confirmed_at IS NULL AND l.available_from <= moment))) AS due
        INTO seen
        FROM (SELECT) AS always
        LEFT JOIN (SELECT k.digest, k.answer FROM core_idempotencyrecord k WHERE k.scope = ANY (scopes) AND k.key = p_key
                   ORDER BY k.scope = key_scope DESC LIMIT 1) AS r ON true
        LEFT JOIN (SELECT l.id, l.remaining FROM loyalty_lot l
                   WHERE l.account_id = p_account AND l.open AND l.confirmed_at IS NOT NULL
                         AND (l.expires_at IS NULL OR l.expires_at > moment)
                   ORDER BY l.expires_at NULLS LAST, l.id LIMIT 1) AS lot ON true;
    IF seen.digest IS NOT NULL THEN
        IF seen.digest <> p_digest THEN
            PERFORM core_refuse('idempotency_key_reused');
        END IF;
        RETURN seen.answer;
    ELSIF account.state <> 'active' THEN
        PERFORM core_refuse('member_not_active', jsonb_build_object('state', account.state));
    ELSIF NOT account.spendable THEN
        PERFORM core_refuse('points_not_spendable');
    ELSIF p_points < account.redeem_minimum THEN
        PERFORM core_refuse('below_minimum', jsonb_build_object('minimum', account.redeem_minimum));
    END IF;
    -- Due lots change, so the first lot is no longer known.
    enough := NOT seen.due AND seen.remaining >= p_points;
    IF seen.due THEN
        PERFORM loyalty_settle(p_account, moment);
        SELECT available, held INTO account.available, account.held FROM loyalty_account WHERE id = p_account;
    END IF;
    IF account.available < p_points THEN
        PERFORM core_refuse('insufficient_points',
                               jsonb_build_object('available', account.available, 'requested', p_points));
    END IF;
    account.available := account.available - p_points;
    account.held := account.held + set_aside;
    ends := moment + make_interval(secs => coalesce(p_seconds, account.hold_seconds));
    hold := core_new_id();
    entry := nextval('loyalty_entry_id_seq');
    event := nextval('core_domainevent_id_seq');
    answer := jsonb_build_object(
        'hold', hold, 'state', in_state, 'points', p_points, 'captured', p_points - set_aside,
        'available', account.available, 'held', account.held, 'balance', account.available + account.held,
        'reference', p_reference, 'expires_at', CASE WHEN p_one_step THEN NULL ELSE ends END);
    WITH entries AS (
        INSERT INTO loyalty_entry
            (id, account_id, kind, available, pending, held, debt, hold_id, order_id, reference, reason, actor, occurred_at)
        VALUES (entry, p_account, CASE WHEN p_one_step THEN 'redeem' ELSE 'hold' END, -p_points, 0, set_aside, 0, hold, p_order,
                p_reference, '', p_actor, moment)),
    emptied AS (
        UPDATE loyalty_lot SET remaining = remaining - p_points, held = held + set_aside WHERE enough AND id = seen.lot),
    allocated AS (
        INSERT INTO loyalty_allocation (entry_id, lot_id, points, returned)
        SELECT entry, seen.lot, p_points, 0 WHERE enough),
    holds AS (
        INSERT INTO loyalty_hold (id, account_id, entry_id, points, captured, returned, state, reference, expires_at, ended_at)
        VALUES (hold, p_account, entry, p_points, p_points - set_aside, 0, in_state, p_reference, ends,
                CASE WHEN p_one_step THEN moment END)),
    balances AS (
        UPDATE loyalty_account SET available = account.available, held = account.held, updated_at = moment
        WHERE id = p_account),
    told AS (
        INSERT INTO core_domainevent (id, kind, subject_id, payload, actor, request_id, occurred_at)
        VALUES (event, CASE WHEN p_one_step THEN 'loyalty.points_redeemed' ELSE 'loyalty.points_held' END, account.customer_id,
                jsonb_build_object('hold', hold, 'points', p_points, 'reference', p_reference, 'available', account.available),
                p_actor, p_request, now())),
    owed AS (
        INSERT INTO core_eventdelivery (event_id, handler, attempts, last_error)
        SELECT event, handler, 0, '' FROM unnest(p_handlers) AS handler)
    INSERT INTO core_idempotencyrecord (scope, key, digest, answer) VALUES (key_scope, p_key, p_digest, answer)
        ON CONFLICT (scope, key) DO NOTHING;
    -- A command of another account has taken the key since the look-up.
    IF NOT FOUND THEN
        PERFORM core_refuse('idempotency_key_reused');
    END IF;
    IF NOT enough THEN
        PERFORM loyalty_take(p_account, entry, p_points, moment, NOT p_one_step);
    END IF;
    RETURN answer;
END $$;

-- Hold points of the spendable account that a customer number has in the default program. The number of a customer who
-- was merged into another leads to the other's account.
CREATE OR REPLACE FUNCTION loyalty_hold_of_customer(
    p_number text, p_key text, p_digest bytea, p_points bigint, p_seconds integer, p_one_step boolean,
    p_reference text, p_order bigint, p_actor text, p_request text, p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE account bigint;
BEGIN
    SELECT a.id INTO account FROM crm_customer c
        JOIN crm_customer s ON s.id = coalesce(c.merged_into_id, c.id) AND s.state = 'active'
        JOIN loyalty_member m ON m.customer_id = s.id JOIN loyalty_program p ON p.id = m.program_id
        JOIN loyalty_account a ON a.member_id = m.id JOIN loyalty_pointtype t ON t.id = a.point_type_id
        WHERE c.number = p_number AND p.is_default AND t.spendable
        ORDER BY t.id LIMIT 1;
    RETURN loyalty_hold(
        account, p_key, p_digest, p_points, p_seconds, p_one_step, p_reference, p_order, p_actor, p_request, p_handlers);
END $$;

-- Give the points of a hold back to their lots. Lots that expired during the hold expire now.
CREATE OR REPLACE FUNCTION loyalty_free(p_hold uuid, p_entry bigint, p_account bigint, p_keep bigint, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    keep bigint := p_keep; part record; used bigint;
BEGIN
    FOR part IN SELECT a.id, a.lot_id, a.points FROM loyalty_allocation a JOIN loyalty_lot l ON l.id = a.lot_id
                WHERE a.entry_id = p_entry ORDER BY l.expires_at NULLS LAST, l.id
    LOOP
        used := least(keep, part.points);
        keep := keep - used;
        UPDATE loyalty_lot SET held = held - part.points, remaining = remaining + part.points - used WHERE id = part.lot_id;
        -- Points that were held and released were never spent: a refund must not return them again.
        UPDATE loyalty_allocation SET returned = returned + part.points - used WHERE id = part.id AND used < part.points;
    END LOOP;
END $$;

-- End a hold: capture all or part of it, or release it. `p_final` is captured, released or expired (the sweeper).
CREATE OR REPLACE FUNCTION loyalty_end_hold(
    p_hold uuid, p_final text, p_points bigint, p_order bigint, p_actor text, p_request text, p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    h record; account record; moment timestamptz; spent bigint;
BEGIN
    SELECT id, account_id INTO h FROM loyalty_hold WHERE id = p_hold;
    IF NOT FOUND THEN
        PERFORM core_refuse('unknown_hold');
    END IF;
    -- A merge may have carried the hold to another account during the wait; then that account must be locked.
    LOOP
        SELECT a.id, a.available, a.held, m.customer_id INTO account FROM loyalty_account a
            JOIN loyalty_member m ON m.id = a.member_id WHERE a.id = h.account_id FOR NO KEY UPDATE OF a;
        SELECT id, account_id, entry_id, points, state, expires_at, reference INTO h FROM loyalty_hold WHERE id = p_hold;
        EXIT WHEN h.account_id = account.id;
    END LOOP;
    moment := clock_timestamp();
    IF h.state <> 'held' THEN
        PERFORM core_refuse('hold_' || h.state, jsonb_build_object('state', h.state));
    ELSIF h.expires_at <= moment AND p_final <> 'expired' THEN
        PERFORM core_refuse('hold_expired', jsonb_build_object('state', 'expired'));
    ELSIF h.expires_at > moment AND p_final = 'expired' THEN
        RETURN NULL;
    END IF;
    spent := CASE WHEN p_final = 'captured' THEN coalesce(p_points, h.points) ELSE 0 END;
    IF spent > h.points OR (p_final = 'captured' AND spent <= 0) THEN
        PERFORM core_refuse('capture_exceeds_hold', jsonb_build_object('held', h.points, 'requested', spent));
    END IF;
    PERFORM loyalty_free(p_hold, h.entry_id, h.account_id, spent, moment);
    IF spent > 0 THEN
        INSERT INTO loyalty_entry
            (account_id, kind, available, pending, held, debt, hold_id, order_id, reference, reason, actor, occurred_at)
            VALUES (h.account_id, 'capture', 0, 0, -spent, 0, p_hold, p_order, h.reference, '', p_actor, moment);
    END IF;
    IF h.points > spent THEN
        INSERT INTO loyalty_entry
            (account_id, kind, available, pending, held, debt, hold_id, order_id, reference, reason, actor, occurred_at)
            VALUES (h.account_id, 'release', h.points - spent, 0, spent - h.points, 0, p_hold, p_order, h.reference,
                    CASE WHEN p_final = 'expired' THEN 'hold_ran_out' ELSE '' END, p_actor, moment);
    END IF;
    UPDATE loyalty_hold SET state = p_final, captured = spent, ended_at = moment WHERE id = p_hold;
    UPDATE loyalty_account SET available = available + h.points - spent, held = held - h.points, updated_at = moment
        WHERE id = h.account_id;
    PERFORM loyalty_settle(h.account_id, moment);
    PERFORM loyalty_settle_debt(h.account_id, moment) FROM loyalty_account
        WHERE id = h.account_id AND debt > 0 AND available > 0;
    SELECT available, held INTO account.available, account.held FROM loyalty_account WHERE id = h.account_id;
    PERFORM core_emit(
        CASE p_final WHEN 'captured' THEN 'loyalty.points_redeemed' ELSE 'loyalty.hold_released' END, account.customer_id,
        jsonb_build_object('hold', p_hold, 'points', CASE WHEN p_final = 'captured' THEN spent ELSE h.points END,
                           'reference', h.reference, 'available', account.available), p_actor, p_request, p_handlers);
    RETURN jsonb_build_object(
        'hold', p_hold, 'state', p_final, 'points', h.points, 'captured', spent, 'available', account.available,
        'held', account.held, 'balance', account.available + account.held, 'reference', h.reference, 'expires_at', NULL);
END $$;

CREATE OR REPLACE FUNCTION loyalty_capture(
    p_scope text, p_key text, p_digest bytea, p_hold uuid, p_points bigint, p_order bigint, p_actor text, p_request text,
    p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answer jsonb := core_claim_key(p_scope, p_key, p_digest);
BEGIN
    RETURN coalesce(answer, core_store_answer(p_scope, p_key,
        loyalty_end_hold(p_hold, 'captured', p_points, p_order, p_actor, p_request, p_handlers)));
END $$;

CREATE OR REPLACE FUNCTION loyalty_release(
    p_scope text, p_key text, p_digest bytea, p_hold uuid, p_actor text, p_request text, p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answer jsonb := core_claim_key(p_scope, p_key, p_digest);
BEGIN
    RETURN coalesce(answer, core_store_answer(p_scope, p_key,
        loyalty_end_hold(p_hold, 'released', NULL, NULL, p_actor, p_request, p_handlers)));
END $$;
