//! `kinglet stats`: the statistics in the terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use super::args::{Stats, StatsCommand, StatsRebuild};
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::domain::overview::{Overview, ToldDay, ToldShare};
use crate::domain::statistics::{Measure, Shown};
use crate::domain::text::numbers::{bytes, grouped};

/// The width of a terminal that doesn't say its own.
const COLUMNS: usize = 80;
/// The widest and the narrowest drawing.
const COLUMNS_MAX: usize = 120;
const COLUMNS_MIN: usize = 48;
/// The most rows of days; more days than this are drawn as weeks.
const ROWS_MAX: usize = 62;
const DAYS_PER_WEEK: usize = 7;

pub(super) fn run(options: &Stats, config: &Config) -> Result<(), CliError> {
    if let Some(StatsCommand::Rebuild(rebuild)) = &options.command {
        return self::rebuild(*rebuild, config);
    }
    let request = Request::ReadStatistics { days: options.days };
    let Answer::Statistics { overview } = ask(config, request, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if options.output.json {
        let json = serde_json::to_value(&*overview)
            .map_err(|error| CliError::Unusable(error.to_string()))?;
        return print_json(&json);
    }
    let pen = if options.ascii { ASCII } else { UNICODE };
    print(draw(&overview, columns(), &pen).trim_end())
}

/// How wide the terminal is, as far as the shell says.
fn columns() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(COLUMNS)
        .clamp(COLUMNS_MIN, COLUMNS_MAX)
}

/// Computes days again, a few at a time, and says how far it is.
fn rebuild(options: StatsRebuild, config: &Config) -> Result<(), CliError> {
    let StatsRebuild { from, until } = options;
    let reopen = Request::ReopenDays { from, until };
    let Answer::DaysReopened { days: wanted } = ask(config, reopen, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    let mut done = 0;
    let is_watched = io::stderr().is_terminal();
    loop {
        let answer = ask(config, Request::StepStatistics, Beginning::Refused)?;
        let Answer::StatisticsStepped { days, is_more } = answer else {
            return Err(CliError::Mismatch);
        };
        done += days.len();
        if let Some(day) = days.last().filter(|_| is_watched) {
            // A line for whoever waits; nobody misses it.
            drop(write!(
                io::stderr(),
                "\r{day}: {done} of {} days",
                wanted.max(done)
            ));
        }
        if !is_more {
            break;
        }
    }
    if is_watched && done > 0 {
        drop(writeln!(io::stderr()));
    }
    print(&format!("{done} days and the present one were computed"))
}

/// What bars are drawn with.
pub(super) struct Pen {
    /// The parts of a cell, from an eighth to the whole.
    eighths: &'static [char],
    /// Heights of a line of small bars, the lowest first.
    heights: &'static [char],
    /// Between columns of a heading and its figures.
    rule: char,
}

pub(super) const UNICODE: Pen = Pen {
    eighths: &['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
    heights: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    rule: '─',
};

pub(super) const ASCII: Pen = Pen {
    eighths: &['#'],
    heights: &['_', '.', '-', '=', '+', '*', '#'],
    rule: '-',
};

impl Pen {
    /// A bar of at most `width` cells; anything above zero is seen.
    pub(super) fn bar(&self, value: i64, most: i64, width: usize) -> String {
        let steps = self.eighths.len();
        let cells = scaled(value, most, width * steps);
        let Some(last) = self.eighths.last() else {
            return String::new();
        };
        let mut bar: String = std::iter::repeat_n(*last, cells / steps).collect();
        if let Some(part) = (cells % steps).checked_sub(1) {
            bar.extend(self.eighths.get(part));
        }
        bar
    }

    /// One sign for each value.
    pub(super) fn line(&self, values: &[i64]) -> String {
        let most = values.iter().copied().max().unwrap_or(0);
        let sign = |value: &i64| match scaled(*value, most, self.heights.len()) {
            0 => ' ',
            height => self.heights[height - 1],
        };
        values.iter().map(sign).collect()
    }
}

/// A value as a part of `parts`; at least one for anything above zero.
fn scaled(value: i64, most: i64, parts: usize) -> usize {
    if value <= 0 || most <= 0 {
        return 0;
    }
    let parts = i128::try_from(parts).unwrap_or(1);
    let scaled = (i128::from(value) * parts + i128::from(most) / 2) / i128::from(most);
    usize::try_from(scaled.clamp(1, parts)).unwrap_or(1)
}

fn written(shown: Shown) -> String {
    shown.exact().map_or_else(|| shown.to_string(), grouped)
}

fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{}{text}", " ".repeat(missing))
}

/// The whole drawing, lines that fit into `columns`.
fn draw(overview: &Overview, columns: usize, pen: &Pen) -> String {
    let mut out = String::new();
    heading(&mut out, overview);
    if overview.days.is_empty() {
        out.push_str(
            "\nNo day is counted yet: the first run of the statistics comes within the hour.\n",
        );
        return out;
    }
    days(&mut out, overview, columns, pen);
    hours(&mut out, overview, pen);
    for (title, shares) in [
        ("Tags", &overview.tags),
        ("Languages", &overview.languages),
        ("Clients", &overview.clients),
    ] {
        shares_of(&mut out, title, shares, columns, pen);
    }
    sums(&mut out, overview, pen);
    out
}

macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($part:tt)*) => { writeln!($out, $($part)*).expect("a String takes every write") };
}

