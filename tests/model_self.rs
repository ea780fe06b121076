//! The model is right by itself: each of its rules by hand, and what must hold after any history.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use kinglet::clock::Timestamp;
use kinglet::domain::visibility::Visibility::{self, Direct, Followers, Public, Unlisted};
use kinglet::ids::{AccountId, IdGenerator, PostId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::graph;
use support::history::{Answer, Op, PEOPLE, Step, history};
use support::model::{Draft, Followed, Model, Refused, Replies, millis_of, page};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const ADA: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);
const CAT: AccountId = AccountId(3);
const DAN: AccountId = AccountId(4);

/// A model with four people, and what the server would otherwise add: a clock and ids.
struct Town {
    model: Model,
    now: Timestamp,
    ids: IdGenerator,
}

impl Town {
    fn new() -> Self {
        let mut model = Model::new();
        for person in [ADA, BEN, CAT, DAN] {
            model.add_account(person);
        }
        Self {
            model,
            now: Timestamp::from_millis(1_790_000_000_000),
            ids: IdGenerator::above(0),
        }
    }

    /// A town in which Ada follows these.
    fn with_ada_following(followees: &[AccountId]) -> Self {
        let mut town = Self::new();
        for &followee in followees {
            town.follow(ADA, followee);
        }
        town
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    fn next_id(&mut self) -> PostId {
        PostId(self.ids.next(self.now))
    }

    fn follow(&mut self, follower: AccountId, followee: AccountId) {
        let followed = self.model.follow(follower, followee, true);
        assert_eq!(followed, Ok(Followed::Following));
    }

    fn draft(author: AccountId, visibility: Visibility) -> Draft {
        Draft {
            author,
            visibility,
            mentions: BTreeSet::new(),
            reply_to: None,
            text: "a wren".to_owned(),
        }
    }

    fn publish(&mut self, draft: &Draft) -> PostId {
        let id = self.next_id();
        self.model.publish(draft, id).expect("the post is allowed");
        id
    }

    fn post(&mut self, author: AccountId, visibility: Visibility) -> PostId {
        self.publish(&Self::draft(author, visibility))
    }

    fn post_naming(
        &mut self,
        author: AccountId,
        visibility: Visibility,
        named: AccountId,
    ) -> PostId {
        self.publish(&Draft {
            mentions: [named].into(),
            ..Self::draft(author, visibility)
        })
    }

    fn reply(&mut self, author: AccountId, parent: PostId) -> PostId {
        self.publish(&Draft {
            reply_to: Some(parent),
            ..Self::draft(author, Public)
        })
    }

    fn boost(&mut self, actor: AccountId, post: PostId) -> PostId {
        let id = self.next_id();
        let boost = self.model.boost(actor, post, None, id);
        boost.expect("the boost is allowed")
    }

    fn try_boost(&mut self, actor: AccountId, post: PostId) -> Result<PostId, Refused> {
        let id = self.next_id();
        self.model.boost(actor, post, None, id)
    }

    fn viewers(&self, post: PostId) -> Vec<Option<AccountId>> {
        [None, Some(ADA), Some(BEN), Some(CAT), Some(DAN)]
            .into_iter()
            .filter(|&viewer| self.model.may_see(viewer, post))
            .collect()
    }
}

mod visibility {
    use super::*;

    #[test]
    fn public_and_unlisted_posts_are_seen_by_all() {
        let mut town = Town::new();
        for visibility in [Public, Unlisted] {
            let post = town.post(ADA, visibility);
            let all = vec![None, Some(ADA), Some(BEN), Some(CAT), Some(DAN)];
            assert_eq!(town.viewers(post), all);
        }
    }

    #[test]
    fn a_followers_post_is_seen_by_followers_and_the_mentioned() {
        let mut town = Town::new();
        town.follow(BEN, ADA);
        town.follow(ADA, DAN);
        let post = town.post_naming(ADA, Followers, CAT);
        assert_eq!(town.viewers(post), [Some(ADA), Some(BEN), Some(CAT)]);
        assert_eq!(town.model.unfollow(BEN, ADA), Ok(()));
        assert_eq!(town.viewers(post), [Some(ADA), Some(CAT)]);
    }

    #[test]
    fn a_direct_post_is_seen_by_the_mentioned_alone() {
        let mut town = Town::new();
        town.follow(BEN, ADA);
        let post = town.post_naming(ADA, Direct, CAT);
        assert_eq!(town.viewers(post), [Some(ADA), Some(CAT)]);
    }

    #[test]
    fn a_block_hides_in_both_directions_even_from_the_mentioned() {
        let mut town = Town::new();
        let post = town.post_naming(ADA, Public, BEN);
        let answer = town.post(BEN, Public);
        assert_eq!(town.model.block(ADA, BEN), Ok(()));
        assert!(!town.model.may_see(Some(BEN), post));
        assert!(!town.model.may_see(Some(ADA), answer));
        assert!(town.model.may_see(None, post));
        assert_eq!(town.model.unblock(ADA, BEN), Ok(()));
        assert!(town.model.may_see(Some(BEN), post));
    }

