//! Every page with sample content: for looking at, and for rules that hold on all of them.
//!
//! `KINGLET_GALLERY_DIR=DIR cargo test -p kinglet-http --lib site::gallery` writes the pages, the assets and the
//! sample pictures into `DIR`, ready for any static file server.

use std::collections::BTreeSet;

use askama::Template;

use super::live;
use super::stats;
use super::views::about::AboutPage;
use super::views::account::{
    AccountRow, Author, PeoplePage, ProfileField, ProfileHead, ProfileList, ProfilePage,
    ProfileTab, Standing,
};
use super::views::admin::{
    BackupRow, BackupsPart, DrillRow, JobLine, QueueRow, SignUpRow, SignUpsPage, Status, TaskRow,
    TasksPage, Tone,
};
use super::views::entry::{LoginPage, NoticePage, ResetPage, SetupPage, SignupMode, SignupPage};
use super::views::error::ErrorPage;
use super::views::live::LivePage;
use super::views::mail::{Bounce, MailSettingsPage};
use super::views::notification::{
    Entry, Happening, NotificationTab, NotificationsPage, PostExcerpt,
};
use super::views::oauth::{Carried, CodePage, ConsentPage, ScopeLine};
use super::views::post::{
    Answer, Audience, ComposeForm, ComposePage, DeletePostPage, EditPostPage, HistoryPage,
    PostActions, PostCard, PostListPage, PostPage, ReplyTo, Revision,
};
use super::views::settings::{
    AccountSettingsPage, AppRow, ArchiveRow, Arrival, FieldInput, ImportPage, ProfileSettingsPage,
    ReadyArchive, SessionRow, SessionsPage,
};
use super::views::stats::{OwnStatsPage, StatsPage};
use super::views::timeline::{FoundTag, HomePage, PublicPage, SearchKind, SearchPage, TagPage};
use super::views::{Choice, FieldError, Flash, FormErrors, Frame, Moment, Nav, Pager, Viewer};
use crate::actors::tasks::overview::Span;
use crate::archives::import::Told as ReportLine;
use crate::domain::live::{
    ActorFigures, CacheFigures, JobFigures, LiveFigures, ProcessFigures, SlowRequest, SlowSpan,
    Traffic, WriterFigures,
};
use crate::domain::overview::{AccountOverview, Material};
use crate::domain::statistics::{
    AccountDay, Audience as Told, Day, Figures, InstanceDay, Measure, MeasuredDay, Share, Totals,
};
use crate::entrance::assets;
use crate::entrance::views::mail::{ConfirmPage, ForgotPage, UnsubscribePage};

const PEOPLE: [(&str, &str); 7] = [
    ("ada", "Ada Lindqvist"),
    ("tomas", "Tomás Herrera"),
    ("wren", "Wren"),
    ("mirela", "Mirela Popescu"),
    ("harbour_bot", "Harbour Weather"),
    ("jonas", "Jonas Okafor"),
    ("grainne", "Gráinne Ní Bhriain"),
];

/// Makes the sample content; what it is told to be hostile is written into every text.
#[derive(Clone, Copy)]
struct Samples {
    hostile: Option<&'static str>,
}

impl Samples {
    fn text(self, usual: &str) -> String {
        self.hostile.unwrap_or(usual).to_owned()
    }

    fn author(self, at: usize) -> Author {
        let (name, display_name) = PEOPLE[at];
        Author {
            name: name.to_owned(),
            display_name: self.text(display_name),
            avatar_url: format!("/sample/{name}.svg"),
        }
    }

    fn moment(self, short: &str) -> Moment {
        Moment {
            iso: "2026-11-22T17:10:00Z".to_owned(),
            short: self.text(short),
            long: self.text("22 November 2026, 17:10"),
        }
    }

    fn viewer(self) -> Viewer {
        let Author {
            name,
            display_name,
            avatar_url,
        } = self.author(0);
        Viewer {
            name,
            display_name,
            avatar_url,
            unread: 3,
            follow_requests: 1,
            is_owner: false,
        }
    }

    fn frame(self, nav: Nav, here: &str) -> Frame {
        Frame {
            viewer: Some(self.viewer()),
            ..self.guest(nav, here)
        }
    }

    fn guest(self, nav: Nav, here: &str) -> Frame {
        Frame {
            instance_title: self.text("Harbour Town"),
            instance_description: self.text(
                "A small, friendly place for people who live by the water, and for everybody who would like to.",
            ),
            viewer: None,
            csrf: "k3m0-sample-token".to_owned(),
            here: self.text(here),
            nav,
            signup_open: true,
            flash: None,
        }
    }

    fn post(self, id: u32, who: usize, short: &str, content_html: &str) -> PostCard {
        let author = self.author(who);
        PostCard {
            id: id.to_string(),
            path: format!("/@{}/{id}", author.name),
            author,
            boosted_by: None,
            reply_to: None,
            published: self.moment(short),
            edited: None,
            audience: Audience::Public,
            warning: String::new(),
            content_html: content_html.into(),
            language: Some(self.text("en")),
            replies: 0,
            boosts: 0,
            favourites: 0,
            actions: Some(PostActions {
                can_boost: true,
                own: who == 0,
                ..PostActions::default()
            }),
            focus: false,
        }
    }

    fn timeline(self) -> Vec<PostCard> {
        let mut posts = vec![
            self.post(
                901,
                2,
                "4 min",
                "<p>The goldcrests are back in the spruce behind the library. Six grams of bird, and it crossed the North Sea to sit in <em>our</em> car park.</p><p><a href=\"/tags/birds\">#birds</a> <a href=\"/tags/autumn\">#autumn</a></p>",
            ),
            self.post(
                902,
                5,
                "22 min",
                "<p>Does anyone have a spare 13 mm spanner I could borrow until Saturday? The kayak rack won't assemble itself.</p>",
            ),
            self.post(
                903,
                3,
                "1 h",
                "<p>Finished the translation at last. 412 pages, eleven months, and one sentence on page 87 that I rewrote more often than my own wedding speech.</p><p>Notes on the hard parts: <a href=\"https://example.org/notes\" rel=\"nofollow noopener\">example.org/notes</a></p>",
            ),
            self.post(
                904,
                6,
                "2 h",
                "<p>The butler did it. No, really: he is the only one who could have wound the clock, because everybody else was at the regatta.</p>",
            ),
            self.post(
                905,
                0,
                "3 h",
                "<p>Tonight's plan: soup, the slow train timetable, and no screens after nine.</p>",
            ),
            self.post(
                906,
                4,
                "5 h",
                "<p>Wind north-west 5, easing 3 by evening. Sea temperature 9 °C. High water 18:42, 3.1 m.</p>",
            ),
            self.post(
                907,
                1,
                "21 Nov",
                "<p><a href=\"/@grainne\">@grainne</a> It ran for forty minutes on one battery, and then I remembered why we bought two.</p>",
            ),
        ];
        posts[0].boosted_by = Some(self.author(1));
        (posts[0].replies, posts[0].boosts, posts[0].favourites) = (4, 12, 58);
        posts[0].actions = Some(PostActions {
            favourited: true,
            can_boost: true,
            ..PostActions::default()
        });
        posts[1].replies = 2;
        posts[2].edited = Some(self.moment("50 min"));
        (posts[2].replies, posts[2].boosts, posts[2].favourites) = (9, 31, 120);
        posts[2].actions = Some(PostActions {
            boosted: true,
            bookmarked: true,
            can_boost: true,
            ..PostActions::default()
        });
        posts[3].warning = self.text("Spoilers for the harbour mystery, last chapter");
        posts[3].favourites = 7;
        posts[4].audience = Audience::Followers;
        posts[4].favourites = 3;
        posts[4].actions = Some(PostActions {
            own: true,
            ..PostActions::default()
        });
        posts[5].audience = Audience::Unlisted;
        posts[6].reply_to = Some(ReplyTo {
            name: "grainne".to_owned(),
            path: Some("/@grainne/880".to_owned()),
        });
        (posts[6].replies, posts[6].favourites) = (1, 2);
        posts
    }

