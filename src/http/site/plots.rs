//! Plots of the statistics as inline SVG.
//!
//! A plot has no colour of its own: what is drawn has classes, and the style sheet says what they look like in light and
//! in dark. Lines differ by dashes and markers and are named at their ends, so that they are told apart without colour.
//! There is no script, no `style` and no address in it.

use std::fmt::Write as _;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Cross, PathElement, Rectangle, Text, TriangleMarker};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use crate::domain::statistics::Shown;
use crate::domain::text::numbers::{bytes, short};
use crate::domain::text::render::escape;

/// Width and height in units of the drawing; the page gives it the width there is.
const SIZE: (u32, u32) = (440, 210);
/// The most points of a series; more are a fault of whoever asks for a plot.
pub const POINTS_MAX: usize = 400;
/// The most series of a plot: so many dashes and markers there are.
pub const SERIES_MAX: usize = 4;
/// So many points of a line have a marker, besides those that stand alone.
const MARKS_MAX: usize = 10;
/// Room for the names at the ends of lines.
const NAMES_WIDTH: u32 = 74;
/// How far names at the ends of lines are apart at least.
const NAME_HEIGHT: i32 = 14;
/// Size of letters.
const LETTER: f64 = 12.0;
/// plotters divides sizes of letters by this before it writes them.
const LETTER_SCALE: f64 = 1.24;

// What is drawn carries one of these until the classes are put in their place.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const UNTOLD: RGBColor = RGBColor(3, 3, 3);
const SERIES: [RGBColor; SERIES_MAX] = [
    RGBColor(11, 0, 0),
    RGBColor(12, 0, 0),
    RGBColor(13, 0, 0),
    RGBColor(14, 0, 0),
];
/// Each of those colours, and the class that takes its place, in what is filled and in what is stroked.
const CLASSES: [(&str, &str, &str); 7] = [
    ("#010101", "p-ink", "p-axis"),
    ("#020202", "p-ink", "p-grid"),
    ("#030303", "p-untold", "p-untold"),
    ("#0B0000", "p-fill p-0", "p-line p-0"),
    ("#0C0000", "p-fill p-1", "p-line p-1"),
    ("#0D0000", "p-fill p-2", "p-line p-2"),
    ("#0E0000", "p-fill p-3", "p-line p-3"),
];

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// Too much was to be drawn, or nothing.
    #[error("a plot of {series} series with {points} points")]
    Extent {
        /// How many series.
        series: usize,
        /// How many points.
        points: usize,
    },
    /// The drawing failed.
    #[error("a plot can't be drawn: {0}")]
    Drawing(String),
}

/// What the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things that are counted.
    Count,
    /// Sizes.
    Bytes,
}

impl Unit {
    fn write(self, value: f64) -> String {
        // Between whole things there is nothing.
        if value.fract().abs() > 1e-9 && value < 1000.0 {
            return String::new();
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "ticks are as large as counts"
        )]
        let value = value as i64;
        match self {
            Self::Count => short(value),
            Self::Bytes => bytes(value),
        }
    }
}

/// One line of a plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name, a word or two.
    pub name: String,
    /// Its points; `None` where nothing is known.
    pub points: Vec<Option<Shown>>,
}

