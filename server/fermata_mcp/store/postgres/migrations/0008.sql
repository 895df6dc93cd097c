-- What providers have posted about attempts: each once, whichever process it reaches.
CREATE TABLE news (
  attempt_id TEXT NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
  event TEXT NOT NULL,
  remote_id TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (attempt_id, event)
);
-- When a provider's posts were last heard, and when an end was last found that none had told of.
CREATE TABLE news_pulse (
  provider TEXT PRIMARY KEY,
  heard_at BIGINT NOT NULL,
  missed_at BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
-- The trace that a task belongs to, where anybody traces.
CREATE TABLE trace (
  task_id TEXT PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
  parent TEXT NOT NULL
);
-- How many tasks there are of each kind, without a look at the others; of the finished ones all are counted seldom.
CREATE INDEX task_open ON task (status) WHERE status IN ('queued', 'running', 'unknown');
CREATE INDEX task_over ON task (status) WHERE status IN ('succeeded', 'partial', 'failed', 'cancelled');
-- Tasks of a copy from before that is used again: what they may have sent since then, nobody sends by himself.
CREATE TABLE held (
  task_id TEXT PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
  reason TEXT NOT NULL
);
