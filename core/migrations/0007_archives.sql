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
