//! What posts say: 160 characters out of a vocabulary where few words are frequent and most are rare, as in languages,
//! and a tag. An index of words costs what it costs people's posts, not what it costs one sentence over and over.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Characters of each post, its tag included.
pub const CHARACTERS: usize = 160;
/// Words that there are.
const WORDS: usize = 20_000;
/// Tags that there are.
const TAGS: usize = 500;
const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
const VOWELS: &[u8] = b"aeiou";

/// Words and how to make posts of them.
#[derive(Debug, Clone)]
pub struct Texts {
    words: Vec<String>,
}

impl Texts {
    /// The vocabulary of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let letter =
            |random: &mut StdRng, of: &[u8]| char::from(of[random.random_range(0..of.len())]);
        let words = (0..WORDS).map(|_| {
            let syllables = random.random_range(1..=4);
            (0..syllables)
                .flat_map(|_| [letter(&mut random, CONSONANTS), letter(&mut random, VOWELS)])
                .collect()
        });
        Self {
            words: words.collect(),
        }
    }

    /// A post of exactly [`CHARACTERS`] characters, all of them ASCII.
    pub fn post(&self, random: &mut StdRng) -> String {
        let tag = format!(" #tag{}", rare(random, TAGS));
        let room = CHARACTERS - tag.len();
        let mut text = String::with_capacity(CHARACTERS);
        while text.len() < room {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&self.words[rare(random, WORDS)]);
        }
        text.truncate(room);
        // A post doesn't end in spaces; what is cut off is.
        if text.ends_with(' ') {
            text.pop();
            text.push('a');
        }
        text + &tag
    }
}

/// A number below `count`, small ones far more often: the rank of a word by Zipf's law, about.
fn rare(random: &mut StdRng, count: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the count"
    )]
    let rank = (count as f64).powf(random.random_range(0.0..1.0)) as usize;
    rank.saturating_sub(1).min(count - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn posts_have_their_length_a_tag_and_few_frequent_words() {
        let texts = Texts::new(1);
        let mut random = StdRng::seed_from_u64(2);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..1000 {
            let post = texts.post(&mut random);
            assert_eq!(post.chars().count(), CHARACTERS, "{post}");
            assert!(post.contains(" #tag"), "{post}");
            for word in post.split(' ') {
                *seen.entry(word.to_owned()).or_default() += 1;
            }
        }
        let most = seen.values().max().copied().unwrap_or_default();
        assert!(most > 500, "the most frequent word is there {most} times");
        let once = seen.values().filter(|times| **times == 1).count();
        assert!(once > 1000, "{once} words are there once");
    }

    #[test]
    fn the_same_seed_says_the_same() {
        let say = |seed| Texts::new(seed).post(&mut StdRng::seed_from_u64(3));
        assert_eq!(say(1), say(1));
        assert_ne!(say(1), say(2));
    }
}