    fn public(self, signed_in: bool) -> Vec<PostCard> {
        let mut posts = self.timeline();
        posts.retain(|post| post.audience == Audience::Public);
        if !signed_in {
            posts.iter_mut().for_each(|post| post.actions = None);
        }
        posts
    }

    fn compose(self) -> ComposeForm {
        let choice = |value: &str, label: &str, selected| Choice {
            value: value.to_owned(),
            label: self.text(label),
            selected,
        };
        ComposeForm {
            action: "/posts".to_owned(),
            csrf: "k3m0-sample-token".to_owned(),
            return_to: "/".to_owned(),
            idempotency_key: "c2FtcGxl".to_owned(),
            in_reply_to_id: None,
            status: self.hostile.unwrap_or_default().to_owned(),
            spoiler_text: self.hostile.unwrap_or_default().to_owned(),
            visibilities: vec![
                choice("public", "Public", true),
                choice("unlisted", "Unlisted", false),
                choice("private", "Followers only", false),
                choice("direct", "Mentioned people only", false),
            ],
            languages: vec![
                choice("", "Not given", false),
                choice("en", "English", true),
                choice("sv", "svenska", false),
            ],
            characters_max: 500,
            label: self.text("What's new by the water?"),
            submit: self.text("Post"),
            autofocus: false,
            avatar_url: "/sample/ada.svg".to_owned(),
            errors: FormErrors::default(),
        }
    }

    fn reply(self) -> ComposeForm {
        ComposeForm {
            in_reply_to_id: Some("901".to_owned()),
            status: self.text("@wren "),
            label: self.text("Reply to Wren"),
            submit: self.text("Reply"),
            ..self.compose()
        }
    }

    fn row(self, at: usize, bio_html: &str, standing: Option<Standing>) -> AccountRow {
        AccountRow {
            who: self.author(at),
            bio_html: bio_html.to_owned(),
            locked: at == 6,
            bot: at == 4,
            standing,
        }
    }

    fn people(self) -> Vec<AccountRow> {
        let following = Standing {
            following: true,
            ..Standing::default()
        };
        vec![
            self.row(2, "<p>Rings birds, mends nets, photographs neither well.</p>", Some(following)),
            self.row(1, "<p>Electric boats and quiet engines. Ask me about torque.</p>", Some(Standing { followed_by: true, ..Standing::default() })),
            self.row(6, "<p>Reads the last chapter first and is not sorry. Librarian at the quay, keeper of the good scissors, occasional oboe.</p>", Some(Standing { requested: true, ..Standing::default() })),
            self.row(4, "<p>Wind, tide and temperature, four times a day.</p>", Some(Standing { muting: true, following: true, ..Standing::default() })),
            self.row(5, "", Some(Standing { blocking: true, ..Standing::default() })),
            self.row(0, "<p>Timetables, soups, small printing presses.</p>", None),
        ]
    }

    fn head(self, own: bool, standing: Option<Standing>) -> ProfileHead {
        let at = if own { 0 } else { 2 };
        ProfileHead {
            who: self.author(at),
            host: self.text("harbour.example"),
            header_url: None,
            bio_html: "<p>Rings birds, mends nets, photographs neither well. Writes down what flies past the lighthouse. <a href=\"/tags/birds\">#birds</a> <a href=\"/tags/sea\">#sea</a></p>".to_owned(),
            fields: vec![
                ProfileField { name: self.text("Website"), value_html: "<a href=\"https://example.org\" rel=\"me nofollow noopener\">example.org/wren</a>".to_owned() },
                ProfileField { name: self.text("Pronouns"), value_html: "they/them".to_owned() },
                ProfileField { name: self.text("Where"), value_html: "the end of the pier".to_owned() },
            ],
            joined: Moment { long: self.text("3 May 2025"), ..self.moment("3 May 2025") },
            posts: 1284,
            following: 211,
            followers: 13_482,
            locked: false,
            bot: false,
            own,
            signed_in: own || standing.is_some(),
            standing,
        }
    }

    fn profile(self, frame: Frame, head: ProfileHead, list: ProfileList) -> ProfilePage {
        let tab = match list {
            ProfileList::People(_) => ProfileTab::Followers,
            ProfileList::Posts(_) | ProfileList::Nothing(_) => ProfileTab::Posts,
        };
        ProfilePage {
            frame,
            head,
            tab,
            list,
            pager: self.pager(),
            summary: self.text("Rings birds, mends nets, photographs neither well."),
            canonical_url: self.text("https://harbour.example/@wren"),
            indexable: true,
        }
    }

    fn pager(self) -> Pager {
        Pager {
            newer: Some(self.text("?min_id=950")),
            older: Some(self.text("?max_id=900")),
        }
    }

