//! The figures of a day, computed from what is stored now: from the ids between two midnights.
//!
//! Everywhere an act counts while whoever did it is visible. Joins are written so that SQLite begins with the day's ids.

use rusqlite::{Connection, Params, params};

use crate::domain::statistics::{AUTHORS_PER_TAG_MIN, AccountDay, Figures, Measure, Share};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;

/// The ids of a stretch of time: the first, and the first after it.
pub(in crate::store) type IdRange = (PostId, PostId);

/// Counts posts, replies, boosts and posts by hour, all and public; `hour_of` tells the hour of a moment.
pub(in crate::store) fn count_entries(
    connection: &Connection,
    range: IdRange,
    mut hour_of: impl FnMut(PostId) -> usize,
    all: &mut Figures,
    public: &mut Figures,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT posts.id, posts.visibility, posts.reply_to IS NOT NULL, posts.boost_of IS NOT NULL,
             boosted.visibility
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         LEFT JOIN posts AS boosted ON boosted.id = posts.boost_of
         WHERE posts.id >= ?1 AND posts.id < ?2 AND accounts.state = 0",
    )?;
    let mut rows = statement.query(params![range.0, range.1])?;
    while let Some(row) = rows.next()? {
        let is_public = row.get::<_, Visibility>(1)? == Visibility::Public;
        let is_reply: bool = row.get(2)?;
        let is_boost: bool = row.get(3)?;
        let spreads_public = row.get::<_, Option<Visibility>>(4)? == Some(Visibility::Public);
        let hour = hour_of(row.get(0)?);
        let count = |figures: &mut Figures| {
            if is_boost {
                figures.add(Measure::Boosts, 1);
                return;
            }
            figures.add(Measure::Posts, 1);
            figures.add(Measure::Replies, is_reply.into());
            figures.hours[hour] += 1;
        };
        count(all);
        if is_public && (!is_boost || spreads_public) {
            count(public);
        }
    }
    Ok(())
}

/// Counts favourites, mentions, follows and sign-ups, all and public.
pub(in crate::store) fn count_acts(
    connection: &Connection,
    range: IdRange,
    all: &mut Figures,
    public: &mut Figures,
) -> Result<(), StoreError> {
    for (measure, sql) in [
        (
            Measure::Favourites,
            "SELECT count(*), coalesce(sum(posts.visibility = 0), 0)
             FROM favourites CROSS JOIN accounts ON accounts.id = favourites.account
             LEFT JOIN posts ON posts.id = favourites.post
             WHERE favourites.id >= ?1 AND favourites.id < ?2 AND accounts.state = 0",
        ),
        (
            Measure::Mentions,
            "SELECT count(*), coalesce(sum(posts.visibility = 0), 0)
             FROM mentions CROSS JOIN posts ON posts.id = mentions.post
             CROSS JOIN accounts ON accounts.id = posts.author
             WHERE mentions.post >= ?1 AND mentions.post < ?2 AND accounts.state = 0",
        ),
        (
            Measure::Follows,
            "SELECT count(*), count(*)
             FROM follows CROSS JOIN accounts ON accounts.id = follows.follower
             WHERE follows.id >= ?1 AND follows.id < ?2 AND accounts.state = 0",
        ),
        (
            Measure::SignUps,
            "SELECT count(*), count(*) FROM accounts WHERE id >= ?1 AND id < ?2 AND state = 0",
        ),
    ] {
        let (of_all, of_public) = connection
            .prepare_cached(sql)?
            .query_row(params![range.0, range.1], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        all.set(measure, of_all);
        public.set(measure, of_public);
    }
    Ok(())
}

/// How many accounts wrote or boosted within the ids: any, and visibly to strangers.
///
/// Asks each account that is in use, not each post: of a month there are many more.
pub(in crate::store) fn active_accounts(
    connection: &Connection,
    range: IdRange,
) -> Result<(i64, i64), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(EXISTS (
                 SELECT 1 FROM posts WHERE author = accounts.id AND id >= ?1 AND id < ?2)), 0),
             coalesce(sum(EXISTS (
                 SELECT 1 FROM posts WHERE author = accounts.id AND id >= ?1 AND id < ?2
                   AND visibility = 0
                   AND (boost_of IS NULL OR EXISTS (
                       SELECT 1 FROM posts AS boosted
                       WHERE boosted.id = posts.boost_of AND boosted.visibility = 0)))), 0)
         FROM accounts WHERE state = 0 AND last_entry >= ?1",
    )?;
    Ok(statement.query_row(params![range.0, range.1], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?)
}

/// The first `limit` tags of public posts that enough authors used.
pub(in crate::store) fn tags(
    connection: &Connection,
    range: IdRange,
    limit: usize,
) -> Result<Vec<Share>, StoreError> {
    shares(
        connection,
        "SELECT tags.name, count(*), count(DISTINCT posts.author)
         FROM post_tags INDEXED BY post_tags_by_post CROSS JOIN posts ON posts.id = post_tags.post
         CROSS JOIN accounts ON accounts.id = posts.author
         CROSS JOIN tags ON tags.id = post_tags.tag
         WHERE post_tags.post >= ?1 AND post_tags.post < ?2
           AND posts.visibility = 0 AND accounts.state = 0
         GROUP BY post_tags.tag HAVING count(DISTINCT posts.author) >= ?4
         ORDER BY 2 DESC, 3 DESC, tags.name LIMIT ?3",
        params![range.0, range.1, limit as i64, AUTHORS_PER_TAG_MIN],
    )
}

