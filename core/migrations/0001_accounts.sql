-- The instance itself: identity, commit number, remembered settings.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- A deleted account keeps its row, emptied, with a mark in the place of its name, which stays taken by it.
CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL COLLATE NOCASE UNIQUE,
    email           TEXT    COLLATE NOCASE UNIQUE,
    email_confirmed INTEGER NOT NULL DEFAULT 0,
    -- The address that takes the place of the other when it is confirmed.
    new_email       TEXT    COLLATE NOCASE,
    password_hash   TEXT,
    -- What a sign-up becomes whose address is confirmed: in use, or waiting for approval.
    confirms_to     INTEGER,
    -- Whether anybody ever logged in with the password: the first time is no news.
    logged_in       INTEGER NOT NULL DEFAULT 0,
    role            INTEGER NOT NULL DEFAULT 0,
    state           INTEGER NOT NULL DEFAULT 0,
    display_name    TEXT    NOT NULL DEFAULT '',
    note            TEXT    NOT NULL DEFAULT '',
    fields          TEXT    NOT NULL DEFAULT '[]',
    locked          INTEGER NOT NULL DEFAULT 0,
    bot             INTEGER NOT NULL DEFAULT 0,
    discoverable    INTEGER NOT NULL DEFAULT 1,
    post_visibility INTEGER NOT NULL DEFAULT 0,
    post_sensitive  INTEGER NOT NULL DEFAULT 0,
    post_language   TEXT,
    signup_reason   TEXT,
    followers_count INTEGER NOT NULL DEFAULT 0,
    following_count INTEGER NOT NULL DEFAULT 0,
    posts_count     INTEGER NOT NULL DEFAULT 0,
    last_open_post  INTEGER,
    -- The newest entry of any visibility: a merge asks only accounts that can be on the page.
    last_entry      INTEGER NOT NULL DEFAULT 0,
    -- Notifications up to this one are gone for their reader; their rows are being removed.
    notifications_cleared INTEGER NOT NULL DEFAULT 0,
    -- The commit that last changed what this account's home is made of.
    sources_commit  INTEGER NOT NULL DEFAULT 0,
    -- The commit that last ended several of this account's credentials at once, or changed its role or state.
    access_commit   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX accounts_owners ON accounts (role) WHERE role > 0;
CREATE INDEX accounts_pending ON accounts (state) WHERE state = 1;
CREATE INDEX accounts_unconfirmed ON accounts (id) WHERE state = 4;

-- Kept by follower: whom an account follows is read as a whole for each cold home.
CREATE TABLE follows (
    id           INTEGER NOT NULL UNIQUE,
    follower     INTEGER NOT NULL REFERENCES accounts (id),
    followee     INTEGER NOT NULL REFERENCES accounts (id),
    shows_boosts INTEGER NOT NULL,
    notifies     INTEGER NOT NULL,
    PRIMARY KEY (follower, followee)
) WITHOUT ROWID, STRICT;
CREATE INDEX follows_by_follower ON follows (follower, id);
CREATE INDEX follows_by_followee ON follows (followee, id);
CREATE INDEX follows_notified ON follows (followee, follower) WHERE notifies = 1;

CREATE TABLE follow_requests (
    id           INTEGER PRIMARY KEY,
    follower     INTEGER NOT NULL REFERENCES accounts (id),
    followee     INTEGER NOT NULL REFERENCES accounts (id),
    shows_boosts INTEGER NOT NULL,
    notifies     INTEGER NOT NULL,
    UNIQUE (follower, followee)
) STRICT;
CREATE INDEX follow_requests_by_followee ON follow_requests (followee, id);

CREATE TABLE blocks (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    target  INTEGER NOT NULL REFERENCES accounts (id),
    UNIQUE (account, target)
) STRICT;
CREATE INDEX blocks_by_account ON blocks (account, id);
CREATE INDEX blocks_by_target ON blocks (target, account);

CREATE TABLE mutes (
    id                  INTEGER PRIMARY KEY,
    account             INTEGER NOT NULL REFERENCES accounts (id),
    target              INTEGER NOT NULL REFERENCES accounts (id),
    hides_notifications INTEGER NOT NULL,
    UNIQUE (account, target)
) STRICT;
CREATE INDEX mutes_by_account ON mutes (account, id);
CREATE INDEX mutes_by_target ON mutes (target);