    fn errors(self, list: &[(&'static str, &str)]) -> FormErrors {
        let error = |&(field, message): &(&'static str, &str)| FieldError {
            field,
            message: self.text(message),
        };
        FormErrors(list.iter().map(error).collect())
    }

    fn thread(self, signed_in: bool) -> PostPage {
        let mut posts = self.public(true);
        let mut focus = posts.remove(0);
        focus.boosted_by = None;
        focus.focus = true;
        focus.edited = Some(self.moment("1 min"));
        let mut ancestor = self.post(890, 6, "40 min", "<p>Who else heard that very high, very thin song this morning? Almost above what I can hear.</p>");
        (ancestor.replies, ancestor.favourites) = (3, 11);
        let mut middle = self.post(895, 5, "31 min", "<p><a href=\"/@grainne\">@grainne</a> Yes! By the bicycle stand. I thought it was my brakes.</p>");
        middle.replies = 1;
        let answer = |id, who, short, html: &str, depth| Answer {
            post: self.post(id, who, short, html),
            depth,
        };
        let descendants = vec![
            answer(
                910,
                1,
                "3 min",
                "<p><a href=\"/@wren\">@wren</a> Six grams! My phone's <em>screws</em> weigh more.</p>",
                1,
            ),
            answer(
                911,
                2,
                "2 min",
                "<p><a href=\"/@tomas\">@tomas</a> And they sing while they work.</p>",
                2,
            ),
            answer(
                912,
                1,
                "1 min",
                "<p><a href=\"/@wren\">@wren</a> Mine only hums.</p>",
                3,
            ),
            answer(
                913,
                3,
                "1 min",
                "<p><a href=\"/@wren\">@wren</a> There's an old word for them here that means “little king of the cold”.</p>",
                1,
            ),
        ];
        let mut page = PostPage {
            frame: if signed_in {
                self.frame(Nav::Elsewhere, "/@wren/901")
            } else {
                self.guest(Nav::Elsewhere, "/@wren/901")
            },
            ancestors: vec![ancestor, middle],
            post: focus,
            summary: self.text("The goldcrests are back in the spruce behind the library."),
            canonical_url: self.text("https://harbour.example/@wren/901"),
            indexable: true,
            reply: signed_in.then(|| self.reply()),
            descendants,
        };
        if !signed_in {
            page.post.actions = None;
            page.ancestors
                .iter_mut()
                .for_each(|post| post.actions = None);
            page.descendants
                .iter_mut()
                .for_each(|answer| answer.post.actions = None);
        }
        page
    }

    fn notifications(self) -> NotificationsPage {
        let entry = |id: u32, who, short, unread, what| Entry {
            id: id.to_string(),
            who: self.author(who),
            when: Some(self.moment(short)),
            unread,
            what,
        };
        let excerpt = |text| PostExcerpt {
            path: "/@ada/905".to_owned(),
            text: self.text(text),
        };
        let mut mention = self.post(930, 3, "2 min", "<p><a href=\"/@ada\">@ada</a> What goes into the soup? We have leeks, and nothing else, and guests at seven.</p>");
        mention.reply_to = Some(ReplyTo {
            name: "ada".to_owned(),
            path: None,
        });
        NotificationsPage {
            frame: self.frame(Nav::Notifications, "/notifications"),
            tab: NotificationTab::All,
            entries: vec![
                entry(7, 3, "2 min", true, Happening::Mention(Box::new(mention))),
                entry(
                    6,
                    5,
                    "10 min",
                    true,
                    Happening::FollowRequest { id: "5".to_owned() },
                ),
                entry(
                    5,
                    2,
                    "1 h",
                    true,
                    Happening::Favourite(excerpt(
                        "Tonight's plan: soup, the slow train timetable, and no screens after nine.",
                    )),
                ),
                entry(
                    4,
                    1,
                    "2 h",
                    false,
                    Happening::Boost(excerpt(
                        "The night train has a new timetable, and somebody has put real care into the footnotes. I have read all of them so that you need not, although you should, because number 14 is a small poem about platform two.",
                    )),
                ),
                entry(3, 6, "5 h", false, Happening::Follow),
                entry(
                    2,
                    6,
                    "21 Nov",
                    false,
                    Happening::Edit(excerpt("Corrected: the meeting is on Thursday.")),
                ),
                entry(1, 4, "20 Nov", false, Happening::SignUp),
            ],
            unread_up_to: Some("7".to_owned()),
            pager: Pager {
                newer: None,
                ..self.pager()
            },
        }
    }

    fn owners_frame(self, here: &str) -> Frame {
        let mut frame = self.frame(Nav::Admin, here);
        if let Some(viewer) = &mut frame.viewer {
            viewer.is_owner = true;
        }
        frame
    }

    fn tasks(self) -> TasksPage {
        let status = |tone, word: &str| Status {
            tone,
            word: self.text(word),
        };
        let queue = |name: &str, title: &str, status, waiting: &str| QueueRow {
            name: name.to_owned(),
            title: self.text(title),
            status,
            waiting: self.text(waiting),
            breaker: None,
            last_error: None,
            paused: false,
        };
        let task = |name: &str, label: &str, expression: &str, status| TaskRow {
            name: name.to_owned(),
            label: self.text(label),
            expression: Some(self.text(expression)),
            status,
            next: Some((self.moment(""), self.text("in 12 min"))),
            last: Some((self.moment(""), self.text("18 ms"))),
            error: None,
            paused: false,
        };
        let job = |id: &str, words: &str, attempts: &str, reason: Option<&str>| JobLine {
            id: id.to_owned(),
            words: self.text(words),
            made: self.moment(""),
            attempts: self.text(attempts),
            when: self.moment(""),
            until: self.text("in 4 min"),
            reason: reason.map(|reason| self.text(reason)),
            can_drop: true,
        };
        TasksPage {
            frame: self.owners_frame("/admin/tasks"),
            backups: Some(BackupsPart {
                directory: self.text("/var/backups/kinglet"),
                warning: Some(self.text("They lie on the same disk as the data: what breaks the disk takes both.")),
                sets: vec![BackupRow {
                    name: self.text("kinglet-20261122T040003Z"),
                    status: status(Tone::Good, "Whole, shipped"),
                    made: Some(self.moment("")),
                    about: self.text("48 MiB"),
                }],
                more: Some(self.text("6 older ones")),
                drill: Some(DrillRow {
                    set: self.text("kinglet-20261122T040003Z"),
                    status: status(Tone::Bad, "Failed"),
                    at: Some(self.moment("")),
                    took: self.text("3.1 s"),
                    error: Some(self.text("it isn't what was written: its hash is another")),
                }),
            }),
            zone: self.text("Europe/Stockholm"),
            queues: vec![
                queue(
                    "house",
                    "Work in the house",
                    status(Tone::Good, "Works"),
                    "Nothing waits.",
                ),
                QueueRow {
                    breaker: Some(self.text(
                        "After 4 failures in a row nothing is tried until 22 November 2026, 17:12 (in 2 min).",
                    )),
                    last_error: Some(
                        self.text("can't reach mail.harbour.example:587: connection refused"),
                    ),
                    ..queue(
                        "mail",
                        "Mail",
                        status(Tone::Bad, "Doesn't answer"),
                        "214 jobs wait.",
                    )
                },
            ],
            schedule: vec![
                task(
                    "statistics",
                    "Count the days",
                    "5 * * * *",
                    status(Tone::Good, "Done"),
                ),
                TaskRow {
                    paused: true,
                    ..task(
                        "digests",
                        "Mail the daily digests",
                        "0 8 * * *",
                        status(Tone::Calm, "Paused"),
                    )
                },
                TaskRow {
                    error: Some(self.text("the disk is full")),
                    ..task(
                        "database",
                        "Look after the database",
                        "45 3 * * *",
                        status(Tone::Bad, "Failed"),
                    )
                },
                TaskRow {
                    expression: None,
                    next: None,
                    last: None,
                    ..task(
                        "sign_ups",
                        "Forget unconfirmed sign-ups",
                        "",
                        status(Tone::Calm, "Off"),
                    )
                },
            ],
            running: vec![job("31", "Digest for @wren", "tried once", None)],
            retrying: vec![job(
                "29",
                "Mention mail to @jonas about a post",
                "tried 3 times",
                Some("450 4.2.1 The mailbox is busy, try again later"),
            )],
            dead: vec![
                job(
                    "17",
                    "Mention mail to @mirela about a post",
                    "tried once",
                    Some("550 5.1.1 No such user here"),
                ),
                JobLine {
                    can_drop: false,
                    ..job(
                        "12",
                        "Remove everything of a deleted account",
                        "tried 16 times",
                        Some("the disk is full"),
                    )
                },
            ],
            dead_total: Some(self.text("the latest 2 of 140 jobs")),
            dead_days: 14,
        }
    }

    fn live(self, slow: bool) -> LivePage {
        let span = |kind: &str, detail: &str, start_us, length_us| SlowSpan {
            kind: kind.to_owned(),
            detail: self.text(detail),
            start_us,
            length_us,
        };
        let request = |method: &str, route: &str, status, total_us, spans| SlowRequest {
            id: format!("{total_us:016x}"),
            at: "2026-11-22T17:10:11+01:00".to_owned(),
            method: self.text(method),
            route: self.text(route),
            status,
            total_us,
            spans,
            spans_lost: 2,
        };
        let actor = |name: &str, waiting, handled, work_us| ActorFigures {
            name: self.text(name),
            waiting,
            handled,
            wait_us: Some(14.0),
            work_us,
        };
        let cache = |name: &str, entries, bytes_max| CacheFigures {
            name: self.text(name),
            entries,
            bytes: entries * 1700,
            bytes_max,
        };
        let publish = vec![
            span("gate", "tokens", 40, 2_100),
            span("mailbox", "posts", 2_200, 480),
            span("handler", "WritePost", 2_700, 806_000),
            span("queue", "PublishPost", 2_900, 310_000),
            span("apply", "PublishPost", 312_900, 1_400),
            span("commit", "PublishPost", 314_300, 490_000),
            span("render", "json", 809_100, 220),
        ];
        let home = vec![
            span("gate", "tokens", 30, 900),
            span("handler", "ReadHome", 1_200, 540_000),
            span("reader", "MergeHome", 1_900, 520_000),
        ];
        let slow = match slow {
            true => vec![
                request("POST", "/api/v1/statuses", 200, 812_400, publish),
                request("GET", "/api/v1/timelines/home", 503, 561_000, home),
            ],
            false => Vec::new(),
        };
        let figures = LiveFigures {
            version: self.text("0.1.0"),
            url: "https://kinglet.example".to_owned(),
            at: "2026-11-22T17:10:31+01:00".to_owned(),
            uptime_seconds: 3 * 86_400 + 7200,
            traffic: Traffic {
                per_second: 14.2,
                p50_ms: Some(0.61),
                p99_ms: Some(18.0),
                failed: u64::from(!slow.is_empty()),
                refused: 4,
                at_work: 2,
                connections: 31,
                total: 1_204_331,
                failed_total: 3,
                course: (0..60).map(|second| second * 37 % 23).collect(),
            },
            writer: WriterFigures {
                waiting: 3,
                room: 4096,
                units: 51_200,
                commits: 40_100,
                commit_ms: Some(4.2),
                wal_bytes: 1_300_000,
            },
            actors: vec![
                actor("users", 0, 1_900_221, Some(38.0)),
                actor("posts", 12, 811_332, Some(120.0)),
                actor("hashers", 0, 0, None),
            ],
            caches: vec![
                cache("posts", 11_100, 20_000),
                cache("windows", 212, 10_000),
            ],
            jobs: Some(JobFigures {
                waiting: 4,
                dead: 1,
                ..JobFigures::default()
            }),
            process: ProcessFigures {
                resident_bytes: Some(48_300_000),
                cpu_ms: Some(812_000),
                open_files: Some(61),
                threads: Some(14),
            },
            slow_ms: 500,
            slow,
        };
        live::page_of(&figures, 5, self.owners_frame("/admin/live"))
    }

    fn stats(self, frame: Frame, audience: Told, days: i32) -> StatsPage {
        let span = sample_span(days);
        let mut totals = Totals::default();
        let series: Vec<_> = (span.from.0..=span.until.0)
            .map(|number| sample_day(Day(number)))
            .collect();
        for (day, _) in &series {
            totals.add(day);
        }
        let share = |label: &str, posts: i64| Share {
            label: self.text(label),
            posts,
            authors: 2 + posts / 40,
        };
        let material = Material {
            audience,
            days: (span.from, span.until),
            time_zone: self.text("Europe/Berlin"),
            series,
            totals,
            tags: vec![share("birds", 214), share("trains", 96), share("soup", 31)],
            languages: match audience {
                Told::Owner => vec![share("en", 820), share("de", 311)],
                Told::Strangers | Told::Members => Vec::new(),
            },
            clients: Vec::new(),
        };
        stats::stats_page(frame, &material, &span).expect("every plot can be drawn")
    }

    fn own_stats(self) -> OwnStatsPage {
        let span = sample_span(30);
        let series: Vec<_> = (span.from.0..=span.until.0)
            .filter(|number| number % 4 != 0)
            .map(|number| {
                let wave = i64::from(number * 37 % 17);
                let figures = AccountDay {
                    posts: wave,
                    replies: wave / 2,
                    boosts: wave % 5,
                    boosts_received: wave * 2 % 11,
                    favourites_received: wave * 3,
                    replies_received: wave % 7,
                    mentions_received: wave % 4,
                    reach: wave * 2,
                    new_followers: wave % 3,
                };
                (Day(number), figures)
            })
            .collect();
        let days = (span.from, span.until);
        let zone = self.text("Europe/Berlin");
        let overview = AccountOverview::new(days, span.from, zone, &series);
        let frame = self.frame(Nav::Settings, "/settings/stats");
        stats::own_stats_page(frame, &overview, &span).expect("every plot can be drawn")
    }

    /// Every page, by the name of its file.
    fn pages(self) -> Vec<(&'static str, String)> {
        let mut pages = Vec::new();
        let mut add = |name, page: &dyn askama::DynTemplate| {
            pages.push((name, page.dyn_render().expect("every template renders")));
        };
        let nobody = || self.guest(Nav::Elsewhere, "/login");
        add(
            "front",
            &PublicPage {
                frame: self.guest(Nav::Public, "/"),
                accounts: 128,
                posts_total: 48_210,
                posts: self.public(false),
                pager: Pager {
                    newer: None,
                    ..self.pager()
                },
            },
        );
        add(
            "public",
            &PublicPage {
                frame: self.frame(Nav::Public, "/public"),
                accounts: 1,
                posts_total: 1,
                posts: self.public(true),
                pager: self.pager(),
            },
        );
        add(
            "home",
            &HomePage {
                frame: self.frame(Nav::Home, "/"),
                compose: Some(self.compose()),
                posts: self.timeline(),
                pager: Pager {
                    newer: None,
                    ..self.pager()
                },
            },
        );
        add(
            "home-empty",
            &HomePage {
                frame: Frame {
                    flash: Some(Flash {
                        is_error: false,
                        text: self.text("Welcome aboard! Your account is ready."),
                    }),
                    ..self.frame(Nav::Home, "/")
                },
                compose: Some(self.compose()),
                posts: Vec::new(),
                pager: Pager::default(),
            },
        );
        let following = Standing {
            following: true,
            followed_by: true,
            ..Standing::default()
        };
        add(
            "profile",
            &self.profile(
                self.frame(Nav::Elsewhere, "/@wren"),
                self.head(false, Some(following)),
                ProfileList::Posts(self.public(true)),
            ),
        );
        add(
            "profile-guest",
            &self.profile(
                self.guest(Nav::Elsewhere, "/@wren"),
                self.head(false, None),
                ProfileList::Posts(self.public(false)),
            ),
        );
        add(
            "profile-own",
            &self.profile(
                self.frame(Nav::Profile, "/@ada"),
                self.head(true, None),
                ProfileList::Nothing(self.text("Nothing written yet.")),
            ),
        );
        add(
            "followers",
            &self.profile(
                self.frame(Nav::Elsewhere, "/@wren/followers"),
                self.head(false, Some(Standing::default())),
                ProfileList::People(self.people()),
            ),
        );
        add(
            "people",
            &PeoplePage {
                frame: self.frame(Nav::Elsewhere, "/@wren/901/favourites"),
                heading: self.text("Favourited by"),
                back_path: "/@wren/901".to_owned(),
                empty: self.text("Nobody yet."),
                people: self.people(),
                pager: self.pager(),
            },
        );
        add("post", &self.thread(true));
        add("post-guest", &self.thread(false));
        add(
            "compose",
            &ComposePage {
                frame: self.frame(Nav::Compose, "/compose"),
                replying_to: self.public(true).into_iter().nth(1),
                form: ComposeForm {
                    spoiler_text: self.text("Tools"),
                    status: self.text("@jonas I have one, and it is even clean."),
                    errors: self.errors(&[
                        ("", "This post is 23 characters too long."),
                        ("status", "At most 500 characters."),
                    ]),
                    ..self.reply()
                },
            },
        );
        add("edit-post", &EditPostPage { frame: self.frame(Nav::Elsewhere, "/posts/905/edit"), post_path: "/@ada/905".to_owned(), form: ComposeForm { action: "/posts/905/edit".to_owned(), status: self.text("Tonight's plan: soup, the slow train timetable, and no screens after nine."), visibilities: Vec::new(), idempotency_key: String::new(), submit: self.text("Save"), ..self.compose() } });
        let revision = |warning: &str, html: &str| Revision {
            written: self.moment(""),
            warning: warning.to_owned(),
            content_html: html.to_owned(),
        };
        add(
            "history",
            &HistoryPage {
                frame: self.frame(Nav::Elsewhere, "/@mirela/903/history"),
                author: self.author(3),
                post_path: "/@mirela/903".to_owned(),
                revisions: vec![
                    revision(
                        "",
                        "<p>Finished the translation at last. 412 pages, eleven months.</p>",
                    ),
                    revision(
                        &self.text("Bragging"),
                        "<p>Finished the translation at last! 411 pages.</p>",
                    ),
                ],
                language: Some(self.text("en")),
            },
        );
        let mut doomed = self.timeline().swap_remove(4);
        doomed.actions = None;
        add(
            "delete-post",
            &DeletePostPage {
                frame: self.frame(Nav::Elsewhere, "/posts/905/delete"),
                post: doomed,
            },
        );
        add(
            "tag",
            &TagPage {
                frame: self.frame(Nav::Elsewhere, "/tags/birds"),
                tag: self.text("birds"),
                posts: self.public(true),
                pager: self.pager(),
            },
        );
        let found = |name: &str| FoundTag {
            name: self.text(name),
            path: self.text("/tags/birds"),
        };
        add(
            "search",
            &SearchPage {
                frame: self.frame(Nav::Search, "/search?q=bird"),
                query: self.text("bird"),
                query_encoded: "bird".to_owned(),
                kind: SearchKind::All,
                accounts: self.people().drain(..2).collect(),
                tags: vec![found("birds"), found("birdsong"), found("birdhouse")],
                posts: self.public(true),
                pager: Pager::default(),
            },
        );
        add(
            "search-empty",
            &SearchPage {
                frame: self.guest(Nav::Search, "/search"),
                query: String::new(),
                query_encoded: String::new(),
                kind: SearchKind::Posts,
                accounts: Vec::new(),
                tags: Vec::new(),
                posts: Vec::new(),
                pager: Pager::default(),
            },
        );
        add(
            "search-nothing",
            &SearchPage {
                frame: self.frame(Nav::Search, "/search?q=zz"),
                query: self.text("zz"),
                query_encoded: "zz".to_owned(),
                kind: SearchKind::Posts,
                accounts: Vec::new(),
                tags: Vec::new(),
                posts: Vec::new(),
                pager: Pager::default(),
            },
        );
        add("notifications", &self.notifications());
        add(
            "bookmarks",
            &PostListPage {
                frame: self.frame(Nav::Bookmarks, "/bookmarks"),
                heading: self.text("Bookmarks"),
                icon: "bookmark",
                empty: self.text("Keep posts here to find them again. Only you see them."),
                posts: Vec::new(),
                pager: Pager::default(),
            },
        );
        add(
            "favourites",
            &PostListPage {
                frame: self.frame(Nav::Favourites, "/favourites"),
                heading: self.text("Favourites"),
                icon: "star",
                empty: self.text("Nothing yet."),
                posts: self.public(true),
                pager: self.pager(),
            },
        );
        add(
            "login",
            &LoginPage {
                frame: nobody(),
                return_to: self.text("/"),
                login: self.hostile.unwrap_or_default().to_owned(),
                can_reset: true,
                errors: FormErrors::default(),
            },
        );
        add(
            "login-refused",
            &LoginPage {
                frame: nobody(),
                return_to: "/".to_owned(),
                login: self.text("ada"),
                can_reset: false,
                errors: self.errors(&[("", "Name or password is wrong.")]),
            },
        );
        let signup = |mode, errors| SignupPage {
            frame: self.guest(Nav::Elsewhere, "/signup"),
            mode,
            host: self.text("harbour.example"),
            rules: vec![self.text("Be kind."), self.text("No advertising.")],
            password_characters_min: 10,
            username: self.text("ada"),
            email: self.text("ada@example.org"),
            reason: self.text("I live at number 12."),
            errors,
        };
        add(
            "signup",
            &signup(
                SignupMode::Open,
                self.errors(&[
                    ("username", "This name is taken."),
                    ("agreement", "Please agree to the rules."),
                ]),
            ),
        );
        add(
            "signup-approval",
            &signup(SignupMode::Approval, FormErrors::default()),
        );
        add(
            "signup-invite",
            &signup(
                SignupMode::Invite {
                    code: self.text("abc"),
                },
                FormErrors::default(),
            ),
        );
        add(
            "signup-closed",
            &signup(SignupMode::Closed, FormErrors::default()),
        );
        add(
            "notice",
            &NoticePage {
                frame: nobody(),
                heading: self.text("Thank you"),
                text: self.text("A moderator will look at your request soon."),
                link_path: "/".to_owned(),
                link_label: self.text("Read on meanwhile"),
            },
        );
        add(
            "setup",
            &SetupPage {
                frame: Frame {
                    instance_title: self.text("kinglet"),
                    ..nobody()
                },
                code: self.text("abc"),
                host: self.text("localhost:8420"),
                password_characters_min: 10,
                username: String::new(),
                email: String::new(),
                errors: FormErrors::default(),
            },
        );
        add(
            "setup-code",
            &SetupPage {
                frame: nobody(),
                code: String::new(),
                host: self.text("localhost:8420"),
                password_characters_min: 10,
                username: String::new(),
                email: String::new(),
                errors: FormErrors::default(),
            },
        );
        add(
            "reset",
            &ResetPage {
                frame: nobody(),
                code: self.text("abc"),
                name: self.text("ada"),
                password_characters_min: 10,
                errors: FormErrors::default(),
            },
        );
        let input = |name: &str, value: &str| FieldInput {
            name: self.text(name),
            value: self.text(value),
        };
        let form = self.compose();
        add(
            "settings-profile",
            &ProfileSettingsPage {
                frame: Frame {
                    flash: Some(Flash {
                        is_error: false,
                        text: self.text("Saved."),
                    }),
                    ..self.frame(Nav::Settings, "/settings/profile")
                },
                display_name: self.text("Ada Lindqvist"),
                note: self.text("Timetables, soups, small printing presses. #trains"),
                fields: vec![
                    input("Website", "https://example.org/ada"),
                    input("Pronouns", "she/her"),
                    FieldInput::default(),
                    FieldInput::default(),
                ],
                locked: true,
                bot: false,
                discoverable: true,
                visibilities: form.visibilities,
                languages: form.languages,
                errors: FormErrors::default(),
            },
        );
        add(
            "settings-account",
            &AccountSettingsPage {
                frame: self.frame(Nav::Settings, "/settings/account"),
                email: self.text("ada@example.org"),
                joined: self.moment(""),
                archive: ArchiveRow {
                    is_waiting: false,
                    ready: Some(ReadyArchive {
                        size: self.text("1.2 MiB"),
                        made: self.moment(""),
                        until: self.moment(""),
                    }),
                    can_ask: true,
                },
                password_characters_min: 10,
                errors: self.errors(&[("current_password", "This is not your password.")]),
            },
        );
        let told = |sentence: &str, named: &[&str], more| ReportLine {
            sentence: self.text(sentence),
            named: named.iter().map(|address| self.text(address)).collect(),
            more,
        };
        let arrival = Arrival {
            name: self.text("archive-20261123-8d1f.zip"),
            size: self.text("48 MB"),
            asked: self.moment("5 min"),
            things: Some(12_480),
            done: 4_200,
            is_under_way: true,
            outcome: "",
            reason: None,
            imported: 4_150,
            lines: vec![
                told("posts and boosts: 4150 imported", &[], 0),
                told(
                    "posts and boosts: 50 skipped: what they are about is not on this instance",
                    &["https://elsewhere.example/users/someone/statuses/109877665544332211"],
                    49,
                ),
            ],
        };
        let import = ImportPage {
            frame: self.frame(Nav::Settings, "/settings/import"),
            is_open: true,
            size_max: self.text("1.1 GB"),
            arrival: Some(arrival.clone()),
            errors: FormErrors::default(),
        };
        add("settings-import-on-its-way", &import);
        let import = ImportPage {
            arrival: Some(Arrival {
                is_under_way: false,
                outcome: "It could not be taken in, or no further.",
                reason: Some(self.text("outbox.json, item 4201: it has no type")),
                ..arrival
            }),
            errors: self.errors(&[("import_password", "The password is wrong.")]),
            ..import
        };
        add("settings-import", &import);
        let mail = MailSettingsPage {
            frame: self.frame(Nav::Settings, "/settings/mail"),
            is_on: true,
            email: self.text("ada@example.org"),
            is_confirmed: true,
            new_email: String::new(),
            bounce: None,
            typed_email: String::new(),
            address_errors: FormErrors::default(),
            mentions: vec![
                Choice {
                    value: "at_once".to_owned(),
                    label: self.text("At once"),
                    selected: true,
                },
                Choice {
                    value: "off".to_owned(),
                    label: self.text("Never"),
                    selected: false,
                },
            ],
            follow_requests: true,
            log_ins: true,
            sign_ups: None,
            quiet_from: String::new(),
            quiet_until: String::new(),
            time_zone: String::new(),
            instance_zone: self.text("Europe/Dublin"),
            zones: vec![self.text("Africa/Abidjan"), self.text("Europe/Berlin")],
            errors: FormErrors::default(),
        };
        add("settings-mail", &mail);
        add(
            "settings-mail-waiting",
            &MailSettingsPage {
                is_confirmed: false,
                new_email: self.text("ada@new.example"),
                typed_email: self.text("ada@nowhere"),
                address_errors: self.errors(&[("current_password", "This is not your password.")]),
                sign_ups: Some(true),
                ..mail.clone()
            },
        );
        add(
            "settings-mail-bounced",
            &MailSettingsPage {
                bounce: Some(Bounce {
                    since: self.moment(""),
                    reason: self.text("550 5.1.1 there is no such mailbox here"),
                }),
                quiet_from: self.text("22:00"),
                quiet_until: self.text("25:00"),
                time_zone: self.text("Europe/Atlantis"),
                errors: self.errors(&[
                    ("quiet_until", "Enter a time such as 22:00."),
                    ("time_zone", "This is no time zone."),
                ]),
                ..mail.clone()
            },
        );
        add(
            "settings-mail-off",
            &MailSettingsPage {
                is_on: false,
                is_confirmed: false,
                ..mail
            },
        );
        add(
            "confirm",
            &ConfirmPage {
                frame: nobody(),
                code: self.text("abc"),
            },
        );
        add(
            "forgot",
            &ForgotPage {
                frame: nobody(),
                is_on: true,
            },
        );
        add(
            "forgot-off",
            &ForgotPage {
                frame: nobody(),
                is_on: false,
            },
        );
        add(
            "unsubscribe",
            &UnsubscribePage {
                frame: nobody(),
                token: self.text("1.mention.abc"),
                about: self.text("mentions and replies"),
            },
        );
        let app = |id: &str, name: &str, scopes: &[&str]| AppRow {
            id: id.to_owned(),
            name: self.text(name),
            website: Some("https://example.org".to_owned()),
            scopes: scopes.iter().map(|scope| self.text(scope)).collect(),
            authorized: self.moment(""),
            last_used: (id == "1").then(|| self.moment("")),
        };
        let session = |id: &str, browser: &str| SessionRow {
            id: id.to_owned(),
            browser: self.text(browser),
            last_used: self.moment(""),
            current: id == "1",
        };
        add(
            "settings-sessions",
            &SessionsPage {
                frame: self.frame(Nav::Settings, "/settings/sessions"),
                sessions: vec![
                    session("1", "Firefox on Linux"),
                    session("2", "Safari on iPhone"),
                ],
                apps: vec![
                    app(
                        "1",
                        "Pocket Gull",
                        &["Read everything", "Publish posts", "Follow people"],
                    ),
                    app("2", "tide-cli", &["Publish posts"]),
                ],
            },
        );
        add("admin-tasks", &self.tasks());
        add("admin-live", &self.live(true));
        add("admin-live-calm", &self.live(false));
        add(
            "admin-sign-ups",
            &SignUpsPage {
                frame: self.owners_frame("/admin/sign-ups"),
                waiting: vec![
                    SignUpRow {
                        id: "1".to_owned(),
                        name: "grainne".to_owned(),
                        asked: self.moment("2 h"),
                        reason: self.text("I keep the library's oboe and would like to tell about it.\nWren knows me."),
                    },
                    SignUpRow {
                        id: "2".to_owned(),
                        name: "seo_master_4711".to_owned(),
                        asked: self.moment("1 h"),
                        reason: String::new(),
                    },
                ],
                is_more: false,
            },
        );
        add("stats", &self.stats(nobody(), Told::Strangers, 30));
        let owner = self.frame(Nav::Elsewhere, "/stats");
        add("stats-owner", &self.stats(owner.clone(), Told::Owner, 30));
        add("stats-year", &self.stats(owner, Told::Owner, 365));
        add("settings-stats", &self.own_stats());
        let line = |scope: &str, words: &str, writes| ScopeLine {
            scope: self.text(scope),
            words: self.text(words),
            writes,
        };
        let carried = |name, value: &str| Carried {
            name,
            value: self.text(value),
        };
        add(
            "oauth-consent",
            &ConsentPage {
                frame: self.frame(Nav::Elsewhere, "/oauth/authorize?client_id=1"),
                app_name: self.text("Pocket Gull"),
                website: Some("https://gull.example".to_owned()),
                target: self.text("gull.example"),
                scopes: vec![
                    line("read", "Read everything in your account", false),
                    line(
                        "write:statuses",
                        "Publish, edit and delete posts in your name",
                        true,
                    ),
                    line("follow", "Follow, mute and block people", true),
                ],
                carried: vec![
                    carried("client_id", "1"),
                    carried("redirect_uri", "https://gull.example/back"),
                    carried("state", "x\"y"),
                    carried("scope", "read write:statuses follow"),
                ],
            },
        );
        add(
            "oauth-code",
            &CodePage {
                frame: self.frame(Nav::Elsewhere, "/oauth/authorize/native"),
                app_name: self.text("toot"),
                code: self.text("Zk3vB0x8wQpN4sYhT2mLr7uEaJ6dGcXf1oHiVbKq9Rs"),
                minutes: 10,
            },
        );
        let error = |status, heading: &str, message: &str| ErrorPage {
            frame: nobody(),
            status,
            heading: self.text(heading),
            message: self.text(message),
            request_id: self.text("01HZX3K9QW"),
        };
        add(
            "error-404",
            &error(
                404,
                "Nothing here",
                "This page doesn't exist, or it isn't meant for you.",
            ),
        );
        add(
            "error-429",
            &error(429, "Too fast", "Please wait 40 seconds and try again."),
        );
        add(
            "error-500",
            &error(
                500,
                "Something broke",
                "It is our fault, and it has been written down.",
            ),
        );
        add("about", &AboutPage { frame: self.guest(Nav::About, "/about"), host: self.text("harbour.example"), description_html: "<p>Harbour Town began as a notice board at the ferry terminal. It still is one, only dry.</p><p>It is paid for by its members and run by three of them.</p>".to_owned(), rules: vec![self.text("Be kind. Nobody is a stranger for long."), self.text("No advertising, not even for good bread."), self.text("Warn before you spoil a book or a dinner.")], contact: Some(self.row(0, "<p>Keeps the lights on.</p>", None)), contact_email: Some(self.text("hello@harbour.example")), accounts: 128, posts: 48_210, version: "0.1.0" });
        pages
    }
}

const USUAL: Samples = Samples { hostile: None };

fn sample_span(days: i32) -> Span {
    let until: Day = "2026-11-22".parse().expect("a date");
    Span {
        from: until.plus(1 - days),
        until,
        zone: jiff::tz::TimeZone::UTC,
    }
}

/// A lively day, less so at the end of a week; one with too few people now and then.
fn sample_day(day: Day) -> (InstanceDay, MeasuredDay) {
    let wave = i64::from(day.0 * 7919 % 23) + if day.0 % 7 < 5 { 30 } else { 12 };
    let is_quiet = day.0 % 13 < 2;
    let mut public = Figures::default();
    for (measure, count) in [
        (Measure::Posts, wave * 3),
        (Measure::Replies, wave),
        (Measure::Boosts, wave / 2),
        (Measure::Favourites, wave * 5),
        (Measure::Mentions, wave * 2),
        (Measure::Follows, wave / 9),
        (Measure::SignUps, wave / 17),
        (Measure::ActiveDay, if is_quiet { 2 } else { wave }),
        (Measure::ActiveWeek, wave / 3 + 60),
        (Measure::ActiveMonth, 128),
    ] {
        public.set(measure, count);
    }
    for (hour, count) in public.hours.iter_mut().enumerate() {
        let from_noon = i64::try_from(hour).expect("a small number") - 13;
        *count = (wave * 3 / 10 - from_noon * from_noon / 8).max(0);
    }
    let mut all = public;
    all.add(Measure::Posts, wave);
    let measured = MeasuredDay {
        database_bytes: Some((i64::from(day.0) - 20_000) * 61_440),
        mail_sent: wave / 4,
        mail_failed: wave % 3,
    };
    (InstanceDay { day, all, public }, measured)
}

/// Values of the attribute `name` in `html`, in order.
fn attribute<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!(" {name}=\"");
    let values = html.split(opening.as_str()).skip(1);
    values
        .map(|rest| rest.split('"').next().expect("split yields one part"))
        .collect()
}

/// What a page of statistics may weigh.
const STATS_PAGE_BYTES_MAX: usize = 60_000;

#[test]
fn pages_of_statistics_stay_small() {
    for (name, html) in USUAL.pages() {
        if name.contains("stats") {
            assert!(html.len() < STATS_PAGE_BYTES_MAX, "{name}: {}", html.len());
            eprintln!("{name}: {} bytes", html.len());
        }
    }
}

#[test]
fn every_page_keeps_the_house_rules() {
    let sprite = assets::asset_named("icons.svg").expect("embedded");
    let sprite = std::str::from_utf8(&sprite.plain).expect("UTF-8");
    let sprite: BTreeSet<_> = attribute(sprite, "id").into_iter().collect();
    for (name, html) in USUAL.pages() {
        for banned in [
            "<script",
            "<style",
            " style=",
            " onclick=",
            "javascript:",
            "http://",
        ] {
            assert!(!html.contains(banned), "{name} contains {banned}");
        }
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{name}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{name}: one main heading");
        assert_eq!(
            html.matches("<main id=\"main\"").count(),
            1,
            "{name}: one main landmark"
        );
        let ids = attribute(&html, "id");
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{name}: ids {ids:?}");
        for target in attribute(&html, "for")
            .iter()
            .chain(&attribute(&html, "form"))
        {
            assert!(
                distinct.contains(target),
                "{name}: nothing is called {target}"
            );
        }
        for target in attribute(&html, "aria-describedby") {
            assert!(
                distinct.contains(&target),
                "{name}: nothing is called {target}"
            );
        }
        for link in attribute(&html, "href") {
            if let Some((sheet, symbol)) = link.split_once('#')
                && sheet == assets::asset_url("icons.svg")
            {
                assert!(sprite.contains(symbol), "{name}: no icon {symbol}");
            }
        }
        for link in attribute(&html, "src") {
            assert!(
                link.starts_with("/sample/") || assets::asset_at(link).is_some(),
                "{name}: {link}"
            );
        }
        for image in html.split("<img ").skip(1) {
            let tag = image.split('>').next().expect("split yields one part");
            assert!(tag.contains(" alt="), "{name}: <img {tag}>");
        }
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().expect("split yields one part");
            let posts = form
                .split('>')
                .next()
                .is_some_and(|tag| tag.contains("method=\"post\""));
            // Whoever holds the signed address may unsubscribe: mail programs know no token (RFC 8058).
            let needs_token = posts && !form.contains(" action=\"/unsubscribe/");
            assert_eq!(
                form.contains("name=\"csrf\""),
                needs_token,
                "{name}: <form{form}"
            );
        }
    }
}

