-- The token of the link with which the first user is made; kept until there is one, so that the link that was told stays
-- good when the server starts again. Whoever can read it here could make a user without it.
CREATE TABLE setup (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    token TEXT NOT NULL
) STRICT;