fn heading(out: &mut String, overview: &Overview) {
    let Overview {
        from,
        until,
        time_zone,
        ..
    } = overview;
    line!(out, "{from} to {until}, {time_zone}");
}

/// A row of the drawing: a day, or a week that begins with it.
struct Row {
    label: String,
    posts: i64,
    active: Shown,
}

fn rows(days: &[ToldDay]) -> Vec<Row> {
    let step = if days.len() > ROWS_MAX {
        DAYS_PER_WEEK
    } else {
        1
    };
    let row = |part: &[ToldDay]| {
        let (first, last) = (part.first()?, part.last()?);
        let posts = part.iter().filter_map(|day| day.figures.posts.exact());
        Some(Row {
            label: first.day.to_string(),
            posts: posts.sum(),
            active: if step > 1 {
                last.figures.active_week
            } else {
                last.figures.active_day
            },
        })
    };
    days.rchunks(step).rev().filter_map(row).collect()
}

fn days(out: &mut String, overview: &Overview, columns: usize, pen: &Pen) {
    let rows = rows(&overview.days);
    let unit = if rows.len() < overview.days.len() {
        "Week from"
    } else {
        "Day"
    };
    let most = rows.iter().map(|row| row.posts).max().unwrap_or(0);
    let width = grouped(most).chars().count().max("Posts".len());
    let active = rows.iter().map(|row| written(row.active).chars().count());
    let active_width = active.max().unwrap_or(0).max("Active".len());
    line!(out);
    line!(
        out,
        "{unit:<10}  {}  {}",
        padded("Active", active_width),
        padded("Posts", width)
    );
    let room = columns.saturating_sub(10 + 2 + active_width + 2 + width + 2);
    for row in rows {
        let bar = pen.bar(row.posts, most, room);
        let line = format!(
            "{:<10}  {}  {}  {bar}",
            row.label,
            padded(&written(row.active), active_width),
            padded(&grouped(row.posts), width)
        );
        line!(out, "{}", line.trim_end());
    }
}

fn hours(out: &mut String, overview: &Overview, pen: &Pen) {
    let hours: Vec<i64> = overview
        .hours
        .iter()
        .map(|hour| hour.exact().unwrap_or(0))
        .collect();
    let most = hours.iter().copied().max().unwrap_or(0);
    let Some(busiest) = hours.iter().position(|posts| *posts == most && most > 0) else {
        return;
    };
    line!(out);
    line!(out, "Hours      {}", pen.line(&hours).trim_end());
    line!(out, "           0     6     12    18");
    line!(
        out,
        "           most, {}, from {busiest}:00 on",
        grouped(most)
    );
}

fn shares_of(out: &mut String, title: &str, shares: &[ToldShare], columns: usize, pen: &Pen) {
    let Some(most) = shares.iter().map(|share| share.posts).max() else {
        return;
    };
    let name = |share: &ToldShare| match &*share.name {
        "" => "(none)".to_owned(),
        // What moves the cursor of a terminal isn't printed.
        name => name.chars().filter(|c| !c.is_control()).take(24).collect(),
    };
    let width = shares
        .iter()
        .map(|share| name(share).chars().count())
        .max()
        .unwrap_or(0);
    let count_width = grouped(most).chars().count();
    let room = columns.saturating_sub(width + count_width + 6).min(40);
    line!(out);
    line!(out, "{title}");
    for share in shares {
        let name = name(share);
        let missing = " ".repeat(width - name.chars().count());
        let count = padded(&grouped(share.posts), count_width);
        let bar = pen.bar(share.posts, most, room);
        line!(out, "  {name}{missing}  {count}  {bar}");
    }
}

fn label(measure: Measure) -> &'static str {
    match measure {
        Measure::Posts => "Posts",
        Measure::Replies => "Replies among them",
        Measure::Boosts => "Boosts",
        Measure::Favourites => "Favourites",
        Measure::Mentions => "Mentions",
        Measure::Follows => "Follows",
        Measure::SignUps => "Sign-ups",
        Measure::ActiveDay => "Active on the last day",
        Measure::ActiveWeek => "Active in its week",
        Measure::ActiveMonth => "Active in its 30 days",
    }
}

