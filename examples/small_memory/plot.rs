//! Memory over time as an SVG file.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::drawing::IntoDrawingArea;
use plotters::element::Rectangle;
use plotters::series::{AreaSeries, LineSeries};
use plotters::style::{BLACK, Color, RGBColor, WHITE};

use super::Failure;
use super::cage::Watched;

const SIZE: (u32, u32) = (900, 420);
const ANONYMOUS: RGBColor = RGBColor(45, 92, 70);
const FILES: RGBColor = RGBColor(178, 205, 176);
const LIMIT: RGBColor = RGBColor(176, 58, 46);

/// Draws what has no file behind it, above it everything that counts, and the limit, in bytes.
pub fn draw(watched: &Watched, limit: u64) -> Result<String, Failure> {
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    let seconds = watched.samples.last().map_or(1.0, |last| last.second);
    let most = mib(limit.max(watched.peak())) * 1.1;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(
                "kinglet serve: memory in MiB over seconds",
                ("sans-serif", 18),
            )
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..seconds, 0.0..most)?;
        chart.configure_mesh().light_line_style(WHITE).draw()?;
        let points = |of: fn(&super::cage::Sample) -> u64| {
            let samples = watched.samples.iter();
            samples.map(move |sample| (sample.second, mib(of(sample))))
        };
        for (name, colour, of) in [
            (
                "all that counts: with files",
                FILES,
                (|sample| sample.all) as fn(&super::cage::Sample) -> u64,
            ),
            ("without a file behind it", ANONYMOUS, |sample| {
                sample.anonymous
            }),
        ] {
            chart
                .draw_series(AreaSeries::new(points(of), 0.0, colour.filled()))?
                .label(name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled())
                });
        }
        chart
            .draw_series(LineSeries::new(
                [(0.0, mib(limit)), (seconds, mib(limit))],
                LIMIT.stroke_width(2),
            ))?
            .label("the limit")
            .legend(|(x, y)| Rectangle::new([(x, y - 1), (x + 14, y + 1)], LIMIT.filled()));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}