/// Text that breaks out of an element, of an attribute, or of an entity when it isn't escaped.
const HOSTILE: &str =
    "</title><script>alert(1)</script>\" autofocus onfocus=\"alert(2)\" ' &lt;b&gt;";

#[test]
fn no_text_breaks_out_of_its_place() {
    let hostile = Samples {
        hostile: Some(HOSTILE),
    }
    .pages();
    for ((name, usual), (_, hostile)) in USUAL.pages().iter().zip(&hostile) {
        assert!(
            hostile.contains("&#60;script&#62;alert(1)"),
            "{name} shows the text"
        );
        assert!(
            hostile.contains("&#38;lt;b&#38;gt;"),
            "{name} keeps entities as they were typed"
        );
        assert!(
            !hostile.contains("onfocus=\""),
            "{name}: an attribute ended early"
        );
        let tags = |html: &str| -> Vec<String> {
            let names = html
                .split('<')
                .skip(1)
                .map(|rest| rest.split([' ', '>']).next());
            names
                .map(|name| name.expect("split yields one part").to_owned())
                .collect()
        };
        assert_eq!(tags(hostile), tags(usual), "{name}");
    }
}

#[test]
fn a_guest_is_shown_no_action_form() {
    for (name, html) in USUAL.pages() {
        let signed_in = html.contains("action=\"/logout\"") && html.contains("class=\"nav\"");
        assert_eq!(html.contains("id=\"act\""), signed_in, "{name}");
        assert_eq!(
            html.contains(" form=\"act\""),
            signed_in && html.contains("formaction"),
            "{name}"
        );
    }
}

