-- Posts and boosts. The dense key halves the search index; the id is what everybody else knows.
CREATE TABLE posts (
    key              INTEGER PRIMARY KEY,
    id               INTEGER NOT NULL UNIQUE,
    author           INTEGER NOT NULL REFERENCES accounts (id),
    visibility       INTEGER NOT NULL,
    boost_of         INTEGER,
    boost_author     INTEGER,
    reply_to         INTEGER,
    reply_author     INTEGER,
    sensitive        INTEGER NOT NULL DEFAULT 0,
    spoiler          TEXT    NOT NULL DEFAULT '',
    text             TEXT    NOT NULL DEFAULT '',
    language         TEXT,
    app              INTEGER,
    edited_at        INTEGER,
    replies_count    INTEGER NOT NULL DEFAULT 0,
    boosts_count     INTEGER NOT NULL DEFAULT 0,
    favourites_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX posts_by_author ON posts (author, id);
CREATE INDEX posts_by_reply ON posts (reply_to, id) WHERE reply_to IS NOT NULL;
CREATE UNIQUE INDEX posts_by_boost ON posts (boost_of, author) WHERE boost_of IS NOT NULL;
CREATE INDEX posts_by_boost_time ON posts (boost_of, id) WHERE boost_of IS NOT NULL;
CREATE INDEX posts_public ON posts (id) WHERE visibility = 0 AND boost_of IS NULL;

CREATE TABLE mentions (
    post    INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (post, account)
) WITHOUT ROWID, STRICT;
CREATE INDEX mentions_by_account ON mentions (account, post);

CREATE TABLE tags (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE post_tags (
    tag  INTEGER NOT NULL REFERENCES tags (id),
    post INTEGER NOT NULL,
    PRIMARY KEY (tag, post)
) WITHOUT ROWID, STRICT;
CREATE INDEX post_tags_by_post ON post_tags (post);

-- What a post said before its edits, oldest first.
CREATE TABLE post_edits (
    id        INTEGER PRIMARY KEY,
    post      INTEGER NOT NULL,
    made_at   INTEGER NOT NULL,
    sensitive INTEGER NOT NULL,
    spoiler   TEXT    NOT NULL,
    text      TEXT    NOT NULL
) STRICT;
CREATE INDEX post_edits_by_post ON post_edits (post, id);

CREATE TABLE favourites (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    post    INTEGER NOT NULL,
    UNIQUE (account, post)
) STRICT;
CREATE INDEX favourites_by_account ON favourites (account, id);
CREATE INDEX favourites_by_post ON favourites (post, id);

CREATE TABLE bookmarks (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    post    INTEGER NOT NULL,
    UNIQUE (account, post)
) STRICT;
CREATE INDEX bookmarks_by_account ON bookmarks (account, id);
CREATE INDEX bookmarks_by_post ON bookmarks (post);

CREATE TABLE notifications (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind    INTEGER NOT NULL,
    sender  INTEGER NOT NULL REFERENCES accounts (id),
    post    INTEGER,
    UNIQUE (account, kind, sender, post)
) STRICT;
CREATE INDEX notifications_by_account ON notifications (account, id);
CREATE INDEX notifications_by_post ON notifications (post) WHERE post IS NOT NULL;
CREATE INDEX notifications_by_sender ON notifications (sender);

CREATE TABLE markers (
    account    INTEGER NOT NULL REFERENCES accounts (id),
    timeline   INTEGER NOT NULL,
    last_read  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, timeline)
) WITHOUT ROWID, STRICT;

-- A client's retry with the same key gets the post that the first try made. The post tells the key's age.
CREATE TABLE idempotency_keys (
    post INTEGER PRIMARY KEY,
    -- Of the account and the key.
    hash BLOB    NOT NULL UNIQUE
) STRICT;
