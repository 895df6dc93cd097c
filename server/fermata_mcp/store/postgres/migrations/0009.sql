-- Whose a step is, and whether it is a render, which waits for a processor of ours. Until now all were one person's.
ALTER TABLE step ADD COLUMN principal TEXT NOT NULL DEFAULT 'local';
ALTER TABLE step ADD COLUMN render BOOLEAN NOT NULL DEFAULT false;
-- What is queued is taken by turns, one person after another; what is looked at, by its time. When a row was written
-- has an index of its own: what was written later than it is now tells that the clock was set back.
DROP INDEX step_by_due;
CREATE INDEX step_queued ON step (render, principal, due_at, id) WHERE state = 'queued';
CREATE INDEX step_queued_by_due ON step (due_at) WHERE state = 'queued';
CREATE INDEX step_looked_at ON step (due_at) WHERE due_at IS NOT NULL AND state <> 'queued';
CREATE INDEX step_written ON step (updated_at) WHERE due_at IS NOT NULL;
-- How many renders each has going, and who was served longest ago.
CREATE INDEX step_rendering ON step (principal) WHERE render AND home IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX step_served ON step (render, principal, submitted_at) WHERE submitted_at IS NOT NULL;
