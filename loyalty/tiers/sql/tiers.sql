-- Refuse overlapping periods of one member (T3), from any writer and any number of parallel ones. An exclusion
-- constraint states the same, but it cost a third of a night in which every tier moves: a GiST entry for each period
-- when it opens, and another when it ends.
--
-- After each statement, lock the members whose periods it wrote, then compare those periods with all periods of the
-- members. Of two transactions the second waits at the member's row and then compares with the committed rows of the
-- first, because in READ COMMITTED each statement of this function sees everything committed before it. Stricter levels
-- would show it the state from before the wait, so they are refused here.
CREATE OR REPLACE FUNCTION loyalty_tierperiod_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE twice bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'tier periods are written in READ COMMITTED transactions' USING ERRCODE = 'feature_not_supported';
    END IF;
    -- This transaction already holds the lock on a row version that it wrote. EXECUTE plans for the present number of
    -- rows.
    EXECUTE 'SELECT FROM loyalty_member m WHERE m.id IN (SELECT member_id FROM written)
                    AND m.xmin <> pg_current_xact_id()::xid ORDER BY m.id FOR NO KEY UPDATE';
    EXECUTE 'SELECT w.member_id FROM written w JOIN loyalty_tierperiod p ON p.member_id = w.member_id AND p.id <> w.id
             WHERE tstzrange(p.started_at, p.ended_at) && tstzrange(w.started_at, w.ended_at) LIMIT 1' INTO twice;
    IF twice IS NOT NULL THEN
        RAISE EXCEPTION 'periods of member % overlap: loyalty_tierperiod_never_overlap', twice
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'loyalty_tierperiod_never_overlap';
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS loyalty_tierperiod_apart_insert ON loyalty_tierperiod;
CREATE TRIGGER loyalty_tierperiod_apart_insert AFTER INSERT ON loyalty_tierperiod
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION loyalty_tierperiod_apart();
DROP TRIGGER IF EXISTS loyalty_tierperiod_apart_update ON loyalty_tierperiod;
CREATE TRIGGER loyalty_tierperiod_apart_update AFTER UPDATE ON loyalty_tierperiod
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION loyalty_tierperiod_apart();
