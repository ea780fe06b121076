//! From plain text to HTML in the shape that Mastodon's clients know, and to short excerpts.
//!
//! Nothing of the text reaches the page unescaped: this module writes every tag itself, and the
//! only tags are `p`, `br`, `a` and `span`.

use super::links::scheme_prefix;
use super::mentions::Mention;
use super::tokens::{Token, TokenKind, tokenize};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_segmentation::UnicodeSegmentation;

/// How many characters of an address are shown after its scheme.
pub const LINK_SHOWN_CHARS: usize = 30;

/// What stays as it is in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Renders a post or a bio. `instance_url` (no slash at its end) is where hashtags lead;
/// `mention_url` gives the profile of a mentioned account, or `None` if there is none, and then the
/// mention stays text.
///
/// Line ends at the start and the end are left out; a text without anything else gives "".
#[must_use]
pub fn to_html(
    text: &str,
    instance_url: &str,
    mention_url: impl FnMut(&Mention<'_>) -> Option<String>,
) -> String {
    tokens_to_html(text, &tokenize(text), instance_url, mention_url)
}

/// The same for a text that has been cut into `tokens` already.
#[must_use]
pub fn tokens_to_html(
    text: &str,
    tokens: &[Token<'_>],
    instance_url: &str,
    mut mention_url: impl FnMut(&Mention<'_>) -> Option<String>,
) -> String {
    let is_break =
        |token: &Token<'_>| matches!(token.kind, TokenKind::LineBreak | TokenKind::Paragraph);
    let Some(first) = tokens.iter().position(|token| !is_break(token)) else {
        return String::new();
    };
    let last = tokens
        .iter()
        .rposition(|token| !is_break(token))
        .unwrap_or(first);
    let mut html = String::with_capacity(text.len() * 2 + 16);
    html.push_str("<p>");
    for token in &tokens[first..=last] {
        let written = &text[token.range.clone()];
        match &token.kind {
            TokenKind::Text => push_escaped(&mut html, written),
            TokenKind::Mention(mention) => match mention_url(mention) {
                Some(url) => push_mention(&mut html, written, &url),
                None => push_escaped(&mut html, written),
            },
            TokenKind::Hashtag(tag) => {
                push_hashtag(&mut html, written, &tag_url(instance_url, &tag.name));
            }
            TokenKind::Link(link) => push_link(&mut html, written, &link.href),
            TokenKind::LineBreak => html.push_str("<br />"),
            TokenKind::Paragraph => html.push_str("</p><p>"),
        }
    }
    html.push_str("</p>");
    html
}

/// The page of the hashtag `name` (normalised, without `#`).
#[must_use]
pub fn tag_url(instance_url: &str, name: &str) -> String {
    format!("{instance_url}/tags/{}", utf8_percent_encode(name, SEGMENT))
}

/// `text` with everything escaped that has a meaning in HTML, both between tags and within quoted
/// attributes. Control characters that HTML can't carry become U+FFFD.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    push_escaped(&mut html, text);
    html
}

/// The beginning of `text` on one line, for titles and notifications: white space becomes single
/// spaces; what is longer than `chars` is cut, after a word if one ends in the second half,
/// and ends in `…`, which is counted.
#[must_use]
pub fn plain_excerpt(text: &str, chars: usize) -> String {
    let mut line = String::new();
    let mut len = 0;
    // Where the excerpt ends if the text turns out to be longer, bytes.
    let mut cut = 0;
    let mut word_end = None;
    for grapheme in text.trim().graphemes(true) {
        let is_space = grapheme
            .chars()
            .all(|c| c.is_whitespace() || c.is_control());
        if is_space && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if len == chars {
            line.truncate(word_end.unwrap_or(cut));
            line.truncate(line.trim_end().len());
            if chars > 0 {
                line.push('…');
            }
            return line;
        }
        if is_space && len * 2 >= chars && len < chars {
            word_end = Some(line.len());
        }
        line.push_str(if is_space { " " } else { grapheme });
        len += 1;
        if len < chars {
            cut = line.len();
        }
    }
    line.truncate(line.trim_end().len());
    line
}

fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\r' | '\t' => html.push(c),
            c if c.is_control() => html.push(char::REPLACEMENT_CHARACTER),
            c => html.push(c),
        }
    }
}

