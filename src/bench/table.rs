//! Reports and comparisons as text for a terminal.

use super::compare::Compared;
use super::report::{Better, Figure, LoadReport, Report};

/// A report.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let commit = report.kinglet.commit.as_deref();
    let commit = commit.map(|commit| format!(", commit {commit}"));
    line(&format!(
        "kinglet {} ({}{}), {}",
        report.kinglet.version,
        report.kinglet.build,
        commit.unwrap_or_default(),
        report.at
    ));
    line(&server(report));
    line(&report.machine.line());
    let load = &report.load;
    line(&format!(
        "{} people, {} follows ({}), {} posts before, mix {}, seed {}",
        load.people, load.follows, load.graph, load.history, load.mix, load.seed
    ));
    if !report.loads.is_empty() {
        line("");
        line(&format!(
            "{:<42} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            "load", "done/s", "p50 ms", "p99 ms", "p99.9 ms", "most ms", "failed"
        ));
        for load in &report.loads {
            loads(load, &mut line);
        }
    }
    line("");
    for figure in &report.figures {
        // The loads are told above.
        let is_told = report
            .loads
            .iter()
            .any(|load| figure.name.starts_with(&format!("{}.", load.name)) && is_time(figure));
        if !is_told {
            line(&self::figure(figure));
        }
    }
    for note in &report.notes {
        line(&format!("note: {note}"));
    }
    text.truncate(text.trim_end().len());
    text
}

fn is_time(figure: &Figure) -> bool {
    figure.unit == "ms" || figure.unit == "/s"
}

fn server(report: &Report) -> String {
    let server = &report.server;
    let mut text = match &server.url {
        Some(url) => url.clone(),
        None => "throwaway instance".to_owned(),
    };
    if let Some(version) = &server.version {
        text.push_str(&format!(" ({version})"));
    }
    match &server.durability {
        Some(durability) => text.push_str(&format!(", durability {durability}")),
        None => text.push_str(", durability unknown"),
    }
    for (name, value) in &server.settings {
        text.push_str(&format!(", {name} = {value}"));
    }
    text
}

fn loads(load: &LoadReport, line: &mut impl FnMut(&str)) {
    let how = match load.rate {
        Some(rate) => format!("{rate:.0}/s due"),
        None => "each after its answer".to_owned(),
    };
    for kind in load.kinds.iter().rev() {
        let is_all = kind.kind == "all";
        if load.kinds.len() == 2 && !is_all {
            continue;
        }
        let name = if is_all {
            format!("{}: {} conn., {how}", load.name, load.connections)
        } else {
            format!("  {}", kind.kind)
        };
        let most = kind.curve.last().map_or(0.0, |(_, most)| *most);
        line(&format!(
            "{name:<42} {:>9.0} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>7}",
            kind.done as f64 / load.seconds.max(1e-9),
            kind.p50_ms,
            kind.p99_ms,
            kind.p999_ms,
            most,
            kind.failed
        ));
    }
}

/// A figure in one line.
pub fn figure(figure: &Figure) -> String {
    let mut line = format!(
        "{:<40} {:>14} {:<4}",
        figure.name,
        number(figure.value),
        figure.unit
    );
    if let Some((least, most)) = figure.spread {
        line.push_str(&format!(" {} to {}", number(least), number(most)));
    }
    if let (Some(goal), Some(is_reached)) = (figure.goal, figure.is_reached()) {
        let (side, verdict) = (
            match figure.better {
                Better::More => "at least",
                Better::Less => "at most",
            },
            if is_reached { "reached" } else { "NOT reached" },
        );
        line.push_str(&format!("   {side} {}: {verdict}", number(goal)));
    }
    line.trim_end().to_owned()
}

/// A comparison.
pub fn comparison(compared: &[Compared], differences: &[String]) -> String {
    let mut text = format!(
        "{:<40} {:>14} {:>14} {:<4} {:>8}\n",
        "figure", "first", "second", "", "ratio"
    );
    for one in compared {
        let ratio = one
            .ratio
            .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let word = match one.gain() {
            Some(gain) if gain > 1.005 => "better",
            Some(gain) if gain < 0.995 => "worse",
            _ => "",
        };
        let (before, after) = (number(one.before), number(one.after));
        let line = format!(
            "{:<40} {before:>14} {after:>14} {:<4} {ratio:>8} {word}",
            one.name, one.unit
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for difference in differences {
        text.push_str(&format!("note: {difference}\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// With as many digits as are worth reading.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::compare;
    use super::super::report::tests::sample;
    use super::*;

    #[test]
    fn a_report_is_told_with_its_machine_its_loads_and_its_figures() {
        let text = report(&sample());
        for part in [
            "throwaway instance, durability full",
            "a processor, 2 cores, 1 GiB",
            "10 people, 20 follows",
            "open: 4 conn., 1001/s due",
            "  home",
            "open.posts_per_commit",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_comparison_says_what_is_better() {
        let before = sample();
        let mut after = before.clone();
        for figure in &mut after.figures {
            figure.value *= 2.0;
        }
        let (compared, differences) = compare(&before, &after);
        let text = comparison(&compared, &differences);
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.expect(name).to_owned()
        };
        assert!(line("open.per_second").ends_with("2.00 better"), "{text}");
        assert!(line("open.home.p99 ").ends_with("2.00 worse"), "{text}");
    }

    #[test]
    fn numbers_have_as_many_digits_as_are_worth_reading() {
        let told = [0.0, 12_345.6, 12.34, 1.234, 0.01234].map(number);
        assert_eq!(told, ["0", "12346", "12.3", "1.23", "0.0123"]);
    }
}
