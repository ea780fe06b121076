//! Figures as Prometheus reads them: its text format, version 0.0.4.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>. The format is a few lines of text, and the
//! libraries for it bring counters and locks of their own along; so it is written here, and `promtool` judges it in a test.

use std::fmt::{Display, Write as _};

use super::metrics::Seen;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They rise and fall.
    Gauge,
    /// How often which values came.
    Histogram,
}

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// A metric's values, to be told.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// Names of labels with their values.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Exposition {
    /// Begins a metric. Its help is one line.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        put(
            &mut self.text,
            format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
        );
        Family {
            text: &mut self.text,
            name,
        }
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(name, Kind::Counter, help).value(&[], value);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help).value(&[], value);
    }

    /// A histogram without labels.
    pub fn histogram(&mut self, name: &'static str, help: &str, seen: &Seen) {
        self.family(name, Kind::Histogram, help)
            .histogram(&[], seen);
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

impl Family<'_> {
    /// Tells a value. Numbers are written as Rust does, which is what the format takes.
    pub fn value(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Tells what a histogram saw.
    pub fn histogram(&mut self, labels: Labels<'_>, seen: &Seen) {
        let divisor = seen.scale.divisor as f64;
        let bounds = seen.scale.bounds.iter();
        let bounds = bounds.map(|bound| (*bound as f64 / divisor).to_string());
        for (bound, up_to) in bounds.chain(["+Inf".to_owned()]).zip(&seen.up_to) {
            self.line("_bucket", labels, Some(&bound), up_to);
        }
        self.line("_sum", labels, None, seen.sum as f64 / divisor);
        self.line("_count", labels, None, seen.count());
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        put(self.text, format_args!("{}{suffix}", self.name));
        let labels = labels.iter().copied();
        let mut open = '{';
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            put(
                self.text,
                format_args!("{open}{name}=\"{}\"", Escaped(value)),
            );
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
        put(self.text, format_args!(" {value}\n"));
    }
}

/// A label's value as it stands between quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::{Histogram, LATENCY, SIZES};
    use super::*;

    #[test]
    fn values_stand_with_their_labels() {
        let mut exposition = Exposition::default();
        exposition.counter("a_total", "Things.", 7);
        let mut family = exposition.family("b", Kind::Gauge, "Others.");
        family.value(&[("one", "x\"y\\z\n"), ("two", "/@:name")], 0.25);
        let expected = "# HELP a_total Things.\n# TYPE a_total counter\na_total 7\n\
            # HELP b Others.\n# TYPE b gauge\nb{one=\"x\\\"y\\\\z\\n\",two=\"/@:name\"} 0.25\n";
        assert_eq!(exposition.finish(), expected);
    }

    #[test]
    fn a_histogram_ends_with_everything() {
        let histogram = Histogram::new(&SIZES);
        histogram.observe(2);
        histogram.observe(1000);
        let mut exposition = Exposition::default();
        exposition.histogram("units", "Units.", &histogram.read());
        let text = exposition.finish();
        assert!(text.contains("units_bucket{le=\"1\"} 0\nunits_bucket{le=\"2\"} 1\n"));
        assert!(text.ends_with("units_bucket{le=\"+Inf\"} 2\nunits_sum 1002\nunits_count 2\n"));
        let mut exposition = Exposition::default();
        exposition.histogram("seconds", "Time.", &Histogram::new(&LATENCY).read());
        assert!(
            exposition
                .finish()
                .contains("seconds_bucket{le=\"0.0001\"} 0\n")
        );
    }
}
