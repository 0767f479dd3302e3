-- Failures that nobody was waiting for, until somebody is told; written with the failure itself. A number is
-- never given twice: what is told up to one is told.
CREATE TABLE untold (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workflow_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    task_id BLOB NOT NULL,
    execution_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    step INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    is_unknown INTEGER NOT NULL
) STRICT;
CREATE INDEX untold_workflow ON untold (workflow_id);
