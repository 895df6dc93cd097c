CREATE TABLE task (
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('extend', 'chain')),
  provider TEXT NOT NULL,
  account_id TEXT NOT NULL,
  request TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  idempotency_key TEXT,
  source TEXT NOT NULL,
  status TEXT NOT NULL
    CHECK (status IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled', 'unknown')),
  fraction REAL,
  message TEXT NOT NULL,
  audio TEXT,
  error TEXT,
  warnings TEXT NOT NULL,
  quote_low INTEGER NOT NULL CHECK (quote_low >= 0),
  quote_high INTEGER NOT NULL CHECK (quote_high >= quote_low),
  cancel_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
-- A key goes on meaning the task it was answered with, also where the task was found by its request.
CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  task_id TEXT NOT NULL REFERENCES task (id),
  PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_by_request ON task (principal, request_hash, created_at);
CREATE INDEX task_by_age ON task (principal, created_at, id);

CREATE TABLE step (
  id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES task (id),
  provider TEXT NOT NULL,
  account_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'submitting', 'waiting', 'unknown', 'needs_user',
                     'succeeded', 'failed', 'cancelled', 'abandoned', 'expired')),
  work TEXT NOT NULL,
  home TEXT,
  fence INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  remote_id TEXT,
  attempt_id TEXT,
  submitted_at INTEGER,
  polls INTEGER NOT NULL DEFAULT 0,
  error_streak INTEGER NOT NULL DEFAULT 0,
  clips TEXT NOT NULL DEFAULT '[]',
  error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (task_id, seq),
  CHECK (due_at IS NOT NULL OR state NOT IN ('queued', 'submitting', 'waiting', 'unknown'))
) STRICT;
CREATE INDEX step_by_due ON step (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE attempt (
  id TEXT PRIMARY KEY,
  step_id TEXT NOT NULL REFERENCES step (id),
  account_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('intent', 'accepted', 'refused', 'unknown', 'void')),
  remote_id TEXT,
  error TEXT,
  intent_at INTEGER NOT NULL,
  ended_at INTEGER,
  UNIQUE (step_id, number)
) STRICT;
-- The promise never to pay twice, kept by the database itself: a second live submit cannot be recorded.
CREATE UNIQUE INDEX attempt_live ON attempt (step_id) WHERE state IN ('intent', 'accepted', 'unknown');
CREATE UNIQUE INDEX attempt_by_remote ON attempt (account_id, remote_id) WHERE remote_id IS NOT NULL;

CREATE TABLE ledger (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  principal TEXT NOT NULL,
  provider TEXT NOT NULL,
  task_id TEXT NOT NULL REFERENCES task (id),
  attempt_id TEXT NOT NULL REFERENCES attempt (id),
  kind TEXT NOT NULL CHECK (kind IN ('hold', 'charge', 'release', 'refund', 'adjust', 'disputed')),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  note TEXT NOT NULL,
  UNIQUE (attempt_id, kind)
) STRICT;
CREATE INDEX ledger_by_task ON ledger (task_id, kind, amount);
CREATE INDEX ledger_by_principal ON ledger (principal, attempt_id);
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_not_cut BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- Where a provider's own clip id came from, so that `clip:<id>` finds its length, title, style and audio again.
CREATE TABLE clip (
  provider TEXT NOT NULL,
  provider_clip_id TEXT NOT NULL,
  task_id TEXT NOT NULL REFERENCES task (id),
  position INTEGER NOT NULL,
  PRIMARY KEY (provider, provider_clip_id)
) STRICT, WITHOUT ROWID;

-- One number an account: the time at which its next request conforms to the provider's rate.
CREATE TABLE pace (
  account_id TEXT PRIMARY KEY,
  free_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX step_by_provider ON step (provider, updated_at) WHERE state = 'succeeded';
