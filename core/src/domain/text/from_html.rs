//! From the HTML of posts, as Mastodon and its like write it, back to the text that a person could have typed.
//!
//! It is for archives, whose HTML anybody may have written: whatever comes in, plain text comes out, in one pass and no
//! more than a few times as long.

use super::mentions::Mention;
use super::tokens::{TokenKind, tokenize};

/// The longest name of an entity that is looked up, in bytes.
const ENTITY_BYTES_MAX: usize = 8;
/// The longest host of a mention that is written out, in bytes (RFC 1035, section 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// The text of a post. A mention gets the host that its link leads to, unless that is `local_host`: `@bob` means
/// somebody else on every instance.
#[must_use]
pub fn from_html(html: &str, local_host: &str) -> String {
    let mut reading = Reading {
        text: String::with_capacity(html.len()),
        local_host,
        anchor: None,
        gap: Gap::None,
    };
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        reading.push_text(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with('&') {
            reading.entity(rest)
        } else {
            reading.tag(rest)
        };
    }
    reading.push_text(rest);
    reading.end_anchor();
    let text = reading.text.trim_matches(['\n', ' ']);
    text.to_owned()
}

/// A text that was written on another instance: names without a host get the host that they were written at. On the same
/// host they stay as they are.
#[must_use]
pub fn qualify_mentions(text: &str, origin_host: &str, local_host: &str) -> String {
    if origin_host.eq_ignore_ascii_case(local_host) || !is_host(origin_host) {
        return text.to_owned();
    }
    let mut qualified = String::with_capacity(text.len());
    for token in tokenize(text) {
        qualified.push_str(&text[token.range.clone()]);
        if let TokenKind::Mention(Mention { host: None, .. }) = token.kind {
            qualified.push('@');
            qualified.push_str(origin_host);
        }
    }
    qualified
}

/// What comes between what was written and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Line,
    Paragraph,
}

/// A link that isn't closed yet.
struct Anchor {
    /// Where its text begins.
    from: usize,
    href: String,
    kind: AnchorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnchorKind {
    Mention,
    Hashtag,
    Plain,
}

struct Reading<'h> {
    text: String,
    local_host: &'h str,
    anchor: Option<Anchor>,
    gap: Gap,
}

