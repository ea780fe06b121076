//! What must be true of the tables as a whole: for each invariant, the query that finds what breaks it.
//!
//! Each query answers one column of text, a row for each violation. Purges are taken into account: what hangs on a
//! deleted post or account may wait for one, and for nothing else.

/// One invariant.
pub(in crate::store) struct Invariant {
    /// What it is called in the output of `kinglet check`.
    pub(in crate::store) name: &'static str,
    /// Finds what breaks it.
    pub(in crate::store) violations: &'static str,
}

/// Notifications of what isn't there any more, for those who find them and those who remove them.
macro_rules! causeless_notifications {
    () => {
        "FROM notifications
         WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = sender AND state = 3)
           AND CASE
               WHEN kind = 3 THEN NOT EXISTS (SELECT 1 FROM follows
                   WHERE follower = notifications.sender AND followee = notifications.account)
               WHEN kind = 4 THEN NOT EXISTS (SELECT 1 FROM follow_requests
                   WHERE follower = notifications.sender AND followee = notifications.account)
               WHEN post IS NULL OR post NOT IN (SELECT id FROM posts) THEN 0
               WHEN kind = 1 THEN NOT EXISTS (SELECT 1 FROM posts AS boosts
                   WHERE boosts.boost_of = notifications.post AND boosts.author = notifications.sender)
               WHEN kind = 2 THEN NOT EXISTS (SELECT 1 FROM favourites
                   WHERE favourites.post = notifications.post AND favourites.account = notifications.sender)
               WHEN kind IN (0, 5, 6) THEN NOT EXISTS (SELECT 1 FROM posts AS told
                   WHERE told.id = notifications.post AND told.author = notifications.sender)
               ELSE 0 END"
    };
}
pub(super) use causeless_notifications;

macro_rules! invariants {
    ($($name:literal: $violations:expr,)*) => {
        /// Every invariant beside those that SQLite knows itself.
        pub(in crate::store) const INVARIANTS: &[Invariant] = &[
            $(Invariant { name: $name, violations: $violations },)*
        ];
    };
}

/// Everything that SQLite itself can find wrong with its file, the search indexes included.
pub(in crate::store) const INTEGRITY: &str = "SELECT integrity_check FROM pragma_integrity_check \
     WHERE integrity_check <> 'ok'";

/// The tables of the schema, without those that SQLite and Litestream keep for themselves.
pub(in crate::store) const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     AND name NOT LIKE '\\_litestream\\_%' ESCAPE '\\' ORDER BY name";

/// Rows that refer to rows that aren't there, where SQLite knows of the reference.
pub(in crate::store) const FOREIGN_KEYS: &str = "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to a missing row of ' || parent \
     FROM pragma_foreign_key_check";