/// The first `limit` languages of all posts.
pub(in crate::store) fn languages(
    connection: &Connection,
    range: IdRange,
    limit: usize,
) -> Result<Vec<Share>, StoreError> {
    shares(
        connection,
        "SELECT coalesce(posts.language, '') AS label, count(*), count(DISTINCT posts.author)
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.boost_of IS NULL AND accounts.state = 0
         GROUP BY label ORDER BY 2 DESC, 3 DESC, label LIMIT ?3",
        params![range.0, range.1, limit as i64],
    )
}

/// The first `limit` clients of all posts; registrations of one name are one client.
pub(in crate::store) fn clients(
    connection: &Connection,
    range: IdRange,
    limit: usize,
) -> Result<Vec<Share>, StoreError> {
    shares(
        connection,
        "SELECT coalesce(apps.name, '') AS label, count(*), count(DISTINCT posts.author)
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         LEFT JOIN apps ON apps.id = posts.app
         WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.boost_of IS NULL AND accounts.state = 0
         GROUP BY label ORDER BY 2 DESC, 3 DESC, label LIMIT ?3",
        params![range.0, range.1, limit as i64],
    )
}

fn shares(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<Share>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| {
        Ok(Share {
            label: row.get(0)?,
            posts: row.get(1)?,
            authors: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets figures of an account's day out of the counts that a statement found.
type SetFigures = fn(&mut AccountDay, [i64; 3]);

/// What an account's day is made of: each statement finds accounts after `?3` in the order of their ids, with counts.
const ACCOUNT_FIGURES: &[(&str, SetFigures)] = &[
    (
        "SELECT +posts.author AS whose, sum(posts.boost_of IS NULL),
             sum(posts.boost_of IS NULL AND posts.reply_to IS NOT NULL), sum(posts.boost_of IS NOT NULL)
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         WHERE posts.id >= ?1 AND posts.id < ?2 AND +posts.author > ?3 AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| [figures.posts, figures.replies, figures.boosts] = counts,
    ),
    (
        "SELECT posts.boost_author AS whose, count(*), 0, 0
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.boost_author > ?3
           AND posts.boost_author <> posts.author AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.boosts_received = counts[0],
    ),
    (
        "SELECT +posts.author AS whose, count(*), 0, 0
         FROM favourites CROSS JOIN accounts ON accounts.id = favourites.account
         CROSS JOIN posts ON posts.id = favourites.post
         WHERE favourites.id >= ?1 AND favourites.id < ?2 AND posts.author > ?3
           AND posts.author <> favourites.account AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.favourites_received = counts[0],
    ),
    (
        "SELECT posts.reply_author AS whose, count(*), 0, 0
         FROM posts CROSS JOIN accounts ON accounts.id = posts.author
         WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.reply_author > ?3
           AND posts.reply_author <> posts.author AND accounts.state = 0
           AND (posts.visibility <= 1 OR EXISTS (
               SELECT 1 FROM mentions
               WHERE mentions.post = posts.id AND mentions.account = posts.reply_author))
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.replies_received = counts[0],
    ),
    (
        "SELECT mentions.account AS whose, count(*), 0, 0
         FROM mentions CROSS JOIN posts ON posts.id = mentions.post
         CROSS JOIN accounts ON accounts.id = posts.author
         WHERE mentions.post >= ?1 AND mentions.post < ?2 AND mentions.account > ?3
           AND mentions.account <> posts.author AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.mentions_received = counts[0],
    ),
    (
        "SELECT target AS whose, count(DISTINCT actor), 0, 0 FROM (
             SELECT posts.boost_author AS target, posts.author AS actor FROM posts
             WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.boost_author > ?3
             UNION ALL
             SELECT posts.reply_author, posts.author FROM posts
             WHERE posts.id >= ?1 AND posts.id < ?2 AND posts.reply_author > ?3
               AND (posts.visibility <= 1 OR EXISTS (
                   SELECT 1 FROM mentions
                   WHERE mentions.post = posts.id AND mentions.account = posts.reply_author))
             UNION ALL
             SELECT posts.author, favourites.account
             FROM favourites CROSS JOIN posts ON posts.id = favourites.post
             WHERE favourites.id >= ?1 AND favourites.id < ?2 AND posts.author > ?3)
         CROSS JOIN accounts ON accounts.id = actor
         WHERE target <> actor AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.reach = counts[0],
    ),
    (
        "SELECT follows.followee AS whose, count(*), 0, 0
         FROM follows CROSS JOIN accounts ON accounts.id = follows.follower
         WHERE follows.id >= ?1 AND follows.id < ?2 AND follows.followee > ?3 AND accounts.state = 0
         GROUP BY whose ORDER BY whose LIMIT ?4",
        |figures, counts| figures.new_followers = counts[0],
    ),
];

/// The days of accounts, told one figure of one account at a time: of each figure those of the first `limit` accounts
/// after `after`. So of the first `limit` accounts of all that are told, everything is told.
pub(in crate::store) fn count_of_accounts(
    connection: &Connection,
    range: IdRange,
    after: AccountId,
    limit: usize,
    mut tell: impl FnMut(AccountId, &dyn Fn(&mut AccountDay)),
) -> Result<(), StoreError> {
    for (sql, set) in ACCOUNT_FIGURES {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![range.0, range.1, after, limit as i64])?;
        while let Some(row) = rows.next()? {
            let counts = [row.get(1)?, row.get(2)?, row.get(3)?];
            tell(row.get(0)?, &|figures| set(figures, counts));
        }
    }
    Ok(())
}

/// The oldest account that there is.
pub(in crate::store) fn first_account(
    connection: &Connection,
) -> Result<Option<AccountId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT min(id) FROM accounts")?;
    Ok(statement.query_row((), |row| row.get(0))?)
}
