-- What all programs on this store share and nobody else may know, made once by whoever needs it first.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BYTEA NOT NULL
);

-- Audio kept where every replica finds it. A key is never given twice, so that what is removed late is never another's.
CREATE TABLE object (
  key TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes BIGINT NOT NULL CHECK (bytes >= 0),
  created_at BIGINT NOT NULL,
  stored_at BIGINT,
  UNIQUE (principal, sha256, name)
);
-- What needs it: tasks and uploads. The last one that goes takes it along.
CREATE TABLE holding (
  owner TEXT NOT NULL,
  key TEXT NOT NULL REFERENCES object (key),
  PRIMARY KEY (owner, key)
);
CREATE INDEX holding_by_key ON holding (key);
CREATE TABLE upload (
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes BIGINT NOT NULL CHECK (bytes > 0),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  key TEXT
);
CREATE INDEX upload_by_principal ON upload (principal);
CREATE INDEX upload_by_age ON upload (expires_at);