fn sums(out: &mut String, overview: &Overview, pen: &Pen) {
    let cells = |measure: Measure| {
        let total = overview.totals.get(measure);
        (written(overview.span.get(measure)), written(total))
    };
    let mut lines: Vec<(&str, String, String)> = Measure::ALL
        .into_iter()
        .map(|measure| {
            let (span, total) = cells(measure);
            (label(measure), span, total)
        })
        .collect();
    if let Some(measured) = overview.measured {
        let size = measured.database_bytes.map_or_else(String::new, bytes);
        lines.push(("Mail sent", grouped(measured.mail_sent), String::new()));
        lines.push((
            "Mail given up",
            grouped(measured.mail_failed),
            String::new(),
        ));
        lines.push(("Database", size, String::new()));
    }
    let width = |texts: &dyn Fn(&(&str, String, String)) -> usize| {
        lines.iter().map(texts).max().unwrap_or(0)
    };
    let first = width(&|line| line.0.chars().count());
    let second = width(&|line| line.1.chars().count()).max("These days".len());
    let third = width(&|line| line.2.chars().count()).max("Ever".len());
    let rule = pen.rule.to_string().repeat(first + second + third + 4);
    line!(out);
    line!(
        out,
        "{:first$}  {}  {}",
        "",
        padded("These days", second),
        padded("Ever", third)
    );
    line!(out, "{rule}");
    for (name, span, total) in &lines {
        let line = format!(
            "{name:<first$}  {}  {}",
            padded(span, second),
            padded(total, third)
        );
        line!(out, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::overview::Material;
    use crate::domain::statistics::{
        Audience, Day, Figures, InstanceDay, MeasuredDay, Share, Totals,
    };

    fn overview(count: i32) -> Overview {
        let first = Day::of(
            Timestamp::from_millis(1_790_000_000_000),
            &jiff::tz::TimeZone::UTC,
        );
        let mut totals = Totals::default();
        let series: Vec<_> = (0..count)
            .map(|number| {
                let mut all = Figures::default();
                all.set(Measure::Posts, i64::from(number) * 37 % 1900);
                all.set(Measure::ActiveDay, i64::from(number % 5));
                all.hours[8] = 4;
                all.hours[20] = 12;
                let day = InstanceDay {
                    day: first.plus(number),
                    all,
                    public: Figures::default(),
                };
                totals.add(&day);
                let measured = MeasuredDay {
                    database_bytes: Some(5 << 20),
                    mail_sent: 3,
                    mail_failed: 0,
                };
                (day, measured)
            })
            .collect();
        let share = |label: &str, posts| Share {
            label: label.to_owned(),
            posts,
            authors: 2,
        };
        Material {
            audience: Audience::Owner,
            days: (first, first.plus(count - 1)),
            time_zone: "Europe/Berlin".to_owned(),
            series,
            totals,
            tags: vec![share("birds", 120), share("\u{1b}[2Jcats", 7)],
            languages: vec![share("", 3)],
            clients: Vec::new(),
        }
        .overview()
    }

    #[test]
    fn a_drawing_fits_and_is_aligned() {
        for columns in [COLUMNS_MIN, COLUMNS, COLUMNS_MAX] {
            for count in [1, 30, 365, 1000] {
                for pen in [UNICODE, ASCII] {
                    let text = draw(&overview(count), columns, &pen);
                    for line in text.lines() {
                        assert!(line.chars().count() <= columns, "{columns}: {line}");
                        assert!(!line.contains(char::is_control), "{line:?}");
                        assert_eq!(line, line.trim_end());
                    }
                    assert!(text.lines().count() < 200, "{text}");
                }
            }
        }
        let text = draw(&overview(30), 60, &ASCII);
        assert!(text.contains("2026-09-22       1     37  #"), "{text}");
        assert!(text.contains("most, 360, from 20:00 on"), "{text}");
        assert!(text.contains("Database"), "{text}");
        assert!(draw(&overview(30), 60, &ASCII).is_ascii() || text.contains('\u{202f}'));
    }

    #[test]
    fn nothing_counted_is_said() {
        let mut empty = overview(1);
        empty.days.clear();
        assert!(draw(&empty, COLUMNS, &UNICODE).contains("No day is counted yet"));
    }

    #[test]
    fn bars_grow_with_what_they_stand_for() {
        let mut last = 0;
        for value in 0..=100 {
            let bar = UNICODE.bar(value, 100, 10);
            let cells = bar.chars().count();
            assert!(cells <= 10 && cells >= last && (value == 0) == bar.is_empty());
            last = cells;
        }
        assert_eq!(UNICODE.bar(100, 100, 3), "███");
        assert_eq!(UNICODE.bar(50, 100, 3), "█▌");
        assert_eq!(ASCII.bar(1, i64::MAX, 3), "#");
        assert_eq!(UNICODE.bar(i64::MAX, i64::MAX, 2), "██");
        assert_eq!(UNICODE.line(&[0, 1, 8]), " ▁█");
    }
}
