-- No two periods of one member overlap (T3), whoever writes them and however many at once. An exclusion constraint says the
-- same and cost a third of a night in which every tier moves: a GiST entry for each period when it opens, another when it ends.
--
-- After each statement: lock the members whose periods it wrote, then compare those periods with all that the members have.
-- Of two transactions the second waits at the member's row and compares with what the first one committed, because in READ
-- COMMITTED each statement of this function sees what was committed before it. In the stricter levels it would see what
-- there was before it waited, so they are refused here.
CREATE OR REPLACE FUNCTION loyalty_tierperiod_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE twice bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'tier periods are written in READ COMMITTED transactions' USING ERRCODE = 'feature_not_supported';
    END IF;
    -- A row version made by this very transaction is locked by it. EXECUTE: planned for as many as there are this time.
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
