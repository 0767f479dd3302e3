-- Who has made a version, as the contract showed them then; NULL for one that came from a file.
ALTER TABLE workflow_version ADD COLUMN made_by TEXT;
