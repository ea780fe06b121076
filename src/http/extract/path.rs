//! Paths and patterns: splitting, percent-decoding, matching.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// The most segments of a path that any route has; longer paths are unknown.
pub const SEGMENTS_MAX: usize = 10;

/// A path in decoded segments; one slash at the end doesn't count, as some clients always send it.
#[derive(Debug)]
pub struct Segments<'a> {
    parts: [Cow<'a, str>; SEGMENTS_MAX],
    count: usize,
}

/// Why a path has no segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// More segments than any route has, or an empty one.
    Unknown,
    /// Bytes that are no text, or NUL.
    NotText,
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Unknown => Self::not_found(),
            PathError::NotText => Self::malformed("The address is not valid UTF-8 text"),
        }
    }
}

impl<'a> Segments<'a> {
    /// Splits and decodes a path that begins with a slash.
    ///
    /// # Errors
    /// [`PathError`] when no route can match it.
    pub fn of(path: &'a str) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').ok_or(PathError::Unknown)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut parts = [const { Cow::Borrowed("") }; SEGMENTS_MAX];
        let mut count = 0;
        if !path.is_empty() {
            for raw in path.split('/') {
                let slot = parts.get_mut(count).ok_or(PathError::Unknown)?;
                if raw.is_empty() {
                    return Err(PathError::Unknown);
                }
                *slot = decode(raw)?;
                count += 1;
            }
        }
        Ok(Self { parts, count })
    }

    /// The decoded segments.
    pub fn as_slice(&self) -> &[Cow<'a, str>] {
        &self.parts[..self.count]
    }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let text = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| PathError::NotText)?;
    if text.contains('\0') {
        return Err(PathError::NotText);
    }
    Ok(text)
}

/// One part of a route's pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A segment that must be just this.
    Literal(&'static str),
    /// `:name`, or `@:name` with something before it.
    Param {
        /// What comes before the value.
        prefix: &'static str,
        /// What the value is called.
        name: &'static str,
    },
}

/// A route's address: `/api/v1/statuses/:id`, `/@:name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: &'static str,
    parts: Vec<Part>,
}

/// The values of a pattern's parameters.
pub type Params = Vec<(&'static str, String)>;

impl Pattern {
    /// Reads a pattern. Segments are literals or end in `:name`.
    ///
    /// # Errors
    /// What is wrong with it; patterns are constants, so that is a fault of the program.
    pub fn parse(text: &'static str) -> Result<Self, String> {
        let path = text
            .strip_prefix('/')
            .ok_or_else(|| format!("the pattern {text:?} doesn't begin with a slash"))?;
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let parts: Vec<Part> = segments
            .map(|segment| match segment.split_once(':') {
                Some((prefix, name)) => Part::Param { prefix, name },
                None => Part::Literal(segment),
            })
            .collect();
        if parts.len() > SEGMENTS_MAX {
            return Err(format!("the pattern {text:?} has too many segments"));
        }
        Ok(Self { text, parts })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Its parts, one for each segment.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parameters of a path that matches.
    pub fn params(&self, segments: &[Cow<'_, str>]) -> Params {
        let pairs = self.parts.iter().zip(segments);
        pairs
            .filter_map(|(part, segment)| match part {
                Part::Literal(_) => None,
                Part::Param { prefix, name } => Some((*name, segment[prefix.len()..].to_owned())),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_is_forgiven() {
        let segments = Segments::of("/api/v1/instance/").expect("a path");
        assert_eq!(segments.as_slice(), ["api", "v1", "instance"]);
        assert!(Segments::of("/").expect("the root").as_slice().is_empty());
        assert_eq!(Segments::of("/api//v1").err(), Some(PathError::Unknown));
        assert_eq!(Segments::of("/api/v1//").err(), Some(PathError::Unknown));
    }

    #[test]
    fn parameters_are_decoded_and_may_hold_a_slash() {
        let params = |pattern, path| {
            let segments = Segments::of(path).expect("a path");
            let pattern = Pattern::parse(pattern).expect("a pattern");
            pattern.params(segments.as_slice())
        };
        assert_eq!(
            params("/tags/:tag", "/tags/%E6%9D%B1%2F%E4%BA%AC"),
            [("tag", "東/京".to_owned())]
        );
        assert_eq!(
            params("/@:name/:id", "/@ada/17"),
            [("name", "ada".to_owned()), ("id", "17".to_owned())]
        );
    }

    #[test]
    fn what_is_no_text_is_no_path() {
        assert_eq!(Segments::of("/tags/%FF").err(), Some(PathError::NotText));
        assert_eq!(Segments::of("/tags/%00").err(), Some(PathError::NotText));
        assert_eq!(
            Segments::of("/1/2/3/4/5/6/7/8/9/10/11").err(),
            Some(PathError::Unknown)
        );
    }
}
