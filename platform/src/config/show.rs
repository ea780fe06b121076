//! A configuration as text: the commented template, and what is in force.

use serde_json::{Map, Value as Json};

use super::faults::Origin;
use super::load::Loaded;
use super::settings::Settings;

/// What stands at the top of the template.
const TEMPLATE_HEAD: &str = "\
# The configuration of kinglet: every setting, with its default. What is left out keeps the default.
#
# It is looked for in this order: --config FILE, the file that KINGLET_CONFIG names, ./config.toml,
# /etc/kinglet/config.toml. A variable KINGLET_SECTION__KEY (as in KINGLET_HTTP__LISTEN; lists are
# separated by commas) goes before the file, a flag before both. A relative path is relative to this
# file. `kinglet config show` prints what is in force and where it comes from.
";

/// The template: every setting with its default and one line of comment.
pub(super) fn template<C: Settings>() -> String {
    let defaults = C::default();
    let mut text = TEMPLATE_HEAD.to_owned();
    for section in C::SECTIONS {
        text += &format!("\n# {}\n[{}]\n", section.doc, section.name);
        for setting in C::TABLE
            .iter()
            .filter(|setting| setting.section == section.name)
        {
            let value = literal(&(setting.show)(&defaults));
            text += &format!("# {}\n{} = {value}\n", setting.doc, setting.key);
        }
    }
    text
}

/// Every setting as TOML, with where its value comes from.
pub(super) fn text<C: Settings>(loaded: &Loaded<C>) -> String {
    let mut text = match &loaded.file {
        Some(file) => format!("# file: {}\n", file.display()),
        None => "# no configuration file\n".to_owned(),
    };
    for section in C::SECTIONS {
        text += &format!("\n[{}]\n", section.name);
        for setting in C::TABLE
            .iter()
            .filter(|setting| setting.section == section.name)
        {
            let value = literal(&(setting.show)(&loaded.config));
            text += &format!("{} = {value}", setting.key);
            match loaded.origin(&setting.name()) {
                Origin::Default => text += "\n",
                origin => text += &format!("  # {}\n", one_line(&origin.to_string())),
            }
        }
    }
    text
}

/// Every setting as an object of sections.
pub(super) fn json<C: Settings>(config: &C) -> Json {
    let mut sections = Map::new();
    for setting in C::TABLE {
        let section = sections
            .entry(setting.section)
            .or_insert_with(|| Json::Object(Map::new()));
        section[setting.key] = (setting.show)(config);
    }
    Json::Object(sections)
}

/// A value as TOML writes it: what settings consist of is written as in JSON, but for one character.
fn literal(value: &Json) -> String {
    match value {
        Json::Array(entries) => {
            let entries: Vec<_> = entries.iter().map(literal).collect();
            format!("[{}]", entries.join(", "))
        }
        // JSON lets DEL stand in a string as it is, TOML does not.
        other => other.to_string().replace('\u{7f}', "\\u007f"),
    }
}

/// File names may hold the end of a line, comments may not.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
