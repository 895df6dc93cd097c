-- Whose a step is, and whether it is a render, which waits for a processor of ours. Until now all were one person's.
ALTER TABLE step ADD COLUMN principal TEXT NOT NULL DEFAULT 'local';
ALTER TABLE step ADD COLUMN render INTEGER NOT NULL DEFAULT 0;
-- What is queued is taken by turns, one person after another; what is looked at, by its time. Behind the time stands
-- when the row was written: what was written later than it is now tells that the clock was set back.
DROP INDEX step_by_due;
CREATE INDEX step_queued ON step (render, principal, due_at, updated_at) WHERE state = 'queued';
CREATE INDEX step_looked_at ON step (due_at, updated_at) WHERE due_at IS NOT NULL AND state <> 'queued';
-- How many renders each has going, and who was served longest ago.
CREATE INDEX step_rendering ON step (principal) WHERE render = 1 AND home IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX step_served ON step (render, principal, submitted_at) WHERE submitted_at IS NOT NULL;
-- A list of what is queued, or of one provider's, is as quick among a million tasks as among a thousand.
CREATE INDEX task_by_status ON task (principal, status, created_at, id);
CREATE INDEX task_by_provider ON task (principal, provider, created_at, id);