impl Reading<'_> {
    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // White space between blocks is how the HTML is laid out, nothing that was written. Only what HTML calls so:
        // an ideographic space begins a paragraph, and somebody typed it.
        if (self.gap != Gap::None || self.text.is_empty())
            && text.chars().all(|c| c.is_ascii_whitespace())
        {
            return;
        }
        self.fill_gap();
        for c in text.chars() {
            self.text.push(match c {
                '\n' | '\r' | '\t' => ' ',
                c => c,
            });
        }
    }

    fn fill_gap(&mut self) {
        if !self.text.is_empty() {
            match self.gap {
                Gap::None => {}
                Gap::Line => self.text.push('\n'),
                Gap::Paragraph => self.text.push_str("\n\n"),
            }
        }
        self.gap = Gap::None;
        // A link's text begins after what lies before it.
        if let Some(anchor) = &mut self.anchor
            && self.text[anchor.from..].chars().all(|c| c == '\n')
        {
            anchor.from = self.text.len();
        }
    }

    fn widen_gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// What stands after `&`; answers the rest.
    fn entity<'r>(&mut self, rest: &'r str) -> &'r str {
        let end = rest
            .bytes()
            .take(ENTITY_BYTES_MAX + 2)
            .position(|byte| byte == b';');
        if let Some(end) = end
            && let Some(c) = entity(&rest[1..end])
        {
            self.fill_gap();
            self.text.push(c);
            return &rest[end + 1..];
        }
        self.push_text("&");
        &rest[1..]
    }

    /// What stands after `<`; answers the rest.
    fn tag<'r>(&mut self, rest: &'r str) -> &'r str {
        if let Some(comment) = rest.strip_prefix("<!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        let inner = &rest[1..];
        let (is_end, named) = match inner.strip_prefix('/') {
            Some(named) => (true, named),
            None => (false, inner),
        };
        if !named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            self.push_text("<");
            return inner;
        }
        let end = tag_end(inner);
        let after = inner.get(end + 1..).unwrap_or("");
        let name_end = named
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(named.len());
        let name = named[..name_end].to_ascii_lowercase();
        let attributes = inner[..end]
            .get(usize::from(is_end) + name_end..)
            .unwrap_or("");
        match (name.as_str(), is_end) {
            ("br", false) => {
                self.fill_gap();
                self.text.push('\n');
            }
            ("p" | "div" | "blockquote" | "ul" | "ol" | "pre" | "table", _)
            | ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", _) => self.widen_gap(Gap::Paragraph),
            ("li", false) => {
                self.widen_gap(Gap::Line);
                self.push_text("- ");
            }
            ("li", true) | ("tr", _) => self.widen_gap(Gap::Line),
            ("a", false) => self.begin_anchor(attributes),
            ("a", true) => self.end_anchor(),
            // Emoji of an instance's own.
            ("img", false) => {
                if let Some(alt) = attribute(attributes, "alt") {
                    self.push_text(&alt);
                }
            }
            ("script" | "style", false) => return after_element(after, &name),
            _ => {}
        }
        after
    }

    fn begin_anchor(&mut self, attributes: &str) {
        self.end_anchor();
        let class = attribute(attributes, "class").unwrap_or_default();
        let rel = attribute(attributes, "rel").unwrap_or_default();
        let has = |word: &str| class.split_ascii_whitespace().any(|class| class == word);
        let kind = if has("hashtag") || rel.split_ascii_whitespace().any(|rel| rel == "tag") {
            AnchorKind::Hashtag
        } else if has("mention") {
            AnchorKind::Mention
        } else {
            AnchorKind::Plain
        };
        self.anchor = Some(Anchor {
            from: self.text.len(),
            href: attribute(attributes, "href").unwrap_or_default(),
            kind,
        });
    }

    fn end_anchor(&mut self) {
        let Some(Anchor { from, href, kind }) = self.anchor.take() else {
            return;
        };
        let shown = &self.text[from..];
        let is_link = href.starts_with("http://") || href.starts_with("https://");
        match kind {
            AnchorKind::Hashtag => {}
            AnchorKind::Mention => {
                let names_host = shown.trim_start_matches('@').contains('@');
                if !names_host
                    && let Some(host) = host_of(&href)
                    && !host.eq_ignore_ascii_case(self.local_host)
                {
                    self.text.push('@');
                    self.text.push_str(host);
                }
            }
            AnchorKind::Plain if !is_link => {}
            AnchorKind::Plain => {
                let bare = |url: &str| {
                    let url = url.trim_end_matches('/');
                    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
                    url.to_ascii_lowercase()
                };
                if shown.starts_with("http://") || shown.starts_with("https://") {
                    // It is the whole address, parts of which are only hidden.
                } else if shown.is_empty() || bare(shown) == bare(&href) {
                    self.text.truncate(from);
                    self.push_text(&href);
                } else {
                    self.text.push(' ');
                    self.push_text(&href);
                }
            }
        }
    }
}

/// Where the tag ends that `inner` is in, quotes considered; its length when it doesn't.
fn tag_end(inner: &str) -> usize {
    let mut quote = None;
    for (at, byte) in inner.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    inner.len()
}

/// What follows the end of an element whose content is no text.
fn after_element<'r>(rest: &'r str, name: &str) -> &'r str {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let at = from + at;
        let end = &rest.as_bytes()[at + 2..];
        if end.len() >= name.len() && end[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            let closed = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
            return &rest[closed..];
        }
        from = at + 2;
    }
    ""
}

/// An attribute's value, its entities resolved.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '=')
            .unwrap_or(rest.len());
        let found = &rest[..end];
        rest = rest[end..].trim_ascii_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_ascii_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            (value, rest) = match quote {
                Some(quote) => {
                    let quoted = &after[1..];
                    quoted.split_once(quote).unwrap_or((quoted, ""))
                }
                None => {
                    let end = after
                        .find(|c: char| c.is_ascii_whitespace())
                        .unwrap_or(after.len());
                    after.split_at(end)
                }
            };
        }
        if found.eq_ignore_ascii_case(name) {
            return Some(resolved(value));
        }
    }
}

/// A text without markup, its entities resolved.
fn resolved(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest
            .bytes()
            .take(ENTITY_BYTES_MAX + 2)
            .position(|byte| byte == b';');
        match end.and_then(|end| Some((end, entity(&rest[1..end])?))) {
            Some((end, c)) => {
                text.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The character that an entity means, given without `&` and `;`.
fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        "pound" => '£',
        "sect" => '§',
        "deg" => '°',
        "times" => '×',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        "shy" => '\u{ad}',
        "zwj" => '\u{200d}',
        "zwnj" => '\u{200c}',
        _ => return None,
    })
}

/// The host of a link, with its port if there is one.
#[must_use]
pub fn host_of(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    is_host(host).then_some(host)
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= HOST_BYTES_MAX
        && !host.chars().any(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '@' | '<' | '>' | '"' | '\\')
        })
}

