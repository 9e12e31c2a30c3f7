-- Repetitions of one experiment are found by the hash of its configuration without the seed.
ALTER TABLE runs ADD COLUMN recipe_hash TEXT;
CREATE INDEX runs_by_recipe ON runs (recipe_hash, seed);
