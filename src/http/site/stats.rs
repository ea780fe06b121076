//! The statistics, drawn.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::Visit;
use super::plots::{Plot, PlotError, Series, Unit};
use super::views::stats::{
    Figures, OwnStatsPage, PlotSection, ShareRow, ShareSection, SpanLink, StatsPage, Tile,
};
use super::views::{Frame, Nav};
use crate::actors::tasks::overview::Span;
use crate::context::Context;
use crate::domain::overview::{
    AccountOverview, DAYS_SHOWN, Material, Overview, ToldAccountDay, ToldDay, ToldShare,
};
use crate::domain::statistics::{AccountDay, Audience, Day, Measure, Shown};
use crate::domain::text::numbers::{bytes, grouped};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::statistics::{account_csv, csv, material, own, required_audience, span, zone};

/// Which days can be chosen.
const SPANS: [i32; 4] = [7, 30, 90, 365];
/// The most days that are drawn one by one; of more, weeks are.
const DAYS_DRAWN_MAX: i32 = 31;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl From<PlotError> for Problem {
    fn from(error: PlotError) -> Self {
        Problem::internal(error.to_string())
    }
}

/// The days that a page shows: one of the choices, 30 unless another is asked for.
fn chosen(context: &Context, call: &Call) -> Result<Span, Problem> {
    let days = call.query()?.integer("days")?;
    let days = SPANS
        .into_iter()
        .find(|known| Some(i64::from(*known)) == days);
    let now = context.instance.clock.now();
    Ok(Span::last(days.unwrap_or(DAYS_SHOWN), now, &zone(context)))
}

/// `GET /stats?days=`: the statistics of the instance.
pub(super) async fn stats(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let audience = required_audience(&visit.context, &visit.guest)?;
    let span = chosen(&visit.context, &visit.call)?;
    let material = material(&visit.context, audience, &span).await?;
    let page = stats_page(visit.frame(Nav::Elsewhere).await?, &material, &span)?;
    visit.page(&page)
}

/// The page of what was read.
pub(super) fn stats_page(
    frame: Frame,
    material: &Material,
    span: &Span,
) -> Result<StatsPage, Problem> {
    let overview = material.overview();
    Ok(StatsPage {
        frame,
        figures: figures(material, &overview, span)?,
        shares: shares(&overview),
        counted: match material.audience {
            Audience::Strangers | Audience::Members => {
                "Public posts are counted, and what was done to them."
            }
            Audience::Owner => {
                "As you run this instance, posts of every visibility are counted for you."
            }
        },
        explains_few: material.audience == Audience::Strangers,
    })
}

/// `GET /stats.csv?from=&until=&days=`: the days as a table.
pub(super) async fn stats_csv(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let audience = required_audience(&app, &guest)?;
    let span = span(&app, &call.query()?)?;
    Ok(csv(&material(&app, audience, &span).await?.overview()))
}

/// `GET /stats.json?from=&until=&days=`: the days for programs.
pub(super) async fn stats_json(
    app: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let audience = required_audience(&app, &guest)?;
    let span = span(&app, &call.query()?)?;
    reply::json(&material(&app, audience, &span).await?.overview())
}

/// `GET /settings/stats?days=`: the statistics of one's own account.
pub(super) async fn own_stats(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let span = chosen(&visit.context, &visit.call)?;
    let overview = own(&visit.context, &visit.guest, &span).await?;
    let page = own_stats_page(visit.frame(Nav::Settings).await?, &overview, &span)?;
    visit.page(&page)
}

/// The page of what was read.
pub(super) fn own_stats_page(
    frame: Frame,
    overview: &AccountOverview,
    span: &Span,
) -> Result<OwnStatsPage, Problem> {
    let figures = own_figures(overview, span)?;
    Ok(OwnStatsPage { frame, figures })
}

/// `GET /settings/stats.csv?from=&until=&days=`: one's own days as a table.
pub(super) async fn own_csv(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let span = span(&app, &call.query()?)?;
    Ok(account_csv(&own(&app, &guest, &span).await?))
}

/// `GET /settings/stats.json?from=&until=&days=`: one's own days for programs.
pub(super) async fn own_json(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let span = span(&app, &call.query()?)?;
    reply::json(&own(&app, &guest, &span).await?)
}

