-- Which role a user was given in a workflow. Who has no row is a Collaborator.
CREATE TABLE membership (
    workflow_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    PRIMARY KEY (workflow_id, user_id)
) STRICT, WITHOUT ROWID;
