-- Ids are never used twice: a page that names one may be older than what it names.
CREATE TABLE apps (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id     TEXT    NOT NULL UNIQUE,
    secret_hash   BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    website       TEXT,
    redirect_uris TEXT    NOT NULL,
    scopes        TEXT    NOT NULL,
    made_at       INTEGER NOT NULL,
    -- Whether a post was ever written with it; the others are forgotten when nobody has a token for them.
    used          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX apps_unused ON apps (made_at) WHERE used = 0;

CREATE TABLE codes (
    hash         BLOB    PRIMARY KEY,
    app          INTEGER NOT NULL REFERENCES apps (id),
    account      INTEGER NOT NULL REFERENCES accounts (id),
    redirect_uri TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    challenge    BLOB,
    expires_at   INTEGER NOT NULL,
    used         INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID, STRICT;
CREATE INDEX codes_by_account ON codes (account);
CREATE INDEX codes_by_app ON codes (app);
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE tokens (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    hash      BLOB    NOT NULL UNIQUE,
    app       INTEGER REFERENCES apps (id),
    -- None for a client's own token, which reaches no user's route.
    account   INTEGER REFERENCES accounts (id),
    scopes    TEXT    NOT NULL,
    code      BLOB,
    made_at   INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_by_account ON tokens (account, id);
CREATE INDEX tokens_by_app ON tokens (app);
CREATE INDEX tokens_by_code ON tokens (code) WHERE code IS NOT NULL;

CREATE TABLE sessions (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    hash      BLOB    NOT NULL UNIQUE,
    account   INTEGER NOT NULL REFERENCES accounts (id),
    agent     TEXT    NOT NULL,
    made_at   INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account, id);
CREATE INDEX sessions_by_use ON sessions (last_used);

-- Links that work once or a few times: set-up, password reset, invitation.
CREATE TABLE links (
    hash       BLOB    PRIMARY KEY,
    kind       INTEGER NOT NULL,
    account    INTEGER REFERENCES accounts (id),
    uses_left  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX links_by_account ON links (account) WHERE account IS NOT NULL;
CREATE INDEX links_set_up ON links (kind) WHERE kind = 0;
CREATE INDEX links_by_expiry ON links (expires_at);