    #[test]
    fn nobody_sees_a_suspended_author() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        assert_eq!(town.model.set_suspended(ADA, true), Ok(()));
        assert_eq!(town.viewers(post), []);
        assert_eq!(town.model.set_suspended(ADA, false), Ok(()));
        assert_eq!(town.viewers(post).len(), 5);
    }

    #[test]
    fn a_boost_is_seen_where_both_are() {
        let mut town = Town::new();
        town.follow(CAT, BEN);
        let post = town.post(ADA, Public);
        let id = town.next_id();
        let boost = town.model.boost(BEN, post, Some(Followers), id);
        assert_eq!(boost, Ok(id));
        assert_eq!(town.viewers(id), [Some(BEN), Some(CAT)]);
        assert_eq!(town.model.block(ADA, CAT), Ok(()));
        assert_eq!(town.viewers(id), [Some(BEN)]);
    }

    #[test]
    fn an_edit_changes_who_is_mentioned_and_so_who_sees() {
        let mut town = Town::new();
        let post = town.post_naming(ADA, Direct, BEN);
        assert_eq!(town.model.edit(ADA, post, "an owl", &[CAT].into()), Ok(()));
        assert_eq!(town.viewers(post), [Some(ADA), Some(CAT)]);
        assert_eq!(town.model.text(post), Some("an owl"));
    }
}

mod acts {
    use super::*;

    #[test]
    fn a_block_ends_follows_and_requests_both_ways_and_forbids_new_ones() {
        let mut town = Town::new();
        town.follow(ADA, BEN);
        assert_eq!(town.model.set_locked(ADA, true), Ok(()));
        assert_eq!(town.model.follow(BEN, ADA, true), Ok(Followed::Requested));
        assert_eq!(town.model.block(BEN, ADA), Ok(()));
        assert!(!town.model.follows(ADA, BEN));
        assert!(!town.model.has_requested(BEN, ADA));
        for (follower, followee) in [(ADA, BEN), (BEN, ADA)] {
            let follow = town.model.follow(follower, followee, true);
            assert_eq!(follow, Err(Refused::Forbidden));
        }
        assert_eq!(town.model.unblock(BEN, ADA), Ok(()));
        assert!(!town.model.follows(ADA, BEN), "a block is not undone");
        town.follow(ADA, BEN);
    }

