//! A kinglet without the feature `mail`.

/// Where mail would be kept instead of being sent; there is none.
#[derive(Clone, Debug)]
pub enum LetterBox {}
