-- The figures of each day of the instance's calendar, counted in days since 1970. All of it can be computed again.
CREATE TABLE instance_days (
    day                 INTEGER PRIMARY KEY,
    -- Whether it was computed when nothing could be added to the day any more.
    closed              INTEGER NOT NULL,
    -- Whether an earlier day changed since, which the week and the month that end here contain.
    windows_stale       INTEGER NOT NULL DEFAULT 0,
    posts               INTEGER NOT NULL,
    replies             INTEGER NOT NULL,
    boosts              INTEGER NOT NULL,
    favourites          INTEGER NOT NULL,
    mentions            INTEGER NOT NULL,
    follows             INTEGER NOT NULL,
    sign_ups            INTEGER NOT NULL,
    active_day          INTEGER NOT NULL,
    active_week         INTEGER NOT NULL,
    active_month        INTEGER NOT NULL,
    -- Posts of each hour that clocks showed, 24 numbers with commas.
    hours               TEXT    NOT NULL,
    public_posts        INTEGER NOT NULL,
    public_replies      INTEGER NOT NULL,
    public_boosts       INTEGER NOT NULL,
    public_favourites   INTEGER NOT NULL,
    public_mentions     INTEGER NOT NULL,
    public_follows      INTEGER NOT NULL,
    public_sign_ups     INTEGER NOT NULL,
    public_active_day   INTEGER NOT NULL,
    public_active_week  INTEGER NOT NULL,
    public_active_month INTEGER NOT NULL,
    public_hours        TEXT    NOT NULL
) STRICT;
CREATE INDEX instance_days_open ON instance_days (day) WHERE closed = 0;
CREATE INDEX instance_days_windows ON instance_days (day) WHERE windows_stale = 1;

-- Only days on which there is something to tell; kept for a year and a bit.
CREATE TABLE account_days (
    account             INTEGER NOT NULL REFERENCES accounts (id),
    day                 INTEGER NOT NULL,
    posts               INTEGER NOT NULL,
    replies             INTEGER NOT NULL,
    boosts              INTEGER NOT NULL,
    boosts_received     INTEGER NOT NULL,
    favourites_received INTEGER NOT NULL,
    replies_received    INTEGER NOT NULL,
    mentions_received   INTEGER NOT NULL,
    reach               INTEGER NOT NULL,
    new_followers       INTEGER NOT NULL,
    PRIMARY KEY (account, day)
) WITHOUT ROWID, STRICT;
CREATE INDEX account_days_by_day ON account_days (day, account);

-- The first tags, languages and clients of each day.
CREATE TABLE day_shares (
    day       INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    label     TEXT    NOT NULL,
    posts     INTEGER NOT NULL,
    authors   INTEGER NOT NULL,
    PRIMARY KEY (day, dimension, label)
) WITHOUT ROWID, STRICT;
CREATE INDEX day_shares_by_label ON day_shares (dimension, label);

-- What can't be computed afterwards, by quarters of an hour since 1970: any zone's midnight falls between two of them.
CREATE TABLE measured_quarters (
    quarter        INTEGER PRIMARY KEY,
    database_bytes INTEGER,
    mail_sent      INTEGER NOT NULL DEFAULT 0,
    mail_failed    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Quarters of an hour of which something was taken away or changed afterwards, with the commit that last did.
CREATE TABLE stale_quarters (
    quarter  INTEGER PRIMARY KEY,
    "commit" INTEGER NOT NULL
) STRICT;

-- Accounts that became hidden or visible: the quarters of all they did are being marked as stale, up to an id.
CREATE TABLE stale_accounts (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    after   INTEGER NOT NULL
) STRICT;