    #[test]
    fn whom_an_author_blocks_can_do_nothing_with_its_posts() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        assert_eq!(town.model.block(ADA, BEN), Ok(()));
        assert_eq!(town.model.favourite(BEN, post), Err(Refused::NotFound));
        assert_eq!(town.model.bookmark(BEN, post), Err(Refused::NotFound));
        assert_eq!(town.try_boost(BEN, post), Err(Refused::NotFound));
        let id = town.next_id();
        let reply = Draft {
            reply_to: Some(post),
            ..Town::draft(BEN, Public)
        };
        assert_eq!(town.model.publish(&reply, id), Err(Refused::NotFound));
        assert_eq!(town.model.entries(), [post]);
    }

    #[test]
    fn a_mention_tells_whoever_sees_it_and_did_not_mute_the_author() {
        let mut town = Town::new();
        let all = Draft {
            mentions: [ADA, BEN, CAT, DAN].into(),
            ..Town::draft(ADA, Direct)
        };
        assert_eq!(town.model.block(BEN, ADA), Ok(()));
        assert_eq!(town.model.mute(CAT, ADA), Ok(()));
        let id = town.next_id();
        assert_eq!(town.model.publish(&all, id), Ok([DAN].into()));
        assert!(town.model.may_see(Some(CAT), id), "a mute hides nothing");
    }

    #[test]
    fn a_suspended_account_is_not_there_and_does_nothing() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        town.follow(ADA, BEN);
        assert_eq!(town.model.set_suspended(BEN, true), Ok(()));
        assert_eq!(town.model.favourite(BEN, post), Err(Refused::Forbidden));
        let follow = town.model.follow(CAT, BEN, true);
        assert_eq!(follow, Err(Refused::NotFound));
        let named = town.post_naming(ADA, Direct, BEN);
        assert_eq!(town.model.set_suspended(BEN, false), Ok(()));
        assert!(town.model.follows(ADA, BEN), "nothing is lost");
        assert!(!town.model.may_see(Some(BEN), named));
    }

    #[test]
    fn a_locked_account_is_asked() {
        let mut town = Town::new();
        town.follow(DAN, ADA);
        assert_eq!(town.model.set_locked(ADA, true), Ok(()));
        for follower in [BEN, CAT] {
            let followed = town.model.follow(follower, ADA, false);
            assert_eq!(followed, Ok(Followed::Requested));
            assert!(!town.model.follows(follower, ADA));
        }
        assert_eq!(town.model.accept_request(ADA, BEN), Ok(()));
        assert!(town.model.follows(BEN, ADA) && !town.model.shows_boosts(BEN, ADA));
        assert_eq!(town.model.reject_request(ADA, CAT), Ok(()));
        assert!(!town.model.follows(CAT, ADA));
        let again = town.model.accept_request(ADA, CAT);
        assert_eq!(again, Err(Refused::NotFound));
        let known = town.model.follow(DAN, ADA, false);
        assert_eq!(known, Ok(Followed::Following), "it stood before");
    }

    #[test]
    fn nobody_can_follow_block_or_mute_itself() {
        let mut town = Town::new();
        assert_eq!(town.model.follow(ADA, ADA, true), Err(Refused::Invalid));
        assert_eq!(town.model.block(ADA, ADA), Err(Refused::Invalid));
        assert_eq!(town.model.mute(ADA, ADA), Err(Refused::Invalid));
    }

    #[test]
    fn a_removed_follower_no_longer_follows() {
        let mut town = Town::with_ada_following(&[BEN]);
        assert_eq!(town.model.remove_follower(BEN, ADA), Ok(()));
        assert!(!town.model.follows(ADA, BEN));
    }

    #[test]
    fn open_posts_are_boosted_by_all_followers_posts_by_their_author_direct_ones_by_nobody() {
        let mut town = Town::new();
        town.follow(BEN, ADA);
        for visibility in [Public, Unlisted] {
            let post = town.post(ADA, visibility);
            assert!(town.try_boost(BEN, post).is_ok());
        }
        let post = town.post_naming(ADA, Followers, CAT);
        assert_eq!(town.try_boost(BEN, post), Err(Refused::Forbidden));
        assert_eq!(town.try_boost(CAT, post), Err(Refused::Forbidden));
        assert_eq!(town.try_boost(DAN, post), Err(Refused::NotFound));
        let boost = town.boost(ADA, post);
        assert_eq!(town.model.visibility(boost), Some(Followers));
        let post = town.post_naming(ADA, Direct, BEN);
        assert_eq!(town.try_boost(ADA, post), Err(Refused::Forbidden));
        assert_eq!(town.try_boost(BEN, post), Err(Refused::Forbidden));
        assert_eq!(town.try_boost(DAN, post), Err(Refused::NotFound));
    }

    #[test]
    fn boosting_twice_gives_the_same_boost_and_boosting_a_boost_the_post() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        let boost = town.boost(BEN, post);
        assert_eq!(town.try_boost(BEN, post), Ok(boost));
        assert_eq!(town.try_boost(BEN, boost), Ok(boost));
        let second = town.boost(CAT, boost);
        assert_eq!(town.model.boost_of(second), Some(post));
        assert_eq!(town.model.unboost(BEN, post), Ok(()));
        assert_eq!(town.model.entries(), [post, second]);
        assert_ne!(town.boost(BEN, post), boost);
    }

    #[test]
    fn deleting_a_post_deletes_its_boosts_and_marks() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        let kept = town.post(ADA, Public);
        let boosts = [town.boost(BEN, post), town.boost(ADA, post)];
        let kept_boost = town.boost(BEN, kept);
        assert_eq!(town.model.favourite(CAT, post), Ok(()));
        assert_eq!(town.model.bookmark(CAT, post), Ok(()));
        assert_eq!(town.model.delete(BEN, post), Err(Refused::Forbidden));
        assert_eq!(town.model.delete(ADA, post), Ok(()));
        assert_eq!(town.model.entries(), [kept, kept_boost]);
        assert_eq!(town.model.deleted(), [post, boosts[0], boosts[1]]);
        assert_eq!(town.model.favourites(CAT), []);
        assert_eq!(town.model.bookmarks(CAT), []);
        assert_eq!(town.model.delete(ADA, post), Err(Refused::NotFound));
    }

    #[test]
    fn only_authors_edit_and_delete() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        let hidden = town.post(ADA, Direct);
        let nobody = BTreeSet::new();
        let edit = town.model.edit(BEN, post, "mine", &nobody);
        assert_eq!(edit, Err(Refused::Forbidden));
        let edit = town.model.edit(BEN, hidden, "mine", &nobody);
        assert_eq!(edit, Err(Refused::NotFound));
        assert_eq!(town.model.delete(BEN, hidden), Err(Refused::NotFound));
        assert_eq!(town.model.text(post), Some("a wren"));
    }

    #[test]
    fn favourites_and_bookmarks_are_listed_newest_mark_first_while_seen() {
        let mut town = Town::new();
        let (first, second) = (town.post(ADA, Public), town.post(BEN, Public));
        for post in [second, first, second] {
            assert_eq!(town.model.favourite(CAT, post), Ok(()));
            assert_eq!(town.model.bookmark(CAT, post), Ok(()));
        }
        assert_eq!(town.model.favourites(CAT), [first, second]);
        assert_eq!(town.model.bookmarks(CAT), [first, second]);
        assert_eq!(town.model.favourited_by(first), [CAT].into());
        assert_eq!(town.model.block(ADA, CAT), Ok(()));
        assert_eq!(town.model.favourites(CAT), [second]);
        assert_eq!(town.model.bookmarks(CAT), [second]);
        assert_eq!(town.model.unfavourite(CAT, first), Err(Refused::NotFound));
        assert_eq!(town.model.unfavourite(CAT, second), Ok(()));
        assert_eq!(town.model.unbookmark(CAT, second), Ok(()));
        assert_eq!(town.model.favourites(CAT), []);
        assert_eq!(town.model.bookmarks(CAT), []);
    }
}

