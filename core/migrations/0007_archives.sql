-- What came out of somebody's archive: where it is known by another address, and as what it is here. A row outlives its
-- post, so that what its author deleted doesn't come back with the same archive.
CREATE TABLE imports (
    account INTEGER NOT NULL REFERENCES accounts (id),
    -- Of the address.
    origin  BLOB    NOT NULL,
    post    INTEGER NOT NULL,
    PRIMARY KEY (account, origin)
) WITHOUT ROWID, STRICT;
CREATE INDEX imports_by_post ON imports (post);

-- The archive that an account asked for last. What is written is a file beside the database.
CREATE TABLE archives (
    account  INTEGER PRIMARY KEY REFERENCES accounts (id),
    asked_at INTEGER NOT NULL,
    -- As long as it is being written, these are empty.
    made_at  INTEGER,
    file     TEXT,
    bytes    INTEGER
) STRICT;
CREATE INDEX archives_by_age ON archives (asked_at);
