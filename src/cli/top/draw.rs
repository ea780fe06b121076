//! The figures as lines of text.

use crate::cli::columns::columns;
use crate::cli::stats::Pen;
use crate::domain::live::{
    ActorFigures, CacheFigures, LiveFigures, NOW_SECONDS, SlowRequest, SlowSpan,
};
use crate::domain::text::numbers::{bytes, grouped, lasting, millis, millis_of, short, signed};

/// The narrowest terminal that is drawn for.
const COLUMNS_MIN: usize = 40;
/// Cells of a cache's bar.
const GAUGE_CELLS: usize = 10;
/// The most cells of a slow request's span.
const FALL_CELLS_MAX: usize = 60;

/// As many lines as there is room for, none wider than the terminal.
pub(super) fn draw(
    figures: &LiveFigures,
    pen: &Pen,
    width: usize,
    lines_max: usize,
) -> Vec<String> {
    let mut lines = head(figures, pen);
    lines.push(String::new());
    lines.extend(actors(&figures.actors));
    lines.push(String::new());
    lines.extend(slow(figures, pen, width));
    // What a small terminal has no room for.
    if !figures.caches.is_empty() {
        lines.push(String::new());
        lines.extend(caches(&figures.caches, pen));
    }
    lines.truncate(lines_max);
    let fitting = |line: String| line.chars().take(width).collect();
    lines.into_iter().map(fitting).collect()
}

fn none_or<T>(value: Option<T>, told: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), told)
}

fn count(number: u64) -> String {
    grouped(signed(number))
}

fn head(figures: &LiveFigures, pen: &Pen) -> Vec<String> {
    let LiveFigures {
        traffic,
        writer,
        jobs,
        process,
        ..
    } = figures;
    let size = |size| bytes(signed(size));
    let course: Vec<i64> = traffic.course.iter().copied().map(i64::from).collect();
    vec![
        format!(
            "kinglet {}  {}  up {}  {}",
            figures.version,
            figures.url,
            lasting(figures.uptime_seconds),
            figures.at.replace('T', " ")
        ),
        String::new(),
        format!(
            "Requests  {:.1}/s  p50 {}  p99 {}  {} failed and {} refused in {NOW_SECONDS} s",
            traffic.per_second,
            none_or(traffic.p50_ms, millis),
            none_or(traffic.p99_ms, millis),
            count(traffic.failed),
            count(traffic.refused),
        ),
        format!(
            "          {} at work  {} connections  {} in all, {} failed",
            count(traffic.at_work),
            count(traffic.connections),
            short(signed(traffic.total)),
            count(traffic.failed_total),
        ),
        format!("          [{}] 60 s", pen.line(&course)),
        format!(
            "Writer    {} of {} wait  commit {}  {} units a commit  WAL {}",
            count(writer.waiting),
            count(writer.room),
            none_or(writer.commit_ms, millis),
            none_or(writer.units_per_commit(), |units| format!("{units:.1}")),
            size(writer.wal_bytes),
        ),
        match jobs {
            Some(jobs) => format!(
                "Jobs      {} wait  {} running  {} tried again  {} given up",
                count(jobs.waiting),
                count(jobs.running),
                count(jobs.retrying),
                count(jobs.dead),
            ),
            None => "Jobs      could not be looked up".to_owned(),
        },
        format!(
            "Process   {}  {} threads  {} open files  {} of processors",
            none_or(process.resident_bytes, size),
            none_or(process.threads, count),
            none_or(process.open_files, count),
            none_or(process.cpu_ms, |cpu| lasting(cpu / 1000)),
        ),
    ]
}

