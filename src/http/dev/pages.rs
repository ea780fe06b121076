//! The pages under `/dev`: what was asked, what can be changed, who lives here, what was mailed.

use askama::Template;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::Desk;
use super::api::all_mail;
use super::forms::NOTICES;
use super::views::{
    ControlsPage, ErrorPage, Frame, HeaderLine, MailPage, MailRow, MailsPage, PeoplePage,
    RequestPage, RequestRow, RequestsPage, Tab,
};
use crate::clock::{Clock as _, Timestamp};
use crate::dev::faults::{Fault, FaultKind};
use crate::dev::recorder::{Excerpt, Record};
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access::Public, Family};
use crate::serve::RequestContext;

/// The stylesheet, beside the house's own.
const STYLE: &[u8] = include_bytes!("dev.css");
/// What these pages may load: nothing but pictures and styles of their own, and mail in a frame.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);
/// What a mail may: look like something. Its origin is nobody's, so it can do nothing in anybody's name.
const MAIL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'",
);
/// Requests that the list shows.
const ROWS_MAX: usize = 100;
/// The most links of a mail that are shown beside it.
const LINKS_MAX: usize = 10;

/// The routes.
pub(super) fn family() -> Family<Desk> {
    Family::rendered("dev_pages", render_problem)
        .get("/dev", Public, requests)
        .get("/dev/requests/:number", Public, request)
        .get("/dev/controls", Public, controls)
        .get("/dev/people", Public, people)
        .get("/dev/mail", Public, mails)
        .get("/dev/mail/:id", Public, mail)
        .get("/dev/mail/:id/html", Public, mail_html)
        .get("/dev/style.css", Public, style)
}

fn page(page: &impl Template) -> Result<Response, Problem> {
    let html = page
        .render()
        .map_err(|error| Problem::internal(format!("a page can't be rendered: {error}")))?;
    let mut response = reply::html(html);
    protect(response.headers_mut(), PAGE_POLICY);
    Ok(response)
}

