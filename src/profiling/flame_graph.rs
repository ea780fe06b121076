//! A profile as a picture: each function a box as wide as its share of the samples, hanging below the function that called
//! it, so that whoever opens it sees the threads first, however deep the stacks are. A plain SVG without scripts; whoever points
//! at a box reads its whole name.

use std::fmt::Write as _;

use super::{Frame, Profile};

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const ROW_HEIGHT: f64 = 17.0;
/// Where the title and its line below stand.
const HEAD_HEIGHT: f64 = 56.0;
const FOOT_HEIGHT: f64 = 10.0;
/// Narrower boxes than this, in pixels, are nothing to look at.
const BOX_WIDTH_MIN: f64 = 0.3;
/// The width of a letter of the box's font.
const LETTER_WIDTH: f64 = 6.7;
/// The fewest letters that say something.
const LETTERS_MIN: usize = 4;

/// The SVG of a profile.
pub fn flame_graph(profile: &Profile) -> String {
    let rows = profile.frames.iter().map(|frame| frame.depth + 1).max();
    let rows = f64::from(rows.unwrap_or(0));
    let height = HEAD_HEIGHT + rows * ROW_HEIGHT + FOOT_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title summary\" \
         font-family=\"ui-monospace, monospace\" font-size=\"11\" fill=\"#1d1a14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffdf7\"/>\n\
         <text id=\"title\" x=\"{MARGIN}\" y=\"22\" font-size=\"16\" font-weight=\"bold\">kinglet at work</text>\n\
         <text id=\"summary\" x=\"{MARGIN}\" y=\"42\">{}</text>\n",
        summary(profile)
    );
    if profile.samples == 0 {
        svg.push_str("</svg>\n");
        return svg;
    }
    svg.push_str(&legend());
    let scale = (WIDTH - 2.0 * MARGIN) / f64::from(profile.samples);
    // Where the next box of each row begins, in samples. A frame comes after the one it stands on.
    let mut next = vec![0];
    for frame in &profile.frames {
        let depth = usize::try_from(frame.depth).unwrap_or(usize::MAX);
        let Some(place) = next.get_mut(depth) else {
            // It stands on nothing: whoever made this profile made it wrong.
            continue;
        };
        let start = *place;
        *place += frame.samples;
        next.truncate(depth + 1);
        next.push(start);
        let width = f64::from(frame.samples) * scale;
        if width >= BOX_WIDTH_MIN {
            let x = MARGIN + f64::from(start) * scale;
            let y = HEAD_HEIGHT + f64::from(frame.depth) * ROW_HEIGHT;
            draw(&mut svg, frame, profile.samples, (x, y, width));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn summary(profile: &Profile) -> String {
    let Profile {
        seconds,
        frequency,
        samples,
        lost,
        ..
    } = profile;
    if *samples == 0 {
        return format!("Looked at for {seconds} s: it used no processor time worth a sample.");
    }
    // So much processor time passes between two samples.
    let busy = f64::from(*samples) / f64::from(*frequency);
    let mut text = format!(
        "{samples} samples in {seconds} s, one each {:.1} ms of processor time ({busy:.1} s in all)",
        1000.0 / f64::from(*frequency)
    );
    if *lost > 0 {
        write!(text, "; {lost} more found no room").expect("a text takes all");
    }
    text.push_str(
        ". On top: threads. A box is a function, as wide as its share, below its caller.",
    );
    text
}

fn draw(svg: &mut String, frame: &Frame, all: u32, (x, y, width): (f64, f64, f64)) {
    let share = 100.0 * f64::from(frame.samples) / f64::from(all);
    let name = escaped(&frame.name);
    let label = label(&frame.name, width);
    let height = ROW_HEIGHT - 1.0;
    let text_y = y + 12.0;
    let text_x = x + 3.0;
    write!(
        svg,
        "<g><title>{name}: {} samples, {share:.1} %</title>\
         <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1.5\" fill=\"{}\"/>",
        frame.samples,
        colour(frame)
    )
    .expect("a text takes all");
    if !label.is_empty() {
        write!(
            svg,
            "<text x=\"{text_x:.1}\" y=\"{text_y:.1}\">{}</text>",
            escaped(&label)
        )
        .expect("a text takes all");
    }
    svg.push_str("</g>\n");
}

/// As much of a name as fits: its end, for paths begin alike.
fn label(name: &str, width: f64) -> String {
    let mut letters = 0;
    while f64::from(letters + 1) * LETTER_WIDTH <= width - 6.0 && letters < 1000 {
        letters += 1;
    }
    let room = usize::try_from(letters).unwrap_or(0);
    let count = name.chars().count();
    if room < LETTERS_MIN {
        String::new()
    } else if count <= room {
        name.to_owned()
    } else {
        let kept = name.chars().skip(count - (room - 1));
        std::iter::once('…').chain(kept).collect()
    }
}

/// Whose code a colour stands for.
#[derive(Clone, Copy)]
enum Whose {
    Thread,
    Kinglet,
    Sqlite,
    Others,
}

impl Whose {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Thread, "thread"),
        (Self::Kinglet, "kinglet"),
        (Self::Sqlite, "SQLite"),
        (Self::Others, "others"),
    ];

    fn of(frame: &Frame) -> Self {
        if frame.depth == 0 {
            Self::Thread
        } else if frame.name.contains("kinglet") {
            Self::Kinglet
        } else if frame.name.contains("sqlite") {
            Self::Sqlite
        } else {
            Self::Others
        }
    }

    /// Hue and saturation; black letters can be read on each of them.
    fn colour(self, lightness: u32) -> String {
        let (hue, saturation) = match self {
            Self::Thread => (40, 8),
            Self::Kinglet => (20, 85),
            Self::Sqlite => (205, 60),
            Self::Others => (46, 80),
        };
        format!("hsl({hue} {saturation}% {lightness}%)")
    }
}

