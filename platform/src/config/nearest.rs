//! The likeliest name behind a misspelt one.

/// The candidate that the fewest slips of the finger turn into `given`; `None` when all are too far
/// away to be what was meant, which is when more than a third of the letters would have to be wrong.
pub(super) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let slips = strsim::damerau_levenshtein(&given, &candidate.to_lowercase());
            (slips, candidate)
        })
        .filter(|(slips, candidate)| *slips * 3 <= candidate.chars().count().max(3))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_forgiven_and_other_words_are_not() {
        let names = ["listen", "trusted_proxies", "url", "level"];
        for (given, expected) in [
            ("lisen", Some("listen")),
            ("Listen", Some("listen")),
            ("trusted-proxys", Some("trusted_proxies")),
            ("ulr", Some("url")),
            ("levle", Some("level")),
            ("database", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, names), expected, "{given}");
        }
    }
}