invariants! {
    "followers_count":
        "SELECT 'account ' || id || ' says ' || followers_count || ', follows say ' || found
         FROM (SELECT id, followers_count,
                   (SELECT count(*) FROM follows WHERE followee = accounts.id) AS found FROM accounts)
         WHERE followers_count <> found",
    "following_count":
        "SELECT 'account ' || id || ' says ' || following_count || ', follows say ' || found
         FROM (SELECT id, following_count,
                   (SELECT count(*) FROM follows WHERE follower = accounts.id) AS found FROM accounts)
         WHERE following_count <> found",
    "posts_count":
        "SELECT 'account ' || id || ' says ' || posts_count || ', posts say ' || found
         FROM (SELECT id, posts_count,
                   (SELECT count(*) FROM posts WHERE author = accounts.id AND visibility <= 1) AS found
               FROM accounts)
         WHERE posts_count <> found",
    "last_open_post":
        "SELECT 'account ' || id || ' says ' || coalesce(last_open_post, 'none') || ', posts say '
             || coalesce(found, 'none')
         FROM (SELECT id, last_open_post,
                   (SELECT max(id) FROM posts WHERE author = accounts.id AND visibility <= 1) AS found
               FROM accounts)
         WHERE last_open_post IS NOT found",
    "last_entry":
        "SELECT 'account ' || id || ' says ' || last_entry || ', but has the entry ' || found
         FROM (SELECT id, last_entry,
                   (SELECT max(id) FROM posts WHERE author = accounts.id) AS found FROM accounts)
         WHERE found > last_entry",
    "replies_count":
        "SELECT 'post ' || id || ' says ' || replies_count || ', replies say ' || found
         FROM (SELECT id, replies_count,
                   (SELECT count(*) FROM posts AS replies
                    WHERE replies.reply_to = posts.id AND replies.visibility <= 1) AS found FROM posts)
         WHERE replies_count <> found",
    "boosts_count":
        "SELECT 'post ' || id || ' says ' || boosts_count || ', boosts say ' || found
         FROM (SELECT id, boosts_count,
                   (SELECT count(*) FROM posts AS boosts WHERE boosts.boost_of = posts.id) AS found
               FROM posts)
         WHERE boosts_count <> found",
    "favourites_count":
        "SELECT 'post ' || id || ' says ' || favourites_count || ', favourites say ' || found
         FROM (SELECT id, favourites_count,
                   (SELECT count(*) FROM favourites WHERE post = posts.id) AS found FROM posts)
         WHERE favourites_count <> found",
    "boosts_have_their_post":
        "SELECT 'boost ' || id || ' is of the missing post ' || boost_of FROM posts
         WHERE boost_of IS NOT NULL AND boost_of NOT IN (SELECT id FROM posts)
           AND boost_of NOT IN (SELECT CAST(payload ->> 'post' AS INTEGER) FROM jobs WHERE kind = 'purge_post')",
    "boosts_know_their_author":
        "SELECT 'boost ' || boosts.id || ' says author ' || coalesce(boosts.boost_author, 'none')
             || ', the post says ' || originals.author
         FROM posts AS boosts JOIN posts AS originals ON originals.id = boosts.boost_of
         WHERE boosts.boost_author IS NOT originals.author",
    "boosts_are_of_posts":
        "SELECT 'boost ' || boosts.id || ' is of the boost ' || originals.id
         FROM posts AS boosts JOIN posts AS originals ON originals.id = boosts.boost_of
         WHERE originals.boost_of IS NOT NULL",
    "replies_know_their_author":
        "SELECT 'reply ' || replies.id || ' says author ' || coalesce(replies.reply_author, 'none')
             || ', the post says ' || parents.author
         FROM posts AS replies JOIN posts AS parents ON parents.id = replies.reply_to
         WHERE replies.reply_author IS NOT parents.author",
    "answered_and_boosted_accounts":
        "SELECT 'entry ' || id || ' refers to a missing account' FROM posts
         WHERE (reply_author IS NOT NULL AND reply_author NOT IN (SELECT id FROM accounts))
            OR (boost_author IS NOT NULL AND boost_author NOT IN (SELECT id FROM accounts))",
    "keys_grow_with_ids":
        "SELECT 'post ' || id || ' has the key ' || key || ', but ' || before || ' a smaller one'
         FROM (SELECT key, id,
                   (SELECT smaller.id FROM posts AS smaller WHERE smaller.key > 0 AND smaller.key < posts.key
                    ORDER BY smaller.key DESC LIMIT 1) AS before
               FROM posts WHERE key > 0)
         WHERE id <= before
         UNION ALL
         SELECT 'the imported post ' || id || ' has the key ' || key FROM posts
         WHERE key <= 0 AND key <> -9223372036854775807 - 1 + id",
    "younger_than_what_they_are_about":
        "SELECT 'post ' || id || ' answers ' || reply_to || ', which is no older' FROM posts
         WHERE reply_to >= id
         UNION ALL
         SELECT 'boost ' || id || ' is of ' || boost_of || ', which is no older' FROM posts
         WHERE boost_of >= id
         UNION ALL
         SELECT 'favourite ' || id || ' is of ' || post || ', which is no older' FROM favourites
         WHERE post >= id
         UNION ALL
         SELECT 'notification ' || id || ' is about ' || post || ', which is no older' FROM notifications
         WHERE post >= id",
    "ids_are_below_the_last":
        "SELECT what || ' has the id ' || largest || ', but the last one that was taken is said to be ' || value
         FROM (SELECT 'an account' AS what, max(id) AS largest FROM accounts
             UNION ALL SELECT 'a post', max(id) FROM posts
             UNION ALL SELECT 'a follow', max(id) FROM follows
             UNION ALL SELECT 'a favourite', max(id) FROM favourites
             UNION ALL SELECT 'a notification', max(id) FROM notifications)
         JOIN meta ON name = 'last_id'
         WHERE largest > CAST(value AS INTEGER)",
    "commits_are_below_the_last":
        "SELECT what || ' changed in commit ' || at || ', but the last one is ' || value
         FROM (SELECT 'account ' || id AS what, max(sources_commit, access_commit) AS at FROM accounts
             UNION ALL SELECT 'quarter ' || quarter, \"commit\" FROM stale_quarters
             UNION ALL SELECT name, CAST(value AS INTEGER) FROM meta
                 WHERE name IN ('last_deletion', 'timelines_epoch', 'statistics_commit')) AS changed
         JOIN meta ON meta.name = 'commit'
         WHERE changed.at > CAST(meta.value AS INTEGER)",
    "posts_know_their_app":
        "SELECT 'post ' || id || ' was written with the missing application ' || app FROM posts
         WHERE app IS NOT NULL AND app NOT IN (SELECT id FROM apps)",
    "used_apps_say_so":
        "SELECT DISTINCT 'application ' || apps.id || ' says that nobody wrote with it, posts say otherwise'
         FROM posts CROSS JOIN apps ON apps.id = posts.app WHERE apps.used = 0",
    "mentions_have_their_post":
        "SELECT 'account ' || account || ' is named in the missing post ' || post FROM mentions
         WHERE post NOT IN (SELECT id FROM posts)",
    "post_tags_have_their_post":
        "SELECT 'tag ' || tag || ' is on the missing post ' || post FROM post_tags
         WHERE post NOT IN (SELECT id FROM posts)",
    "tags_are_in_use":
        "SELECT 'tag ' || id || ' is on no post' FROM tags
         WHERE id NOT IN (SELECT tag FROM post_tags)",
    "post_edits_have_their_post":
        "SELECT 'version ' || id || ' is of the missing post ' || post FROM post_edits
         WHERE post NOT IN (SELECT id FROM posts)",
    "edited_posts_say_so":
        "SELECT 'post ' || id || ' has earlier versions, but no date of its edit' FROM posts
         WHERE edited_at IS NULL AND EXISTS (SELECT 1 FROM post_edits WHERE post = posts.id)",
    "favourites_have_their_post":
        "SELECT 'favourite ' || id || ' is of the missing post ' || post FROM favourites
         WHERE post NOT IN (SELECT id FROM posts)
           AND post NOT IN (SELECT CAST(payload ->> 'post' AS INTEGER) FROM jobs WHERE kind = 'purge_post')",
    "bookmarks_have_their_post":
        "SELECT 'bookmark ' || id || ' is of the missing post ' || post FROM bookmarks
         WHERE post NOT IN (SELECT id FROM posts)
           AND post NOT IN (SELECT CAST(payload ->> 'post' AS INTEGER) FROM jobs WHERE kind = 'purge_post')",
    "notifications_have_their_post":
        "SELECT 'notification ' || id || ' is about the missing post ' || post FROM notifications
         WHERE post IS NOT NULL AND post NOT IN (SELECT id FROM posts)
           AND post NOT IN (SELECT CAST(payload ->> 'post' AS INTEGER) FROM jobs WHERE kind = 'purge_post')",
    "notifications_about_posts":
        "SELECT 'notification ' || id || ' of kind ' || kind || CASE WHEN post IS NULL
             THEN ' has no post' ELSE ' has a post' END FROM notifications
         WHERE (kind IN (0, 1, 2, 5, 6)) <> (post IS NOT NULL)",
    "notifications_have_their_cause":
        concat!("SELECT 'notification ' || id || ' of kind ' || kind || ' tells of what isn''t there' ", causeless_notifications!()),
    "idempotency_keys_have_their_post":
        "SELECT 'a key made the missing post ' || post FROM idempotency_keys
         WHERE post NOT IN (SELECT id FROM posts)",
    "posts_are_indexed":
        "SELECT 'post ' || id || ' is not in the search index' FROM posts
         WHERE boost_of IS NULL AND key NOT IN (SELECT id FROM post_terms_docsize)
           AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'search_index' AND value = 'partial')",
    "indexed_posts_are_there":
        "SELECT 'the search index knows the key ' || id || ', which no post has' FROM post_terms_docsize
         WHERE NOT EXISTS (SELECT 1 FROM posts WHERE posts.key = post_terms_docsize.id AND boost_of IS NULL)",
    "accounts_are_indexed":
        "SELECT 'account ' || id || ' is not in the search index' FROM accounts
         WHERE state = 0 AND id NOT IN (SELECT id FROM account_terms_docsize)",
    "indexed_accounts_are_there":
        "SELECT 'the search index knows the account ' || id || ', which isn''t there'
         FROM account_terms_docsize
         WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = account_terms_docsize.id AND state <> 3)",
    "nobody_relates_to_itself":
        "SELECT 'account ' || follower || ' follows itself' FROM follows WHERE follower = followee
         UNION ALL
         SELECT 'account ' || follower || ' asks itself' FROM follow_requests WHERE follower = followee
         UNION ALL
         SELECT 'account ' || account || ' blocks itself' FROM blocks WHERE account = target
         UNION ALL
         SELECT 'account ' || account || ' mutes itself' FROM mutes WHERE account = target",
    "blocks_end_follows":
        "SELECT 'account ' || follower || ' follows ' || followee || ' across a block' FROM follows
         WHERE EXISTS (SELECT 1 FROM blocks WHERE account = follower AND target = followee)
            OR EXISTS (SELECT 1 FROM blocks WHERE account = followee AND target = follower)",
    "requests_end_with_the_follow":
        "SELECT 'account ' || follower || ' follows ' || followee || ' and still asks to'
         FROM follow_requests JOIN follows USING (follower, followee)",
    "purged_posts_are_gone":
        "SELECT 'post ' || (payload ->> 'post') || ' waits for a purge, but is there' FROM jobs
         WHERE kind = 'purge_post' AND CAST(payload ->> 'post' AS INTEGER) IN (SELECT id FROM posts)",
    "purged_accounts_are_deleted":
        "SELECT 'account ' || (payload ->> 'account') || ' waits for a purge, but is not deleted'
         FROM jobs WHERE kind = 'purge_account'
           AND NOT EXISTS (SELECT 1 FROM accounts
               WHERE id = CAST(payload ->> 'account' AS INTEGER) AND state = 3)",
    "purges_are_complete":
        "SELECT 'the deleted account ' || id || ' left entries behind' FROM accounts
         WHERE state = 3 AND id NOT IN (SELECT CAST(payload ->> 'account' AS INTEGER) FROM jobs WHERE kind = 'purge_account')
           AND (EXISTS (SELECT 1 FROM posts WHERE author = accounts.id)
             OR EXISTS (SELECT 1 FROM follows WHERE follower = accounts.id OR followee = accounts.id)
             OR EXISTS (SELECT 1 FROM favourites WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM bookmarks WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM notifications WHERE account = accounts.id OR sender = accounts.id))",
    "deleted_accounts_get_no_mail":
        "SELECT 'the deleted account ' || id || ' left something about mail behind' FROM accounts
         WHERE state = 3
           AND (email IS NOT NULL OR new_email IS NOT NULL
             OR EXISTS (SELECT 1 FROM mail_settings WHERE account = accounts.id)
             OR EXISTS (SELECT 1 FROM mail_standing WHERE account = accounts.id)
             OR (EXISTS (SELECT 1 FROM digest_items WHERE account = accounts.id)
               AND id NOT IN (SELECT CAST(payload ->> 'account' AS INTEGER) FROM jobs WHERE kind = 'purge_account')))",
    "sign_ups_know_what_they_become":
        "SELECT 'account ' || id || ' in state ' || state || ' becomes ' || coalesce(confirms_to, 'nothing')
             || ' when its address is confirmed' FROM accounts
         WHERE (state = 4) <> (confirms_to IS NOT NULL) OR confirms_to NOT BETWEEN 0 AND 1",
    "known_words":
        "SELECT 'account ' || id || ' has role ' || role || ' and state ' || state FROM accounts
         WHERE role NOT BETWEEN 0 AND 2 OR state NOT BETWEEN 0 AND 4
         UNION ALL
         SELECT 'post ' || id || ' has visibility ' || visibility FROM posts
         WHERE visibility NOT BETWEEN 0 AND 3
         UNION ALL
         SELECT 'notification ' || id || ' has kind ' || kind FROM notifications
         WHERE kind NOT BETWEEN 0 AND 7
         UNION ALL
         SELECT 'job ' || id || ' has state ' || state || ' and priority ' || priority FROM jobs
         WHERE state NOT BETWEEN 0 AND 2 OR priority NOT BETWEEN 0 AND 2",
    "public_figures_are_part_of_all":
        "SELECT 'day ' || day || ' has more that is public than there is' FROM instance_days
         WHERE public_posts > posts OR public_replies > replies OR public_boosts > boosts
            OR public_favourites > favourites OR public_mentions > mentions
            OR public_follows > follows OR public_sign_ups > sign_ups
            OR public_active_day > active_day OR public_active_week > active_week
            OR public_active_month > active_month OR replies > posts
            OR active_week > active_month",
    "figures_are_counts":
        "SELECT 'day ' || day || ' has a figure below zero' FROM instance_days
         WHERE min(public_posts, public_replies, public_boosts, public_favourites, public_mentions,
             public_follows, public_sign_ups, public_active_day) < 0
         UNION ALL
         SELECT 'account ' || account || ' has a figure below zero or nothing to tell on day ' || day
         FROM account_days
         WHERE min(posts, replies, boosts, boosts_received, favourites_received, replies_received,
                 mentions_received, reach, new_followers) < 0
            OR max(posts, replies, boosts, boosts_received, favourites_received, replies_received,
                 mentions_received, reach, new_followers) = 0",
    "days_have_no_gap":
        "SELECT 'there are ' || count(*) || ' days from ' || min(day) || ' to ' || max(day)
         FROM instance_days HAVING count(*) <> max(day) - min(day) + 1",
    "shares_have_their_day":
        "SELECT 'tags, languages or clients are kept of day ' || day || ', which isn''t there' FROM day_shares
         WHERE day NOT IN (SELECT day FROM instance_days)",
    "archives_are_whole":
        "SELECT 'the archive of account ' || account || ' is half written down' FROM archives
         WHERE (made_at IS NULL) <> (file IS NULL) OR (file IS NULL) <> (bytes IS NULL)",
    "the_store_knows_itself":
        "SELECT 'meta has no ' || wanted.name
         FROM (SELECT 'commit' AS name UNION ALL SELECT 'last_id' UNION ALL SELECT 'identity'
             UNION ALL SELECT 'unsubscribe_key') AS wanted
         LEFT JOIN meta ON meta.name = wanted.name AND meta.value <> ''
         WHERE meta.name IS NULL",
}