/// What the colours mean, in the upper right corner.
fn legend() -> String {
    let mut drawn = String::new();
    let mut x = WIDTH - MARGIN;
    for (whose, name) in Whose::ALL.into_iter().rev() {
        x -= LETTER_WIDTH * name.len() as f64 + 30.0;
        writeln!(
            drawn,
            "<rect x=\"{x:.1}\" y=\"12\" width=\"12\" height=\"12\" rx=\"1.5\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"22\">{name}</text>",
            whose.colour(68),
            x + 17.0,
        )
        .expect("a text takes all");
    }
    drawn
}

/// Neighbours differ a little, each name always in the same way.
fn colour(frame: &Frame) -> String {
    let sum = frame.name.bytes().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let lightness = 62 + sum % 14;
    Whose::of(frame).colour(lightness)
}

/// A text as XML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML knows no way to write them.
            other if other.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::Seen;
    use super::*;

    fn picture(stacks: &[(&str, &[&str], u32)]) -> String {
        let stacks = stacks.iter().map(|(thread, functions, samples)| Seen {
            thread: (*thread).to_owned(),
            functions: functions.iter().map(ToString::to_string).collect(),
            samples: *samples,
        });
        flame_graph(&Profile::of(10, 99, 0, stacks.collect()))
    }

    /// x, y and width of the box of a function.
    fn place(svg: &str, name: &str) -> (f64, f64, f64) {
        let (_, after) = svg
            .split_once(&format!("<title>{name}: "))
            .expect("it is drawn");
        let number = |attribute: &str| -> f64 {
            let (_, value) = after
                .split_once(&format!(" {attribute}=\""))
                .expect("it has one");
            let (value, _) = value.split_once('"').expect("it ends");
            value.parse().expect("a number")
        };
        (number("x"), number("y"), number("width"))
    }

    #[test]
    fn a_function_hangs_below_its_caller_and_is_as_wide_as_its_share() {
        let svg = picture(&[
            ("http", &["run", "route"], 25),
            ("writer", &["work", "apply"], 50),
            ("writer", &["work", "commit"], 25),
        ]);
        let whole = WIDTH - 2.0 * MARGIN;
        let (http_x, top, http_width) = place(&svg, "http");
        let (writer_x, ..) = place(&svg, "writer");
        let (work_x, work_y, work_width) = place(&svg, "work");
        let (apply_x, apply_y, apply_width) = place(&svg, "apply");
        let (commit_x, commit_y, commit_width) = place(&svg, "commit");
        assert!((http_x - MARGIN).abs() < 0.1 && (http_width - whole / 4.0).abs() < 0.1);
        assert!((writer_x - http_width - MARGIN).abs() < 0.2 && (work_x - writer_x).abs() < 0.1);
        assert!((work_width - whole * 0.75).abs() < 0.1 && work_y > top && apply_y > work_y);
        assert!((apply_x - work_x).abs() < 0.1 && (commit_x - apply_x - apply_width).abs() < 0.2);
        assert!((commit_width - whole / 4.0).abs() < 0.1 && (commit_y - apply_y).abs() < 0.1);
        assert!(svg.contains("<title>apply: 50 samples, 50.0 %</title>"));
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let name = "<alloc::Vec<T> as \"Drop\">::drop & <script>alert(1)</script>\u{1}";
        let svg = picture(&[("a thread", &[name], 3)]);
        assert!(!svg.contains("<script") && !svg.contains('\u{1}'));
        assert!(svg.contains("&lt;alloc::Vec&lt;T&gt; as &quot;Drop&quot;&gt;::drop &amp; "));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn an_idle_server_gives_a_picture_as_well() {
        let svg = picture(&[]);
        assert!(svg.contains("no processor time") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn labels_keep_the_end_of_a_name() {
        assert_eq!(label("kinglet::store::writer::run", 60.0), "…er::run");
        assert_eq!(label("short", 600.0), "short");
        assert_eq!(label("short", 20.0), "");
    }
}
