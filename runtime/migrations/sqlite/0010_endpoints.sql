-- Endpoints that have said that they are gone (410), as HOST:PORT: they are not called until somebody enables them.
CREATE TABLE disabled_endpoint (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
