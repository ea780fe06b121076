//! The search terms and expressions, tried on the FTS5 that kinglet ships with.

use kinglet::domain::text::{query, search_terms};
use proptest::prelude::*;
use rusqlite::Connection;

/// An index without contents, as the store has it, under the tokenizer `tokenizer`.
fn index(tokenizer: &str) -> Connection {
    let index = Connection::open_in_memory().expect("memory is there");
    index
        .execute_batch(&format!(
            "CREATE VIRTUAL TABLE posts USING fts5(terms, content='', tokenize='{tokenizer}')"
        ))
        .expect("FTS5 is bundled");
    index
}

fn insert(index: &Connection, key: i64, text: &str) {
    index
        .execute(
            "INSERT INTO posts (rowid, terms) VALUES (?1, ?2)",
            (key, search_terms::index_terms(text)),
        )
        .expect("terms are plain text");
}

fn found(index: &Connection, text: &str) -> Vec<i64> {
    let Some(expression) = query::parse(text).and_then(|query| query.matches) else {
        return Vec::new();
    };
    let mut statement = index
        .prepare_cached("SELECT rowid FROM posts WHERE posts MATCH ?1 ORDER BY rowid")
        .expect("the table exists");
    statement
        .query_map([&expression], |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("FTS5 accepts every expression")
}

#[test]
fn people_find_what_they_look_for() {
    for tokenizer in ["ascii", "unicode61"] {
        let index = index(tokenizer);
        for (key, text) in [
            (1, "日本語の東京です"),
            (2, "Das Café an der Straße ist schön"),
            (
                3,
                "I don't like snake_case, see https://example.org/a-page #Rust2024",
            ),
            (4, "京都と東の国"),
            (5, "Tōkyō tower 東京タワー 夜"),
            (6, "ไปกรุงเทพ วันนี้ हिन्दी भाषा"),
        ] {
            insert(&index, key, text);
        }
        for (text, keys) in [
            ("東京", &[1, 5][..]),
            ("日本語", &[1]),
            ("東", &[1, 4, 5]),
            ("夜", &[5]),
            ("語", &[1]),
            ("です", &[1]),
            ("cafe STRASSE", &[2]),
            ("\"der straße\"", &[2]),
            ("\"straße der\"", &[]),
            ("caf", &[2]),
            ("caf ist", &[]),
            ("dont", &[3]),
            ("don’t snake_case", &[3]),
            ("example.org", &[3]),
            ("#rust", &[3]),
            ("東京 -tokyo", &[1]),
            ("tower東京", &[5]),
            ("กรุงเทพ", &[6]),
            ("हिन्दी", &[6]),
        ] {
            assert_eq!(found(&index, text), keys, "{text} with {tokenizer}");
        }
    }
}

/// Characters that mean something to FTS5, to us, or to nobody.
fn odd() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC",
        "[\"'*^:()+{}\\[\\]\\\\; \\-]{1,4}",
        Just(" AND ".to_owned()),
        Just(" NOT ".to_owned()),
        Just("NEAR(".to_owned()),
        Just("terms:".to_owned()),
        Just("from:".to_owned()),
        Just("東京".to_owned()),
        Just("\0".to_owned()),
        Just("ann ".to_owned()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_query_is_an_error(text in prop_oneof![odd(), any::<String>()]) {
        for tokenizer in ["ascii", "unicode61"] {
            let index = index(tokenizer);
            insert(&index, 1, &text);
            found(&index, &text);
        }
    }

    #[test]
    fn japanese_is_found_exactly_where_it_stands(
        texts in prop::collection::vec("[東京都日本]{1,8}", 1..6),
        part in "[東京都日本]{1,4}",
    ) {
        let index = index("ascii");
        for (text, key) in texts.iter().zip(1..) {
            insert(&index, key, text);
        }
        let naive: Vec<i64> = texts
            .iter()
            .zip(1..)
            .filter_map(|(text, key)| text.contains(&part).then_some(key))
            .collect();
        prop_assert_eq!(found(&index, &part), naive);
    }

    #[test]
    fn words_are_found_by_all_of_them_and_the_start_of_the_last(
        texts in prop::collection::vec(prop::collection::vec("[ab]{1,3}", 1..6), 1..6),
        words in prop::collection::vec("[ab]{1,3}", 0..3),
        last in "[ab]{2,3}",
    ) {
        let index = index("ascii");
        for (text, key) in texts.iter().zip(1..) {
            insert(&index, key, &text.join(", "));
        }
        let naive: Vec<i64> = texts
            .iter()
            .zip(1..)
            .filter(|(text, _)| words.iter().all(|word| text.contains(word)))
            .filter(|(text, _)| text.iter().any(|word| word.starts_with(&last)))
            .map(|(_, key)| key)
            .collect();
        prop_assert_eq!(found(&index, &format!("{} {last}", words.join(" "))), naive);
    }

    #[test]
    fn a_word_of_the_text_finds_it(text in "\\PC{1,30}") {
        let index = index("ascii");
        insert(&index, 1, &text);
        for word in text.split_whitespace().filter(|word| !word.starts_with('-')) {
            if query::parse(word).is_some_and(|query| query.matches.is_some()) {
                prop_assert_eq!(found(&index, word), vec![1], "{}", word);
            }
        }
    }
}
