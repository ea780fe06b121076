//! Profiles of the running server: which functions its threads were in, and a flame graph of that.

mod flame_graph;
#[cfg(feature = "profile")]
mod record;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::flame_graph::flame_graph;
#[cfg(feature = "profile")]
pub use self::record::record;

/// The most samples in a second of processor time.
pub const FREQUENCY_MAX: u32 = 1000;
/// The longest profile, in seconds.
pub const SECONDS_MAX: u32 = 300;
/// The most functions of a profile; the lightest are left out first. Half a mebibyte as JSON, with names at their longest.
const FRAMES_MAX: usize = 2500;
/// The longest name of a function, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// What a function is called whose name the build doesn't hold.
const NAMELESS: &str = "a function without a name";

/// What was seen of the server while it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// For how long it was looked at.
    pub seconds: u32,
    /// How often in each second of processor time.
    pub frequency: u32,
    /// How often it was found at work.
    pub samples: u32,
    /// Samples for which there was no room.
    pub lost: u32,
    /// The threads, each followed by what was called on it: a tree, its nodes before what is below them.
    pub frames: Vec<Frame>,
}

/// A function that was called by the one above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// How many are above it; 0 for a thread.
    pub depth: u32,
    /// What it is called.
    pub name: String,
    /// How often it, or something that it called, was found at work.
    pub samples: u32,
}

/// A thread's stack, the outermost function first, and how often it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The thread.
    pub thread: String,
    /// The functions.
    pub functions: Vec<String>,
    /// How often.
    pub samples: u32,
}

/// A node of the tree while it grows.
#[derive(Default)]
struct Node {
    samples: u32,
    below: BTreeMap<String, Node>,
}

impl Node {
    fn weights(&self, into: &mut Vec<u32>) {
        for node in self.below.values() {
            into.push(node.samples);
            node.weights(into);
        }
    }

    /// Writes down what is below and weighs at least so much.
    fn write(&self, depth: u32, lightest: u32, into: &mut Vec<Frame>) {
        for (name, node) in &self.below {
            if node.samples >= lightest {
                into.push(Frame {
                    depth,
                    name: name.clone(),
                    samples: node.samples,
                });
                node.write(depth + 1, lightest, into);
            }
        }
    }
}

impl Profile {
    /// The profile that these stacks make.
    pub fn of(seconds: u32, frequency: u32, lost: u32, stacks: Vec<Seen>) -> Self {
        let mut root = Node::default();
        for stack in stacks {
            root.samples += stack.samples;
            let mut node = &mut root;
            for name in std::iter::once(stack.thread).chain(stack.functions) {
                node = node.below.entry(shortened(name)).or_default();
                node.samples += stack.samples;
            }
        }
        let mut frames = Vec::new();
        root.write(0, root.lightest_kept(), &mut frames);
        Self {
            seconds,
            frequency,
            samples: root.samples,
            lost,
            frames,
        }
    }

    /// Whether most functions have no name, as in a build whose symbol table was taken away.
    pub fn is_nameless(&self) -> bool {
        let nameless = self.frames.iter().filter(|frame| frame.name == NAMELESS);
        2 * nameless.count() > self.frames.len()
    }
}

impl Node {
    /// What a node has to weigh so that at most [`FRAMES_MAX`] are kept. What calls a function weighs no less than it, so
    /// none is kept without those above it.
    fn lightest_kept(&self) -> u32 {
        let mut weights = Vec::new();
        self.weights(&mut weights);
        weights.sort_unstable_by(|one, other| other.cmp(one));
        weights
            .get(FRAMES_MAX)
            .map_or(0, |heaviest_left_out| heaviest_left_out + 1)
    }
}

/// A name of at most [`NAME_BYTES_MAX`] bytes.
fn shortened(mut name: String) -> String {
    if name.len() > NAME_BYTES_MAX {
        name.truncate(name.floor_char_boundary(NAME_BYTES_MAX - '…'.len_utf8()));
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(thread: &str, functions: &[&str], samples: u32) -> Seen {
        Seen {
            thread: thread.to_owned(),
            functions: functions.iter().map(ToString::to_string).collect(),
            samples,
        }
    }

    #[test]
    fn stacks_become_a_tree_with_what_is_below_counted_above() {
        let stacks = vec![
            seen("writer", &["run", "commit"], 3),
            seen("http", &["run"], 1),
            seen("writer", &["run", "apply"], 2),
        ];
        let profile = Profile::of(10, 99, 0, stacks);
        let frames = profile.frames.iter();
        let frames: Vec<_> = frames
            .map(|frame| (frame.depth, &*frame.name, frame.samples))
            .collect();
        assert_eq!(profile.samples, 6);
        assert_eq!(
            frames,
            [
                (0, "http", 1),
                (1, "run", 1),
                (0, "writer", 5),
                (1, "run", 5),
                (2, "apply", 2),
                (2, "commit", 3)
            ]
        );
    }

    #[test]
    fn the_lightest_are_left_out_and_nobody_hangs_in_the_air() {
        let name = |number: u32| format!("function {number}");
        let stacks = (0..10_000_u32)
            .map(|number| Seen {
                thread: "http".to_owned(),
                functions: vec![name(number % 100), name(number), "x".repeat(500)],
                samples: 1 + number % 7,
            })
            .collect();
        let profile = Profile::of(1, 99, 0, stacks);
        assert!(profile.frames.len() <= FRAMES_MAX);
        assert!(profile.frames.len() > 100, "{}", profile.frames.len());
        let mut above: Vec<u32> = Vec::new();
        for frame in &profile.frames {
            let depth = usize::try_from(frame.depth).unwrap();
            assert!(depth <= above.len() && frame.name.len() <= NAME_BYTES_MAX);
            above.truncate(depth);
            assert!(above.last().is_none_or(|samples| frame.samples <= *samples));
            above.push(frame.samples);
        }
        let json = serde_json::to_vec(&profile).expect("JSON");
        assert!(json.len() < crate::control::protocol::ANSWER_BYTES_MAX);
    }

    #[test]
    fn a_build_without_names_is_seen() {
        let profile = |name| Profile::of(1, 99, 0, vec![seen("http", &[name, name, name], 1)]);
        assert!(profile(NAMELESS).is_nameless());
        assert!(!profile("kinglet::run").is_nameless());
    }
}
