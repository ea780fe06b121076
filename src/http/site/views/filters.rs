//! Filters that every template of the website may use beside those of the entrance.

pub(super) use crate::entrance::views::filters::*;

/// A figure with its thousands apart: `12 345`.
#[askama::filter_fn]
pub fn grouped(figure: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(super::grouped(*figure))
}
