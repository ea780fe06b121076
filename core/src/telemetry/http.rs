//! Requests by route, method and status; connections.
//!
//! The routes are known at the start, so that there are no more figures than the program has routes, whatever is asked for.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;

use super::hashing::PlainHasher;
use super::metrics::{Counter, Gauge, Histogram, LATENCY};
use super::quiet::Quiet;

/// Methods as they are told; the last stands for all others.
pub const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "other",
];

/// Statuses as they are told; 0 stands for all others.
pub const STATUSES: [u16; 32] = [
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409,
    410, 411, 413, 414, 415, 417, 422, 429, 500, 501, 503, 504, 0,
];

/// What requests are told under that no route knows.
pub const UNMATCHED: &str = "unmatched";

/// The name of a method as it is told.
pub fn method_name(method: &str) -> &'static str {
    METHODS[method_index(method)]
}

fn method_index(method: &str) -> usize {
    let known = METHODS.iter().position(|known| *known == method);
    known.unwrap_or(METHODS.len() - 1)
}

fn status_index(status: u16) -> usize {
    let known = STATUSES.iter().position(|known| *known == status);
    known.unwrap_or(STATUSES.len() - 1)
}

/// The figures of one route and one method.
#[derive(Debug)]
pub struct RouteFigures {
    statuses: [Counter; STATUSES.len()],
    /// From the end of the head to the beginning of the answer, in nanoseconds.
    pub latency: Histogram,
}

impl RouteFigures {
    fn new() -> Self {
        Self {
            statuses: [const { Counter::new() }; STATUSES.len()],
            latency: Histogram::new(&LATENCY),
        }
    }

    /// How often each status was answered that was: 0 stands for those that aren't told apart.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let counts = self.statuses.iter().map(Counter::get);
        let all = STATUSES.into_iter().zip(counts);
        all.filter(|(_, count)| *count > 0)
    }
}

/// A route's figures by method; made when the first such request is answered.
type ByMethod = [OnceLock<Box<RouteFigures>>; METHODS.len()];

fn no_methods() -> ByMethod {
    [const { OnceLock::new() }; METHODS.len()]
}

/// What a pattern is found by, as whoever declared it writes it: its place in the program, for which nobody reads its letters.
type Place = (usize, usize);

fn place_of(pattern: &'static str) -> Place {
    (pattern.as_ptr() as usize, pattern.len())
}

/// The figures of the declared routes.
#[derive(Debug)]
struct Declared {
    figures: Vec<(&'static str, ByMethod)>,
    by_place: HashMap<Place, usize, BuildHasherDefault<PlainHasher>>,
    by_pattern: BTreeMap<&'static str, usize>,
}

impl Declared {
    fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        let mut declared = Self {
            figures: Vec::new(),
            by_place: HashMap::default(),
            by_pattern: BTreeMap::new(),
        };
        for pattern in patterns {
            let index = *declared.by_pattern.entry(pattern).or_insert_with(|| {
                declared.figures.push((pattern, no_methods()));
                declared.figures.len() - 1
            });
            declared.by_place.insert(place_of(pattern), index);
        }
        declared
    }

    fn find(&self, pattern: &'static str) -> Option<&ByMethod> {
        let index = self.by_place.get(&place_of(pattern));
        let index = index.or_else(|| self.by_pattern.get(pattern))?;
        self.figures.get(*index).map(|(_, by_method)| by_method)
    }
}

/// The figures of all requests and connections.
#[derive(Debug)]
pub struct HttpFigures {
    routes: OnceLock<Declared>,
    unmatched: ByMethod,
    /// Requests that are worked on.
    pub in_flight: Gauge,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that were accepted and served.
    pub accepted: Counter,
    /// Connections that were refused because too many were open.
    pub refused: Counter,
    /// Requests that were told to come later.
    pub limited: Counter,
    /// Whether anybody asks for something.
    pub quiet: Quiet,
}

impl Default for HttpFigures {
    fn default() -> Self {
        Self {
            routes: OnceLock::new(),
            unmatched: no_methods(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            limited: Counter::default(),
            quiet: Quiet::default(),
        }
    }
}

impl HttpFigures {
    /// Says which routes there are; once, before the first request.
    pub fn declare(&self, patterns: impl IntoIterator<Item = &'static str>) {
        // Whoever declares them a second time says the same.
        drop(self.routes.set(Declared::new(patterns)));
    }

    /// Counts a request that was answered.
    pub fn record(&self, route: Option<&'static str>, method: &str, status: u16, nanos: u64) {
        let known = self.routes.get();
        let known = route.and_then(|route| known?.find(route));
        let by_method = known.unwrap_or(&self.unmatched);
        let figures = by_method[method_index(method)].get_or_init(|| Box::new(RouteFigures::new()));
        figures.statuses[status_index(status)].count();
        figures.latency.observe(nanos);
    }

    /// The figures of every route and method that was asked for, by pattern.
    pub fn read(&self) -> Vec<(&'static str, &'static str, &RouteFigures)> {
        let routes = self.routes.get().map(|declared| &declared.figures);
        let routes = routes.into_iter().flatten();
        let routes = routes.map(|(pattern, by_method)| (*pattern, by_method));
        let mut found: Vec<_> = routes
            .chain([(UNMATCHED, &self.unmatched)])
            .flat_map(|(pattern, by_method)| {
                let figures = METHODS.iter().zip(by_method);
                figures.filter_map(move |(method, figures)| {
                    Some((pattern, *method, &**figures.get()?))
                })
            })
            .collect();
        found.sort_by_key(|(pattern, method, _)| (*pattern, *method));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_routes_known_methods_and_known_statuses_have_figures_of_their_own() {
        let figures = HttpFigures::default();
        figures.declare(["/health", "/@:name"]);
        figures.record(Some("/health"), "GET", 200, 1);
        figures.record(Some("/health"), "GET", 299, 1);
        figures.record(Some("/nothing"), "GET", 404, 1);
        figures.record(None, "GET", 404, 1);
        figures.record(None, "BREW", 404, 1);
        let read: Vec<_> = figures
            .read()
            .into_iter()
            .map(|(pattern, method, figures)| {
                let statuses: Vec<_> = figures.statuses().collect();
                (pattern, method, statuses, figures.latency.read().count())
            })
            .collect();
        assert_eq!(
            read,
            [
                ("/health", "GET", vec![(200, 1), (0, 1)], 2),
                ("unmatched", "GET", vec![(404, 2)], 2),
                ("unmatched", "other", vec![(404, 1)], 1),
            ]
        );
    }
}
