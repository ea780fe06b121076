//! Values that remember how they were rendered.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A value of which something is counted.
pub trait Counted {
    /// The counters. No rendering holds them.
    type Counts;

    /// The counters, to be moved.
    fn counts_mut(&mut self) -> &mut Self::Counts;
}

/// A value with the renderings of all of it that doesn't count, once somebody made them. Nothing but its counters ever
/// changes: when anything else of the store's row does, a new value takes its place. So a rendering can't be stale.
#[derive(Debug, Clone)]
pub struct Rendered<T> {
    value: T,
    rendering: OnceLock<Arc<[u8]>>,
    text: OnceLock<Arc<str>>,
}

impl<T> Rendered<T> {
    /// A value that nobody rendered yet.
    pub const fn new(value: T) -> Self {
        Self {
            value,
            rendering: OnceLock::new(),
            text: OnceLock::new(),
        }
    }

    /// The rendering, in which no counter stands; `render` makes it the first time. There is one kind of rendering per
    /// type of value.
    pub fn rendering(&self, render: impl FnOnce(&T) -> Arc<[u8]>) -> &[u8] {
        self.rendering.get_or_init(|| render(&self.value))
    }

    /// Its text as pages show it, which `render` makes the first time: to find links and names in texts takes a quarter of a page.
    pub fn text(&self, render: impl FnOnce(&T) -> String) -> &Arc<str> {
        self.text.get_or_init(|| render(&self.value).into())
    }
}

impl<T: Counted> Rendered<T> {
    /// The counters, to be moved; the rendering stays.
    pub fn counts_mut(&mut self) -> &mut T::Counts {
        self.value.counts_mut()
    }
}

impl<T> Deref for Rendered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Bird {
        name: &'static str,
        seen: u32,
    }

    impl Counted for Bird {
        type Counts = u32;

        fn counts_mut(&mut self) -> &mut u32 {
            &mut self.seen
        }
    }

    #[test]
    fn a_value_is_rendered_once_however_its_counters_move() {
        let mut shared = Arc::new(Rendered::new(Bird {
            name: "wren",
            seen: 1,
        }));
        let first = shared.rendering(|bird| bird.name.as_bytes().into());
        assert_eq!(first, b"wren");
        let on_a_page = Arc::clone(&shared);
        *Arc::make_mut(&mut shared).counts_mut() += 1;
        assert_eq!((on_a_page.seen, shared.seen), (1, 2));
        assert_eq!(&**shared.text(|bird| format!("a {}", bird.name)), "a wren");
        let later = Arc::clone(&shared);
        *Arc::make_mut(&mut shared).counts_mut() += 1;
        let text =
            |bird: &Rendered<Bird>| Arc::clone(bird.text(|_| unreachable!("it is rendered")));
        assert!(Arc::ptr_eq(&text(&shared), &text(&later)));
        for bird in [on_a_page, shared] {
            assert_eq!(bird.rendering(|_| unreachable!("it is rendered")), b"wren");
        }
    }
}
