//! What the pages under `/dev` show.

use askama::Template;

use super::CastMember;
use crate::entrance::views::filters;

/// The tabs of these pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Requests,
    Controls,
    People,
    Mail,
    None,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Requests, Self::Controls, Self::People, Self::Mail];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Controls => "Controls",
            Self::People => "People",
            Self::Mail => "Mail",
            Self::None => "Not found",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Requests | Self::None => "/dev",
            Self::Controls => "/dev/controls",
            Self::People => "/dev/people",
            Self::Mail => "/dev/mail",
        }
    }

    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Requests | Self::None => "tasks",
            Self::Controls => "gear",
            Self::People => "user",
            Self::Mail => "mail",
        }
    }
}

/// What surrounds every page.
pub(super) struct Frame {
    pub(super) tab: Tab,
    pub(super) url: String,
    pub(super) clock: String,
    pub(super) is_standing: bool,
    pub(super) seed: Option<u64>,
    pub(super) faults: usize,
    /// Whether the page reloads itself.
    pub(super) refreshes: bool,
    pub(super) notice: Option<&'static str>,
}

impl Frame {
    fn tabs(&self) -> [Tab; 4] {
        Tab::ALL
    }
}

/// A request in the list.
pub(super) struct RequestRow {
    pub(super) number: u64,
    /// The time of day.
    pub(super) at: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) status: String,
    /// The class that colours the status.
    pub(super) class: &'static str,
    pub(super) duration_ms: i64,
    pub(super) who: Option<String>,
    pub(super) fault: Option<String>,
    pub(super) findings: Vec<String>,
}

/// `GET /dev`.
#[derive(Template)]
#[template(path = "dev_requests.html")]
pub(super) struct RequestsPage {
    pub(super) frame: Frame,
    pub(super) rows: Vec<RequestRow>,
    pub(super) total: usize,
    /// How many of them have findings.
    pub(super) wrong: usize,
    pub(super) is_paused: bool,
    pub(super) is_wrong_only: bool,
}

/// One header.
pub(super) struct HeaderLine {
    pub(super) name: String,
    pub(super) value: String,
}

/// `GET /dev/requests/:number`.
#[derive(Template)]
#[template(path = "dev_request.html")]
pub(super) struct RequestPage {
    pub(super) frame: Frame,
    pub(super) row: RequestRow,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) route: Option<&'static str>,
    pub(super) headers: Vec<HeaderLine>,
    pub(super) body: String,
    pub(super) answer_headers: Vec<HeaderLine>,
    pub(super) answer_body: String,
    pub(super) older: Option<u64>,
    pub(super) newer: Option<u64>,
}

/// `GET /dev/controls`.
#[derive(Template)]
#[template(path = "dev_controls.html")]
pub(super) struct ControlsPage {
    pub(super) frame: Frame,
    /// Number, what happens, to what.
    pub(super) faults: Vec<(u64, String, String)>,
    /// Name, and what the clock showed.
    pub(super) snapshots: Vec<(String, String)>,
    pub(super) data_dir: String,
}

/// `GET /dev/people`.
#[derive(Template)]
#[template(path = "dev_people.html")]
pub(super) struct PeoplePage {
    pub(super) frame: Frame,
    pub(super) people: Vec<CastMember>,
}

/// A mail in the list.
pub(super) struct MailRow {
    pub(super) id: String,
    pub(super) at: String,
    pub(super) to: String,
    pub(super) subject: String,
}

/// `GET /dev/mail`.
#[derive(Template)]
#[template(path = "dev_mails.html")]
pub(super) struct MailsPage {
    pub(super) frame: Frame,
    pub(super) mails: Vec<MailRow>,
}

/// `GET /dev/mail/:id`.
#[derive(Template)]
#[template(path = "dev_mail.html")]
pub(super) struct MailPage {
    pub(super) frame: Frame,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    /// Paths of this instance that the mail leads to.
    pub(super) links: Vec<String>,
}

/// What can't be shown.
#[derive(Template)]
#[template(path = "dev_error.html")]
pub(super) struct ErrorPage {
    pub(super) frame: Frame,
    pub(super) status: u16,
    pub(super) sentence: String,
}
