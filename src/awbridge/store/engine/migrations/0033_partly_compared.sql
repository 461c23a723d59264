-- compatible from: 0031 (columns that may be empty)
-- What of ClickPost's tables could not be read, and how many rows were compared only in part because of it.
ALTER TABLE reconciliations ADD COLUMN partly INTEGER;
ALTER TABLE reconciliations ADD COLUMN not_understood TEXT;

-- What ClickPost lists as accounts: its reports call couriers by these names.
ALTER TABLE courier_comparisons ADD COLUMN accounts TEXT;
