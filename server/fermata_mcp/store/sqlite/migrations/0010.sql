-- What amounts are in: credits of the task's provider (thousandths), or US dollars (millionths). Until now all were
-- credits. The ledger has it from the task, so that no task has money of two kinds.
ALTER TABLE task ADD COLUMN quote_unit TEXT NOT NULL DEFAULT 'credits' CHECK (quote_unit IN ('credits', 'usd'));
ALTER TABLE ledger ADD COLUMN unit TEXT NOT NULL DEFAULT 'credits' CHECK (unit IN ('credits', 'usd'));
ALTER TABLE sighting ADD COLUMN unit TEXT NOT NULL DEFAULT 'credits' CHECK (unit IN ('credits', 'usd'));
-- Caps of a token in dollars, beside those in credits.
ALTER TABLE token ADD COLUMN day_cap_usd INTEGER CHECK (day_cap_usd >= 0);
ALTER TABLE token ADD COLUMN month_cap_usd INTEGER CHECK (month_cap_usd >= 0);