mod home {
    use super::*;

    #[test]
    fn has_own_posts_and_those_of_followees_newest_first() {
        let mut town = Town::with_ada_following(&[BEN]);
        let first = town.post(BEN, Public);
        let _stranger = town.post(CAT, Public);
        let own = town.post(ADA, Direct);
        let unlisted = town.post(BEN, Unlisted);
        let for_followers = town.post(BEN, Followers);
        assert_eq!(town.model.home(ADA), [for_followers, unlisted, own, first]);
    }

    #[test]
    fn has_direct_posts_of_followees_that_name_the_reader() {
        let mut town = Town::with_ada_following(&[BEN]);
        let named = town.post_naming(BEN, Direct, ADA);
        let _other = town.post_naming(BEN, Direct, CAT);
        let _stranger = town.post_naming(CAT, Direct, ADA);
        assert_eq!(town.model.home(ADA), [named]);
    }

    #[test]
    fn has_replies_to_the_reader_to_their_own_author_and_to_followees() {
        let mut town = Town::with_ada_following(&[BEN, CAT]);
        let own = town.post(ADA, Public);
        let by_ben = town.post(BEN, Public);
        let by_cat = town.post(CAT, Public);
        let by_dan = town.post(DAN, Public);
        let to_reader = town.reply(BEN, own);
        let to_self = town.reply(BEN, by_ben);
        let to_followee = town.reply(BEN, by_cat);
        let _to_stranger = town.reply(BEN, by_dan);
        let own_to_stranger = town.reply(ADA, by_dan);
        let newest_first = [
            own_to_stranger,
            to_followee,
            to_self,
            to_reader,
            by_cat,
            by_ben,
            own,
        ];
        assert_eq!(town.model.home(ADA), newest_first);
    }

    #[test]
    fn knows_whom_a_reply_answers_when_the_answered_post_is_gone() {
        let mut town = Town::with_ada_following(&[BEN, CAT]);
        let by_cat = town.post(CAT, Public);
        let by_dan = town.post(DAN, Public);
        let to_followee = town.reply(BEN, by_cat);
        let to_stranger = town.reply(BEN, by_dan);
        assert_eq!(town.model.delete(CAT, by_cat), Ok(()));
        assert_eq!(town.model.delete(DAN, by_dan), Ok(()));
        assert_eq!(town.model.home(ADA), [to_followee]);
        town.follow(ADA, DAN);
        assert_eq!(town.model.home(ADA), [to_stranger, to_followee]);
    }

    #[test]
    fn has_boosts_of_followees_unless_hidden_whatever_they_boost() {
        let mut town = Town::with_ada_following(&[BEN]);
        let by_dan = town.post(DAN, Public);
        let by_cat = town.reply(CAT, by_dan);
        let boost = town.boost(BEN, by_cat);
        assert_eq!(town.model.home(ADA), [boost]);
        let hidden = town.model.follow(ADA, BEN, false);
        assert_eq!(hidden, Ok(Followed::Following));
        assert_eq!(town.model.home(ADA), []);
    }

    #[test]
    fn leaves_out_a_boost_less_than_a_day_after_the_post() {
        let mut town = Town::with_ada_following(&[BEN, CAT, DAN]);
        let post = town.post(BEN, Public);
        town.wait(DAY - 1);
        let too_soon = town.boost(CAT, post);
        assert_eq!(town.model.home(ADA), [post]);
        assert_eq!(town.model.unboost(CAT, post), Ok(()));
        town.wait(1);
        let in_time = town.boost(DAN, post);
        assert_eq!(town.model.home(ADA), [in_time, post]);
        assert!(too_soon < in_time);
    }

    #[test]
    fn leaves_out_a_boost_after_one_that_was_left_out_itself() {
        let mut town = Town::with_ada_following(&[BEN, CAT, DAN]);
        let post = town.post(BEN, Public);
        town.wait(20 * HOUR);
        let _left_out = town.boost(CAT, post);
        town.wait(20 * HOUR);
        let _left_out_too = town.boost(DAN, post);
        assert_eq!(town.model.home(ADA), [post]);
        assert_eq!(town.model.unboost(CAT, post), Ok(()));
        let shown = town.model.boost_by(DAN, post);
        assert_eq!(town.model.home(ADA).first().copied(), shown);
    }

    #[test]
    fn leaves_out_a_boost_after_one_by_somebody_muted() {
        let mut town = Town::with_ada_following(&[BEN, CAT]);
        let post = town.post(DAN, Public);
        let _muted = town.boost(BEN, post);
        let _late = town.boost(CAT, post);
        assert_eq!(town.model.mute(ADA, BEN), Ok(()));
        assert_eq!(town.model.home(ADA), []);
    }

