-- Transfers and merges. Both accounts are locked in order of id, so that two opposite transfers can't deadlock.

-- Transfer points from one member to another, within the program's limits for a day of its own zone. Received points
-- keep the expiry of the lots they came from, so that transfers to and fro never prolong them.
CREATE OR REPLACE FUNCTION loyalty_transfer(
    p_sender bigint, p_receiver bigint, p_key text, p_digest bytea, p_points bigint, p_note text, p_actor text,
    p_request text, p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb; giver record; taker record; key_scope text; moment timestamptz; today timestamptz; sent record;
    entry_out bigint; entry_in bigint; transfer uuid := core_new_id();
BEGIN
    PERFORM 1 FROM loyalty_account WHERE id IN (p_sender, p_receiver) ORDER BY id FOR NO KEY UPDATE;
    SELECT a.available, a.point_type_id, m.customer_id, m.state, m.program_id, t.spendable, p.transfer_daily_points,
           p.transfer_daily_count, p.time_zone, c.number
        INTO giver
        FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id JOIN loyalty_pointtype t ON t.id = a.point_type_id
             JOIN loyalty_program p ON p.id = m.program_id JOIN crm_customer c ON c.id = m.customer_id
        WHERE a.id = p_sender;
    SELECT a.point_type_id, a.debt, m.customer_id, m.state, c.number INTO taker
        FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id JOIN crm_customer c ON c.id = m.customer_id
        WHERE a.id = p_receiver;
    IF giver IS NULL OR taker IS NULL OR giver.point_type_id <> taker.point_type_id THEN
        PERFORM core_refuse('not_a_member');
    END IF;
    key_scope := 'loyalty:' || giver.program_id || ':' || p_actor;
    answer := core_stored_answer(key_scope, p_key, p_digest);
    IF answer IS NOT NULL THEN
        RETURN answer;
    ELSIF p_sender = p_receiver THEN
        PERFORM core_refuse('transfer_to_self');
    ELSIF giver.state <> 'active' OR taker.state <> 'active' THEN
        PERFORM core_refuse('member_not_active', jsonb_build_object('state',
            CASE WHEN giver.state <> 'active' THEN giver.state ELSE taker.state END));
    ELSIF NOT giver.spendable THEN
        PERFORM core_refuse('points_not_spendable');
    ELSIF giver.transfer_daily_points = 0 THEN
        PERFORM core_refuse('transfers_off');
    END IF;
    moment := clock_timestamp();
    today := date_trunc('day', moment AT TIME ZONE giver.time_zone) AT TIME ZONE giver.time_zone;
    SELECT coalesce(sum(points), 0)::bigint AS points, count(*) AS times INTO sent
        FROM loyalty_transfer t WHERE t.sender_id = p_sender AND t.created_at >= today;
    IF sent.points + p_points > giver.transfer_daily_points OR sent.times >= giver.transfer_daily_count THEN
        PERFORM core_refuse('transfer_limit', jsonb_build_object(
            'points_left', greatest(giver.transfer_daily_points - sent.points, 0),
            'times_left', greatest(giver.transfer_daily_count - sent.times, 0)));
    END IF;
    PERFORM loyalty_settle(p_sender, moment), loyalty_settle(p_receiver, moment);
    SELECT available INTO giver.available FROM loyalty_account WHERE id = p_sender;
    IF giver.available < p_points THEN
        PERFORM core_refuse('insufficient_points',
                               jsonb_build_object('available', giver.available, 'requested', p_points));
    END IF;
    INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor, occurred_at)
        VALUES (p_sender, 'transfer_out', -p_points, 0, 0, 0, transfer::text, '', p_actor, moment) RETURNING id INTO entry_out;
    PERFORM loyalty_take(p_sender, entry_out, p_points, moment, false);
    INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor, occurred_at)
        VALUES (p_receiver, 'transfer_in', p_points, 0, 0, 0, transfer::text, '', p_actor, moment) RETURNING id INTO entry_in;
    INSERT INTO loyalty_lot
        (account_id, source, entry_id, points, remaining, held, expired, available_from, confirmed_at, expires_at)
        SELECT p_receiver, 'transfer', entry_in, part.points, part.points, 0, 0, moment, moment, lot.expires_at
        FROM loyalty_allocation part JOIN loyalty_lot lot ON lot.id = part.lot_id WHERE part.entry_id = entry_out
        ORDER BY lot.expires_at NULLS LAST, lot.id;
    UPDATE loyalty_account SET available = available - p_points, updated_at = moment
        WHERE id = p_sender RETURNING available INTO giver.available;
    UPDATE loyalty_account SET available = available + p_points, updated_at = moment WHERE id = p_receiver;
    PERFORM loyalty_settle_debt(p_receiver, moment) FROM loyalty_account WHERE id = p_receiver AND debt > 0;
    INSERT INTO loyalty_transfer (id, sender_id, receiver_id, points, note, actor)
        VALUES (transfer, p_sender, p_receiver, p_points, p_note, p_actor);
    PERFORM core_emit('loyalty.points_sent', giver.customer_id, jsonb_build_object(
        'transfer', transfer, 'points', p_points, 'other', taker.number, 'note', p_note), p_actor, p_request, p_handlers);
    PERFORM core_emit('loyalty.points_received', taker.customer_id, jsonb_build_object(
        'transfer', transfer, 'points', p_points, 'other', giver.number, 'note', p_note), p_actor, p_request, p_handlers);
    answer := jsonb_build_object(
        'transfer', transfer, 'points', p_points, 'to', taker.number, 'available', giver.available);
    -- A command of another account has taken the key since the look-up.
    IF NOT core_claim_answered(key_scope, p_key, p_digest, answer) THEN
        PERFORM core_refuse('idempotency_key_reused');
    END IF;
    RETURN answer;
