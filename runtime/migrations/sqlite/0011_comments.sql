-- What people write about a task, numbered from 1. Rows of its own numbers, because its rows are long. `mentions`
-- is a JSON list of users' ids; `performer` is who wrote it, as the contract showed them then.
CREATE TABLE comment (
    id INTEGER PRIMARY KEY,
    task_id BLOB NOT NULL CHECK (length(task_id) = 16),
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    mentions TEXT NOT NULL,
    performer TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (task_id, number)
) STRICT;

-- Checklist items that somebody has set or added. One of the workflow's template has no row until it is set, and
-- neither title nor stage: those are the workflow's. `performer` and `at`: who set it last, and when.
CREATE TABLE checklist_item (
    task_id BLOB NOT NULL CHECK (length(task_id) = 16),
    id TEXT NOT NULL,
    title TEXT,
    stage_id TEXT,
    status TEXT NOT NULL,
    assigned_to TEXT,
    performer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (task_id, id),
    CHECK ((title IS NULL) = (stage_id IS NULL))
) STRICT, WITHOUT ROWID;
