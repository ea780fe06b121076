//! Filters that every template may use: `{{ "star"|icon }}` and `{{ "kinglet.css"|asset }}`.

use std::fmt;

use askama::filters::Safe;

use crate::entrance::assets::asset_url;

/// One icon of the sprite. It is decoration: the control around it carries the name.
#[derive(Debug, Clone, Copy)]
pub struct Icon<'a>(&'a str);

impl fmt::Display for Icon<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sprite = asset_url("icons.svg");
        let name = self.0;
        write!(
            out,
            r##"<svg class="i" aria-hidden="true" focusable="false"><use href="{sprite}#{name}"/></svg>"##
        )
    }
}

/// Draws the symbol `name` of `assets/icons.svg` in the colour of the text around it.
///
/// Only names written in templates may be given: the name is not escaped.
#[askama::filter_fn]
pub fn icon<'a>(name: &'a str, _: &dyn askama::Values) -> askama::Result<Safe<Icon<'a>>> {
    Ok(Safe(Icon(name)))
}

/// The address of an embedded asset, with the hash of its content in the name.
#[askama::filter_fn]
pub fn asset(name: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(asset_url(name).to_owned())
}
