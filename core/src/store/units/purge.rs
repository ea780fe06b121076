//! What was hidden is removed, a bounded number of rows at a time.

use super::boost_post::remove_boost;
use super::delete_post::remove_post;
use super::follow_account::unfollow;
use super::mark_stale::mark_stale;
use super::rules::count;
use crate::domain::event::Event;
use crate::domain::post::PostCounter;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::{
    account_rows, accounts, bookmarks, favourites, follow_requests, notifications, posts,
};
use crate::store::writer::Write;

/// The most rows of each kind that one unit removes: what one commit may take longer by.
pub const ROWS_PER_PURGE_MAX: usize = 100;

/// The most posts that one unit removes: each of their words is taken out of the index where it stands, which takes half a
/// millisecond a post.
pub const POSTS_PER_PURGE_MAX: usize = 25;

/// The most bytes of words in the posts that one unit removes, unless it is a single post: imported ones are long.
pub const TEXT_BYTES_PER_PURGE_MAX: usize = 8 * 1024;

/// Removes what hangs on a deleted post; true when nothing is left.
pub(super) fn purge_post(write: &mut Write<'_>, post: PostId) -> Result<bool, StoreError> {
    let connection = write.connection;
    let boosts = posts::boosts(connection, post, PostId(0), ROWS_PER_PURGE_MAX)?;
    let mut most = boosts.len();
    for boost in boosts {
        if let Some(boost) = posts::facts(connection, boost)? {
            posts::delete(connection, boost.id)?;
            mark_stale(write, boost.id.0)?;
            accounts::remove_entry(
                connection,
                boost.author,
                boost.id,
                boost.visibility.is_open(),
            )?;
            // Homes dropped the boost together with the post: to them nothing is new.
            write.tell(Event::AccountChanged(boost.author));
            write.tell(Event::PostChanged(boost.id));
        }
    }
    let favourites = favourites::delete_of_post(connection, post, ROWS_PER_PURGE_MAX)?;
    most = most.max(favourites.len());
    for favourite in favourites {
        mark_stale(write, favourite)?;
    }
    for deleted in [
        bookmarks::delete_of_post(connection, post, ROWS_PER_PURGE_MAX)?,
        notifications::delete_of_post(connection, post, ROWS_PER_PURGE_MAX)?,
    ] {
        most = most.max(deleted);
    }
    Ok(most < ROWS_PER_PURGE_MAX)
}

/// Removes what a deleted account left, entries first; true when nothing is left.
pub(super) fn purge_account(write: &mut Write<'_>, account: AccountId) -> Result<bool, StoreError> {
    let connection = write.connection;
    let entries = account_rows::oldest_entries(connection, account, POSTS_PER_PURGE_MAX)?;
    if !entries.is_empty() {
        let mut room = TEXT_BYTES_PER_PURGE_MAX;
        for (nth, (entry, bytes)) in entries.into_iter().enumerate() {
            if nth > 0 && bytes > room {
                break;
            }
            room = room.saturating_sub(bytes);
            match posts::facts(connection, entry)? {
                Some(boost) if boost.boost_of.is_some() => remove_boost(write, boost)?,
                Some(post) => remove_post(write, post)?,
                None => {}
            }
        }
        return Ok(false);
    }
    let mut pairs = account_rows::follows(connection, account, ROWS_PER_PURGE_MAX)?;
    pairs.extend(account_rows::follow_requests(
        connection,
        account,
        ROWS_PER_PURGE_MAX,
    )?);
    if !pairs.is_empty() {
        for (follower, followee) in pairs {
            unfollow(write, follower, followee)?;
            follow_requests::take(connection, follower, followee)?;
        }
        return Ok(false);
    }
    let mut pairs = account_rows::take_blocks(connection, account, ROWS_PER_PURGE_MAX)?;
    pairs.extend(account_rows::take_mutes(
        connection,
        account,
        ROWS_PER_PURGE_MAX,
    )?);
    if !pairs.is_empty() {
        for (from, to) in pairs {
            accounts::touch_sources(connection, from, write.commit)?;
            accounts::touch_sources(connection, to, write.commit)?;
            write.tell(Event::RelationsChanged { from, to });
        }
        return Ok(false);
    }
    // Their text still has the name, as its authors wrote it, and it leads nowhere.
    let named_in = account_rows::take_mentions(connection, account, ROWS_PER_PURGE_MAX)?;
    if !named_in.is_empty() {
        for post in named_in {
            mark_stale(write, post.0)?;
            write.tell(Event::PostChanged(post));
        }
        return Ok(false);
    }
    let favoured = account_rows::take_favourites(connection, account, ROWS_PER_PURGE_MAX)?;
    let mut most = favoured.len();
    for (favourite, post) in favoured {
        mark_stale(write, favourite)?;
        count(write, post, PostCounter::Favourites, -1)?;
    }
    most = most.max(account_rows::delete_uncounted(
        connection,
        account,
        ROWS_PER_PURGE_MAX,
    )?);
    if most > 0 {
        return Ok(false);
    }
    let mails = account_rows::delete_mail(connection, account, ROWS_PER_PURGE_MAX)?;
    Ok(mails < ROWS_PER_PURGE_MAX)
}

#[cfg(test)]
mod tests {
    use crate::domain::access::Authority;
    use crate::domain::visibility::Visibility;
    use crate::store::testing::{AddAccount, TestStore};
    use crate::store::units::{DeleteAccount, PreparedText, PublishPost};

    #[test]
    fn a_step_ends_at_what_is_long_and_takes_one_at_least() {
        let store = TestStore::open();
        store.apply(AddAccount("jay")).expect("an account");
        let author = store.apply(AddAccount("wren")).expect("an account");
        for letters in [10, 10, 4000, 5000, 65_000, 10, 10] {
            let unit = PublishPost {
                author,
                text: PreparedText {
                    text: "é".repeat(letters / 2),
                    ..PreparedText::default()
                },
                visibility: Some(Visibility::Public),
                reply_to: None,
                app: None,
                idempotency_key: None,
            };
            store.apply(unit).expect("a post");
        }
        let by = Authority::Operator;
        let account = author;
        store
            .apply(DeleteAccount { by, account })
            .expect("it is deleted");
        let mut left = Vec::new();
        loop {
            let count = store.number("SELECT count(*) FROM posts");
            left.push(count);
            if count == 0 {
                break;
            }
            assert!(store.step_in_house());
        }
        left.dedup();
        assert_eq!(left, [7, 4, 3, 2, 0]);
    }
}
