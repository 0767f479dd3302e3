-- The bytes of files, by their SHA-256. They stand in the database, and not beside it, so that they are
-- written in the transaction of the task that names them and are in every backup; `files.bytes_max` keeps
-- them small enough for that. None is ever removed: the history of tasks names them. A table with rows of
-- its own numbers, because its rows are long.
CREATE TABLE blob (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    -- What its first sender said it is; each entry of a task has its own.
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size = length(bytes)),
    bytes BLOB NOT NULL
) STRICT;
