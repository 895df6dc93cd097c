-- What a person has removed, for as long as that takes: the ledger is cut for nothing else.
CREATE TABLE removal (task_id TEXT PRIMARY KEY REFERENCES task (id)) STRICT, WITHOUT ROWID;
DROP TRIGGER ledger_is_not_cut;
CREATE TRIGGER ledger_is_not_cut BEFORE DELETE ON ledger
WHEN NOT EXISTS (SELECT 1 FROM removal WHERE task_id = OLD.task_id)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
