//! `GET /admin/live`: what the instance is about at this moment.

use askama::Template;

use super::{Frame, filters};

/// A figure with its name and, below it, what it means.
#[derive(Debug, Clone)]
pub struct Tile {
    /// What is told.
    pub name: String,
    /// How much it is.
    pub figure: String,
    /// A few words more; may be empty.
    pub note: String,
    /// Whether somebody should look.
    pub is_bad: bool,
}

/// A column of the course of requests, in hundredths of the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// How far from the left.
    pub x: usize,
    /// How far from the top.
    pub y: u32,
    /// How high.
    pub height: u32,
}

/// The requests of the last minute.
#[derive(Debug, Clone)]
pub struct Course {
    /// The same in a sentence.
    pub words: String,
    /// One for each second with a request.
    pub columns: Vec<Column>,
}

/// An actor or a pool.
#[derive(Debug, Clone)]
pub struct ActorRow {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub waiting: String,
    /// Messages since the start.
    pub handled: String,
    /// How long they waited.
    pub waited: String,
    /// How long they took.
    pub worked: String,
}

/// Something kept in memory.
#[derive(Debug, Clone)]
pub struct CacheRow {
    /// Its name.
    pub name: String,
    /// How full it is, in hundredths.
    pub percent: u64,
    /// How many values it holds.
    pub entries: String,
    /// How much they may take; some share it.
    pub bytes_max: String,
    /// About how much memory they take.
    pub bytes: String,
}

/// A stretch of a slow request.
#[derive(Debug, Clone)]
pub struct SpanRow {
    /// What was done.
    pub kind: String,
    /// The colour of its bar: a class.
    pub class: &'static str,
    /// By whom, or with what.
    pub detail: String,
    /// Where its bar begins, in percent.
    pub x: String,
    /// How long its bar is, in percent.
    pub width: String,
    /// When it began.
    pub start: String,
    /// How long it took.
    pub length: String,
}

/// A slow request.
#[derive(Debug, Clone)]
pub struct SlowRow {
    /// The id that log and answer carry.
    pub id: String,
    /// Method and route.
    pub what: String,
    /// The status of its answer.
    pub status: u16,
    /// Whether that is a failure.
    pub is_bad: bool,
    /// When it began, for programs.
    pub at: String,
    /// When it began, for people: the time of day.
    pub when: String,
    /// How long it took.
    pub total: String,
    /// Where the time went.
    pub spans: Vec<SpanRow>,
    /// How many stretches aren't shown.
    pub spans_lost: u32,
}

/// How often the page may be renewed.
#[derive(Debug, Clone)]
pub struct PaceChoice {
    /// Seconds; 0 for never.
    pub seconds: u32,
    /// What is written on it.
    pub label: String,
    /// Whether it is the one.
    pub is_on: bool,
}

/// `GET /admin/live`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin_live.html")]
pub struct LivePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Seconds until it is renewed; 0 for never.
    pub every: u32,
    /// What else can be chosen.
    pub paces: Vec<PaceChoice>,
    /// The moment that it shows.
    pub at: String,
    /// Requests, errors, memory.
    pub tiles: Vec<Tile>,
    /// Requests of the last minute.
    pub course: Course,
    /// The thread that writes.
    pub writer: Vec<Tile>,
    /// Jobs by what becomes of them.
    pub jobs: Vec<Tile>,
    /// Who works.
    pub actors: Vec<ActorRow>,
    /// What is kept in memory.
    pub caches: Vec<CacheRow>,
    /// From how many milliseconds on a request is slow; 0 when none is.
    pub slow_ms: u64,
    /// The latest slow requests.
    pub slow: Vec<SlowRow>,
}
