-- An updated row finds room beside its old version, so that it needs no new entry in any index.
ALTER TABLE loyalty_lot SET (fillfactor = 85);
ALTER TABLE loyalty_account SET (fillfactor = 85);