    #[test]
    fn has_the_first_boost_when_the_post_itself_is_no_candidate() {
        let mut town = Town::with_ada_following(&[BEN, CAT]);
        let post = town.post(DAN, Public);
        let first = town.boost(BEN, post);
        town.wait(MINUTE);
        let _second = town.boost(CAT, post);
        assert_eq!(town.model.home(ADA), [first]);
        assert_eq!(town.model.unboost(BEN, post), Ok(()));
        let shown = town.model.boost_by(CAT, post);
        assert_eq!(town.model.home(ADA).first().copied(), shown);
    }

    #[test]
    fn has_own_boosts_which_hide_later_ones() {
        let mut town = Town::with_ada_following(&[BEN]);
        let post = town.post(DAN, Public);
        let own = town.boost(ADA, post);
        let _late = town.boost(BEN, post);
        assert_eq!(town.model.home(ADA), [own]);
    }

    #[test]
    fn has_nothing_by_muted_authors_boosters_and_boosted_authors() {
        for muted in [BEN, CAT, DAN] {
            let mut town = Town::with_ada_following(&[BEN, CAT]);
            let by_ben = town.post(BEN, Public);
            let by_dan = town.post(DAN, Public);
            let boost = town.boost(CAT, by_dan);
            assert_eq!(town.model.home(ADA), [boost, by_ben]);
            assert_eq!(town.model.mute(ADA, muted), Ok(()));
            let left = if muted == BEN { boost } else { by_ben };
            assert_eq!(town.model.home(ADA), [left]);
            assert_eq!(town.model.unmute(ADA, muted), Ok(()));
            assert_eq!(town.model.home(ADA), [boost, by_ben]);
        }
    }

    #[test]
    fn has_nothing_across_a_block_in_either_direction() {
        for blocks in [(ADA, DAN), (DAN, ADA)] {
            let mut town = Town::with_ada_following(&[BEN]);
            let by_dan = town.post(DAN, Public);
            let boost = town.boost(BEN, by_dan);
            assert_eq!(town.model.home(ADA), [boost]);
            assert_eq!(town.model.block(blocks.0, blocks.1), Ok(()));
            assert_eq!(town.model.home(ADA), []);
        }
    }

    #[test]
    fn has_nothing_by_suspended_authors_boosters_and_boosted_authors() {
        for suspended in [BEN, CAT, DAN] {
            let mut town = Town::with_ada_following(&[BEN, CAT]);
            let by_ben = town.post(BEN, Public);
            let by_dan = town.post(DAN, Public);
            let boost = town.boost(CAT, by_dan);
            assert_eq!(town.model.set_suspended(suspended, true), Ok(()));
            let left = if suspended == BEN { boost } else { by_ben };
            assert_eq!(town.model.home(ADA), [left]);
            assert_eq!(town.model.set_suspended(suspended, false), Ok(()));
            assert_eq!(town.model.home(ADA), [boost, by_ben]);
        }
    }

    #[test]
    fn has_an_authors_boost_of_its_own_followers_post_while_the_reader_follows() {
        let mut town = Town::with_ada_following(&[BEN]);
        let post = town.post(BEN, Followers);
        town.wait(2 * DAY);
        let boost = town.boost(BEN, post);
        assert_eq!(town.model.home(ADA), [boost, post]);
        assert_eq!(town.model.unfollow(ADA, BEN), Ok(()));
        assert_eq!(town.model.home(ADA), []);
    }
}

mod lists {
    use super::*;

    #[test]
    fn the_public_timeline_has_public_posts_and_no_boosts() {
        let mut town = Town::new();
        let post = town.post(ADA, Public);
        for visibility in [Unlisted, Followers, Direct] {
            town.post(ADA, visibility);
        }
        town.boost(BEN, post);
        let to_self = town.reply(ADA, post);
        let to_other = town.reply(BEN, post);
        let all = [to_other, to_self, post];
        assert_eq!(town.model.public_timeline(None, Replies::All), all);
        let without = town.model.public_timeline(None, Replies::ToOneself);
        assert_eq!(without, [to_self, post]);
        assert_eq!(town.model.mute(CAT, ADA), Ok(()));
        let muted = town.model.public_timeline(Some(CAT), Replies::All);
        assert_eq!(muted, [to_other]);
    }

    #[test]
    fn a_tag_is_found_in_any_case_as_a_whole_word_until_it_is_edited_away() {
        let mut town = Town::new();
        let mut tagged = |text: &str| {
            town.publish(&Draft {
                text: text.to_owned(),
                ..Town::draft(ADA, Public)
            })
        };
        let first = tagged("an owl #Night");
        let second = tagged("#night");
        tagged("#nightly night");
        assert_eq!(town.model.tag_timeline(None, "night"), [second, first]);
        let edit = town.model.edit(ADA, second, "#day", &BTreeSet::new());
        assert_eq!(edit, Ok(()));
        assert_eq!(town.model.tag_timeline(None, "NIGHT"), [first]);
    }

