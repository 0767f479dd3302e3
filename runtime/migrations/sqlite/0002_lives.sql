-- What executions need to wait, be retried and be told apart, and the history of tasks.

-- A stage change that is to come: stage, instant and performer as JSON, and the instant again, to be
-- found by. `revision`: how many entries the task's history has; `last_entry`: the last of them.
ALTER TABLE task ADD COLUMN schedule TEXT;
ALTER TABLE task ADD COLUMN scheduled_at INTEGER;
ALTER TABLE task ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN last_entry INTEGER;
CREATE INDEX task_scheduled ON task (scheduled_at) WHERE scheduled_at IS NOT NULL;

-- The last state of tasks that are gone; their executions and history stay.
CREATE TABLE deleted_task (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    workflow_id TEXT NOT NULL,
    unique_id TEXT,
    stage_id TEXT NOT NULL,
    assigned_to TEXT,
    field_values TEXT NOT NULL,
    created_on INTEGER NOT NULL,
    updated_on INTEGER NOT NULL,
    schedule TEXT,
    revision INTEGER NOT NULL,
    last_entry INTEGER
) STRICT, WITHOUT ROWID;

-- Every change of every task, in the order in which they came: a new one goes to the end. No index leads
-- from a task to its entries, which would cost every change another page: the task's row knows the last
-- one, and each knows the one before it. `changes` is a JSON object by field id (`Stage` and `Assigned To`
-- for those) of [before, after]. Either the execution that wrote, or the performer as the contract shows one.
CREATE TABLE task_history (
    id INTEGER PRIMARY KEY,
    previous INTEGER,
    task_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    execution_id BLOB,
    performer TEXT,
    changes TEXT NOT NULL
) STRICT;

-- What was there before this table is where its history begins.
INSERT INTO task_history (task_id, number, at, cause, performer, changes)
SELECT id, 1, updated_on, 'created', '{"id":"onward","email":null,"first_name":"Onward","last_name":null}',
       json_patch(
           json_patch(
               json_object('Stage', json_array(NULL, stage_id)),
               CASE WHEN assigned_to IS NULL THEN '{}' ELSE json_object('Assigned To', json_array(NULL, assigned_to)) END),
           (SELECT coalesce(json_group_object(key, json_array(NULL, CASE type WHEN 'true' THEN json('true')
                                                                    WHEN 'false' THEN json('false')
                                                                    WHEN 'array' THEN json(value) ELSE value END)), '{}')
            FROM json_each(task.field_values)))
FROM task;
CREATE INDEX only_now ON task_history (task_id);
UPDATE task SET revision = 1, last_entry = (SELECT id FROM task_history WHERE task_id = task.id);
DROP INDEX only_now;

-- `place`: the order in which a task's executions take turns. `stage_seen`: the stage it last saw or wrote.
-- `began_after`: the entry of the task's history after which it began. `tries`: how often the step it stands at was tried without a person asking.
ALTER TABLE execution ADD COLUMN place BLOB NOT NULL DEFAULT x'';
ALTER TABLE execution ADD COLUMN stage_seen TEXT;
ALTER TABLE execution ADD COLUMN began_after INTEGER;
ALTER TABLE execution ADD COLUMN task_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
UPDATE execution SET place = id;
-- Those that had begun: what they have changed came before the history.
UPDATE execution SET began_after = 1, stage_seen = (SELECT stage_id FROM task WHERE id = task_id)
WHERE attempts > 0 OR state = 'running' OR (state = 'queued' AND flag = 1);
DROP INDEX execution_open;
CREATE INDEX execution_open ON execution (place) WHERE state IN ('queued', 'running', 'retrying', 'waiting', 'blocked');
CREATE INDEX execution_parked ON execution (task_id) WHERE state IN ('waiting', 'blocked', 'retrying');
CREATE INDEX execution_wake ON execution (wake_at) WHERE state = 'waiting';

-- What of a step's answer the fields cannot take: a JSON object by field name.
ALTER TABLE attempt ADD COLUMN field_errors TEXT;
-- The workflow's version whose step it was: a Retry may go on with another.
ALTER TABLE attempt ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE attempt SET version = coalesce((SELECT version FROM execution WHERE id = execution_id), 0);

-- Idempotency keys that were used, by a digest of principal, route and key; kept for a day.
CREATE TABLE admitted (
    scope BLOB PRIMARY KEY CHECK (length(scope) = 32),
    body BLOB NOT NULL CHECK (length(body) = 32),
    execution_id BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX admitted_at ON admitted (at);
