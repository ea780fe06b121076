//! Two reports side by side.

use super::report::{Better, Figure, Report};

/// A figure that both reports have.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Of what it is.
    pub unit: String,
    /// In the first report.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// The second by the first; none when the first is nothing.
    pub ratio: Option<f64>,
    /// Which way it is better.
    pub better: Better,
}

impl Compared {
    fn of(before: &Figure, after: &Figure) -> Self {
        Self {
            name: before.name.clone(),
            unit: before.unit.clone(),
            before: before.value,
            after: after.value,
            ratio: (before.value != 0.0).then(|| after.value / before.value),
            better: before.better,
        }
    }

    /// How much better the second is: above 1 better, below 1 worse.
    pub fn gain(&self) -> Option<f64> {
        let ratio = self.ratio?;
        match self.better {
            Better::More => Some(ratio),
            Better::Less => (ratio != 0.0).then(|| 1.0 / ratio),
        }
    }
}

/// What both have, in the order of the first; then what makes the two hard to compare.
pub fn compare(before: &Report, after: &Report) -> (Vec<Compared>, Vec<String>) {
    let compared = before
        .figures
        .iter()
        .filter_map(|figure| {
            let other = after
                .figures
                .iter()
                .find(|other| other.name == figure.name)?;
            (other.unit == figure.unit).then(|| Compared::of(figure, other))
        })
        .collect();
    let mut differences = Vec::new();
    let mut differ = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
        let (one, other) = (format!("{one:?}"), format!("{other:?}"));
        if one != other {
            differences.push(format!("{what} differs: {one} and {other}"));
        }
    };
    let (a, b) = (&before.machine, &after.machine);
    differ("the processor", &a.cpu, &b.cpu);
    differ("the number of cores", &a.cores, &b.cores);
    differ("the file system", &a.file_system, &b.file_system);
    differ("the build", &before.kinglet.build, &after.kinglet.build);
    let (a, b) = (&before.server, &after.server);
    differ("the durability", &a.durability, &b.durability);
    differ("the settings", &a.settings, &b.settings);
    let (a, b) = (&before.load, &after.load);
    differ("the number of people", &a.people, &b.people);
    differ("the number of follows", &a.follows, &b.follows);
    differ("the number of posts before", &a.history, &b.history);
    differ("the mix", &a.mix, &b.mix);
    for load in &before.loads {
        let other = after.loads.iter().find(|other| other.name == load.name);
        if let Some(other) = other {
            let what = format!("{}: the number of connections", load.name);
            differ(&what, &load.connections, &other.connections);
        }
    }
    (compared, differences)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::sample;
    use super::*;

    #[test]
    fn ratios_are_of_figures_with_the_same_name() {
        let before = sample();
        let mut after = before.clone();
        after.figures.remove(0);
        after.figures[0].value *= 2.0;
        after.machine.cores = 64;
        let (compared, differences) = compare(&before, &after);
        assert_eq!(compared.len(), before.figures.len() - 1);
        assert_eq!(compared[0].name, "open.home.p50");
        assert_eq!(compared[0].ratio, Some(2.0));
        assert_eq!(
            compared[0].gain(),
            Some(0.5),
            "twice as long is half as good"
        );
        assert_eq!(compared[1].ratio, Some(1.0));
        assert_eq!(differences, ["the number of cores differs: 2 and 64"]);
    }

    #[test]
    fn nothing_has_no_ratio() {
        let (before, after) = (Figure::less("a", 0.0, ""), Figure::less("a", 1.0, ""));
        let compared = Compared::of(&before, &after);
        assert_eq!((compared.ratio, compared.gain()), (None, None));
    }
}