    #[test]
    fn an_account_timeline_has_what_the_viewer_may_see() {
        let mut town = Town::with_ada_following(&[BEN]);
        let other = town.post(CAT, Public);
        let open = town.post(BEN, Public);
        let for_followers = town.post(BEN, Followers);
        let direct = town.post_naming(BEN, Direct, CAT);
        let boost = town.boost(BEN, other);
        assert_eq!(town.model.mute(ADA, BEN), Ok(()));
        let seen = |viewer| town.model.account_timeline(viewer, BEN);
        assert_eq!(seen(None), [boost, open]);
        assert_eq!(seen(Some(ADA)), [boost, for_followers, open]);
        assert_eq!(seen(Some(CAT)), [boost, direct, open]);
        assert_eq!(seen(Some(BEN)), [boost, direct, for_followers, open]);
    }

    #[test]
    fn a_thread_goes_up_to_its_beginning_and_down_depth_first() {
        let mut town = Town::new();
        let root = town.post(ADA, Public);
        let middle = town.reply(BEN, root);
        let post = town.reply(ADA, middle);
        let first = town.reply(BEN, post);
        let second = town.reply(CAT, post);
        let below_first = town.reply(DAN, first);
        let thread = town.model.thread(None, post).expect("it is public");
        assert_eq!(thread.ancestors, [root, middle]);
        assert_eq!(thread.descendants, [first, below_first, second]);

        assert_eq!(town.model.block(BEN, CAT), Ok(()));
        let thread = town.model.thread(Some(CAT), post).expect("it is public");
        assert_eq!(thread.ancestors, [root], "the unseen is passed over");
        assert_eq!(thread.descendants, [below_first, second]);

        assert_eq!(town.model.delete(BEN, middle), Ok(()));
        let thread = town.model.thread(None, post).expect("it is public");
        assert_eq!(thread.ancestors, [], "the deleted ends the chain");
        assert_eq!(town.model.thread(None, middle), Err(Refused::NotFound));
    }

    #[test]
    fn pages_follow_mastodons_cursors() {
        let list: Vec<PostId> = (1..=9).rev().map(PostId).collect();
        let ids = |max: Option<i64>, since: Option<i64>, min: Option<i64>, limit| -> Vec<i64> {
            let page = page(
                &list,
                max.map(PostId),
                since.map(PostId),
                min.map(PostId),
                limit,
            );
            page.into_iter().map(|id| id.0).collect()
        };
        assert_eq!(ids(None, None, None, 3), [9, 8, 7]);
        assert_eq!(ids(Some(7), None, None, 3), [6, 5, 4]);
        assert_eq!(ids(None, Some(2), None, 3), [9, 8, 7], "the newest");
        assert_eq!(ids(None, Some(7), None, 3), [9, 8]);
        assert_eq!(ids(None, None, Some(2), 3), [5, 4, 3], "the oldest");
        assert_eq!(ids(None, None, Some(7), 3), [9, 8]);
        assert_eq!(ids(Some(5), Some(2), None, 3), [4, 3]);
        assert_eq!(ids(Some(8), None, Some(2), 2), [4, 3]);
        assert_eq!(ids(None, Some(6), Some(2), 2), [4, 3], "min_id wins");
        assert_eq!(ids(Some(1), None, None, 3), [0_i64; 0]);
        assert_eq!(ids(None, None, Some(9), 3), [0_i64; 0]);
    }
}

mod histories {
    use super::*;

    /// Enough for every rule to meet every other.
    const OPS_OF_A_HISTORY: usize = 120;

    /// A history without a server: the model's own answers, a clock and ids.
    struct Rehearsal {
        model: Model,
        people: Vec<AccountId>,
        now: Timestamp,
        ids: IdGenerator,
    }

    impl Rehearsal {
        fn new() -> Self {
            let people: Vec<AccountId> = (1..=i64::from(PEOPLE)).map(AccountId).collect();
            let mut model = Model::new();
            for &person in &people {
                model.add_account(person);
            }
            Self {
                model,
                people,
                now: Timestamp::from_millis(1_790_000_000_000),
                ids: IdGenerator::above(0),
            }
        }

        fn step(&mut self, op: &Op) -> Option<(Step, Result<Option<PostId>, Refused>)> {
            let step = op.resolve(&self.model, &self.people)?;
            if let Step::AdvanceClock { millis } = step {
                self.now = self.now.plus_millis(millis);
            }
            let id = PostId(self.ids.next(self.now));
            let answer = step.perform(&mut self.model, id);
            Some((step, answer))
        }
    }

    fn check_relations(model: &Model) {
        for one in model.accounts() {
            for other in model.accounts() {
                let either = model.follows(one, other) || model.has_requested(one, other);
                assert!(!(either && model.blocks_either_way(one, other)));
                assert!(!(model.follows(one, other) && model.has_requested(one, other)));
                assert!(one != other || !either);
            }
        }
    }

    fn check_boosts(model: &Model) {
        let mut boosts = BTreeSet::new();
        for id in model.entries() {
            let Some(post) = model.boost_of(id) else {
                continue;
            };
            assert!(boosts.insert((model.author(id), post)), "one boost each");
            assert!(matches!(
                (model.visibility(post), model.visibility(id)),
                (Some(Public | Unlisted), Some(Public | Unlisted | Followers))
                    | (Some(Followers), Some(Followers))
            ));
        }
    }

