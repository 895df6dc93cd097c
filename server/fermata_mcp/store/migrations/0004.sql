-- Rows that were written later than it is now: the clock was set back.
CREATE INDEX step_by_writing ON step (updated_at) WHERE due_at IS NOT NULL;
