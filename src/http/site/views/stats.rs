//! The statistics.

use askama::Template;

use super::{Frame, filters};

/// A choice of days.
#[derive(Debug, Clone)]
pub struct SpanLink {
    /// Where it leads.
    pub path: String,
    /// How many days.
    pub days: i32,
    /// Whether this page is it.
    pub current: bool,
}

/// One figure, large.
#[derive(Debug, Clone)]
pub struct Tile {
    /// What it counts.
    pub label: &'static str,
    /// The figure of the days shown.
    pub value: String,
    /// What else there is to say, such as the figure of all days; empty for nothing.
    pub note: String,
}

/// A plot with its figures in a table.
#[derive(Debug, Clone)]
pub struct PlotSection {
    /// What it shows.
    pub title: String,
    /// The plot as SVG.
    pub plot_html: String,
    /// What the rows are: days, weeks, hours.
    pub unit: &'static str,
    /// The other columns.
    pub columns: Vec<String>,
    /// The rows, newest first: their label and a figure for each column.
    pub rows: Vec<(String, Vec<String>)>,
}

/// A tag, a language or a client.
#[derive(Debug, Clone)]
pub struct ShareRow {
    /// Its name.
    pub name: String,
    /// Where it leads; `None` for nowhere.
    pub path: Option<String>,
    /// How many posts.
    pub posts: String,
    /// By how many authors on the busiest day.
    pub authors: String,
}

/// Tags, languages or clients.
#[derive(Debug, Clone)]
pub struct ShareSection {
    /// What they are.
    pub title: &'static str,
    /// The column of their names.
    pub column: &'static str,
    /// They, first the one with the most posts.
    pub rows: Vec<ShareRow>,
}

/// What both pages show.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The days shown, in words.
    pub days: String,
    /// Which days can be chosen.
    pub spans: Vec<SpanLink>,
    /// The figures of all those days.
    pub tiles: Vec<Tile>,
    /// Their course; empty when no day is counted yet.
    pub plots: Vec<PlotSection>,
    /// Where the days are as a table for programs.
    pub csv_path: String,
    /// Where they are as JSON.
    pub json_path: String,
}

/// `GET /stats`.
#[derive(Debug, Clone, Template)]
#[template(path = "stats.html")]
pub struct StatsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Days, figures, plots.
    pub figures: Figures,
    /// Tags, languages, clients.
    pub shares: Vec<ShareSection>,
    /// What is counted for this reader, in a sentence.
    pub counted: &'static str,
    /// Whether something isn't told, and `<3` has to be explained.
    pub explains_few: bool,
}

/// `GET /settings/stats`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_stats.html")]
pub struct OwnStatsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Days, figures, plots.
    pub figures: Figures,
}
