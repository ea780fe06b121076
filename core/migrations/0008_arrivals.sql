-- The archive that an account uploaded last, and how far it is taken in. The archive itself is a file beside the database.
CREATE TABLE arrivals (
    account  INTEGER PRIMARY KEY REFERENCES accounts (id),
    asked_at INTEGER NOT NULL,
    -- The file's name here, as long as it is needed.
    file     TEXT,
    -- What it was called where it comes from: a list is known by its name.
    name     TEXT    NOT NULL,
    bytes    INTEGER NOT NULL,
    -- How many things are in it, once it was looked through, and how many of them are done.
    things   INTEGER,
    done     INTEGER NOT NULL DEFAULT 0,
    -- What became of those, as JSON.
    report   TEXT    NOT NULL DEFAULT '',
    -- How and when it ended, and what was wrong with it.
    outcome  TEXT CHECK (outcome IN ('done', 'refused', 'cancelled')),
    ended_at INTEGER,
    reason   TEXT
) STRICT;
CREATE INDEX arrivals_by_age ON arrivals (asked_at);
