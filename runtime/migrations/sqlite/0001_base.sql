-- The workspace's slowly changing state. `revision` grows with each change of it, so that a server
-- notices what a command line beside it has changed.
CREATE TABLE workspace (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO workspace (only_row, revision) VALUES (1, 1);

CREATE TABLE workflow_version (
    workflow_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- The definition as it was written.
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workflow_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    password_hash TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- Ids are 16 bytes that grow with time, so new rows go to the end of the tree. Instants are
-- milliseconds since the epoch. `field_values` is a JSON object by field id.
CREATE TABLE task (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    workflow_id TEXT NOT NULL,
    unique_id TEXT,
    stage_id TEXT NOT NULL,
    assigned_to TEXT,
    field_values TEXT NOT NULL,
    created_on INTEGER NOT NULL,
    updated_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX task_unique_id ON task (workflow_id, unique_id) WHERE unique_id IS NOT NULL;
CREATE INDEX task_workflow ON task (workflow_id, id);

CREATE TABLE task_number (
    workflow_id TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE execution (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    task_id BLOB NOT NULL,
    workflow_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    action_id TEXT NOT NULL,
    -- Who performed it, as the contract showed them then.
    performer TEXT NOT NULL,
    state TEXT NOT NULL,
    step INTEGER NOT NULL,
    -- queued: whether it has run before; running: whether it is in mid-call.
    flag INTEGER NOT NULL,
    wake_at INTEGER,
    code TEXT,
    message TEXT,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Few rows at any time: what a start has to go on with.
CREATE INDEX execution_open ON execution (id) WHERE state IN ('queued', 'running', 'waiting');

CREATE TABLE attempt (
    execution_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    record TEXT,
    warnings TEXT,
    PRIMARY KEY (execution_id, number)
) STRICT, WITHOUT ROWID;