END $$;

-- Move everything of one account to another when two customers turn out to be one: lots with their dates, open holds,
-- debt. Return the carried points (available, pending, held, debt). A second call carries nothing.
CREATE OR REPLACE FUNCTION loyalty_merge(p_source bigint, p_target bigint, p_actor text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE s record; moment timestamptz;
BEGIN
    PERFORM 1 FROM loyalty_account WHERE id IN (p_source, p_target) ORDER BY id FOR NO KEY UPDATE;
    IF p_source = p_target OR (SELECT count(DISTINCT m.program_id) <> 1 OR count(DISTINCT a.point_type_id) <> 1 OR count(*) <> 2
                               FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id
                               WHERE a.id IN (p_source, p_target)) THEN
        PERFORM core_refuse('not_a_member');
    END IF;
    moment := clock_timestamp();
    PERFORM loyalty_settle(p_source, moment), loyalty_settle(p_target, moment);
    SELECT available, pending, held, debt INTO s FROM loyalty_account WHERE id = p_source;
    IF (s.available, s.pending, s.held, s.debt) <> (0, 0, 0, 0) THEN
        INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor, occurred_at)
            VALUES (p_source, 'merge_out', -s.available, -s.pending, -s.held, -s.debt, p_target::text, '', p_actor, moment),
                   (p_target, 'merge_in', s.available, s.pending, s.held, s.debt, p_source::text, '', p_actor, moment);
    END IF;
    -- The entries stay where they were written. Everything that can still change moves, including empty lots that a
    -- refund may fill again.
    UPDATE loyalty_lot SET account_id = p_target WHERE account_id = p_source;
    UPDATE loyalty_hold SET account_id = p_target WHERE account_id = p_source;
    UPDATE loyalty_earning earning SET member_id = target.member_id
        FROM loyalty_account source, loyalty_account target
        WHERE source.id = p_source AND target.id = p_target AND earning.member_id = source.member_id
              AND EXISTS (SELECT FROM loyalty_lot lot WHERE lot.id = earning.lot_id AND lot.account_id = p_target);
    UPDATE loyalty_account SET available = 0, pending = 0, held = 0, debt = 0, updated_at = moment WHERE id = p_source;
    UPDATE loyalty_account SET available = available + s.available, pending = pending + s.pending, held = held + s.held,
           debt = debt + s.debt, updated_at = moment WHERE id = p_target;
    PERFORM loyalty_settle_debt(p_target, moment) FROM loyalty_account WHERE id = p_target AND debt > 0;
    RETURN jsonb_build_object('available', s.available, 'pending', s.pending, 'held', s.held, 'debt', s.debt);
END $$;
