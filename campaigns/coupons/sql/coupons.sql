-- Coupons (C1-C4). One call does the work of one transaction in one round trip. Work without a contended row comes
-- first; the counters of the code and the coupon come last, so that their locks are held only for the commit. Locks are
-- taken in one order everywhere: use, tally, code, coupon. A refusal raises LK001 and changes nothing.

-- One live use per customer and order: coupons don't stack. Guests' orders count as one customer's.
CREATE UNIQUE INDEX IF NOT EXISTS campaigns_couponuse_one_per_order ON campaigns_couponuse (customer_id, order_reference)
    NULLS NOT DISTINCT WHERE order_reference <> '' AND state <> 'released';

-- Return the discount of a coupon on a cart, in minor units.
CREATE OR REPLACE FUNCTION campaigns_discount(p_kind text, p_value bigint, p_most bigint, p_cart bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(CASE p_kind WHEN 'percent' THEN p_cart * p_value / 100 ELSE p_value END, coalesce(p_most, p_cart), p_cart)
$$;

-- These had no p_member_day in 0.1; the next release removes these lines.
DROP FUNCTION IF EXISTS campaigns_judge(text, bigint, bigint, text, text);
DROP FUNCTION IF EXISTS campaigns_reserve(text, text, bytea, text, bigint, bigint, text, text, boolean);

-- Return the value of a code for this cart, or the first reason against it (C3). Reads only. `p_member_day`: today is the
-- member day; the caller looks only when a coupon asks for it.
CREATE OR REPLACE FUNCTION campaigns_judge(
    p_code text, p_customer bigint, p_cart bigint, p_currency text, p_reference text, p_member_day boolean,
    OUT reason text, OUT figures jsonb, OUT coupon_id bigint, OUT code_id bigint, OUT discount bigint, OUT seconds integer
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    c record; moment timestamptz := clock_timestamp();
BEGIN
    figures := '{}';
    SELECT k.id, k.customer_id, k.expires_at, k.use_limit, k.reserved_count + k.redeemed_count AS used,
           p.id AS coupon, p.kind, p.value, p.max_discount, p.minimum_spend, p.currency, p.starts_at, p.ends_at, p.active,
           p.limit_total, p.limit_per_customer, p.budget, p.reserve_seconds, p.member_day_only,
           p.reserved_count + p.redeemed_count AS used_in_all, p.reserved_amount + p.redeemed_amount AS spent
        INTO c FROM campaigns_couponcode k JOIN campaigns_coupon p ON p.id = k.coupon_id WHERE k.code = p_code;
    IF NOT FOUND THEN
        reason := 'unknown_code';
        RETURN;
    END IF;
    coupon_id := c.coupon;
    code_id := c.id;
    seconds := c.reserve_seconds;
    discount := campaigns_discount(c.kind, c.value, c.max_discount, p_cart);
    IF c.starts_at > moment THEN
        reason := 'not_started';
        figures := jsonb_build_object('starts_at', c.starts_at);
    ELSIF NOT c.active OR c.ends_at <= moment OR c.expires_at <= moment THEN
        reason := 'expired';
        figures := jsonb_build_object('expired_at', least(c.ends_at, c.expires_at));
    ELSIF c.customer_id IS NOT NULL AND c.customer_id IS DISTINCT FROM p_customer THEN
        reason := 'wrong_customer';
    ELSIF c.member_day_only AND NOT p_member_day THEN
        reason := 'condition_failed';
        figures := jsonb_build_object('condition', 'member_day');
    ELSIF p_cart < c.minimum_spend THEN
        reason := 'condition_failed';
        figures := jsonb_build_object('condition', 'minimum_spend', 'minimum_spend', c.minimum_spend);
    ELSIF p_currency <> c.currency THEN
        reason := 'condition_failed';
        figures := jsonb_build_object('condition', 'currency', 'currency', c.currency);
    ELSIF discount <= 0 THEN
        reason := 'condition_failed';
        figures := jsonb_build_object('condition', 'discount');
    ELSIF p_customer IS NULL AND c.limit_per_customer IS NOT NULL THEN
        -- A limit per customer can't be checked for an unknown customer.
        reason := 'condition_failed';
        figures := jsonb_build_object('condition', 'known_customer');
    ELSIF p_reference <> '' AND EXISTS (
        SELECT FROM campaigns_couponuse u WHERE u.customer_id IS NOT DISTINCT FROM p_customer
            AND u.order_reference = p_reference AND u.state <> 'released') THEN
        reason := 'not_stackable';
    ELSIF c.used >= c.use_limit THEN
        reason := 'code_limit';
        figures := jsonb_build_object('limit', c.use_limit);
    ELSIF c.limit_per_customer <= (SELECT t.used FROM campaigns_coupontally t
                                   WHERE t.coupon_id = c.coupon AND t.customer_id = p_customer) THEN
        reason := 'customer_limit';
        figures := jsonb_build_object('limit', c.limit_per_customer);
    ELSIF c.used_in_all >= c.limit_total THEN
        reason := 'campaign_limit';
        figures := jsonb_build_object('limit', c.limit_total);
    ELSIF c.spent + discount > c.budget THEN
        reason := 'budget_spent';
    END IF;
    IF reason IS NOT NULL THEN
        discount := 0;
    END IF;
END $$;

-- Moved to core/sql/commands.sql in 0.1; the next release removes this line.
DROP FUNCTION IF EXISTS campaigns_stored(text, text, bytea);

-- Commands look the key up first (core_stored_answer), and again before they refuse, because another call with the same
-- key may have been answered since. The key is written with its answer, in one row version.

-- Reserve one use (C1). Answers {reservation, state, coupon, code, discount, cart_amount, currency, reference,
-- expires_at}. `p_by_member`: the browser states the cart. Then no discount is reserved; the answer's discount is an
-- estimate, and the server that redeems sends the cart (campaigns_end_use).
CREATE OR REPLACE FUNCTION campaigns_reserve(
    p_scope text, p_key text, p_digest bytea, p_code text, p_customer bigint, p_cart bigint, p_currency text,
    p_reference text, p_by_member boolean, p_member_day boolean
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb; j record; use uuid := core_new_id(); moment timestamptz; refusal text; aside bigint;
BEGIN
    answer := core_stored_answer(p_scope, p_key, p_digest);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    SELECT * INTO j FROM campaigns_judge(p_code, p_customer, p_cart, p_currency, p_reference, p_member_day);
    IF j.reason IS NOT NULL THEN
        answer := core_stored_answer(p_scope, p_key, p_digest);
        IF answer IS NULL THEN
            PERFORM core_refuse(j.reason, j.figures);
        END IF;
        RETURN answer;
    END IF;
    moment := clock_timestamp();
    aside := CASE WHEN p_by_member THEN 0 ELSE j.discount END;
    answer := jsonb_build_object(
        'reservation', use, 'state', 'reserved', 'coupon', j.coupon_id, 'code', p_code, 'discount', j.discount,
        'cart_amount', p_cart, 'currency', p_currency, 'reference', p_reference,
        'expires_at', moment + make_interval(secs => j.seconds));
    IF NOT core_claim_answered(p_scope, p_key, p_digest, answer) THEN
        RETURN core_stored_answer(p_scope, p_key, p_digest);
    END IF;
    INSERT INTO campaigns_couponuse (id, coupon_id, code_id, customer_id, order_reference, state, cart_amount, discount,
                                     reserved_at, expires_at)
        VALUES (use, j.coupon_id, j.code_id, p_customer, p_reference, 'reserved', p_cart, aside, moment,
                moment + make_interval(secs => j.seconds))
        ON CONFLICT (customer_id, order_reference) WHERE order_reference <> '' AND state <> 'released' DO NOTHING;
    IF NOT FOUND THEN
        PERFORM core_refuse('not_stackable');
    END IF;
    IF p_customer IS NOT NULL THEN
        INSERT INTO campaigns_coupontally AS tally (coupon_id, customer_id, used) VALUES (j.coupon_id, p_customer, 1)
            ON CONFLICT (coupon_id, customer_id) DO UPDATE SET used = tally.used + 1
            WHERE tally.used < coalesce((SELECT p.limit_per_customer FROM campaigns_coupon p WHERE p.id = j.coupon_id),
                                        2147483647);
        IF NOT FOUND THEN
            PERFORM core_refuse('customer_limit');
        END IF;
    END IF;
    UPDATE campaigns_couponcode SET reserved_count = reserved_count + 1
        WHERE id = j.code_id AND (use_limit IS NULL OR reserved_count + redeemed_count < use_limit)
              AND (expires_at IS NULL OR expires_at > clock_timestamp());
    IF NOT FOUND THEN
        SELECT CASE WHEN expires_at <= clock_timestamp() THEN 'expired' ELSE 'code_limit' END INTO refusal
            FROM campaigns_couponcode WHERE id = j.code_id;
        PERFORM core_refuse(refusal);
    END IF;
    UPDATE campaigns_coupon SET reserved_count = reserved_count + 1, reserved_amount = reserved_amount + aside
        WHERE id = j.coupon_id AND active AND (ends_at IS NULL OR ends_at > clock_timestamp())
              AND (limit_total IS NULL OR reserved_count + redeemed_count < limit_total)
              AND (budget IS NULL OR reserved_amount + redeemed_amount + aside <= budget);
    IF NOT FOUND THEN
        SELECT CASE WHEN NOT active OR ends_at <= clock_timestamp() THEN 'expired'
                    WHEN reserved_count + redeemed_count >= limit_total THEN 'campaign_limit'
                    ELSE 'budget_spent' END INTO refusal
            FROM campaigns_coupon WHERE id = j.coupon_id;
        PERFORM core_refuse(refusal);
    END IF;
    RETURN answer;
END $$;

-- Move one use on: p_to is redeemed or released. `p_owner`: a member does it, who may only release an own use that was
-- never redeemed; checked under the lock, because the shop may be redeeming it now. `p_cart` is the order's final
-- amount: the discount is computed again from it. A use without a discount yet (a member reserved it) can't be redeemed
-- without `p_cart`.
CREATE OR REPLACE FUNCTION campaigns_end_use(
    p_scope text, p_key text, p_digest bytea, p_use uuid, p_to text, p_actor text, p_request text, p_handlers text[],
    p_owner bigint DEFAULT NULL, p_cart bigint DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    u record; moment timestamptz; was text; answer jsonb; refusal text; figures jsonb; amount bigint;
BEGIN
    answer := core_stored_answer(p_scope, p_key, p_digest);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    SELECT w.*, k.code AS text, p.currency, p.name, p.kind, p.value, p.max_discount, p.minimum_spend INTO u
        FROM campaigns_couponuse w
        JOIN campaigns_couponcode k ON k.id = w.code_id JOIN campaigns_coupon p ON p.id = w.coupon_id
        WHERE w.id = p_use FOR NO KEY UPDATE OF w;
    IF NOT FOUND OR p_owner IS NOT NULL AND (u.customer_id IS DISTINCT FROM p_owner OR u.redeemed_at IS NOT NULL) THEN
        PERFORM core_refuse('unknown_reservation');
    END IF;
    moment := clock_timestamp();
    was := u.state;
    amount := u.discount;
    figures := jsonb_build_object('state', replace(was, 'reserved', 'released'));
    -- The same answer before and after the sweep: an expired use belongs to no customer, and a new reservation is
    -- checked again.
    IF p_to = 'redeemed' AND (was = 'reserved' AND u.expires_at <= moment
            OR was = 'released' AND u.redeemed_at IS NULL AND u.released_at >= u.expires_at) THEN
        refusal := 'reservation_expired';
    ELSIF was = 'released' OR was = p_to THEN
        refusal := 'reservation_' || was;
    ELSIF p_to = 'redeemed' AND p_cart IS NULL AND u.discount = 0 THEN
        refusal := 'cart_amount_required';
    ELSIF p_to = 'redeemed' AND p_cart IS NOT NULL THEN
        amount := campaigns_discount(u.kind, u.value, u.max_discount, p_cart);
        IF p_cart < u.minimum_spend THEN
            refusal := 'condition_failed';
            figures := jsonb_build_object('condition', 'minimum_spend', 'minimum_spend', u.minimum_spend);
        ELSIF amount <= 0 THEN
            refusal := 'condition_failed';
            figures := jsonb_build_object('condition', 'discount');
        END IF;
    END IF;
    IF refusal IS NOT NULL THEN
        answer := core_stored_answer(p_scope, p_key, p_digest);
        IF answer IS NULL THEN
            PERFORM core_refuse(refusal, figures);
        END IF;
        RETURN answer;
    END IF;
    answer := jsonb_build_object(
        'reservation', p_use, 'state', p_to, 'coupon', u.coupon_id, 'code', u.text, 'discount', amount,
        'cart_amount', coalesce(p_cart, u.cart_amount), 'currency', u.currency, 'reference', u.order_reference, 'expires_at', NULL);
    IF NOT core_claim_answered(p_scope, p_key, p_digest, answer) THEN
        RETURN core_stored_answer(p_scope, p_key, p_digest);
    END IF;
    UPDATE campaigns_couponuse SET state = p_to, discount = amount, cart_amount = coalesce(p_cart, cart_amount),
            redeemed_at = CASE p_to WHEN 'redeemed' THEN moment ELSE redeemed_at END,
            released_at = CASE p_to WHEN 'released' THEN moment END
        WHERE id = p_use;
    IF p_to = 'redeemed' OR was = 'redeemed' THEN
        PERFORM core_emit(
            CASE p_to WHEN 'redeemed' THEN 'campaigns.coupon_redeemed' ELSE 'campaigns.coupon_released' END, u.customer_id,
            jsonb_build_object('use', p_use, 'coupon', u.coupon_id, 'name', u.name, 'code', u.text, 'discount', amount,
                               'currency', u.currency, 'reference', u.order_reference), p_actor, p_request, p_handlers);
    END IF;
    IF p_to = 'released' AND u.customer_id IS NOT NULL THEN
        UPDATE campaigns_coupontally SET used = used - 1 WHERE coupon_id = u.coupon_id AND customer_id = u.customer_id;
    END IF;
    UPDATE campaigns_couponcode SET
            reserved_count = reserved_count - (was = 'reserved')::int,
            redeemed_count = redeemed_count + (p_to = 'redeemed')::int - (was = 'redeemed')::int
        WHERE id = u.code_id;
    UPDATE campaigns_coupon SET
            reserved_count = reserved_count - (was = 'reserved')::int,
            redeemed_count = redeemed_count + (p_to = 'redeemed')::int - (was = 'redeemed')::int,
            reserved_amount = reserved_amount - u.discount * (was = 'reserved')::int,
            redeemed_amount = redeemed_amount + amount * ((p_to = 'redeemed')::int - (was = 'redeemed')::int)
        WHERE id = u.coupon_id
              AND (amount <= u.discount OR budget IS NULL OR reserved_amount + redeemed_amount + amount - u.discount <= budget);
    IF NOT FOUND THEN
        PERFORM core_refuse('budget_spent');
    END IF;
    RETURN answer;
END $$;

-- Release up to p_limit expired reservations, limited to `p_only` when given. Return how many; one sweep at a time.
CREATE OR REPLACE FUNCTION campaigns_sweep_uses(p_limit integer, p_only uuid[] DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE done integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('campaigns.sweep-uses', 0)) THEN
        RETURN 0;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS campaigns_swept (coupon_id bigint, code_id bigint, customer_id bigint, discount bigint)
        ON COMMIT DELETE ROWS;
    DELETE FROM campaigns_swept;
    WITH due AS (
        SELECT id FROM campaigns_couponuse WHERE state = 'reserved' AND expires_at <= clock_timestamp()
            AND (p_only IS NULL OR id = ANY (p_only))
        ORDER BY expires_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED),
    ended AS (
        UPDATE campaigns_couponuse u SET state = 'released', released_at = greatest(clock_timestamp(), u.expires_at)
        FROM due WHERE u.id = due.id RETURNING u.coupon_id, u.code_id, u.customer_id, u.discount)
    INSERT INTO campaigns_swept SELECT * FROM ended;
    GET DIAGNOSTICS done = ROW_COUNT;
    UPDATE campaigns_coupontally t SET used = t.used - s.times
        FROM (SELECT coupon_id, customer_id, count(*) AS times FROM campaigns_swept WHERE customer_id IS NOT NULL
              GROUP BY 1, 2) AS s
        WHERE t.coupon_id = s.coupon_id AND t.customer_id = s.customer_id;
    UPDATE campaigns_couponcode k SET reserved_count = k.reserved_count - s.times
        FROM (SELECT code_id, count(*) AS times FROM campaigns_swept GROUP BY 1) AS s WHERE k.id = s.code_id;
    UPDATE campaigns_coupon p SET reserved_count = p.reserved_count - s.times, reserved_amount = p.reserved_amount - s.amount
        FROM (SELECT coupon_id, count(*) AS times, sum(discount) AS amount FROM campaigns_swept GROUP BY 1) AS s
        WHERE p.id = s.coupon_id;
    RETURN done;
END $$;

-- Count issued codes. The caller calls it last, so that the coupon's row is locked only for the commit.
CREATE OR REPLACE FUNCTION campaigns_count_issued(p_coupon bigint, p_count integer) RETURNS void
LANGUAGE sql AS $$
    UPDATE campaigns_coupon SET issued_count = issued_count + p_count WHERE id = p_coupon
$$;
