-- Book earned points: an entry and a lot for each, balances, and debts that they pay (L5). The arrays are parallel, and
-- an account may occur more than once. The caller holds the locks of all accounts and ensures that it happens once
-- (L7).
CREATE OR REPLACE FUNCTION loyalty_book(
    p_entries bigint[], p_lots bigint[], p_accounts bigint[], p_orders bigint[], p_references text[], p_points bigint[],
    p_available_from timestamptz[], p_expires_at timestamptz[], p_occurred_at timestamptz[], p_actor text, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH earned AS (
        SELECT e.*, available_from <= p_now AS ready
        FROM unnest(p_entries, p_lots, p_accounts, p_orders, p_references, p_points, p_available_from, p_expires_at, p_occurred_at)
             AS e(entry, lot, account, ordered, reference, points, available_from, expires_at, occurred_at)),
    entries AS (
        INSERT INTO loyalty_entry
            (id, account_id, kind, available, pending, held, debt, order_id, reference, reason, actor, occurred_at)
        SELECT entry, account, 'earn', CASE WHEN ready THEN points ELSE 0 END, CASE WHEN ready THEN 0 ELSE points END, 0, 0,
               ordered, reference, '', p_actor, occurred_at
        FROM earned),
    lots AS (
        INSERT INTO loyalty_lot
            (id, account_id, source, entry_id, order_id, points, remaining, held, expired, available_from, confirmed_at,
             expires_at)
        SELECT lot, account, CASE WHEN ordered IS NULL THEN 'activity' ELSE 'order' END, entry, ordered, points, points, 0, 0,
               available_from, CASE WHEN ready THEN p_now END, expires_at
        FROM earned)
    UPDATE loyalty_account a
        SET available = a.available + sums.ready, pending = a.pending + sums.waiting, updated_at = p_now
        FROM (SELECT account, coalesce(sum(points) FILTER (WHERE ready), 0) AS ready,
                     coalesce(sum(points) FILTER (WHERE NOT ready), 0) AS waiting
              FROM earned GROUP BY account) AS sums
        WHERE a.id = sums.account;

    PERFORM loyalty_settle_debt(a.id, p_now) FROM loyalty_account a
        WHERE a.id = ANY (p_accounts) AND a.debt > 0 AND a.available > 0 ORDER BY a.id;
END $$;

-- Award points for many orders or happenings at once (L7: once per order and rule, once per happening and rule). The
-- arrays are parallel. An order has the reference '', a happening its own reference and also its order if it belongs to
-- one. Accounts are locked in order of id, so that two batches can't deadlock. Return what was given now.
CREATE OR REPLACE FUNCTION loyalty_award(
    p_accounts bigint[], p_members bigint[], p_rules bigint[], p_versions bigint[], p_orders bigint[], p_references text[],
    p_bases bigint[], p_base_remainders numeric[], p_lines text[], p_multipliers numeric[], p_points bigint[], p_cuts bigint[],
    p_remainders numeric[], p_available_from timestamptz[], p_expires_at timestamptz[], p_occurred_at timestamptz[],
    p_actor text
) RETURNS TABLE (account_id bigint, rule_id bigint, order_id bigint, reference text, points bigint, entry_id bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz; entries bigint[]; lots bigint[]; accounts bigint[]; own_orders bigint[]; refs text[];
    amounts bigint[]; starts timestamptz[]; ends timestamptz[]; moments timestamptz[]; rules bigint[]; orders bigint[];
BEGIN
    PERFORM 1 FROM loyalty_account a WHERE a.id = ANY (p_accounts) ORDER BY a.id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    WITH given AS (
        SELECT g.*, CASE WHEN g.points > 0 THEN nextval('loyalty_entry_id_seq') END AS entry,
               CASE WHEN g.points > 0 THEN nextval('loyalty_lot_id_seq') END AS lot
        FROM unnest(p_accounts, p_members, p_rules, p_versions, p_orders, p_references, p_bases, p_base_remainders, p_lines,
                    p_multipliers, p_points, p_cuts, p_remainders, p_available_from, p_expires_at, p_occurred_at)
             AS g(account, member, rule, version, ordered, reference, base, base_remainder, lines, multiplier, points, cut,
                  remainder, available_from, expires_at, occurred_at)),
    fresh AS (
        INSERT INTO loyalty_earning
            (member_id, rule_id, version_id, order_id, reference, base, base_remainder, lines, multiplier, points, cut,
             remainder, taken_back, forgiven, lot_id, occurred_at)
        SELECT member, rule, version, ordered, reference, base, base_remainder, lines::bigint[], multiplier, points, cut,
               remainder, 0, 0, lot, occurred_at FROM given
        ON CONFLICT DO NOTHING RETURNING order_id, rule_id, reference),
    earned AS (
        SELECT given.*, CASE WHEN given.reference = '' THEN ordered END AS own_order FROM given
        JOIN fresh ON coalesce(fresh.order_id, 0) = coalesce(given.ordered, 0) AND fresh.rule_id = given.rule
                      AND fresh.reference = given.reference
        WHERE given.points > 0)
    -- A happening's order belongs to another customer, so its number must not be shown to the member.
    SELECT array_agg(entry), array_agg(lot), array_agg(account), array_agg(own_order), array_agg(earned.reference),
           array_agg(earned.points), array_agg(available_from), array_agg(expires_at), array_agg(occurred_at),
           array_agg(rule), array_agg(ordered)
        INTO entries, lots, accounts, own_orders, refs, amounts, starts, ends, moments, rules, orders FROM earned;
    PERFORM loyalty_book(entries, lots, accounts, own_orders, refs, amounts, starts, ends, moments, p_actor, moment);
    RETURN QUERY SELECT * FROM unnest(accounts, rules, orders, refs, amounts, entries);
END $$;

-- Raise the points taken back of one earning to `p_total` after a refund: first its own pending or unspent points, then
-- other lots; the rest becomes debt (L5). Expired points of the earning are forgiven once each and not taken from
-- elsewhere. The total is given, not the step: two parallel refunds of one order each know the total that they reached,
-- and the second one under the lock finds its part done (F11). Return how many were taken now.
CREATE OR REPLACE FUNCTION loyalty_take_back(
    p_earning bigint, p_total bigint, p_reference text, p_actor text, p_occurred_at timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    e record; own record; moment timestamptz; owed bigint; take bigint; forgive bigint; entry bigint; lot record;
    from_pending bigint := 0; from_available bigint := 0; parts jsonb := '[]';
BEGIN
    SELECT earning.id, earning.lot_id, CASE WHEN earning.reference = '' THEN earning.order_id END AS order_id, earning.points,
           earning.taken_back, earning.forgiven, account.id AS account_id
        INTO e FROM loyalty_earning earning JOIN loyalty_lot l ON l.id = earning.lot_id
        JOIN loyalty_account account ON account.id = l.account_id WHERE earning.id = p_earning FOR NO KEY UPDATE OF account;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    moment := clock_timestamp();
    PERFORM loyalty_settle(e.account_id, moment);
    SELECT taken_back, forgiven INTO e.taken_back, e.forgiven FROM loyalty_earning WHERE id = p_earning FOR UPDATE;
    owed := least(p_total, e.points) - e.taken_back;
    IF owed <= 0 THEN
        RETURN 0;
    END IF;
    SELECT id, remaining, expired, confirmed_at INTO own FROM loyalty_lot WHERE id = e.lot_id;
    take := least(owed, own.remaining);
    forgive := least(owed - take, greatest(own.expired - e.forgiven, 0));
    UPDATE loyalty_earning SET taken_back = taken_back + owed, forgiven = forgiven + forgive WHERE id = p_earning;
    IF take > 0 THEN
        UPDATE loyalty_lot SET remaining = remaining - take WHERE id = own.id;
        parts := parts || jsonb_build_object('lot', own.id, 'points', take);
        IF own.confirmed_at IS NULL THEN from_pending := take; ELSE from_available := take; END IF;
    END IF;
    owed := owed - take - forgive;
    FOR lot IN SELECT id, remaining FROM loyalty_lot
               WHERE account_id = e.account_id AND open AND confirmed_at IS NOT NULL
               ORDER BY expires_at NULLS LAST, id
    LOOP
        EXIT WHEN owed = 0;
        take := least(owed, lot.remaining);
        UPDATE loyalty_lot SET remaining = remaining - take WHERE id = lot.id;
        parts := parts || jsonb_build_object('lot', lot.id, 'points', take);
        from_available := from_available + take;
        owed := owed - take;
    END LOOP;
    IF from_pending + from_available + owed > 0 THEN
        INSERT INTO loyalty_entry
            (account_id, kind, available, pending, held, debt, order_id, reference, reason, actor, occurred_at)
            VALUES (e.account_id, 'clawback', -from_available, -from_pending, 0, owed, e.order_id, p_reference, '', p_actor,
                    p_occurred_at) RETURNING id INTO entry;
        INSERT INTO loyalty_allocation (entry_id, lot_id, points, returned)
            SELECT entry, (part ->> 'lot')::bigint, (part ->> 'points')::bigint, 0 FROM jsonb_array_elements(parts) AS part;
        UPDATE loyalty_account SET available = available - from_available, pending = pending - from_pending,
               debt = debt + owed, updated_at = moment WHERE id = e.account_id;
    END IF;
    RETURN from_pending + from_available + owed;
END $$;

-- Raise the points given back of a captured hold to `p_total`, into the lots they came from, latest expiry first.
-- Points of a lot that has expired return as a new lot for the program's reinstatement days (L5). Return how many were
-- given.
CREATE OR REPLACE FUNCTION loyalty_give_back(
    p_hold uuid, p_total bigint, p_reference text, p_actor text, p_occurred_at timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    h record; part record; moment timestamptz; due bigint; given bigint; take bigint; entry bigint; revived bigint := 0;
BEGIN
    SELECT hold.account_id INTO h FROM loyalty_hold hold WHERE hold.id = p_hold;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM loyalty_account WHERE id = h.account_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    SELECT hold.id, hold.account_id, hold.entry_id, hold.captured, hold.returned, program.reinstatement_days AS days,
           entry.order_id
        INTO h FROM loyalty_hold hold JOIN loyalty_account a ON a.id = hold.account_id
        JOIN loyalty_member m ON m.id = a.member_id JOIN loyalty_program program ON program.id = m.program_id
        JOIN loyalty_entry entry ON entry.id = hold.entry_id WHERE hold.id = p_hold;
    due := least(p_total, h.captured) - h.returned;
    IF due <= 0 THEN
        RETURN 0;
    END IF;
    given := due;
    INSERT INTO loyalty_entry
        (account_id, kind, available, pending, held, debt, hold_id, order_id, reference, reason, actor, occurred_at)
        VALUES (h.account_id, 'return', due, 0, 0, 0, p_hold, h.order_id, p_reference, '', p_actor, p_occurred_at)
        RETURNING id INTO entry;
    UPDATE loyalty_hold SET returned = returned + due WHERE id = p_hold;
    UPDATE loyalty_account SET available = available + due, updated_at = moment WHERE id = h.account_id;
    FOR part IN SELECT a.id, a.lot_id, a.points - a.returned AS left_over, l.expires_at
                FROM loyalty_allocation a JOIN loyalty_lot l ON l.id = a.lot_id
                WHERE a.entry_id = h.entry_id AND a.points > a.returned ORDER BY l.expires_at DESC NULLS FIRST, l.id DESC
    LOOP
        EXIT WHEN due = 0;
        take := least(due, part.left_over);
        UPDATE loyalty_allocation SET returned = returned + take WHERE id = part.id;
        IF part.expires_at IS NULL OR part.expires_at > moment THEN
            UPDATE loyalty_lot SET remaining = remaining + take WHERE id = part.lot_id;
        ELSE
            revived := revived + take;
        END IF;
        due := due - take;
    END LOOP;
    IF revived > 0 THEN
        INSERT INTO loyalty_lot
            (account_id, source, entry_id, order_id, points, remaining, held, expired, available_from, confirmed_at, expires_at)
            VALUES (h.account_id, 'reinstated', entry, h.order_id, revived, revived, 0, 0, moment, moment,
                    moment + make_interval(days => h.days));
    END IF;
    PERFORM loyalty_settle_debt(h.account_id, moment) FROM loyalty_account WHERE id = h.account_id AND debt > 0;
    RETURN given;
END $$;

-- Adjust by hand (L12): a new lot when points are given, soonest-expiring lots when taken; never below zero (L9). The
-- member reads `p_reference`; `p_note` and `p_reason` are for staff (L13).
CREATE OR REPLACE FUNCTION loyalty_adjust(
    p_scope text, p_key text, p_digest bytea, p_account bigint, p_points bigint, p_expires_at timestamptz, p_reason text,
    p_reference text, p_note text, p_actor text, p_request text, p_handlers text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb; account record; entry bigint; moment timestamptz;
BEGIN
    answer := core_claim_key(p_scope, p_key, p_digest);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    SELECT a.id, m.customer_id INTO account FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id
        WHERE a.id = p_account FOR NO KEY UPDATE OF a;
    IF NOT FOUND THEN
        PERFORM core_refuse('not_a_member');
    END IF;
    moment := clock_timestamp();
    PERFORM loyalty_settle(p_account, moment);
    IF (SELECT available FROM loyalty_account WHERE id = p_account) + p_points < 0 THEN
        PERFORM core_refuse('insufficient_points', jsonb_build_object('available',
            (SELECT available FROM loyalty_account WHERE id = p_account), 'requested', -p_points));
    END IF;
    INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, note, reason, actor, occurred_at)
        VALUES (p_account, 'adjust', p_points, 0, 0, 0, p_reference, p_note, p_reason, p_actor, moment) RETURNING id INTO entry;
    IF p_points > 0 THEN
        INSERT INTO loyalty_lot
            (account_id, source, entry_id, points, remaining, held, expired, available_from, confirmed_at, expires_at)
            VALUES (p_account, 'adjustment', entry, p_points, p_points, 0, 0, moment, moment, p_expires_at);
    ELSE
        PERFORM loyalty_take(p_account, entry, -p_points, moment, false);
    END IF;
    UPDATE loyalty_account SET available = available + p_points, updated_at = moment WHERE id = p_account;
    IF p_points > 0 THEN
        PERFORM loyalty_settle_debt(p_account, moment);
    END IF;
    PERFORM core_emit('loyalty.points_adjusted', account.customer_id,
        jsonb_build_object('points', p_points, 'reason', p_reason, 'reference', p_reference, 'note', p_note), p_actor, p_request, p_handlers);
    RETURN core_store_answer(p_scope, p_key, (SELECT jsonb_build_object(
        'points', p_points, 'available', available, 'held', held, 'balance', available + held, 'debt', debt, 'entry', entry)
        FROM loyalty_account WHERE id = p_account));
END $$;

-- Grant points without an order, many at once: for a finished task, a streak, a tier's gift. The caller ensures that it
-- happens once, with its own natural key written in the same transaction (L7). Accounts are locked in order of id.
CREATE OR REPLACE FUNCTION loyalty_grant(
    p_accounts bigint[], p_points bigint[], p_references text[], p_available_from timestamptz[], p_expires_at timestamptz[],
    p_occurred_at timestamptz[], p_actor text
) RETURNS TABLE (account_id bigint, points bigint, entry_id bigint, lot_id bigint, reference text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE moment timestamptz; entries bigint[]; lots bigint[];
BEGIN
    PERFORM 1 FROM loyalty_account a WHERE a.id = ANY (p_accounts) ORDER BY a.id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    SELECT array_agg(nextval('loyalty_entry_id_seq')), array_agg(nextval('loyalty_lot_id_seq'))
        INTO entries, lots FROM unnest(p_accounts);
    PERFORM loyalty_book(entries, lots, p_accounts, NULL, p_references, p_points, p_available_from, p_expires_at, p_occurred_at,
                         p_actor, moment);
    RETURN QUERY SELECT * FROM unnest(p_accounts, p_points, entries, lots, p_references);
END $$;
