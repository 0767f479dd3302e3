-- Which tasks have, or had, a file: whoever may view the workflow of one of them may read it. Written with the task, and
-- kept as long as the task is there, since its history names the file.
CREATE TABLE task_blob (
    blob_id BLOB NOT NULL CHECK (length(blob_id) = 32),
    workflow_id TEXT NOT NULL,
    task_id BLOB NOT NULL,
    PRIMARY KEY (blob_id, workflow_id, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_blob_task ON task_blob (task_id);

-- The files of before: every one that a task ever had is in its history, as an object in a list of [before, after].
INSERT OR IGNORE INTO task_blob (blob_id, workflow_id, task_id)
SELECT unhex(json_extract(entry.value, '$.blobId')), task.workflow_id, task.id
FROM task_history
    JOIN task ON task.id = task_history.task_id
    JOIN json_each(task_history.changes) AS slot
    JOIN json_each(slot.value) AS side ON side.type = 'array'
    JOIN json_each(side.value) AS entry ON entry.type = 'object'
WHERE task_history.changes LIKE '%"blobId"%';

-- Who has made an invitation, a user or a key: it is worth no more than they are.
ALTER TABLE invitation ADD COLUMN made_by TEXT;
UPDATE invitation SET made_by =
    (SELECT json_extract(performer, '$.id') FROM audit WHERE change = 'invitation.added' AND about = invitation.id);
-- Those whose makers may not invite any more. What a key has made ends with it.
UPDATE invitation SET expires_at = min(expires_at, coalesce(
    (SELECT expires_at FROM api_key WHERE id = invitation.made_by), expires_at));
DELETE FROM invitation
WHERE made_by NOT IN (SELECT id FROM person WHERE is_administrator = 1 AND is_active = 1
                      UNION ALL SELECT id FROM api_key WHERE revoked_at IS NULL)
   OR made_by IS NULL
   OR expires_at <= unixepoch() * 1000;
