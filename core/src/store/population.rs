//! A made-up population: people, who follows whom, and what they write. For measurements that want a large instance.
//!
//! The same seed makes the same people, follows and texts; ids come from the clock. Follows and words are spread as they
//! are among people and in languages: a few have most of them.

use std::collections::HashSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bulk::{Flow, UNITS_IN_FLIGHT_MAX};
use super::units::{
    Admission, FollowAccount, NewMember, PreparedText, PublishPost, RegisterAccount,
};
use super::writer::{WriteError, Writer};
use crate::domain::account::Role;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::text::search_terms::post_terms;
use crate::domain::text::{hashtags, mentions, tokens};
use crate::domain::visibility::Visibility;
use crate::ids::AccountId;

/// Characters of a made-up text.
pub const TEXT_CHARS: usize = 160;
/// Words of which texts are made.
const WORDS: usize = 20_000;
/// Tags of which each text has one.
const TAGS: usize = 2000;
/// Of so many rows of a kind each reports its progress.
const ROWS_PER_REPORT: usize = 10_000;

/// Makes texts of [`TEXT_CHARS`] characters with a hashtag each.
pub struct Texts {
    random: StdRng,
    words: Vec<String>,
}

impl Texts {
    /// The texts of a seed.
    pub fn seeded(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut known = HashSet::with_capacity(WORDS);
        let mut words = Vec::with_capacity(WORDS);
        while words.len() < WORDS {
            // Frequent words are short.
            let syllables = 1 + (words.len() + 1).ilog10() as usize / 2 + random.random_range(0..3);
            let word: String = (0..syllables).flat_map(|_| syllable(&mut random)).collect();
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { random, words }
    }

    /// The next text.
    pub fn next_text(&mut self) -> String {
        let tag = format!("#tag{}", zipf(&mut self.random, TAGS));
        let mut text = String::with_capacity(TEXT_CHARS);
        loop {
            let word = &self.words[zipf(&mut self.random, WORDS)];
            if text.len() + word.len() + 1 + tag.len() > TEXT_CHARS {
                break;
            }
            text.push_str(word);
            text.push(' ');
        }
        // What is left is filled, so that all are of one length.
        let gap = TEXT_CHARS - text.len() - tag.len();
        for _ in 1..gap {
            text.push('o');
        }
        if gap > 0 {
            text.push(' ');
        }
        text.push_str(&tag);
        text
    }

    /// The next text, with all that is found in it.
    pub fn next_prepared(&mut self) -> PreparedText {
        prepared(self.next_text())
    }
}

/// A text with all that is found in it, as an instance without a name of its own finds it.
pub fn prepared(text: String) -> PreparedText {
    let tokens = tokens::tokenize(&text);
    PreparedText {
        mentioned_names: mentions::local_names(&tokens, ""),
        tags: hashtags::names(&tokens),
        terms: post_terms("", &text),
        text,
        ..PreparedText::default()
    }
}

fn syllable(random: &mut StdRng) -> [char; 2] {
    const CONSONANTS: [char; 16] = [
        't', 'n', 's', 'r', 'h', 'l', 'd', 'c', 'm', 'f', 'p', 'g', 'w', 'b', 'v', 'k',
    ];
    const VOWELS: [char; 5] = ['e', 'a', 'o', 'i', 'u'];
    [
        CONSONANTS[random.random_range(0..CONSONANTS.len())],
        VOWELS[random.random_range(0..VOWELS.len())],
    ]
}

/// One of `ranks`, each about as often as its rank says: Zipf's law with the exponent 1.
fn zipf(random: &mut StdRng, ranks: usize) -> usize {
    let share: f64 = random.random();
    let rank = ((ranks + 1) as f64).powf(share) as usize;
    rank.clamp(1, ranks) - 1
}

/// How large a population is.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    /// How many people.
    pub accounts: usize,
    /// How many follows, spread evenly over the followers and by rank over the followees.
    pub follows: usize,
    /// How many posts, spread as the follows are.
    pub posts: usize,
    /// What all of it is drawn with.
    pub seed: u64,
}

/// What is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// People.
    Accounts,
    /// Follows.
    Follows,
    /// Posts.
    Posts,
}

