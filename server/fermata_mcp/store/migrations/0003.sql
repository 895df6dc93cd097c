-- When the provider said that the work is finished: from then on it is only the audio that is waited for.
ALTER TABLE step ADD COLUMN made_at INTEGER;