fn table<const N: usize>(
    heading: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Vec<String> {
    let rows: Vec<_> = std::iter::once(heading.map(str::to_owned))
        .chain(rows)
        .collect();
    columns(&rows).lines().map(str::to_owned).collect()
}

fn actors(actors: &[ActorFigures]) -> Vec<String> {
    let micros = |us: f64| millis(us / 1000.0);
    let row = |actor: &ActorFigures| {
        [
            actor.name.clone(),
            count(actor.waiting),
            count(actor.handled),
            none_or(actor.wait_us, micros),
            none_or(actor.work_us, micros),
        ]
    };
    let heading = ["ACTOR", "WAIT", "MESSAGES", "WAITED", "WORKED"];
    table(heading, actors.iter().map(row))
}

fn caches(caches: &[CacheFigures], pen: &Pen) -> Vec<String> {
    let row = |cache: &CacheFigures| {
        let percent = cache.full_percent();
        let bar = pen.bar(signed(percent), 100, GAUGE_CELLS);
        [
            cache.name.clone(),
            format!("{bar:GAUGE_CELLS$} {percent:3} %"),
            count(cache.entries),
            bytes(signed(cache.bytes)),
            bytes(signed(cache.bytes_max)),
        ]
    };
    let heading = ["CACHE", "FULL", "VALUES", "ABOUT", "AT MOST"];
    table(heading, caches.iter().map(row))
}

fn slow(figures: &LiveFigures, pen: &Pen, width: usize) -> Vec<String> {
    let bound = figures.slow_ms;
    if bound == 0 {
        return vec!["SLOW  none is called so: log.slow_ms is 0".to_owned()];
    }
    let mut lines = vec![match figures.slow.len() {
        0 => format!("SLOW  no request took {bound} ms or longer"),
        _ => format!("SLOW  {bound} ms or longer"),
    }];
    for request in &figures.slow {
        lines.extend(waterfall(request, pen, width));
    }
    lines
}

pub(in crate::cli) fn waterfall(request: &SlowRequest, pen: &Pen, width: usize) -> Vec<String> {
    let time: String = request.at.chars().skip(11).take(8).collect();
    let mut lines = vec![format!(
        "{time}  {}  {} {}  {}  {}",
        millis_of(request.total_us),
        request.method,
        request.route,
        request.status,
        request.id
    )];
    let cells = (width.max(COLUMNS_MIN) / 2).min(FALL_CELLS_MAX);
    let rows: Vec<_> = request
        .spans
        .iter()
        .map(|span| {
            [
                format!("  {}", span.kind),
                fall(span, request.total_us, pen, cells),
                millis_of(span.length_us),
                span.detail.clone(),
            ]
        })
        .collect();
    lines.extend(columns(&rows).lines().map(str::to_owned));
    if request.spans_lost > 0 {
        lines.push(format!("  and {} more parts", request.spans_lost));
    }
    lines
}

/// A bar where the span was.
fn fall(span: &SlowSpan, total_us: u64, pen: &Pen, cells: usize) -> String {
    const WHOLE: usize = 10_000;
    let (start, length) = span.bar(total_us);
    let in_cells = |part: u64| usize::try_from(part).unwrap_or(WHOLE) * cells / WHOLE;
    let start = in_cells(start).min(cells - 1);
    let bar = pen.bar(signed(length), signed(WHOLE as u64), cells);
    let bar: String = bar.chars().take(cells - start).collect();
    format!("{:start$}{bar}", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::{ASCII, UNICODE};
    use crate::domain::live::{JobFigures, ProcessFigures, Traffic, WriterFigures};

    fn figures() -> LiveFigures {
        let span = |kind: &str, detail: &str, start_us, length_us| SlowSpan {
            kind: kind.to_owned(),
            detail: detail.to_owned(),
            start_us,
            length_us,
        };
        LiveFigures {
            version: "0.1.0".to_owned(),
            url: "https://example.org".to_owned(),
            at: "2026-11-22T17:10:31+01:00".to_owned(),
            uptime_seconds: 725,
            traffic: Traffic {
                per_second: 12.4,
                p50_ms: Some(1.25),
                p99_ms: None,
                refused: 3,
                at_work: 2,
                connections: 14,
                total: 12_345,
                course: vec![0, 1, 8],
                ..Traffic::default()
            },
            writer: WriterFigures {
                room: 1024,
                units: 13,
                commits: 10,
                commit_ms: Some(4.2),
                wal_bytes: 1_200_000,
                ..WriterFigures::default()
            },
            actors: vec![ActorFigures {
                name: "users".to_owned(),
                waiting: 1,
                handled: 1500,
                wait_us: Some(12.0),
                work_us: None,
            }],
            caches: vec![CacheFigures {
                name: "posts".to_owned(),
                entries: 50,
                bytes: 85_000,
                bytes_max: 170_000,
            }],
            jobs: Some(JobFigures::default()),
            process: ProcessFigures::default(),
            slow_ms: 500,
            slow: vec![SlowRequest {
                id: "0123456789abcdef".to_owned(),
                at: "2026-11-22T17:10:11+01:00".to_owned(),
                method: "POST".to_owned(),
                route: "/api/v1/statuses".to_owned(),
                status: 200,
                total_us: 800_000,
                spans: vec![
                    span("gate", "", 0, 200_000),
                    span("commit", "PublishPost", 400_000, 400_000),
                ],
                spans_lost: 0,
            }],
        }
    }

    #[test]
    fn the_figures_stand_in_lines() {
        let drawn = draw(&figures(), &ASCII, 80, 100).join("\n");
        let expected = "\
kinglet 0.1.0  https://example.org  up 12 min 5 s  2026-11-22 17:10:31+01:00

Requests  12.4/s  p50 1.2 ms  p99 -  0 failed and 3 refused in 10 s
          2 at work  14 connections  12k in all, 0 failed
          [ _#] 60 s
Writer    0 of 1\u{202f}024 wait  commit 4.2 ms  1.3 units a commit  WAL 1.2 MB
Jobs      0 wait  0 running  0 tried again  0 given up
Process   -  - threads  - open files  - of processors

ACTOR  WAIT  MESSAGES  WAITED   WORKED
users  1     1\u{202f}500     0.01 ms  -

SLOW  500 ms or longer
17:10:11  800 ms  POST /api/v1/statuses  200  0123456789abcdef
  gate    ##########                                200 ms
  commit                      ####################  400 ms  PublishPost

CACHE  FULL              VALUES  ABOUT  AT MOST
posts  #####       50 %  50      85 kB  170 kB";
        assert_eq!(drawn, expected);
    }

    #[test]
    fn no_line_is_wider_and_no_more_lines_are_drawn_than_there_is_room_for() {
        for width in [1, 20, 39, 40, 80, 200] {
            for lines_max in [0, 1, 5, 24] {
                let drawn = draw(&figures(), &UNICODE, width, lines_max);
                assert!(drawn.len() <= lines_max);
                assert!(drawn.iter().all(|line| line.chars().count() <= width));
            }
        }
    }
}
