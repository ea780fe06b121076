//! The commands and files of `docs/operations.md`, so that tests run what people type.

use super::tools::in_package;

/// A part of the page, by its heading: all up to the next heading of the same or a higher level.
pub fn part(heading: &str) -> String {
    let page = std::fs::read_to_string(in_package("docs/operations.md")).expect("the page");
    let level = heading.chars().take_while(|letter| *letter == '#').count();
    let is_end = |line: &str| {
        let marks = line.chars().take_while(|letter| *letter == '#').count();
        (1..=level).contains(&marks)
    };
    let mut lines = page.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "{heading} is not in the page");
    let mut is_code = false;
    let lines = lines.take_while(|line| {
        is_code ^= line.starts_with("```");
        is_code || !is_end(line)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The blocks of a part that are marked with this word, such as `toml`.
pub fn blocks(part: &str, word: &str) -> Vec<String> {
    let mark = format!("```{word}\n");
    let blocks = part.split(&mark).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// The commands in the consoles of a part.
pub fn commands(part: &str) -> Vec<String> {
    let consoles = blocks(part, "console").concat();
    let lines = consoles.lines().filter_map(|line| line.strip_prefix("$ "));
    lines.map(str::to_owned).collect()
}
