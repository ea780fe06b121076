//! `/admin/live`: what the instance is about at this moment, and where the time of slow requests went.

use super::admin::require_role;
use super::frame::Visit;
use super::views::live::{
    ActorRow, CacheRow, Column, Course, LivePage, PaceChoice, SlowRow, SpanRow, Tile,
};
use super::views::{Frame, Nav, grouped};
use crate::context::Context;
use crate::domain::account::Role;
use crate::domain::live::{
    ActorFigures, CacheFigures, LiveFigures, NOW_SECONDS, SlowRequest, SlowSpan,
};
use crate::domain::text::numbers::{self, lasting, millis, millis_of, signed};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::Response;

/// How often the page may be renewed, in seconds; 0 for never.
const PACES: [u32; 4] = [2, 5, 30, 0];
const PACE_USUAL: u32 = 5;
/// The height of the course's drawing, and the distance of its columns.
const COURSE_HEIGHT: u32 = 100;
const COURSE_STEP: usize = 10;

/// `GET /admin/live?every=`: the figures, and the last slow requests as waterfalls.
pub(super) async fn live(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    require_role(&visit, Role::Moderator)?;
    let query = visit.call.query()?;
    let chosen = query.text("every")?.and_then(|every| every.parse().ok());
    let every = PACES.into_iter().find(|seconds| chosen == Some(*seconds));
    let figures = visit.context.instance.live().await?;
    let frame = visit.frame(Nav::Admin).await?;
    visit.page(&page_of(&figures, every.unwrap_or(PACE_USUAL), frame))
}

/// The page that shows figures.
pub(super) fn page_of(figures: &LiveFigures, every: u32, frame: Frame) -> LivePage {
    let paces = PACES.map(|seconds| PaceChoice {
        seconds,
        label: match seconds {
            0 => "Stand still".to_owned(),
            seconds => format!("Every {seconds} s"),
        },
        is_on: seconds == every,
    });
    LivePage {
        every,
        paces: paces.into(),
        at: time_of_day(&figures.at),
        tiles: tiles(figures),
        course: course(&figures.traffic.course),
        writer: writer(figures),
        jobs: jobs(figures),
        actors: figures.actors.iter().map(actor_row).collect(),
        caches: figures.caches.iter().map(cache_row).collect(),
        slow_ms: figures.slow_ms,
        slow: figures.slow.iter().map(slow_row).collect(),
        frame,
    }
}

fn tile(name: &str, figure: impl Into<String>, note: impl Into<String>) -> Tile {
    Tile {
        name: name.to_owned(),
        figure: figure.into(),
        note: note.into(),
        is_bad: false,
    }
}

fn none_or<T>(value: Option<T>, told: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), told)
}

fn tiles(figures: &LiveFigures) -> Vec<Tile> {
    let (traffic, process) = (&figures.traffic, &figures.process);
    let bytes = |bytes| numbers::bytes(signed(bytes));
    let now = format!("in the last {NOW_SECONDS} s");
    vec![
        tile(
            "Requests a second",
            format!("{:.1}", traffic.per_second),
            format!(
                "{} at work, {} connections",
                grouped(traffic.at_work),
                grouped(traffic.connections)
            ),
        ),
        tile("Half within", none_or(traffic.p50_ms, millis), "p50"),
        tile("99 of 100 within", none_or(traffic.p99_ms, millis), "p99"),
        Tile {
            is_bad: traffic.failed > 0,
            ..tile("Failures", grouped(traffic.failed), now.clone())
        },
        tile("Refusals", grouped(traffic.refused), now),
        tile(
            "Requests",
            numbers::short(signed(traffic.total)),
            format!("{} failed, since the start", grouped(traffic.failed_total)),
        ),
        tile(
            "Memory",
            none_or(process.resident_bytes, bytes),
            none_or(process.cpu_ms, |cpu| {
                format!("{} of processors", lasting(cpu / 1000))
            }),
        ),
        tile(
            "Runs for",
            lasting(figures.uptime_seconds),
            format!("kinglet {}", figures.version),
        ),
    ]
}

fn writer(figures: &LiveFigures) -> Vec<Tile> {
    let writer = &figures.writer;
    vec![
        Tile {
            is_bad: writer.room > 0 && writer.waiting * 2 > writer.room,
            ..tile(
                "Units that wait",
                grouped(writer.waiting),
                format!("room for {}", grouped(writer.room)),
            )
        },
        tile(
            "A commit takes",
            none_or(writer.commit_ms, millis),
            "on average",
        ),
        tile(
            "Units a commit",
            none_or(writer.units_per_commit(), |units| format!("{units:.1}")),
            format!("{} commits", grouped(writer.commits)),
        ),
        tile(
            "Write-ahead log",
            numbers::bytes(signed(writer.wal_bytes)),
            "",
        ),
    ]
}

