-- Who may call a server. A token is 256 random bits, so its plain hash gives nobody a way back to it. One that is revoked
-- has none any more; its caps hold on for what was begun with it.
CREATE TABLE token (
  name TEXT PRIMARY KEY,
  hash TEXT UNIQUE,
  scopes TEXT NOT NULL,
  day_cap INTEGER CHECK (day_cap >= 0),
  month_cap INTEGER CHECK (month_cap >= 0),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- What was spent of late, whoever spent it.
CREATE INDEX attempt_by_time ON attempt (intent_at);
