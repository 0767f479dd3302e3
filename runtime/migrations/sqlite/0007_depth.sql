-- How many executions led to one, each by a call of its steps.
ALTER TABLE execution ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
