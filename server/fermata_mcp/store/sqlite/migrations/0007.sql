-- What all programs on this store share and nobody else may know, made once by whoever needs it first.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Audio kept where every replica finds it. A key is never given twice, so that what is removed late is never another's.
CREATE TABLE object (
  key TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  created_at INTEGER NOT NULL,
  stored_at INTEGER,
  UNIQUE (principal, sha256, name)
) STRICT, WITHOUT ROWID;
-- What needs it: tasks and uploads. The last one that goes takes it along.
CREATE TABLE holding (
  owner TEXT NOT NULL,
  key TEXT NOT NULL REFERENCES object (key),
  PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX holding_by_key ON holding (key);
CREATE TABLE upload (
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  key TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_principal ON upload (principal);
CREATE INDEX upload_by_age ON upload (expires_at);