/// A date as people write it: `22 Nov`, with the year if they need it.
fn date(day: Day, with_year: bool) -> String {
    let text = day.to_string();
    let mut parts = text.split('-');
    let year = parts.next().unwrap_or_default();
    let month = parts.next().and_then(|month| month.parse::<usize>().ok());
    let month = month.and_then(|month| MONTHS.get(month - 1)).unwrap_or(&"");
    let of_month = parts.next().unwrap_or_default().trim_start_matches('0');
    if with_year {
        format!("{of_month} {month} {year}")
    } else {
        format!("{of_month} {month}")
    }
}

/// The page of a tag.
fn tag_path(tag: &str) -> String {
    format!("/tags/{}", utf8_percent_encode(tag, NON_ALPHANUMERIC))
}

fn written(shown: Shown) -> String {
    shown.exact().map_or_else(|| shown.to_string(), grouped)
}

/// What can be chosen, where the figures are for programs, and what is shown.
fn surround(path: &str, span: &Span, time_zone: &str) -> Figures {
    let choice = |days: i32| SpanLink {
        path: format!("{path}?days={days}"),
        days,
        current: days == span.days(),
    };
    let (from, until) = (date(span.from, true), date(span.until, true));
    Figures {
        days: format!("{from} to {until}, days of {time_zone}. Today is counted so far."),
        spans: SPANS.map(choice).to_vec(),
        tiles: Vec::new(),
        plots: Vec::new(),
        csv_path: format!("{path}.csv?days={}", span.days()),
        json_path: format!("{path}.json?days={}", span.days()),
    }
}

/// A line of a plot, and a column of its table.
struct Column {
    name: &'static str,
    points: Vec<Option<Shown>>,
}

/// What is drawn: days or weeks, and what the plot of them is about.
struct Course<'a> {
    days: &'a [Day],
    is_weekly: bool,
}

impl Course<'_> {
    fn section(
        &self,
        id: &'static str,
        title: &str,
        columns: Vec<Column>,
        unit: Unit,
    ) -> Result<PlotSection, Problem> {
        let labels: Vec<String> = self.days.iter().map(|day| date(*day, false)).collect();
        let write = |shown: Shown| match (unit, shown) {
            (Unit::Bytes, Shown::Exact(size)) => bytes(size),
            _ => written(shown),
        };
        let rows = self.days.iter().enumerate().rev().map(|(at, day)| {
            let cells = columns.iter().map(|column| {
                let point = column.points.get(at).copied().flatten();
                point.map_or_else(|| "–".to_owned(), write)
            });
            (date(*day, true), cells.collect())
        });
        let rows = rows.collect();
        let description = describe(&labels, &columns, write);
        let title = if self.is_weekly {
            format!("{title}, by weeks")
        } else {
            title.to_owned()
        };
        let names = columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        let series = columns.into_iter().map(|column| Series {
            name: column.name.to_owned(),
            points: column.points,
        });
        let plot = Plot {
            id,
            title: title.clone(),
            description,
            labels,
            series: series.collect(),
            unit,
        };
        Ok(PlotSection {
            plot_html: plot.lines()?,
            title,
            unit: if self.is_weekly { "Week from" } else { "Day" },
            columns: names,
            rows,
        })
    }
}

/// The course in words: where each line is highest, and where it ends.
fn describe(labels: &[String], columns: &[Column], write: impl Fn(Shown) -> String) -> String {
    let mut sentences = Vec::new();
    if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
        sentences.push(format!("From {first} to {last}."));
    }
    for column in columns {
        let exact = |at: usize| {
            column.points[at]
                .and_then(Shown::exact)
                .map(|count| (count, at))
        };
        let most = (0..column.points.len())
            .filter_map(exact)
            .max_by_key(|(count, _)| *count);
        let last = column.points.last().copied().flatten();
        let sentence = match (most, last) {
            (Some((most, at)), Some(last)) => format!(
                "{}: at most {} on {}, {} at the end.",
                column.name,
                write(Shown::Exact(most)),
                labels[at],
                write(last)
            ),
            _ => format!("{}: not told.", column.name),
        };
        sentences.push(sentence);
    }
    sentences.join(" ")
}

