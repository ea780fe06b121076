-- Where jobs lead to: inside the house, or the mail server. Failures of a destination are counted here, not job by job.
CREATE TABLE destinations (
    name       TEXT    PRIMARY KEY,
    lane       INTEGER NOT NULL,
    failures   INTEGER NOT NULL DEFAULT 0,
    -- Until then nothing is tried.
    open_until INTEGER NOT NULL DEFAULT 0,
    paused     INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
) WITHOUT ROWID, STRICT;
INSERT INTO destinations (name, lane) VALUES ('house', 0), ('mail', 1);

-- Work that has to be done after a commit. An id is never used twice: whoever gets the result knows a repetition by it.
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    -- Ids, never texts: what is deleted meanwhile is gone.
    payload     TEXT    NOT NULL,
    destination TEXT    NOT NULL REFERENCES destinations (name),
    priority    INTEGER NOT NULL,
    dedup_key   TEXT,
    state       INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- When a waiting job is due, the lease of a running one ends, a dead one died.
    run_at      INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    last_error  TEXT
) STRICT;
CREATE UNIQUE INDEX jobs_by_dedup_key ON jobs (dedup_key) WHERE dedup_key IS NOT NULL AND state < 2;
CREATE INDEX jobs_waiting ON jobs (destination, priority, run_at) WHERE state = 0;
CREATE INDEX jobs_waiting_by_age ON jobs (made_at) WHERE state = 0;
-- Whose mail it is, for accounts that go.
CREATE INDEX jobs_of_mail_by_account ON jobs (CASE WHEN json_valid(payload) THEN CAST(payload ->> 'account' AS INTEGER) END)
    WHERE destination = 'mail';
CREATE INDEX jobs_running ON jobs (run_at) WHERE state = 1;
CREATE INDEX jobs_dead ON jobs (run_at) WHERE state = 2;

-- What runs by the clock.
CREATE TABLE schedules (
    task        TEXT    PRIMARY KEY,
    -- The expression that due_at was reckoned with: another one makes it void.
    expression  TEXT    NOT NULL,
    due_at      INTEGER NOT NULL,
    paused      INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER,
    finished_at INTEGER,
    last_error  TEXT
) WITHOUT ROWID, STRICT;

-- What an account wants to be told by mail; without a row, the defaults.
CREATE TABLE mail_settings (
    account         INTEGER PRIMARY KEY REFERENCES accounts (id),
    mentions        INTEGER NOT NULL,
    follow_requests INTEGER NOT NULL,
    sign_ups        INTEGER NOT NULL,
    log_ins         INTEGER NOT NULL,
    quiet_from      INTEGER,
    quiet_until     INTEGER,
    time_zone       TEXT
) STRICT;

-- How mail to an account fares.
CREATE TABLE mail_standing (
    account       INTEGER PRIMARY KEY REFERENCES accounts (id),
    -- The hour since 1970 that `sent` counts mails of.
    hour          INTEGER NOT NULL DEFAULT 0,
    sent          INTEGER NOT NULL DEFAULT 0,
    bounced_at    INTEGER,
    bounce_reason TEXT,
    -- When a mail to confirm the address was last asked for.
    asked_at      INTEGER,
    -- The hour since 1970 that `resets` counts links to a new password of.
    reset_hour    INTEGER NOT NULL DEFAULT 0,
    resets        INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What the next digest tells: of which kind, and about which post or account.
CREATE TABLE digest_items (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind    TEXT    NOT NULL,
    subject INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    UNIQUE (account, kind, subject)
) STRICT;
CREATE INDEX digest_items_by_account ON digest_items (account, id);
CREATE INDEX digest_items_by_age ON digest_items (made_at);
