//! View models: plain values that the templates render.
//!
//! Nothing here reads the store or knows an actor. Handlers fill these structs; askama escapes
//! every string in them except the fields whose names end in `_html`, which must hold HTML that
//! `domain::text` made or sanitised.

pub mod about;
pub mod account;
pub mod admin;
mod filters;
pub mod live;
pub mod mail;
pub mod notification;
pub mod post;
pub mod settings;
pub mod stats;
pub mod timeline;

pub use crate::entrance::views::{
    FieldError, Flash, FormErrors, Frame, Nav, Viewer, entry, error, oauth,
};

/// A moment, in the three forms that a page shows.
#[derive(Debug, Clone)]
pub struct Moment {
    /// RFC 3339, for `datetime`.
    pub iso: String,
    /// Short and relative where recent: `5 min`, `3 h`, `12 Nov`, `12 Nov 2025`.
    pub short: String,
    /// Whole, in the instance's zone: `22 November 2026, 17:10`.
    pub long: String,
}

/// Links to the neighbouring pages of a list, newest first.
#[derive(Debug, Clone, Default)]
pub struct Pager {
    /// Address of the page with newer entries.
    pub newer: Option<String>,
    /// Address of the page with older entries.
    pub older: Option<String>,
}

/// One choice of a `<select>`.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What the reader sees.
    pub label: String,
    /// Whether it is chosen.
    pub selected: bool,
}

/// A figure with thousands separated by a thin space, so that long ones can be read.
#[must_use]
pub fn grouped(figure: u64) -> String {
    let digits = figure.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_by_three() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (12_345_678, "12\u{202f}345\u{202f}678"),
        ];
        for (figure, text) in cases {
            assert_eq!(grouped(figure), text);
        }
    }
}
