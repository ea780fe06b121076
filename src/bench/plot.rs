//! A report as a picture: how long which share of the requests took.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::coord::combinators::IntoLogRange;
use plotters::drawing::IntoDrawingArea;
use plotters::element::Rectangle;
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, RGBColor, WHITE};

use super::BenchError;
use super::report::{KindReport, LoadReport, Report};

const SIZE: (u32, u32) = (900, 420);
const COLOURS: [RGBColor; 5] = [
    RGBColor(45, 92, 70),
    RGBColor(176, 58, 46),
    RGBColor(52, 88, 139),
    RGBColor(184, 134, 11),
    RGBColor(96, 96, 96),
];
/// The least time that is drawn, in milliseconds: the scale has no 0.
const MS_MIN: f64 = 0.01;
/// Nines of the last share that is drawn: 99.999 %.
const NINES_MAX: f64 = 5.0;

/// The last load with a rate, or the last of all, as lines: the share of requests to the right, each step a nine more, and
/// upwards the time within which they were answered.
///
/// # Errors
/// When there is no load in the report, or the drawing fails.
pub fn latencies(report: &Report) -> Result<String, BenchError> {
    let paced = report.loads.iter().rev().find(|load| load.rate.is_some());
    let load = paced.or(report.loads.last());
    let load = load.ok_or_else(|| BenchError::Unusable("there is no load to draw".to_owned()))?;
    draw(load, &caption(report, load))
        .map_err(|error| BenchError::Unusable(format!("the plot can't be drawn: {error}")))
}

fn caption(report: &Report, load: &LoadReport) -> String {
    let rate = load.rate.unwrap_or(load.per_second);
    let what = report.server.version.clone();
    let what = what.unwrap_or_else(|| format!("kinglet {}", report.kinglet.version));
    format!(
        "{what}: ms until so many were answered; {rate:.0} requests/s, {} connections",
        load.connections
    )
}

fn draw(load: &LoadReport, caption: &str) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let most = load.kinds.iter().flat_map(|kind| &kind.curve);
    let most = most.map(|(_, ms)| *ms).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|error| failed(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, ("sans-serif", 16))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..NINES_MAX, (MS_MIN..most * 1.5).log_scale())
            .map_err(|error| failed(&error))?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_labels(6)
            .x_label_formatter(&|nines| share_at(*nines))
            .y_label_formatter(&|ms| format!("{ms} ms"))
            .draw()
            .map_err(|error| failed(&error))?;
        for (kind, colour) in load.kinds.iter().zip(COLOURS.into_iter().cycle()) {
            chart
                .draw_series(LineSeries::new(points(kind), colour.stroke_width(2)))
                .map_err(|error| failed(&error))?
                .label(&kind.kind)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 2), (x + 14, y + 2)], colour.filled())
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(|error| failed(&error))?;
        area.present().map_err(|error| failed(&error))?;
    }
    Ok(svg)
}

/// Where its curve goes, as nines and milliseconds.
fn points(kind: &KindReport) -> impl Iterator<Item = (f64, f64)> + '_ {
    kind.curve.iter().map(|(share, ms)| {
        let nines = -(1.0 - share).max(f64::MIN_POSITIVE).log10();
        (nines.clamp(0.0, NINES_MAX), ms.max(MS_MIN))
    })
}

fn share_at(nines: f64) -> String {
    match nines {
        none if none < 0.5 => "0".to_owned(),
        one if one < 1.5 => "90 %".to_owned(),
        two if two < 2.5 => "99 %".to_owned(),
        three if three < 3.5 => "99.9 %".to_owned(),
        four if four < 4.5 => "99.99 %".to_owned(),
        _ => "all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::sample;
    use super::*;

    #[test]
    fn a_plot_has_a_line_for_each_kind() {
        let report = sample();
        let svg = latencies(&report).expect("it is drawn");
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        for name in ["home", "post", "all", "99.9 %", "1001 requests/s"] {
            assert!(svg.contains(name), "{name}");
        }
        let empty = Report {
            loads: Vec::new(),
            ..report
        };
        assert!(latencies(&empty).is_err());
    }

    #[test]
    fn shares_become_nines() {
        let report = sample();
        let all = report.loads[0].kind("all").expect("all");
        let nines: Vec<f64> = points(all).map(|(nines, _)| nines).collect();
        assert!(nines.is_sorted());
        assert!((nines[7] - 2.0).abs() < 1e-9, "99 % are two nines");
        assert_eq!(nines.last(), Some(&NINES_MAX));
    }
}
