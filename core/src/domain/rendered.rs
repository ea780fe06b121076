//! Immutable values that remember how they were rendered.

use std::ops::Deref;
use std::sync::OnceLock;

/// A value that never changes, with its rendering once somebody made one. When the store's row changes, a new value takes
/// its place; so a rendering can't be stale.
#[derive(Debug)]
pub struct Rendered<T> {
    value: T,
    rendering: OnceLock<Box<[u8]>>,
}

impl<T> Rendered<T> {
    /// A value that nobody rendered yet.
    pub const fn new(value: T) -> Self {
        Self {
            value,
            rendering: OnceLock::new(),
        }
    }

    /// The rendering; `render` makes it the first time. There is one kind of rendering per type of value.
    pub fn rendering(&self, render: impl FnOnce(&T) -> Box<[u8]>) -> &[u8] {
        self.rendering.get_or_init(|| render(&self.value))
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

    #[test]
    fn a_value_is_rendered_once() {
        let value = Rendered::new(7);
        let first = value.rendering(|value| value.to_string().into_bytes().into());
        assert_eq!(first, b"7");
        assert_eq!(value.rendering(|_| unreachable!("it is rendered")), b"7");
        assert_eq!(*value, 7);
    }
}
