-- Who administers the workspace. The people of before are asked nothing anew: `onward user administrator` makes the first.
ALTER TABLE person ADD COLUMN is_administrator INTEGER NOT NULL DEFAULT 0;

-- What a key may do (a JSON array), in which workflows (a JSON array; NULL for all), until when (NULL for ever). The keys of
-- before may do everything.
ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT '["read","edit","perform","administer"]';
ALTER TABLE api_key ADD COLUMN workflows TEXT;
ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
ALTER TABLE api_key ADD COLUMN used_at INTEGER;
ALTER TABLE api_key ADD COLUMN revoked_at INTEGER;

-- People who are signed in, by the SHA-256 of their cookie's token.
CREATE TABLE session (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Links with which somebody becomes a user (user_id is NULL), or a user chooses a new password; by the SHA-256 of the
-- link's token. `roles` is a JSON object: role ids by workflow ids.
CREATE TABLE invitation (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    user_id TEXT,
    email TEXT NOT NULL,
    is_administrator INTEGER NOT NULL,
    roles TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What administrators have changed. `performer` is JSON, as in the history of tasks; `detail` is JSON.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    performer TEXT NOT NULL,
    change TEXT NOT NULL,
    about TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