fn figures(material: &Material, overview: &Overview, span: &Span) -> Result<Figures, Problem> {
    let mut figures = surround("/stats", span, &overview.time_zone);
    figures.tiles = tiles(overview);
    if overview.days.is_empty() {
        return Ok(figures);
    }
    let is_weekly = span.days() > DAYS_DRAWN_MAX;
    let told = if is_weekly {
        material.weeks()
    } else {
        overview.days.clone()
    };
    let days: Vec<Day> = told.iter().map(|day| day.day).collect();
    let course = Course {
        days: &days,
        is_weekly,
    };
    let column = |name, measure: Measure| Column {
        name,
        points: told
            .iter()
            .map(|day| Some(day.figures.get(measure)))
            .collect(),
    };
    let mut active = vec![
        column("Month", Measure::ActiveMonth),
        column("Week", Measure::ActiveWeek),
    ];
    if !is_weekly {
        active.push(column("Day", Measure::ActiveDay));
    }
    let written = vec![
        column("Posts", Measure::Posts),
        column("Replies", Measure::Replies),
        column("Boosts", Measure::Boosts),
    ];
    let reactions = vec![
        column("Favourites", Measure::Favourites),
        column("Mentions", Measure::Mentions),
    ];
    let people = vec![
        column("Follows", Measure::Follows),
        column("Sign-ups", Measure::SignUps),
    ];
    let count = Unit::Count;
    figures.plots = vec![
        course.section("written", "Posts, replies and boosts", written, count)?,
        course.section("active", "Active people", active, count)?,
        course.section("reactions", "Favourites and mentions", reactions, count)?,
        course.section("people", "Follows and sign-ups", people, count)?,
        hours(overview)?,
    ];
    if overview.measured.is_some() {
        figures.plots.extend(machine(&course, &told)?);
    }
    Ok(figures)
}

/// What the machine measured, for the owner.
fn machine(course: &Course<'_>, told: &[ToldDay]) -> Result<[PlotSection; 2], Problem> {
    let mail = |of: fn(&ToldDay) -> Option<i64>| {
        told.iter().map(|day| of(day).map(Shown::Exact)).collect()
    };
    let letters = vec![
        Column {
            name: "Sent",
            points: mail(|day| Some(day.measured?.mail_sent)),
        },
        Column {
            name: "Given up",
            points: mail(|day| Some(day.measured?.mail_failed)),
        },
    ];
    let size = vec![Column {
        name: "Database",
        points: mail(|day| day.measured?.database_bytes),
    }];
    Ok([
        course.section("mail", "Mail", letters, Unit::Count)?,
        course.section("database", "Size of the database", size, Unit::Bytes)?,
    ])
}

/// When people write.
fn hours(overview: &Overview) -> Result<PlotSection, Problem> {
    let labels: Vec<String> = (0..overview.hours.len())
        .map(|hour| format!("{hour}:00"))
        .collect();
    let points: Vec<Option<Shown>> = overview.hours.iter().copied().map(Some).collect();
    let rows = labels.iter().zip(&overview.hours);
    let rows = rows.map(|(label, posts)| (label.clone(), vec![written(*posts)]));
    let busiest = overview.hours.iter().enumerate();
    let busiest = busiest.filter_map(|(hour, posts)| Some((posts.exact()?, hour)));
    let description = match busiest.max() {
        Some((posts, hour)) if posts > 0 => {
            format!("Most posts, {}, are from {hour}:00 on.", grouped(posts))
        }
        _ => "There is nothing to tell.".to_owned(),
    };
    let plot = Plot {
        id: "hours",
        title: "Posts by the hour of the day".to_owned(),
        description,
        series: vec![Series {
            name: "Posts".to_owned(),
            points,
        }],
        unit: Unit::Count,
        labels: labels.clone(),
    };
    Ok(PlotSection {
        plot_html: plot.bars()?,
        title: "Busiest hours".to_owned(),
        unit: "From",
        columns: vec!["Posts".to_owned()],
        rows: rows.collect(),
    })
}