#[cfg(test)]
mod tests {
    use super::super::render::to_html;
    use super::super::tokens::tests::tricky;
    use super::*;
    use crate::domain::text::characters::clean_lines;
    use proptest::prelude::*;

    const HERE: &str = "here.example";

    fn text(html: &str) -> String {
        from_html(html, HERE)
    }

    #[test]
    fn a_post_of_mastodon_is_what_its_author_typed() {
        let html = "<p><span class=\"h-card\" translate=\"no\"><a href=\"https://bird.example/@bob\" \
            class=\"u-url mention\">@<span>bob</span></a></span> Look &amp; see&#39;s &lt;3<br />new line</p>\
            <p>Second <a href=\"https://bird.example/tags/caf%C3%A9\" class=\"mention hashtag\" rel=\"tag\">\
            #<span>Café</span></a> <a href=\"https://www.example.org/a/long/path?x=1&amp;y=2\" target=\"_blank\" \
            rel=\"nofollow noopener\" translate=\"no\"><span class=\"invisible\">https://www.</span>\
            <span class=\"ellipsis\">example.org/a/long/pa</span><span class=\"invisible\">th?x=1&amp;y=2</span></a></p>";
        assert_eq!(
            text(html),
            "@bob@bird.example Look & see's <3\nnew line\n\nSecond #Café https://www.example.org/a/long/path?x=1&y=2"
        );
    }

    #[test]
    fn names_of_this_host_stay_short_and_whole_ones_stay_whole() {
        let mention = |href: &str, shown: &str| {
            text(&format!(
                "<p><a class='mention' href='{href}'>{shown}</a></p>"
            ))
        };
        assert_eq!(mention("https://here.example/@ann", "@ann"), "@ann");
        assert_eq!(
            mention("https://there.example/@ann", "@ann@there.example"),
            "@ann@there.example"
        );
        assert_eq!(mention("javascript:x", "@ann"), "@ann");
    }

    #[test]
    fn what_other_servers_write_is_readable() {
        for (html, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a<b", "a"),
            ("1 < 2 & 3 &bogus; &#xZ;", "1 < 2 & 3 &bogus; &#xZ;"),
            (
                "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<p>end</p>",
                "- one\n- two\n\nend",
            ),
            (
                "<h1>Title</h1><blockquote><p>said</p></blockquote>",
                "Title\n\nsaid",
            ),
            (
                "<a href=\"https://e.org/\">e.org</a> <a href=\"https://e.org/x\">there</a>",
                "https://e.org/ there https://e.org/x",
            ),
            ("x<script>alert('</p>')</SCRIPT>y<style>p{}</style>z", "xyz"),
            ("<!-- <p> -->a<!-- b", "a"),
            ("<img alt=\":blob:\" src=x> <IMG>", ":blob:"),
            ("<a href=\"https://e.org/\">", "https://e.org/"),
            ("<p title=\">\">q</p>", "q"),
            ("tabs\tand\nlines", "tabs and lines"),
            (
                "\n<p>\u{3000}one</p>\n\t<p>\u{2000}<a href=\"https://e.org/\">e.org</a></p>",
                "\u{3000}one\n\n\u{2000}https://e.org/",
            ),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    #[test]
    fn bare_names_get_the_host_that_they_were_written_at() {
        let written = "@ann, @bob@there.example and me@mail.example";
        assert_eq!(
            qualify_mentions(written, "old.example", HERE),
            "@ann@old.example, @bob@there.example and me@mail.example"
        );
        assert_eq!(qualify_mentions(written, "HERE.example", HERE), written);
    }

    proptest! {
        #[test]
        fn what_is_rendered_comes_back(written in tricky()) {
            let written = clean_lines(&written);
            let html = to_html(&written, "https://here.example", |_| Some("https://here.example/@x".to_owned()));
            let back = from_html(&html, HERE);
            // More than one empty line is one; what HTML can't carry is replaced; the rest is the same.
            let again = to_html(&back, "https://here.example", |_| Some("https://here.example/@x".to_owned()));
            prop_assert_eq!(again.replace(' ', ""), html.replace(' ', ""));
        }

        #[test]
        fn whatever_comes_in_text_comes_out(html in "(<|>|&|/|a|p|br|\"|'|=| |href|#|;|!--|li|x|日|\n){0,60}") {
            let text = from_html(&html, HERE);
            prop_assert!(text.len() <= 6 * html.len() + 64);
            prop_assert!(!text.starts_with('\n') && !text.ends_with('\n'));
        }
    }
}
