-- In which workflows a task has, or had, a file: whoever may view one of them may read it. Written with the task, and kept
-- like the file itself, since the history names it.
CREATE TABLE blob_workflow (
    blob_id BLOB NOT NULL CHECK (length(blob_id) = 32),
    workflow_id TEXT NOT NULL,
    PRIMARY KEY (blob_id, workflow_id)
) STRICT, WITHOUT ROWID;

-- The files of before: every one that a task ever had is in its history, as an object in a list of [before, after].
INSERT OR IGNORE INTO blob_workflow (blob_id, workflow_id)
SELECT unhex(json_extract(entry.value, '$.blobId')), coalesce(task.workflow_id, deleted_task.workflow_id)
FROM task_history
    JOIN json_each(task_history.changes) AS slot
    JOIN json_each(slot.value) AS side ON side.type = 'array'
    JOIN json_each(side.value) AS entry ON entry.type = 'object'
    LEFT JOIN task ON task.id = task_history.task_id
    LEFT JOIN deleted_task ON deleted_task.id = task_history.task_id
WHERE task_history.changes LIKE '%"blobId"%'
  AND coalesce(task.workflow_id, deleted_task.workflow_id) IS NOT NULL;

-- Who has made an invitation, a user or a key: it is worth no more than they are.
ALTER TABLE invitation ADD COLUMN made_by TEXT;
UPDATE invitation SET made_by =
    (SELECT json_extract(performer, '$.id') FROM audit WHERE change = 'invitation.added' AND about = invitation.id);
-- Those whose makers may not invite any more.
DELETE FROM invitation
WHERE made_by NOT IN (SELECT id FROM person WHERE is_administrator = 1 AND is_active = 1
                      UNION ALL SELECT id FROM api_key WHERE revoked_at IS NULL)
   OR made_by IS NULL;