    fn check_home(model: &Model, reader: AccountId) {
        let home = model.home(reader);
        let candidates = model.home_candidates(reader);
        assert!(home.is_sorted_by(|newer, older| newer > older));
        for &id in &home {
            let shown = model.boost_of(id).unwrap_or(id);
            assert!(candidates.contains(&id));
            for post in [id, shown] {
                let author = model.author(post).expect("what is shown is there");
                assert!(model.may_see(Some(reader), post));
                assert!(!model.is_suspended(author));
                assert!(!model.blocks_either_way(reader, author));
                assert!(!model.mutes(reader, author));
            }
            if shown != id {
                let too_near = home.iter().any(|&older| {
                    older < id
                        && model.boost_of(older).unwrap_or(older) == shown
                        && millis_of(id) - millis_of(older) < DAY
                });
                assert!(!too_near);
            }
        }
        for limit in [1, 3, 7] {
            assert_eq!(downwards(&home, limit), home);
            assert_eq!(upwards(&home, limit), home);
        }
    }

    fn downwards(list: &[PostId], limit: usize) -> Vec<PostId> {
        let mut read = Vec::new();
        loop {
            let next = page(list, read.last().copied(), None, None, limit);
            if next.is_empty() {
                return read;
            }
            read.extend(next);
        }
    }

    fn upwards(list: &[PostId], limit: usize) -> Vec<PostId> {
        let mut read: Vec<PostId> = Vec::new();
        loop {
            let newest = read.first().copied().unwrap_or(PostId(0));
            let mut next = page(list, None, None, Some(newest), limit);
            if next.is_empty() {
                return read;
            }
            next.extend(read);
            read = next;
        }
    }

    proptest! {
        #![proptest_config(support::history::config(24))]

        #[test]
        fn leave_the_model_sound(ops in history(0..OPS_OF_A_HISTORY)) {
            let mut rehearsal = Rehearsal::new();
            for op in &ops {
                rehearsal.step(op);
                check_relations(&rehearsal.model);
                check_boosts(&rehearsal.model);
            }
            for &reader in &rehearsal.people {
                check_home(&rehearsal.model, reader);
            }
        }

        #[test]
        fn change_nothing_where_they_are_refused(ops in history(0..OPS_OF_A_HISTORY)) {
            let mut rehearsal = Rehearsal::new();
            for op in &ops {
                let before = format!("{:?}", rehearsal.model);
                if let Some((_, Err(_))) = rehearsal.step(op) {
                    prop_assert_eq!(format!("{:?}", rehearsal.model), before);
                }
            }
        }
    }

    /// A history that never does what a rule speaks of would pass with that rule broken.
    #[test]
    fn exercise_every_rule() {
        let mut runner = TestRunner::deterministic();
        let mut tally: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = |what: String| *tally.entry(what).or_default() += 1;
        for _ in 0..64 {
            let tree = history(OPS_OF_A_HISTORY).new_tree(&mut runner);
            let ops = tree.expect("nothing is filtered").current();
            let mut rehearsal = Rehearsal::new();
            for op in &ops {
                let Some((step, answer)) = rehearsal.step(op) else {
                    count("nothing to do".to_owned());
                    continue;
                };
                let debug = format!("{step:?}");
                let name = debug.split(' ').next().expect("a name comes first");
                let accepted = if answer.is_ok() {
                    "accepted"
                } else {
                    "refused"
                };
                count(format!("{accepted} {name}"));
            }
            for &reader in &rehearsal.people {
                count_what_homes_turn_on(&rehearsal.model, reader, &mut count);
            }
        }
        println!("{tally:#?}");
        let at_least = |what: &str, times: usize| {
            let counted = tally.get(what).copied().unwrap_or_default();
            assert!(counted >= times, "{what}: {counted} times, not {times}");
        };
        for name in [
            "Publish",
            "Boost",
            "Edit",
            "Delete",
            "Unboost",
            "Favourite",
            "Unfavourite",
            "Bookmark",
            "Unbookmark",
            "Follow",
            "Unfollow",
            "RemoveFollower",
            "AcceptRequest",
            "Block",
            "Unblock",
            "Mute",
            "Unmute",
            "SetLocked",
            "SetSuspended",
            "ReadHome",
            "Evict",
            "Snapshot",
            "Restart",
            "AdvanceClock",
        ] {
            at_least(&format!("accepted {name}"), 10);
        }
        for name in ["Publish", "Boost", "Edit", "Delete", "Favourite", "Follow"] {
            at_least(&format!("refused {name}"), 5);
        }
        at_least("accepted RejectRequest", 3);
        at_least("reply to a deleted post shown", 3);
        for what in [
            "boost left out",
            "boost shown",
            "boost a day after an older candidate",
            "boost left out after one that is not shown",
            "muted",
            "unseen",
            "reply shown",
        ] {
            at_least(what, 20);
        }
    }