impl Population {
    /// Makes it, by the units that people's acts are made of, and answers the accounts in the order of their rank. `done` is
    /// told now and then how many of a stage are done. It blocks the thread.
    ///
    /// # Errors
    /// What the writer says.
    pub fn make(
        &self,
        writer: &Writer,
        mut done: impl FnMut(Stage, usize),
    ) -> Result<Vec<AccountId>, WriteError> {
        let mut report = |stage, number: usize, all: usize| {
            if number.is_multiple_of(ROWS_PER_REPORT) || number == all {
                done(stage, number);
            }
        };
        let members = (0..self.accounts).map(|number| {
            report(Stage::Accounts, number + 1, self.accounts);
            member(number)
        });
        let accounts: Vec<AccountId> = Flow::new(writer, UNITS_IN_FLIGHT_MAX)
            .send_all(members)?
            .iter()
            .map(|registered| registered.account)
            .collect();
        let mut flow = Flow::new(writer, UNITS_IN_FLIGHT_MAX);
        for (number, (follower, followee)) in self.pairs().into_iter().enumerate() {
            flow.send(FollowAccount {
                follower: accounts[follower],
                followee: accounts[followee],
                shows_boosts: None,
                notifies: None,
                follows_max: i64::MAX,
            })?;
            report(Stage::Follows, number + 1, self.follows);
        }
        while flow.receive()?.is_some() {}
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(1));
        let mut texts = Texts::seeded(self.seed);
        let mut flow = Flow::new(writer, UNITS_IN_FLIGHT_MAX);
        for number in 0..self.posts {
            let author = accounts[skewed(&mut random, accounts.len())];
            flow.send(post(author, texts.next_prepared(), None))?;
            report(Stage::Posts, number + 1, self.posts);
        }
        while flow.receive()?.is_some() {}
        Ok(accounts)
    }

    /// Who follows whom, by rank; no pair twice and nobody itself. Fewer than wanted where there are too few people.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let most = self
            .accounts
            .saturating_mul(self.accounts.saturating_sub(1));
        let wanted = self.follows.min(most);
        let mut pairs = Vec::with_capacity(wanted);
        let mut followed = HashSet::new();
        for follower in 0..self.accounts {
            let share = (wanted - pairs.len()).div_ceil(self.accounts - follower);
            followed.clear();
            followed.insert(follower);
            while followed.len() <= share {
                let mut followee = skewed(&mut random, self.accounts);
                // Where nearly everybody is followed, the next one that isn't.
                while !followed.insert(followee) {
                    followee = (followee + 1) % self.accounts;
                }
                pairs.push((follower, followee));
            }
        }
        pairs
    }
}

/// One of `ranks`, the first ones far more often than the last.
fn skewed(random: &mut StdRng, ranks: usize) -> usize {
    let share: f64 = random.random();
    ((share.powi(3) * ranks as f64) as usize).min(ranks.saturating_sub(1))
}

/// A member by its rank. Nobody can log in with its password.
pub fn member(number: usize) -> RegisterAccount {
    RegisterAccount {
        member: NewMember {
            name: format!("person{number}"),
            email: format!("person{number}@example.org"),
            password_hash: "none".to_owned(),
        },
        admission: Admission::Operator(Role::User),
    }
}

/// A public post.
pub fn post(
    author: AccountId,
    text: PreparedText,
    idempotency_key: Option<IdempotencyKey>,
) -> PublishPost {
    PublishPost {
        author,
        text,
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::store::invariants::CheckInvariants;
    use crate::store::testing::TestStore;

    #[test]
    fn texts_are_of_one_length_and_have_a_tag_and_frequent_words() {
        let mut texts = Texts::seeded(1);
        let mut words = HashMap::<String, usize>::new();
        for _ in 0..500 {
            let text = texts.next_prepared();
            assert_eq!(text.text.chars().count(), TEXT_CHARS, "{}", text.text);
            assert_eq!(text.tags.len(), 1, "{}", text.text);
            assert_eq!(text.mentioned_names, [""; 0]);
            for word in text.terms.split(' ') {
                *words.entry(word.to_owned()).or_default() += 1;
            }
        }
        let all: usize = words.values().sum();
        let most = words.values().max().expect("there are words");
        assert!(most * 5 < all && most * 20 > all, "{most} of {all}");
        assert!(words.len() > 3000, "{}", words.len());
        assert_eq!(Texts::seeded(2).next_text(), Texts::seeded(2).next_text());
        assert_ne!(Texts::seeded(1).next_text(), Texts::seeded(2).next_text());
    }

    #[test]
    fn a_population_is_as_large_as_wanted_and_sound() {
        let mut store = TestStore::open();
        let population = Population {
            accounts: 40,
            follows: 300,
            posts: 200,
            seed: 1,
        };
        let mut last = Vec::new();
        let accounts = population.make(store.writer(), |stage, done| last.push((stage, done)));
        assert_eq!(accounts.expect("it is made").len(), 40);
        let done = [
            (Stage::Accounts, 40),
            (Stage::Follows, 300),
            (Stage::Posts, 200),
        ];
        assert_eq!(last, done);
        for (table, rows) in [("accounts", 40), ("follows", 300), ("posts", 200)] {
            let found = store.number(&format!("SELECT count(*) FROM {table}"));
            assert_eq!(found, rows, "{table}");
        }
        let most = store.number("SELECT max(followers_count) FROM accounts");
        assert!(most > 15, "{most} of 40 follow the first");
        assert_eq!(store.find(CheckInvariants), []);
    }

    #[test]
    fn nobody_is_followed_more_often_than_there_are_people() {
        let everybody = Population {
            accounts: 7,
            follows: 1000,
            posts: 0,
            seed: 1,
        };
        assert_eq!(everybody.pairs().len(), 7 * 6);
        let nobody = Population {
            accounts: 0,
            ..everybody
        };
        assert_eq!(nobody.pairs(), []);
    }
}
