//! Pages of a list: reading the cursors of a request, writing those of the answer.

use http::header::HeaderValue;
use http::uri::PathAndQuery;

use super::form::Form;
use crate::domain::page::Page;
use crate::problem::Problem;

/// Parameters that a `Link` does not carry on: cursors are replaced, and a token has no place in a link.
const NOT_CARRIED: &[&str] = &["max_id", "since_id", "min_id", "access_token"];

/// What of a list the client asks for; `limit` is at least 1 and at most `limit_max`.
///
/// # Errors
/// Malformed when a cursor or the limit is no number.
pub fn page(query: &Form, limit_default: usize, limit_max: usize) -> Result<Page, Problem> {
    let limit = match number(query, "limit")? {
        // Numbers beyond i64 were refused; those beyond the maximum are wishes that can't be met.
        Some(limit) => usize::try_from(limit)
            .unwrap_or(limit_max)
            .clamp(1, limit_max),
        None => limit_default,
    };
    Ok(Page {
        max_id: number(query, "max_id")?,
        since_id: number(query, "since_id")?,
        min_id: number(query, "min_id")?,
        limit,
    })
}

fn number(query: &Form, name: &str) -> Result<Option<i64>, Problem> {
    let text = match query.text(name)?.map(str::trim) {
        None | Some("") => return Ok(None),
        Some(text) => text,
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Some(number)),
        _ => Err(Problem::malformed(format!(
            "The parameter \"{name}\" must be a number"
        ))),
    }
}

/// Where a page that was answered begins and ends, in whatever cursors the list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// The cursor of the first entry.
    pub newest: i64,
    /// The cursor of the last entry.
    pub oldest: i64,
    /// Whether there may be older entries.
    pub more: bool,
}

impl Edges {
    /// The edges of a page whose entries are known by rising or falling cursors; `None` when it has none. A page that
    /// is not full is the last.
    pub fn of(cursors: &[i64], limit: usize) -> Option<Self> {
        Some(Self {
            newest: *cursors.iter().max()?,
            oldest: *cursors.iter().min()?,
            more: cursors.len() >= limit,
        })
    }
}

/// The `Link` header (RFC 8288) of a page: older entries first, then newer. An empty page has none, and a page without
/// older entries only the link to newer ones. `base_url` is the instance's, without a slash at its end.
pub fn link(base_url: &str, target: &PathAndQuery, edges: Option<Edges>) -> Option<HeaderValue> {
    let edges = edges?;
    let carried = carried(target.query().unwrap_or(""));
    let path = escape(target.path());
    let one = |cursor: &str, id: i64, rel: &str| {
        format!("<{base_url}{path}?{carried}{cursor}={id}>; rel=\"{rel}\"")
    };
    let prev = one("min_id", edges.newest, "prev");
    let link = if edges.more {
        format!("{}, {prev}", one("max_id", edges.oldest, "next"))
    } else {
        prev
    };
    HeaderValue::from_str(&link).ok()
}

fn carried(query: &str) -> String {
    let mut carried = String::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, _) = form_urlencoded::parse(pair.as_bytes())
            .next()
            .unwrap_or_default();
        if !NOT_CARRIED.contains(&name.as_ref()) {
            carried.push_str(&escape(pair));
            carried.push('&');
        }
    }
    carried
}

/// A request's target may hold characters that would end the link.
fn escape(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for c in part.chars() {
        match c {
            '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}' => {
                escaped.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c if c.is_ascii_graphic() => escaped.push(c),
            c => {
                let mut bytes = [0; 4];
                for b in c.encode_utf8(&mut bytes).bytes() {
                    escaped.push_str(&format!("%{b:02X}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::form::from_urlencoded;
    use super::*;

    fn asked(query: &str) -> Result<Page, Problem> {
        page(&from_urlencoded(query.as_bytes())?, 20, 40)
    }

    #[test]
    fn limits_are_clamped_and_cursors_read() {
        assert_eq!(asked("").expect("a page"), Page::newest(20));
        assert_eq!(asked("limit=0").expect("a page").limit, 1);
        assert_eq!(asked("limit=1000").expect("a page").limit, 40);
        let page = asked("max_id=9&since_id=&min_id=3&limit=2").expect("a page");
        assert_eq!(
            (page.max_id, page.since_id, page.min_id, page.limit),
            (Some(9), None, Some(3), 2)
        );
        for bad in [
            "max_id=abc",
            "min_id=-1",
            "since_id=%2B1",
            "max_id=99999999999999999999",
            "limit=many",
            "max_id[]=1",
        ] {
            assert_eq!(asked(bad).expect_err(bad).status(), 400, "{bad}");
        }
    }

    #[test]
    fn links_are_absolute_next_first_and_keep_the_rest() {
        let target = PathAndQuery::from_static(
            "/api/v1/timelines/home?limit=2&max_id=50&exclude_reblogs=true&access_token=secret&types[]=a",
        );
        let link = link("https://example.org", &target, Edges::of(&[49, 40], 2));
        assert_eq!(
            link.as_ref().and_then(|link| link.to_str().ok()),
            Some(
                "<https://example.org/api/v1/timelines/home?limit=2&exclude_reblogs=true&types[]=a&max_id=40>; rel=\"next\", \
                 <https://example.org/api/v1/timelines/home?limit=2&exclude_reblogs=true&types[]=a&min_id=49>; rel=\"prev\""
            )
        );
    }

    #[test]
    fn the_last_page_has_no_next_and_an_empty_one_nothing() {
        let target = PathAndQuery::from_static("/x{y}?a=%3Eb");
        let last = link("http://h", &target, Edges::of(&[7], 20)).expect("a link");
        assert_eq!(last, "<http://h/x%7By%7D?a=%3Eb&min_id=7>; rel=\"prev\"");
        assert_eq!(link("http://h", &target, Edges::of(&[], 20)), None);
    }
}