fn protect(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

/// Shows a problem as a page.
pub(super) fn render_problem(desk: &Desk, problem: &Problem, request: &RequestContext) -> Response {
    let shown = page(&ErrorPage {
        frame: frame(desk, Tab::None, &Form::default()),
        status: problem.status(),
        sentence: problem.sentence().to_owned(),
    });
    shown.unwrap_or_else(|broken| broken.to_json(Some(request.id)))
}

fn frame(desk: &Desk, tab: Tab, query: &Form) -> Frame {
    let done = query.text("done").ok().flatten();
    let notice = NOTICES.iter().find(|(code, _)| Some(*code) == done);
    Frame {
        tab,
        url: desk.about.url.clone(),
        clock: moment(desk.clock.now()),
        is_standing: desk.clock.stands(),
        seed: desk.about.seed,
        faults: desk.faults.list().len(),
        refreshes: false,
        notice: notice.map(|(_, sentence)| *sentence),
    }
}

/// A moment for people who look at machines: `2026-01-01 12:00:00`, in UTC as all of the API is.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

fn fault_in_words(kind: FaultKind) -> String {
    match kind {
        FaultKind::RateLimited { retry_after } => format!("429, come back in {retry_after} s"),
        FaultKind::Unavailable { retry_after } => format!("503, come back in {retry_after} s"),
        FaultKind::Delay { ms } => format!("{ms} ms later"),
        FaultKind::DroppedSocket => "connection closed without an answer".to_owned(),
        FaultKind::ExpiredToken => "401, token expired".to_owned(),
    }
}

fn row(record: &Record) -> RequestRow {
    let class = match record.status {
        None | Some(500..) => "is-danger",
        Some(400..500) => "is-calm",
        Some(300..400) => "is-blue",
        Some(_) => "is-good",
    };
    RequestRow {
        number: record.number,
        at: moment(record.at).get(11..).unwrap_or_default().to_owned(),
        method: record.method.to_string(),
        target: record.target.clone(),
        status: record
            .status
            .map_or("—".to_owned(), |status| status.to_string()),
        class,
        duration_ms: record.duration_ms,
        who: record.who.clone(),
        fault: record.fault.map(fault_in_words),
        findings: record
            .findings
            .iter()
            .map(|found| found.sentence.clone())
            .collect(),
    }
}

/// `GET /dev`: the last requests; it reloads itself unless `paused`.
async fn requests(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let is_paused = query.flag("paused")?.unwrap_or(false);
    let is_wrong_only = query.flag("wrong")?.unwrap_or(false);
    let records = desk.recorder.list();
    let shown = records
        .iter()
        .filter(|record| !is_wrong_only || !record.findings.is_empty());
    page(&RequestsPage {
        frame: Frame {
            refreshes: !is_paused,
            ..frame(&desk, Tab::Requests, &query)
        },
        rows: shown.take(ROWS_MAX).map(|record| row(record)).collect(),
        total: records.len(),
        wrong: records
            .iter()
            .filter(|record| !record.findings.is_empty())
            .count(),
        is_paused,
        is_wrong_only,
    })
}

fn header_lines(headers: &HeaderMap) -> Vec<HeaderLine> {
    let lines = headers.iter().map(|(name, value)| HeaderLine {
        name: name.to_string(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    lines.collect()
}

/// A body for reading: JSON with line breaks, as far as it is there as a whole.
fn readable(body: &Excerpt) -> String {
    match serde_json::from_slice::<serde_json::Value>(&body.kept) {
        Ok(json) if json.is_object() || json.is_array() => format!("{json:#}"),
        _ => body.text(),
    }
}

/// `GET /dev/requests/:number`: one request with its answer.
async fn request(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let number: u64 = call.id("number")?;
    let record = desk.recorder.find(number).ok_or_else(Problem::not_found)?;
    page(&RequestPage {
        frame: frame(&desk, Tab::Requests, &Form::default()),
        row: row(&record),
        id: record.id.clone(),
        at: moment(record.at),
        route: record.route,
        headers: header_lines(&record.headers),
        body: readable(&record.body),
        answer_headers: header_lines(&record.answer_headers),
        answer_body: readable(&record.answer_body),
        older: number
            .checked_sub(1)
            .filter(|older| desk.recorder.find(*older).is_some()),
        newer: Some(number + 1).filter(|newer| desk.recorder.find(*newer).is_some()),
    })
}

fn fault_row(fault: &Fault) -> (u64, String, String) {
    let method = fault
        .method
        .as_ref()
        .map_or("any method", |method| method.as_str());
    let times = match fault.times {
        None => "every time".to_owned(),
        Some(1) => "once".to_owned(),
        Some(times) => format!("{times} times"),
    };
    let where_to = format!("{method} {}, {times}", fault.path);
    (fault.id, fault_in_words(fault.kind), where_to)
}

/// `GET /dev/controls`: the clock, faults, snapshots, reset.
async fn controls(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let snapshots = desk.snapshots().clone();
    page(&ControlsPage {
        frame: frame(&desk, Tab::Controls, &call.query()?),
        faults: desk.faults.list().iter().map(fault_row).collect(),
        snapshots: snapshots
            .iter()
            .map(|(name, at)| (name.as_str().to_owned(), moment(*at)))
            .collect(),
        data_dir: desk.about.data_dir.clone(),
    })
}

/// `GET /dev/people`: who lives here, with passwords and tokens.
async fn people(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    page(&PeoplePage {
        frame: frame(&desk, Tab::People, &Form::default()),
        people: desk.about.people.clone(),
    })
}

/// `GET /dev/mail`: what was mailed, the newest first.
async fn mails(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let mails = all_mail(&desk).await?;
    let rows = mails.iter().rev().map(|mail| MailRow {
        id: mail.id.clone(),
        at: moment(mail.at),
        to: mail.to.clone(),
        subject: mail.subject.clone(),
    });
    page(&MailsPage {
        frame: frame(&desk, Tab::Mail, &call.query()?),
        mails: rows.collect(),
    })
}

/// The links in a text that lead to this instance, as paths.
fn own_links(text: &str, url: &str) -> Vec<String> {
    let words = text.split_whitespace();
    let words = words.map(|word| word.trim_matches(|c: char| "<>()[],;\"'".contains(c)));
    let mut links: Vec<String> = Vec::new();
    for path in words.filter_map(|word| word.strip_prefix(url)) {
        // Two slashes, or what browsers take for them, begin the name of another host.
        let rest = path.strip_prefix('/');
        let is_own = rest.is_some_and(|rest| !rest.starts_with(['/', '\\']));
        if is_own && !links.iter().any(|known| known == path) {
            links.push(path.to_owned());
        }
    }
    links.truncate(LINKS_MAX);
    links
}

/// `GET /dev/mail/:id`: one mail, as text and in a frame as HTML.
async fn mail(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let mails = desk.letter_box.mails();
    let found = mails.into_iter().find(|mail| mail.id == call.param("id"));
    let mail = found.ok_or_else(Problem::not_found)?;
    page(&MailPage {
        frame: frame(&desk, Tab::Mail, &Form::default()),
        links: own_links(&mail.text, &desk.about.url),
        at: moment(mail.at),
        id: mail.id,
        from: mail.from,
        to: mail.to,
        subject: mail.subject,
        text: mail.text,
    })
}

/// `GET /dev/mail/:id/html`: a mail's HTML as it was sent, where it can do no harm.
async fn mail_html(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let mails = desk.letter_box.mails();
    let found = mails.into_iter().find(|mail| mail.id == call.param("id"));
    let mail = found.ok_or_else(Problem::not_found)?;
    let mut response = reply::html(mail.html);
    protect(response.headers_mut(), MAIL_POLICY);
    Ok(response)
}

/// `GET /dev/style.css`.
async fn style(_: Desk, (): (), _: Call) -> Result<Response, Problem> {
    let mut response = reply::typed("text/css; charset=utf-8", STYLE);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        ETAG,
        HeaderValue::from_static(concat!("\"", env!("CARGO_PKG_VERSION"), "\"")),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_the_instance_stand_beside_a_mail() {
        let text = "Open <http://localhost:1/confirm/abc>, or http://localhost:1/confirm/abc\n\
                    not http://evil.example/http://localhost:1/x and not http://localhost:12/y\n\
                    http://localhost:1//evil.example http://localhost:1/\\evil.example http://localhost:1";
        assert_eq!(own_links(text, "http://localhost:1"), ["/confirm/abc"]);
    }

    #[test]
    fn json_is_shown_with_line_breaks_unless_it_is_cut() {
        let body = |text: &'static str| Excerpt {
            kept: text.as_bytes().into(),
            whole: text.len(),
        };
        assert_eq!(readable(&body("{\"a\":1}")), "{\n  \"a\": 1\n}");
        assert_eq!(readable(&body("status=1")), "status=1");
        let cut = Excerpt {
            kept: "{\"a\":".into(),
            whole: 100,
        };
        assert_eq!(readable(&cut), "{\"a\":\n... 100 bytes in all");
    }
}