fn tiles(overview: &Overview) -> Vec<Tile> {
    let tile = |label, measure: Measure| Tile {
        label,
        value: written(overview.span.get(measure)),
        note: match overview.totals.get(measure) {
            Shown::Few => String::new(),
            total => format!("{} ever", written(total)),
        },
    };
    let active = |label, measure: Measure| Tile {
        label,
        value: written(overview.span.get(measure)),
        note: String::new(),
    };
    let mut tiles = vec![
        tile("Posts", Measure::Posts),
        tile("Replies", Measure::Replies),
        tile("Boosts", Measure::Boosts),
        tile("Favourites", Measure::Favourites),
        tile("Mentions", Measure::Mentions),
        tile("Follows", Measure::Follows),
        tile("Sign-ups", Measure::SignUps),
        active("Active today", Measure::ActiveDay),
        active("Active in 7 days", Measure::ActiveWeek),
        active("Active in 30 days", Measure::ActiveMonth),
    ];
    if let Some(measured) = overview.measured {
        let more = |label, value| Tile {
            label,
            value,
            note: String::new(),
        };
        let size = measured
            .database_bytes
            .map_or_else(|| "–".to_owned(), bytes);
        tiles.push(more("Database", size));
        tiles.push(more("Mail sent", grouped(measured.mail_sent)));
        tiles.push(more("Mail given up", grouped(measured.mail_failed)));
    }
    tiles
}

fn shares(overview: &Overview) -> Vec<ShareSection> {
    let rows = |shares: &[ToldShare], is_tags: bool, nothing: &str| {
        let row = |share: &ToldShare| ShareRow {
            name: match &*share.name {
                "" => nothing.to_owned(),
                name if is_tags => format!("#{name}"),
                name => name.to_owned(),
            },
            path: is_tags.then(|| tag_path(&share.name)),
            posts: grouped(share.posts),
            authors: grouped(share.authors),
        };
        shares.iter().map(row).collect()
    };
    let sections = [
        ShareSection {
            title: "Tags",
            column: "Tag",
            rows: rows(&overview.tags, true, ""),
        },
        ShareSection {
            title: "Languages",
            column: "Language",
            rows: rows(&overview.languages, false, "not given"),
        },
        ShareSection {
            title: "Clients",
            column: "Client",
            rows: rows(&overview.clients, false, "this website"),
        },
    ];
    sections
        .into_iter()
        .filter(|section| !section.rows.is_empty())
        .collect()
}

fn own_figures(overview: &AccountOverview, span: &Span) -> Result<Figures, Problem> {
    let mut figures = surround("/settings/stats", span, &overview.time_zone);
    figures.tiles = own_tiles(&overview.span);
    if overview.days.is_empty() {
        return Ok(figures);
    }
    let is_weekly = span.days() > DAYS_DRAWN_MAX;
    let told: Vec<ToldAccountDay> = if is_weekly {
        overview.weeks()
    } else {
        overview.days.clone()
    };
    let days: Vec<Day> = told.iter().map(|day| day.day).collect();
    let course = Course {
        days: &days,
        is_weekly,
    };
    let column = |name, of: fn(&AccountDay) -> i64| Column {
        name,
        points: told
            .iter()
            .map(|day| Some(Shown::Exact(of(&day.figures))))
            .collect(),
    };
    let own = vec![
        column("Posts", |day| day.posts),
        column("Replies", |day| day.replies),
        column("Boosts", |day| day.boosts),
    ];
    let received = vec![
        column("Favourites", |day| day.favourites_received),
        column("Boosts", |day| day.boosts_received),
        column("Answers", |day| day.replies_received),
        column("Mentions", |day| day.mentions_received),
    ];
    let reach = vec![column("Reach", |day| day.reach)];
    let followers = vec![column("Followers", |day| day.new_followers)];
    let count = Unit::Count;
    figures.plots = vec![
        course.section("written", "What you wrote", own, count)?,
        course.section("received", "What you received", received, count)?,
        course.section("reach", "Reach, people a day", reach, count)?,
        course.section("followers", "New followers", followers, count)?,
    ];
    Ok(figures)
}

fn own_tiles(span: &AccountDay) -> Vec<Tile> {
    let tile = |label, count: i64| Tile {
        label,
        value: grouped(count),
        note: String::new(),
    };
    vec![
        tile("Posts", span.posts),
        tile("Replies", span.replies),
        tile("Boosts", span.boosts),
        tile("Favourites received", span.favourites_received),
        tile("Boosts received", span.boosts_received),
        tile("Answers received", span.replies_received),
        tile("Mentions of you", span.mentions_received),
        tile("Reach, best day", span.reach),
        tile("New followers", span.new_followers),
    ]
}