    fn count_what_homes_turn_on(model: &Model, reader: AccountId, count: &mut impl FnMut(String)) {
        let home = model.home(reader);
        let candidates = model.home_candidates(reader);
        let shown = |id: PostId| model.boost_of(id).unwrap_or(id);
        for &id in &candidates {
            let authors = [id, shown(id)].map(|id| model.author(id).expect("it is there"));
            let in_home = home.contains(&id);
            if !model.may_see(Some(reader), id) {
                count("unseen".to_owned());
            } else if authors.iter().any(|&author| model.mutes(reader, author)) {
                count("muted".to_owned());
            } else if model.boost_of(id).is_some() {
                let mut older = candidates
                    .iter()
                    .filter(|&&older| older < id && shown(older) == shown(id))
                    .peekable();
                if !in_home {
                    count("boost left out".to_owned());
                    let near = |older: PostId| millis_of(id) - millis_of(older) < DAY;
                    if older.all(|&older| !near(older) || !home.contains(&older)) {
                        count("boost left out after one that is not shown".to_owned());
                    }
                } else if older.peek().is_some() {
                    count("boost a day after an older candidate".to_owned());
                } else {
                    count("boost shown".to_owned());
                }
            } else if model.is_reply(id) {
                assert!(in_home);
                if model.parent(id).is_some() {
                    count("reply shown".to_owned());
                } else {
                    count("reply to a deleted post shown".to_owned());
                }
            }
        }
    }

    #[test]
    fn settling_tells_where_server_and_model_disagree_and_then_changes_nothing() {
        let mut rehearsal = Rehearsal::new();
        let [ada, ben] = [rehearsal.people[0], rehearsal.people[1]];
        let model = &mut rehearsal.model;
        let publish = Step::Publish {
            author: ada,
            visibility: Followers,
            mentions: vec![],
            reply_to: None,
            text: "a wren",
        };
        let post = PostId(1 << 16);
        let refused = publish.settle(model, Answer::Refused);
        assert!(refused.is_err_and(|disagreement| disagreement.expected.is_ok()));
        assert!(publish.settle(model, Answer::Done).is_err(), "no id");
        assert_eq!(model.entries(), []);
        assert_eq!(publish.settle(model, Answer::Entry(post)), Ok(()));
        assert_eq!(model.entries(), [post]);

        let favourite = Step::Favourite { actor: ben, post };
        assert!(favourite.settle(model, Answer::Done).is_err());
        assert_eq!(favourite.settle(model, Answer::Refused), Ok(()));

        let boost = Step::Boost {
            actor: ada,
            post,
            visibility: None,
        };
        let (first, second) = (PostId(2 << 16), PostId(3 << 16));
        assert_eq!(boost.settle(model, Answer::Entry(first)), Ok(()));
        assert!(boost.settle(model, Answer::Entry(second)).is_err());
        assert_eq!(boost.settle(model, Answer::Entry(first)), Ok(()));
        assert_eq!(model.entries(), [post, first]);
    }
}

mod graphs {
    use super::*;

    #[test]
    fn the_generated_graph_is_of_the_real_ones_size_and_kind() {
        let graph = graph::generate(graph::GENERATED_MEMBERS, 1);
        assert_eq!(graph, graph::generate(graph::GENERATED_MEMBERS, 1));
        assert_ne!(
            graph.follows,
            graph::generate(graph::GENERATED_MEMBERS, 2).follows
        );
        // The real one has 18,812 pairs.
        assert!((18_000..20_000).contains(&(graph.follows.len() / 2)));
        let follows: BTreeSet<(u32, u32)> = graph.follows.iter().copied().collect();
        let mut followers = vec![0; graph.people];
        for &(follower, followee) in &follows {
            assert_ne!(follower, followee);
            assert!(follows.contains(&(followee, follower)));
            followers[followee as usize] += 1;
        }
        followers.sort_unstable();
        let (median, most) = (followers[graph.people / 2], followers[graph.people - 1]);
        assert!(followers[0] >= 20 && most > 5 * median, "{median}, {most}");
    }

    #[test]
    fn the_model_bears_a_whole_community() {
        const POSTS_EACH: usize = 3;
        let graph = graph::load().expect("the graph can be read");
        assert_eq!(graph.people, graph::GENERATED_MEMBERS);
        let person = |member: usize| AccountId(member as i64 + 1);
        let mut model = Model::new();
        for member in 0..graph.people {
            model.add_account(person(member));
        }
        let mut followees = vec![0; graph.people];
        for &(follower, followee) in &graph.follows {
            let (follower, followee) = (follower as usize, followee as usize);
            let followed = model.follow(person(follower), person(followee), true);
            assert_eq!(followed, Ok(Followed::Following));
            followees[follower] += 1;
        }
        let mut ids = IdGenerator::above(0);
        for _ in 0..POSTS_EACH {
            for member in 0..graph.people {
                let draft = Town::draft(person(member), Followers);
                let id = PostId(ids.next(Timestamp::from_millis(1_790_000_000_000)));
                assert_eq!(model.publish(&draft, id), Ok(BTreeSet::new()));
            }
        }
        for (member, followees) in followees.into_iter().enumerate() {
            let home = model.home(person(member));
            assert_eq!(home.len(), POSTS_EACH * (1 + followees));
        }
    }
}