fn push_mention(html: &mut String, written: &str, url: &str) {
    html.push_str("<span class=\"h-card\" translate=\"no\"><a href=\"");
    push_escaped(html, url);
    html.push_str("\" class=\"u-url mention\">@<span>");
    push_escaped(html, written.strip_prefix('@').unwrap_or(written));
    html.push_str("</span></a></span>");
}

fn push_hashtag(html: &mut String, written: &str, url: &str) {
    let name = written.strip_prefix(['#', '＃']).unwrap_or(written);
    html.push_str("<a href=\"");
    push_escaped(html, url);
    html.push_str("\" class=\"mention hashtag\" rel=\"tag\">");
    push_escaped(html, &written[..written.len() - name.len()]);
    html.push_str("<span>");
    push_escaped(html, name);
    html.push_str("</span></a>");
}

/// The whole address is there to be copied; scheme and overlong end are hidden by the style sheet.
fn push_link(html: &mut String, written: &str, href: &str) {
    let mut hidden = scheme_prefix(written);
    if written[hidden..]
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("www."))
    {
        hidden += 4;
    }
    let (scheme, rest) = written.split_at(hidden);
    let shown_len = rest
        .grapheme_indices(true)
        .nth(LINK_SHOWN_CHARS)
        .map_or(rest.len(), |(at, _)| at);
    let (shown, more) = rest.split_at(shown_len);
    html.push_str("<a href=\"");
    push_escaped(html, href);
    html.push_str("\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\">");
    html.push_str("<span class=\"invisible\">");
    push_escaped(html, scheme);
    html.push_str(if more.is_empty() {
        "</span><span class=\"\">"
    } else {
        "</span><span class=\"ellipsis\">"
    });
    push_escaped(html, shown);
    html.push_str("</span><span class=\"invisible\">");
    push_escaped(html, more);
    html.push_str("</span></a>");
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tests::tricky;
    use super::*;
    use proptest::prelude::*;

    const HERE: &str = "https://here.example";

    fn html(text: &str) -> String {
        to_html(text, HERE, |mention| {
            (mention.key() == "ann").then(|| format!("{HERE}/@ann?a=\"<&'"))
        })
    }

    #[test]
    fn posts_have_the_shape_that_clients_know() {
        assert_eq!(
            to_html("Hi @ann & @bob\nline\n\n\n#Café <b>", HERE, |mention| {
                (mention.name == "ann").then(|| format!("{HERE}/@ann"))
            }),
            "<p>Hi <span class=\"h-card\" translate=\"no\"><a href=\"https://here.example/@ann\" \
             class=\"u-url mention\">@<span>ann</span></a></span> &amp; @bob<br />line</p><p>\
             <a href=\"https://here.example/tags/caf%C3%A9\" class=\"mention hashtag\" \
             rel=\"tag\">#<span>Café</span></a> &lt;b&gt;</p>"
        );
    }

    #[test]
    fn long_links_are_abbreviated() {
        assert_eq!(
            html("https://www.example.org/0123456789/0123456789?a=b&c"),
            "<p><a href=\"https://www.example.org/0123456789/0123456789?a=b&amp;c\" \
             target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\">\
             <span class=\"invisible\">https://www.</span>\
             <span class=\"ellipsis\">example.org/0123456789/0123456</span>\
             <span class=\"invisible\">789?a=b&amp;c</span></a></p>"
        );
        assert_eq!(
            html("http://e.org"),
            "<p><a href=\"http://e.org/\" target=\"_blank\" rel=\"nofollow noopener\" \
             translate=\"no\"><span class=\"invisible\">http://</span>\
             <span class=\"\">e.org</span><span class=\"invisible\"></span></a></p>"
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(html(""), "");
        assert_eq!(html("\n\r\n"), "");
        assert_eq!(html("\n\na\n"), "<p>a</p>");
    }

    #[test]
    fn excerpts_fit_and_end_after_words() {
        assert_eq!(plain_excerpt("  one\n\ntwo\tthree ", 20), "one two three");
        assert_eq!(plain_excerpt("one two three", 13), "one two three");
        assert_eq!(plain_excerpt("one two three", 12), "one two…");
        assert_eq!(plain_excerpt("abcdefghij", 5), "abcd…");
        assert_eq!(plain_excerpt("日本語の東京です", 4), "日本語…");
        assert_eq!(plain_excerpt("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2), "👩‍👩‍👧…");
        assert_eq!(plain_excerpt("a  ", 1), "a");
        assert_eq!(plain_excerpt("ab", 1), "…");
        assert_eq!(plain_excerpt("ab", 0), "");
    }

    /// Reads HTML as strictly as no browser does and returns its text.
    fn text_of(html: &str) -> Result<String, String> {
        const OPENING: [&str; 9] = [
            "p",
            "span",
            "span class=\"\"",
            "span class=\"invisible\"",
            "span class=\"ellipsis\"",
            "span class=\"h-card\" translate=\"no\"",
            "a href=\"?\" class=\"u-url mention\"",
            "a href=\"?\" class=\"mention hashtag\" rel=\"tag\"",
            "a href=\"?\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\"",
        ];
        let mut text = String::new();
        let mut open = Vec::new();
        let mut rest = html;
        while let Some(c) = rest.chars().next() {
            if c == '<' {
                let (tag, after) = rest[1..].split_once('>').ok_or("unclosed tag")?;
                rest = after;
                if tag == "br /" {
                    text.push('\n');
                } else if let Some(name) = tag.strip_prefix('/') {
                    if open.pop() != Some(name) {
                        return Err(format!("</{name}> closes another"));
                    }
                    if name == "p" && !rest.is_empty() {
                        text.push_str("\n\n");
                    }
                } else {
                    let shape = match tag.strip_prefix("a href=\"") {
                        Some(link) => {
                            let (href, more) = link.split_once('"').ok_or("unclosed href")?;
                            if !href.starts_with("http") || href.contains(['<', '\'']) {
                                return Err(format!("href {href}"));
                            }
                            format!("a href=\"?\"{more}")
                        }
                        None => tag.to_owned(),
                    };
                    if !OPENING.contains(&shape.as_str()) {
                        return Err(format!("<{tag}>"));
                    }
                    open.push(tag.split(' ').next().unwrap_or(tag));
                }
            } else if c == '&' {
                let (entity, after) = rest[1..].split_once(';').ok_or("bare &")?;
                rest = after;
                text.push(match entity {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "#39" => '\'',
                    other => return Err(format!("&{other};")),
                });
            } else if matches!(c, '>' | '"' | '\'') || (c.is_control() && c != '\t') {
                return Err(format!("bare {c:?}"));
            } else {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if open.is_empty() {
            Ok(text)
        } else {
            Err(format!("left open: {open:?}"))
        }
    }

    /// The text that HTML can carry: one kind of line end, no more than two in a row, none at
    /// the ends, nothing in lines of spaces, no control characters.
    fn carried(text: &str) -> String {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<_> = lines.split('\n').collect();
        let last = lines.len() - 1;
        for line in lines.get_mut(1..last).unwrap_or_default() {
            if line.chars().all(|c| matches!(c, ' ' | '\t')) {
                *line = "";
            }
        }
        let mut lines = lines.join("\n");
        while lines.contains("\n\n\n") {
            lines = lines.replace("\n\n\n", "\n\n");
        }
        lines.trim_matches('\n').replace(
            |c: char| c.is_control() && !matches!(c, '\n' | '\t'),
            "\u{FFFD}",
        )
    }

    proptest! {
        #[test]
        fn any_text_is_safe_and_complete(text in prop_oneof![tricky(), any::<String>()]) {
            match text_of(&html(&text)) {
                Ok(shown) => prop_assert_eq!(shown, carried(&text)),
                Err(fault) => prop_assert!(false, "{fault} in {}", html(&text)),
            }
        }

        #[test]
        fn excerpts_are_never_longer_than_asked(text in tricky(), chars in 0_usize..30) {
            let excerpt = plain_excerpt(&text, chars);
            prop_assert!(excerpt.graphemes(true).count() <= chars, "{excerpt:?}");
            prop_assert!(!excerpt.contains(['\n', '\r']));
        }
    }
}
