-- Which role a user was given in a workflow. Who has no row is a Collaborator.
CREATE TABLE membership (
    workflow_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    PRIMARY KEY (workflow_id, user_id)
) STRICT, WITHOUT ROWID;

-- Who has left stays, for the history; nothing new is done in their name.
ALTER TABLE person ADD COLUMN is_active INTEGER NOT NULL DEFAULT 1;