#[test]
fn a_card_holds_no_token() {
    for card in USUAL.timeline() {
        let html = card.render().expect("renders");
        assert!(!html.contains("csrf") && !html.contains("sample-token"));
        assert!(html.contains(&format!("/posts/{}/", card.id)));
    }
}

#[test]
fn a_warned_text_is_folded() {
    let mut card = USUAL.timeline().swap_remove(3);
    let html = card.render().expect("renders");
    let (before, after) = html
        .split_once("<details class=\"warning\">")
        .expect("folded");
    assert!(!before.contains("butler") && after.contains("butler"));
    card.warning = String::new();
    let html = card.render().expect("renders");
    assert!(!html.contains("<details class=\"warning\">") && html.contains("butler"));
}

#[test]
fn buttons_undo_what_was_done() {
    let mut card = USUAL.timeline().swap_remove(0);
    for done in [false, true] {
        let actions = PostActions {
            favourited: done,
            boosted: done,
            bookmarked: done,
            can_boost: true,
            own: false,
        };
        card.actions = Some(actions);
        let html = card.render().expect("renders");
        for verb in ["favourite", "boost", "bookmark"] {
            assert_eq!(
                html.contains(&format!("/posts/901/{verb}\"")),
                !done,
                "{verb}"
            );
            assert_eq!(
                html.contains(&format!("/posts/901/un{verb}\"")),
                done,
                "{verb}"
            );
        }
        assert_eq!(html.contains("aria-pressed=\"true\""), done);
        assert!(!html.contains("/posts/901/delete"));
    }
}

