-- With the time at which each row was written beside the time at which it is due, one look at the index tells which
-- rows were written later than it is now: the clock was set back.
DROP INDEX step_by_due;
CREATE INDEX step_by_due ON step (due_at, updated_at) WHERE due_at IS NOT NULL;