fn jobs(figures: &LiveFigures) -> Vec<Tile> {
    let Some(jobs) = &figures.jobs else {
        return vec![tile("Waiting", "–".to_owned(), "could not be looked up")];
    };
    vec![
        tile("Waiting", grouped(jobs.waiting), ""),
        tile("Running", grouped(jobs.running), ""),
        tile("Tried again", grouped(jobs.retrying), "after a failure"),
        Tile {
            is_bad: jobs.dead > 0,
            ..tile("Given up", grouped(jobs.dead), "")
        },
    ]
}

fn course(seconds: &[u32]) -> Course {
    let most = seconds.iter().copied().max().unwrap_or(0);
    let sum: u64 = seconds.iter().copied().map(u64::from).sum();
    let columns = seconds.iter().enumerate().filter(|(_, count)| **count > 0);
    let columns = columns.map(|(second, count)| {
        let height = u64::from(*count) * u64::from(COURSE_HEIGHT) / u64::from(most.max(1));
        let height = u32::try_from(height).unwrap_or(COURSE_HEIGHT).max(1);
        Column {
            x: second * COURSE_STEP,
            y: COURSE_HEIGHT - height,
            height,
        }
    });
    Course {
        words: match sum {
            0 => "No request in the last minute".to_owned(),
            sum => format!(
                "{} requests in the last minute, at most {} in a second",
                grouped(sum),
                grouped(u64::from(most))
            ),
        },
        columns: columns.collect(),
    }
}

fn actor_row(actor: &ActorFigures) -> ActorRow {
    let micros = |us: f64| millis(us / 1000.0);
    ActorRow {
        name: actor.name.clone(),
        waiting: grouped(actor.waiting),
        handled: grouped(actor.handled),
        waited: none_or(actor.wait_us, micros),
        worked: none_or(actor.work_us, micros),
    }
}

fn cache_row(cache: &CacheFigures) -> CacheRow {
    CacheRow {
        name: cache.name.clone(),
        percent: cache.full_percent(),
        entries: grouped(cache.entries),
        bytes_max: numbers::bytes(signed(cache.bytes_max)),
        bytes: numbers::bytes(signed(cache.bytes)),
    }
}

fn slow_row(request: &SlowRequest) -> SlowRow {
    let spans = request.spans.iter();
    SlowRow {
        id: request.id.clone(),
        what: format!("{} {}", request.method, request.route),
        status: request.status,
        is_bad: request.status >= 500,
        at: request.at.clone(),
        when: time_of_day(&request.at),
        total: millis_of(request.total_us),
        spans: spans.map(|span| span_row(span, request.total_us)).collect(),
        spans_lost: request.spans_lost,
    }
}

fn span_row(span: &SlowSpan, total_us: u64) -> SpanRow {
    let (start, width) = span.bar(total_us);
    let percent = |part: u64| format!("{}.{:02}", part / 100, part % 100);
    SpanRow {
        kind: span.kind.clone(),
        class: match span.kind.as_str() {
            "gate" | "mailbox" | "queue" => "f-wait",
            "reader" | "snapshot" => "f-read",
            "commit" => "f-disk",
            _ => "f-work",
        },
        detail: span.detail.clone(),
        x: percent(start),
        width: percent(width),
        start: format!("+{}", millis_of(span.start_us)),
        length: millis_of(span.length_us),
    }
}

/// The time of day out of a moment (RFC 3339).
fn time_of_day(moment: &str) -> String {
    moment.chars().skip(11).take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_reaches_the_top_and_any_request_is_seen() {
        let drawn = course(&[0, 1, 0, 1000]);
        assert_eq!(
            drawn.words,
            "1\u{202f}001 requests in the last minute, at most 1\u{202f}000 in a second"
        );
        let column = |x, y, height| Column { x, y, height };
        assert_eq!(drawn.columns, [column(10, 99, 1), column(30, 0, 100)]);
        let nothing = course(&[0; 60]);
        assert_eq!(nothing.words, "No request in the last minute");
        assert!(nothing.columns.is_empty());
    }

    #[test]
    fn a_bar_is_where_its_span_was() {
        let span = SlowSpan {
            kind: "commit".to_owned(),
            detail: String::new(),
            start_us: 250_000,
            length_us: 500_000,
        };
        let row = span_row(&span, 1_000_000);
        assert_eq!((row.x.as_str(), row.width.as_str()), ("25.00", "50.00"));
        assert_eq!(
            (row.start.as_str(), row.length.as_str()),
            ("+250 ms", "500 ms")
        );
        assert_eq!(row.class, "f-disk");
    }
}