/// What a plot shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// Its name in the page: letters and `-`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: String,
    /// What there is to see in it, for whoever can't.
    pub description: String,
    /// What the places along the way are called.
    pub labels: Vec<String>,
    /// The lines, or the one row of bars.
    pub series: Vec<Series>,
    /// What the numbers are.
    pub unit: Unit,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Plot {
    /// As lines. Where too few people stand behind the figures there is a shaded gap that says so.
    ///
    /// # Errors
    /// More than [`SERIES_MAX`] series or [`POINTS_MAX`] points, or none.
    pub fn lines(&self) -> Result<String, PlotError> {
        self.drawn(|area| self.draw_lines(area))
    }

    /// The first series as bars.
    ///
    /// # Errors
    /// As [`Plot::lines`].
    pub fn bars(&self) -> Result<String, PlotError> {
        self.drawn(|area| self.draw_bars(area))
    }

    fn drawn(&self, draw: impl Fn(&Area<'_>) -> Result<(), String>) -> Result<String, PlotError> {
        let points = self.labels.len();
        let is_whole = self
            .series
            .iter()
            .all(|series| series.points.len() == points);
        let is_bounded =
            (1..=POINTS_MAX).contains(&points) && (1..=SERIES_MAX).contains(&self.series.len());
        if !is_whole || !is_bounded {
            let series = self.series.len();
            return Err(PlotError::Extent { series, points });
        }
        let mut raw = String::new();
        {
            let area = SVGBackend::with_string(&mut raw, SIZE).into_drawing_area();
            draw(&area).map_err(PlotError::Drawing)?;
            area.present()
                .map_err(|error| PlotError::Drawing(error.to_string()))?;
        }
        Ok(self.dressed(&raw))
    }

    /// The end of the scale: the largest number, and a little more.
    fn top(&self) -> f64 {
        let known = self.series.iter().flat_map(|series| &series.points);
        let largest = known.filter_map(|point| point.and_then(Shown::exact)).max();
        height(largest.unwrap_or(0)).max(4.0) * 1.06
    }

    fn chart<'a, 'b>(&self, area: &'a Area<'b>, right: u32) -> Result<Chart<'a, 'b>, String> {
        let end = place(self.labels.len()) - 0.5;
        let mut chart = ChartBuilder::on(area)
            .margin_top(10)
            .margin_right(right)
            .x_label_area_size(22)
            .y_label_area_size(44)
            .build_cartesian_2d(-0.5..end, 0.0..self.top())
            .map_err(|error| error.to_string())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(letters(Pos::new(HPos::Center, VPos::Top)))
            .x_labels(5)
            .x_label_formatter(&|at| self.label_at(*at))
            .y_labels(4)
            .y_label_formatter(&|value| self.unit.write(*value))
            .draw()
            .map_err(|error| error.to_string())?;
        Ok(chart)
    }

    fn label_at(&self, at: f64) -> String {
        if at < 0.0 || at.fract().abs() > 1e-9 {
            return String::new();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small whole number that isn't below zero"
        )]
        let label = self.labels.get(at as usize);
        label.cloned().unwrap_or_default()
    }

    fn draw_lines(&self, area: &Area<'_>) -> Result<(), String> {
        let mut chart = self.chart(area, NAMES_WIDTH)?;
        let mut draw_untold = |run: std::ops::Range<usize>| {
            let (from, until) = (place(run.start) - 0.5, place(run.end) - 0.5);
            let band = Rectangle::new([(from, 0.0), (until, self.top())], UNTOLD.filled());
            let style = letters(Pos::new(HPos::Center, VPos::Bottom));
            let middle = (f64::midpoint(from, until), self.top() * 0.02);
            let mark = Text::new(Shown::Few.to_string(), middle, style);
            chart
                .draw_series([band])
                .map_err(|error| error.to_string())?;
            chart
                .draw_series([mark])
                .map_err(|error| error.to_string())?;
            Ok::<(), String>(())
        };
        for run in self.untold() {
            draw_untold(run)?;
        }
        for (series, colour) in self.series.iter().zip(SERIES) {
            draw_line(&mut chart, series, colour)?;
        }
        self.draw_names(area, &chart)
    }

    /// Where at least one series isn't told.
    fn untold(&self) -> Vec<std::ops::Range<usize>> {
        let is_untold = |at: usize| {
            let mut points = self.series.iter().map(|series| series.points[at]);
            points.any(|point| point == Some(Shown::Few))
        };
        runs(self.labels.len(), is_untold)
    }

    /// Names lines where they end, as near as the other names leave room.
    fn draw_names(&self, area: &Area<'_>, chart: &Chart<'_, '_>) -> Result<(), String> {
        let mut names: Vec<(i32, usize)> = Vec::new();
        for (number, series) in self.series.iter().enumerate() {
            let last = series
                .points
                .iter()
                .rev()
                .find_map(|point| point.and_then(Shown::exact));
            if let Some(last) = last {
                let end = (place(self.labels.len()) - 0.5, height(last));
                names.push((chart.backend_coord(&end).1, number));
            }
        }
        names.sort_unstable();
        let mut free = i32::MIN;
        let lowest = SIZE.1.cast_signed() - 26;
        let room = NAME_HEIGHT * i32::try_from(names.len()).unwrap_or(0);
        for (index, (at, number)) in names.iter().enumerate() {
            let below = room - NAME_HEIGHT * i32::try_from(index + 1).unwrap_or(0);
            let at = (*at).max(free).min(lowest - below);
            free = at + NAME_HEIGHT;
            let style = letters_in(SERIES[*number], Pos::new(HPos::Left, VPos::Center));
            let left = (SIZE.0 - NAMES_WIDTH).cast_signed() + 4;
            area.draw(&Text::new(&*self.series[*number].name, (left, at), style))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn draw_bars(&self, area: &Area<'_>) -> Result<(), String> {
        let mut chart = self.chart(area, 8)?;
        let points = self.series.first().map_or(&[][..], |series| &series.points);
        let bars = points.iter().enumerate().filter_map(|(at, point)| {
            let value = point.and_then(Shown::exact).filter(|value| *value > 0)?;
            let (left, right) = (place(at) - 0.35, place(at) + 0.35);
            let corners = [(left, 0.0), (right, height(value))];
            Some(Rectangle::new(corners, SERIES[0].filled()))
        });
        chart.draw_series(bars).map_err(|error| error.to_string())?;
        if !self.untold().is_empty() {
            let style = letters(Pos::new(HPos::Center, VPos::Center));
            let middle = (place(points.len()) / 2.0, self.top() / 2.0);
            let mark = Text::new(Shown::Few.to_string(), middle, style);
            chart
                .draw_series([mark])
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Classes instead of colours, a name and a description, and the size that the page gives.
    fn dressed(&self, raw: &str) -> String {
        let body = raw.split_once('>').map_or("", |(_, body)| body);
        let mut svg = String::with_capacity(raw.len());
        let (id, title, description) = (self.id, escape(&self.title), escape(&self.description));
        write!(
            svg,
            "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>",
            SIZE.0, SIZE.1
        )
        .expect("a String takes every write");
        for line in body.lines() {
            let mut line = line
                .replace(" opacity=\"1\"", "")
                .replace(" stroke=\"none\"", "")
                .replace(" fill=\"none\"", "")
                .replace(" font-family=\"sans-serif\"", "")
                .replace(&format!(" font-size=\"{LETTER}\""), "")
                .replace(" stroke-width=\"1\"", "")
                .replace(" stroke-width=\"2\"", "")
                .replace(" \"/>", "\"/>");
            for (colour, filled, stroked) in CLASSES {
                line = line
                    .replace(
                        &format!("fill=\"{colour}\""),
                        &format!("class=\"{filled}\""),
                    )
                    .replace(
                        &format!("stroke=\"{colour}\""),
                        &format!("class=\"{stroked}\""),
                    );
            }
            svg.push_str(&line);
        }
        svg
    }
}

fn draw_line(chart: &mut Chart<'_, '_>, series: &Series, colour: RGBColor) -> Result<(), String> {
    let value = |at: usize| series.points[at].and_then(Shown::exact);
    let count = series.points.len();
    let apart = count.div_ceil(MARKS_MAX);
    let style = ShapeStyle::from(&colour).stroke_width(2);
    let mut marks = Vec::new();
    for run in runs(count, |at| value(at).is_some()) {
        let is_alone = run.len() == 1;
        let point = |at: usize| Some((place(at), height(value(at)?)));
        let marked = run.clone().filter(|at| is_alone || at % apart == 0);
        marks.extend(marked.filter_map(point));
        let points: Vec<(f64, f64)> = run.filter_map(point).collect();
        if !is_alone {
            chart
                .draw_series([PathElement::new(points, style)])
                .map_err(|error| error.to_string())?;
        }
    }
    let filled = colour.filled();
    let drawn = match SERIES.iter().position(|known| *known == colour) {
        Some(1) => chart
            .draw_series(
                marks
                    .into_iter()
                    .map(|at| TriangleMarker::new(at, 4, filled)),
            )
            .map(drop),
        Some(2) => chart
            .draw_series(marks.into_iter().map(|at| Cross::new(at, 3, style)))
            .map(drop),
        Some(3) => chart
            .draw_series(marks.into_iter().map(|at| Circle::new(at, 3, style)))
            .map(drop),
        _ => chart
            .draw_series(marks.into_iter().map(|at| Circle::new(at, 3, filled)))
            .map(drop),
    };
    drawn.map_err(|error| error.to_string())
}

/// Neighbouring places of which something holds.
fn runs(count: usize, holds: impl Fn(usize) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..count).filter(|at| holds(*at)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

#[expect(clippy::cast_precision_loss, reason = "at most POINTS_MAX")]
const fn place(at: usize) -> f64 {
    at as f64
}

#[expect(clippy::cast_precision_loss, reason = "what is drawn isn't finer")]
fn height(value: i64) -> f64 {
    value.max(0) as f64
}

fn letters(pos: Pos) -> TextStyle<'static> {
    letters_in(INK, pos)
}

fn letters_in(colour: RGBColor, pos: Pos) -> TextStyle<'static> {
    let font = ("sans-serif", LETTER * LETTER_SCALE).into_font();
    let mut style = TextStyle::from(font).pos(pos);
    style.color = colour.to_backend_color();
    style
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plot(values: &[&[Option<Shown>]]) -> Plot {
        let names = ["Posts", "Replies", "Boosts", "Favourites"];
        Plot {
            id: "written",
            title: "Written <a day> & night".to_owned(),
            description: "Posts, most of them on 3 Nov: 12.".to_owned(),
            labels: (0..values[0].len())
                .map(|day| format!("{} Nov", day + 1))
                .collect(),
            series: values
                .iter()
                .zip(names)
                .map(|(points, name)| Series {
                    name: name.to_owned(),
                    points: points.to_vec(),
                })
                .collect(),
            unit: Unit::Count,
        }
    }

    /// Checks that elements are closed in order and attributes quoted; answers names and attributes.
    fn elements(svg: &str) -> Vec<(String, Vec<(String, String)>)> {
        let mut open: Vec<String> = Vec::new();
        let mut found = Vec::new();
        let mut rest = svg;
        while let Some((text, tag_on)) = rest.split_once('<') {
            assert!(!text.contains('>'), "{text}");
            for entity in text.split('&').skip(1) {
                assert!(entity.contains(';'), "{text}");
            }
            let (tag, after) = tag_on.split_once('>').expect("a tag ends");
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name));
                continue;
            }
            let is_empty = tag.ends_with('/');
            let tag = tag.trim_end_matches('/');
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            let mut parts = attributes.split('"');
            let mut list = Vec::new();
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                let key = key.trim().trim_end_matches('=');
                assert!(
                    list.iter().all(|(known, _)| known != key),
                    "{tag}: {key} twice"
                );
                list.push((key.to_owned(), value.to_owned()));
            }
            found.push((name.to_owned(), list));
            if !is_empty {
                open.push(name.to_owned());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        found
    }

    fn assert_sound(svg: &str) {
        const NUMBERS: &[&str] = &[
            "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height",
        ];
        for (name, attributes) in elements(svg) {
            for (key, value) in attributes {
                assert!(
                    !matches!(&*key, "style" | "href" | "fill" | "stroke"),
                    "<{name} {key}={value}>"
                );
                assert!(!key.starts_with("on"));
                let numbers: Vec<&str> = if NUMBERS.contains(&&*key) {
                    vec![&value]
                } else if key == "points" {
                    value.split([' ', ',']).collect()
                } else {
                    continue;
                };
                for number in numbers {
                    let number: f64 = number.parse().expect(number);
                    assert!(
                        number.is_finite() && (-1.0..=441.0).contains(&number),
                        "<{name} {key}={value}>"
                    );
                }
            }
        }
        assert!(svg.starts_with("<svg class=\"plot\" viewBox=\"0 0 440 210\" role=\"img\""));
        assert!(svg.contains("<title") && svg.contains("<desc"));
    }

    fn exact(values: &[i64]) -> Vec<Option<Shown>> {
        values
            .iter()
            .map(|value| Some(Shown::Exact(*value)))
            .collect()
    }

    #[test]
    fn a_plot_looks_as_it_did() {
        let mut posts = exact(&[3, 8, 12, 5, 0, 0, 9]);
        posts[4] = Some(Shown::Few);
        posts[5] = None;
        let mut replies = exact(&[1, 2, 4, 1, 0, 0, 8]);
        replies[4] = Some(Shown::Few);
        let svg = plot(&[&posts, &replies]).lines().unwrap();
        assert_sound(&svg);
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/site/plots_sample.svg");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(kept, svg.replace("/>", "/>\n")).unwrap();
        }
        let wanted = std::fs::read_to_string(kept).unwrap().replace("/>\n", "/>");
        assert_eq!(
            svg, wanted,
            "after a change run UPDATE_SNAPSHOTS=1 cargo test -p kinglet-http --lib site::plots"
        );
    }

    #[test]
    fn what_is_not_told_is_a_gap_with_a_mark_and_no_zero() {
        let told = plot(&[&exact(&[5, 5, 5, 5, 5])]).lines().unwrap();
        assert!(!told.contains("&lt;3") && told.matches("<polyline class=\"p-line").count() == 1);
        let mut few = exact(&[5, 5, 5, 5, 5]);
        few[2] = Some(Shown::Few);
        let svg = plot(&[&few]).lines().unwrap();
        assert_eq!(svg.matches("&lt;3</text>").count(), 1, "{svg}");
        assert_eq!(svg.matches("p-untold").count(), 1);
        assert_eq!(
            svg.matches("<polyline class=\"p-line").count(),
            2,
            "a line on each side"
        );
        assert_eq!(
            svg.matches("<circle").count(),
            4,
            "no point where nothing is told"
        );
        let hours = vec![Some(Shown::Few); 24];
        let svg = plot(&[&hours]).bars().unwrap();
        assert!(
            svg.contains("&lt;3</text>") && !svg.contains("p-fill"),
            "{svg}"
        );
    }

    #[test]
    fn too_much_is_refused() {
        let long = exact(&vec![1; POINTS_MAX + 1]);
        assert!(plot(&[&long]).lines().is_err());
        assert!(plot(&[&[]]).lines().is_err());
        assert!(plot(&[&exact(&[1, 2]), &exact(&[1])]).lines().is_err());
    }

    fn point() -> impl Strategy<Value = Option<Shown>> {
        prop_oneof![
            Just(None),
            Just(Some(Shown::Few)),
            (0..50i64).prop_map(|count| Some(Shown::Exact(count))),
            any::<i64>().prop_map(|count| Some(Shown::Exact(count))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_series_makes_a_sound_plot(
            series in (1..=POINTS_MAX).prop_flat_map(|count| {
                let points = proptest::collection::vec(point(), count);
                proptest::collection::vec(points, 1..=SERIES_MAX)
            }),
            is_bytes in any::<bool>(),
        ) {
            let series: Vec<&[Option<Shown>]> = series.iter().map(Vec::as_slice).collect();
            let mut plot = plot(&series);
            plot.unit = if is_bytes { Unit::Bytes } else { Unit::Count };
            let svg = plot.lines().unwrap();
            assert_sound(&svg);
            prop_assert_eq!(&svg, &plot.lines().unwrap());
            assert_sound(&plot.bars().unwrap());
        }
    }
}
