-- The last balance that a provider told, so that a later one shows whether credits went that no task of ours explains.
CREATE TABLE sighting (
  account_id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  balance INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_account ON attempt (account_id, intent_at);