/// Writes what a browser needs to show the pages, when asked to.
#[test]
fn pages_can_be_written_out() -> std::io::Result<()> {
    let Some(dir) = std::env::var_os("KINGLET_GALLERY_DIR").map(std::path::PathBuf::from) else {
        return Ok(());
    };
    std::fs::create_dir_all(dir.join("sample"))?;
    std::fs::create_dir_all(dir.join("assets"))?;
    for (name, html) in USUAL.pages() {
        std::fs::write(dir.join(name).with_extension("html"), html)?;
    }
    for name in [
        "kinglet.css",
        "admin.css",
        "stats.css",
        "live.css",
        "favicon.svg",
        "icons.svg",
        "header.svg",
    ] {
        let asset = assets::asset_named(name).expect("embedded");
        let path = asset.path.trim_start_matches('/');
        std::fs::write(dir.join(path), &asset.plain)?;
    }
    for (at, (name, _)) in PEOPLE.iter().enumerate() {
        let hue = (at * 67 + 28) % 360;
        let (far, turn) = ((hue + 50) % 360, at * 40);
        let picture = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 96\"><rect width=\"96\" height=\"96\" fill=\"hsl({hue} 48% 72%)\"/><g transform=\"rotate({turn} 48 48)\"><circle cx=\"70\" cy=\"34\" r=\"34\" fill=\"hsl({far} 52% 58%)\"/><path fill=\"hsl({hue} 44% 34%)\" d=\"M-20 60q40-30 70 0t70 0v70H-20z\"/></g></svg>"
        );
        std::fs::write(dir.join("sample").join(format!("{name}.svg")), picture)?;
    }
    Ok(())
}
