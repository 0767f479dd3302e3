-- Secrets, each encrypted with AES-256-GCM and bound to its name. `key` says with which key, and nothing of it.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    nonce BLOB NOT NULL CHECK (length(nonce) = 12),
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
