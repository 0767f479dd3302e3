-- Workflows that are put away: nothing new is done in them, and they are not listed among the others. One with a row is.
CREATE TABLE archived_workflow (
    workflow_id TEXT PRIMARY KEY,
    archived_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
