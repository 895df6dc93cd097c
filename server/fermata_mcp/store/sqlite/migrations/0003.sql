-- When the provider said that the work is finished: from then on it is only the audio that is waited for.
ALTER TABLE step ADD COLUMN made_at INTEGER;
-- What a chain comes to if its steps are as long as usual, beside the most that it can cost.
ALTER TABLE task ADD COLUMN quote_expected INTEGER;
