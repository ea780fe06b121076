//! Every route, and what of a post can be learned from it. A route that is missing here fails a test.

use super::world::{Kind, Subject, Viewer, Visibility};

/// A route and what it is to a post.
pub struct Row {
    pub method: &'static str,
    pub pattern: &'static str,
    pub outlet: Outlet,
}

/// What a route is to a post.
pub enum Outlet {
    /// It answers an entry, or something about it: `:id` in its pattern is the entry's.
    Entry(Entry),
    /// It answers lists in which posts stand.
    Lists(&'static [List]),
    /// It does something to a post that it names.
    Act(Act),
    /// It shows counts to which posts add up; each of these addresses must answer the same whatever posts there are
    /// that the caller may not see.
    Counts(&'static [&'static str]),
    /// Nothing of a post can be learned from it, because of this.
    Quiet(&'static str),
}

/// What of an entry an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Its text; of a boost, the boosted post's.
    Text,
    /// Its own text; of a boost there is none.
    OwnText,
    /// As before, and only the author gets it.
    AuthorsText,
    /// Nothing but that it is there.
    Presence,
}

/// A list, and who finds which posts in it.
pub struct List {
    /// The address: `{author}`, `{booster}`, `{stranger}`, `{follower}`, `{asked}` are ids. With `{id}`, `{url}`, `{word}` or
    /// `{answer}` in it the address is made for each post apart.
    pub path: &'static str,
    /// Who finds which of the author's posts.
    pub shows: fn(Viewer, &Subject) -> bool,
}

/// Something that is done to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// By whoever sees it.
    OnSeen,
    /// By its author.
    OnOwn,
    /// A reply to it, by whoever sees it.
    Reply,
}

const fn row(method: &'static str, pattern: &'static str, outlet: Outlet) -> Row {
    Row {
        method,
        pattern,
        outlet,
    }
}

const fn get(pattern: &'static str, outlet: Outlet) -> Row {
    row("GET", pattern, outlet)
}

const fn post(pattern: &'static str, outlet: Outlet) -> Row {
    row("POST", pattern, outlet)
}

fn sees(viewer: Viewer, subject: &Subject) -> bool {
    viewer.may_see(subject.visibility)
}

/// Where posts come by themselves: not those of muted accounts.
fn strolls_past(viewer: Viewer, subject: &Subject) -> bool {
    sees(viewer, subject) && viewer != Viewer::Muting
}

fn lists(viewer: Viewer, subject: &Subject) -> bool {
    strolls_past(viewer, subject) && subject.visibility == Visibility::Public
}

fn is_post(subject: &Subject) -> bool {
    subject.kind == Kind::Post
}

fn home(viewer: Viewer, subject: &Subject) -> bool {
    match viewer {
        Viewer::Author => true,
        // The follower doesn't follow the stranger whom the author answers.
        Viewer::Follower => is_post(subject) && sees(viewer, subject),
        Viewer::FollowerOfBooster => is_post(subject) && sees(viewer, subject),
        _ => false,
    }
}

/// The website's first page: home, and the public timeline for whoever has none.
fn front(viewer: Viewer, subject: &Subject) -> bool {
    match viewer {
        Viewer::Anonymous => lists(viewer, subject),
        _ => home(viewer, subject),
    }
}

fn tagged(viewer: Viewer, subject: &Subject) -> bool {
    is_post(subject) && lists(viewer, subject)
}

fn nobody(_: Viewer, _: &Subject) -> bool {
    false
}

fn posts_of_sight(viewer: Viewer, subject: &Subject) -> bool {
    is_post(subject) && sees(viewer, subject)
}

fn replies_of_sight(viewer: Viewer, subject: &Subject) -> bool {
    !is_post(subject) && sees(viewer, subject)
}

fn boosted(viewer: Viewer, subject: &Subject) -> bool {
    let open = matches!(
        subject.visibility,
        Visibility::Public | Visibility::Unlisted
    );
    open && posts_of_sight(viewer, subject)
}

/// The mentioned is told of every post, the author of what was done to the posts.
fn notified(viewer: Viewer, subject: &Subject) -> bool {
    match viewer {
        Viewer::Mentioned => true,
        Viewer::Author => is_post(subject),
        _ => false,
    }
}

const RELATION: Outlet = Outlet::Quiet("answers how two accounts stand to each other");
const INSTANCE: Outlet = Outlet::Quiet("answers settings and a number of users");
const STATISTICS: Outlet = Outlet::Quiet(
    "answers the same figures as /api/kinglet/v1/stats; tests/stats.rs compares every byte for strangers",
);
const STAFF: Outlet =
    Outlet::Quiet("answers figures to whoever runs the instance, and 403 to everybody else");
const ACCESS: Outlet = Outlet::Quiet("is about log-in, tokens or sessions");
const OWN_PROFILE: Outlet = Outlet::Quiet("answers the caller's own account");
const ADMIN: Outlet = Outlet::Quiet(
    "is for owners and moderators alone, and tells of jobs by the names of people, never of a post",
);
const MAIL_SETTINGS: Outlet =
    Outlet::Quiet("is about what is mailed to somebody, and says nothing of it");
const PICTURE: Outlet =
    Outlet::Quiet("answers a picture or another file that is the same for everybody");
const NOTIFICATION_ACT: Outlet =
    Outlet::Quiet("removes the caller's own notifications, and answers {}");

/// The table.
pub const TABLE: &[Row] = &[
    // Statuses.
    get("/api/v1/statuses/:id", Outlet::Entry(Entry::Text)),
    get(
        "/api/v1/statuses/:id/history",
        Outlet::Entry(Entry::OwnText),
    ),
    get(
        "/api/v1/statuses/:id/source",
        Outlet::Entry(Entry::AuthorsText),
    ),
    get("/api/v1/statuses/:id/card", Outlet::Entry(Entry::Presence)),
    get(
        "/api/v1/statuses/:id/favourited_by",
        Outlet::Entry(Entry::Presence),
    ),
    get(
        "/api/v1/statuses/:id/reblogged_by",
        Outlet::Entry(Entry::Presence),
    ),
    // The post itself, by the answer 404; its neighbours, by what stands in the answer.
    get(
        "/api/v1/statuses/:id/context",
        Outlet::Entry(Entry::Presence),
    ),
    get(
        "/api/v1/statuses/:id/context",
        Outlet::Lists(&[
            List {
                path: "/api/v1/statuses/{asked}/context",
                shows: replies_of_sight,
            },
            List {
                path: "/api/v1/statuses/{answer}/context",
                shows: replies_of_sight,
            },
        ]),
    ),
    get(
        "/api/v1/statuses",
        Outlet::Lists(&[List {
            path: "/api/v1/statuses?id[]={id}&id[]={asked}",
            shows: sees,
        }]),
    ),
    post("/api/v1/statuses", Outlet::Act(Act::Reply)),
    row("PUT", "/api/v1/statuses/:id", Outlet::Act(Act::OnOwn)),
    row("DELETE", "/api/v1/statuses/:id", Outlet::Act(Act::OnOwn)),
    post("/api/v1/statuses/:id/favourite", Outlet::Act(Act::OnSeen)),
    post("/api/v1/statuses/:id/unfavourite", Outlet::Act(Act::OnSeen)),
    post("/api/v1/statuses/:id/bookmark", Outlet::Act(Act::OnSeen)),
    post("/api/v1/statuses/:id/unbookmark", Outlet::Act(Act::OnSeen)),
    post("/api/v1/statuses/:id/reblog", Outlet::Act(Act::OnSeen)),
    post("/api/v1/statuses/:id/unreblog", Outlet::Act(Act::OnSeen)),
    // Timelines.
    get(
        "/api/v1/timelines/home",
        Outlet::Lists(&[List {
            path: "/api/v1/timelines/home?limit=40",
            shows: home,
        }]),
    ),
    get(
        "/api/v1/timelines/public",
        Outlet::Lists(&[
            List {
                path: "/api/v1/timelines/public?limit=40",
                shows: lists,
            },
            List {
                path: "/api/v1/timelines/public?remote=true",
                shows: nobody,
            },
        ]),
    ),
    get(
        "/api/v1/timelines/tag/:tag",
        Outlet::Lists(&[
            List {
                path: "/api/v1/timelines/tag/birds?limit=40",
                shows: tagged,
            },
            List {
                path: "/api/v1/timelines/tag/no?any[]=birdsprivate&any[]=birdsdirect&any[]=birdspublic",
                shows: tagged,
            },
        ]),
    ),
    get(
        "/api/v1/favourites",
        Outlet::Lists(&[List {
            path: "/api/v1/favourites?limit=40",
            shows: posts_of_sight,
        }]),
    ),
    get(
        "/api/v1/bookmarks",
        Outlet::Lists(&[List {
            path: "/api/v1/bookmarks?limit=40",
            shows: posts_of_sight,
        }]),
    ),
    // Accounts.
    get(
        "/api/v1/accounts/:id/statuses",
        Outlet::Lists(&[
            List {
                path: "/api/v1/accounts/{author}/statuses?limit=40",
                shows: sees,
            },
            List {
                path: "/api/v1/accounts/{author}/statuses?exclude_replies=true&exclude_reblogs=true",
                shows: posts_of_sight,
            },
            List {
                path: "/api/v1/accounts/{author}/statuses?tagged=birds",
                shows: posts_of_sight,
            },
            List {
                path: "/api/v1/accounts/{author}/statuses?pinned=true",
                shows: nobody,
            },
            List {
                path: "/api/v1/accounts/{author}/statuses?only_media=true",
                shows: nobody,
            },
            List {
                path: "/api/v1/accounts/{booster}/statuses?limit=40",
                shows: boosted,
            },
        ]),
    ),
    get(
        "/api/v1/accounts",
        Outlet::Counts(&["/api/v1/accounts?id[]={author}"]),
    ),
    get(
        "/api/v1/accounts/:id",
        Outlet::Counts(&["/api/v1/accounts/{author}"]),
    ),
    get(
        "/api/v1/accounts/lookup",
        Outlet::Counts(&["/api/v1/accounts/lookup?acct=ada"]),
    ),
    get(
        "/api/v1/accounts/search",
        Outlet::Counts(&["/api/v1/accounts/search?q=ada"]),
    ),
    get(
        "/api/v1/accounts/:id/followers",
        Outlet::Counts(&["/api/v1/accounts/{booster}/followers"]),
    ),
    get(
        "/api/v1/accounts/:id/following",
        Outlet::Counts(&["/api/v1/accounts/{follower}/following"]),
    ),
    get("/api/v1/accounts/relationships", RELATION),
    get("/api/v1/accounts/verify_credentials", OWN_PROFILE),
    row("PATCH", "/api/v1/accounts/update_credentials", OWN_PROFILE),
    get("/api/v1/preferences", OWN_PROFILE),
    post("/api/v1/accounts", ACCESS),
    post("/api/v1/accounts/:id/follow", RELATION),
    post("/api/v1/accounts/:id/unfollow", RELATION),
    post("/api/v1/accounts/:id/remove_from_followers", RELATION),
    post("/api/v1/accounts/:id/block", RELATION),
    post("/api/v1/accounts/:id/unblock", RELATION),
    post("/api/v1/accounts/:id/mute", RELATION),
    post("/api/v1/accounts/:id/unmute", RELATION),
    post("/api/v1/follow_requests/:id/authorize", RELATION),
    post("/api/v1/follow_requests/:id/reject", RELATION),
    get("/api/v1/follow_requests", RELATION),
    get("/api/v1/blocks", Outlet::Counts(&["/api/v1/blocks"])),
    get("/api/v1/mutes", Outlet::Counts(&["/api/v1/mutes"])),
    // Notifications.
    get(
        "/api/v1/notifications",
        Outlet::Lists(&[List {
            path: "/api/v1/notifications?limit=80",
            shows: notified,
        }]),
    ),
    get(
        "/api/v1/notifications/:id",
        Outlet::Quiet("has ids of its own; a test of its own asks for each of them as each viewer"),
    ),
    get(
        "/api/v1/notifications/unread_count",
        Outlet::Quiet("counts what the list shows; a test of its own compares them"),
    ),
    post("/api/v1/notifications/clear", NOTIFICATION_ACT),
    post("/api/v1/notifications/dismiss", NOTIFICATION_ACT),
    post("/api/v1/notifications/:id/dismiss", NOTIFICATION_ACT),
    get(
        "/api/v2/notifications/policy",
        Outlet::Quiet("answers a constant"),
    ),
    get(
        "/api/v1/markers",
        Outlet::Quiet("answers what the caller wrote there"),
    ),
    post(
        "/api/v1/markers",
        Outlet::Quiet("answers what the caller wrote there"),
    ),
    // Search.
    get(
        "/api/v2/search",
        Outlet::Lists(&[
            List {
                path: "/api/v2/search?q={word}&limit=40",
                shows: strolls_past,
            },
            List {
                path: "/api/v2/search?q={word}&type=statuses&account_id={author}",
                shows: strolls_past,
            },
            List {
                path: "/api/v2/search?q=wren&type=statuses",
                shows: |viewer, subject| is_post(subject) && strolls_past(viewer, subject),
            },
            List {
                path: "/api/v2/search?q={url}&resolve=true",
                shows: sees,
            },
            List {
                path: "/api/v2/search?q=birds&type=hashtags",
                shows: nobody,
            },
        ]),
    ),
    get(
        "/api/v1/tags/:name",
        Outlet::Counts(&["/api/v1/tags/birds", "/api/v1/tags/birdsdirect"]),
    ),
    // Access.
    post("/api/v1/apps", ACCESS),
    post("/api/v1/emails/confirmations", ACCESS),
    get("/api/v1/emails/check_confirmation", ACCESS),
    get("/api/v1/apps/verify_credentials", ACCESS),
    get("/.well-known/oauth-authorization-server", ACCESS),
    get("/oauth/authorize", ACCESS),
    post("/oauth/authorize", ACCESS),
    post("/oauth/token", ACCESS),
    post("/oauth/revoke", ACCESS),
    get("/oauth/userinfo", OWN_PROFILE),
    post("/oauth/userinfo", OWN_PROFILE),
    // The instance.
    get("/api/v1/instance", INSTANCE),
    get("/api/v2/instance", INSTANCE),
    get("/api/v1/instance/extended_description", INSTANCE),
    get("/api/v1/instance/privacy_policy", INSTANCE),
    get(
        "/api/v1/instance/activity",
        Outlet::Counts(&["/api/v1/instance/activity"]),
    ),
    get(
        "/api/kinglet/v1/stats",
        Outlet::Counts(&["/api/kinglet/v1/stats", "/api/kinglet/v1/stats?days=365"]),
    ),
    get(
        "/api/kinglet/v1/stats.csv",
        Outlet::Counts(&["/api/kinglet/v1/stats.csv"]),
    ),
    get("/api/kinglet/v1/accounts/stats", OWN_PROFILE),
    get("/api/kinglet/v1/accounts/stats.csv", OWN_PROFILE),
    post("/api/v1/admin/measures", STAFF),
    post("/api/v1/admin/dimensions", STAFF),
    get("/.well-known/host-meta", INSTANCE),
    get("/.well-known/host-meta.json", INSTANCE),
    get("/.well-known/nodeinfo", INSTANCE),
    get(
        "/.well-known/webfinger",
        Outlet::Quiet("answers where an account is"),
    ),
    get("/nodeinfo/2.0", Outlet::Counts(&["/nodeinfo/2.0"])),
    get("/nodeinfo/2.1", Outlet::Counts(&["/nodeinfo/2.1"])),
    get(
        "/metrics",
        Outlet::Quiet("isn't there unless it has a token or a listener of its own"),
    ),
    get(
        "/.well-known/kinglet-probe/:nonce",
        Outlet::Quiet("isn't there for anybody, the doctor sees its own request arrive"),
    ),
    get("/health", Outlet::Quiet("answers that the server is there")),
    get("/pictures/:version/avatars/:file", PICTURE),
    get("/pictures/:version/headers/:file", PICTURE),
    // The website: what is read.
    get(
        "/",
        Outlet::Lists(&[List {
            path: "/",
            shows: front,
        }]),
    ),
    get(
        "/public",
        Outlet::Lists(&[List {
            path: "/public",
            shows: lists,
        }]),
    ),
    get(
        "/tags/:name",
        Outlet::Lists(&[List {
            path: "/tags/birds",
            shows: tagged,
        }]),
    ),
    get(
        "/search",
        Outlet::Lists(&[
            List {
                path: "/search?q=wren",
                shows: |viewer, subject| is_post(subject) && strolls_past(viewer, subject),
            },
            List {
                path: "/search?q=robin&type=statuses",
                shows: |viewer, subject| !is_post(subject) && strolls_past(viewer, subject),
            },
        ]),
    ),
    get(
        "/@:name",
        Outlet::Lists(&[
            List {
                path: "/@ada",
                shows: posts_of_sight,
            },
            List {
                path: "/@bo",
                shows: boosted,
            },
        ]),
    ),
    get(
        "/@:name/with_replies",
        Outlet::Lists(&[List {
            path: "/@ada/with_replies",
            shows: sees,
        }]),
    ),
    get(
        "/@:name/following",
        Outlet::Quiet("lists accounts, with nothing of their posts"),
    ),
    get(
        "/@:name/followers",
        Outlet::Quiet("lists accounts, with nothing of their posts"),
    ),
    get("/@:name/:id", Outlet::Entry(Entry::Text)),
    get(
        "/@:name/:id",
        Outlet::Lists(&[
            List {
                path: "/@stan/{asked}",
                shows: replies_of_sight,
            },
            List {
                path: "/@mona/{answer}",
                shows: replies_of_sight,
            },
        ]),
    ),
    get("/@:name/:id/history", Outlet::Entry(Entry::OwnText)),
    get("/@:name/:id/favourites", Outlet::Entry(Entry::Presence)),
    get("/@:name/:id/boosts", Outlet::Entry(Entry::Presence)),
    get(
        "/favourites",
        Outlet::Lists(&[List {
            path: "/favourites",
            shows: posts_of_sight,
        }]),
    ),
    get(
        "/bookmarks",
        Outlet::Lists(&[List {
            path: "/bookmarks",
            shows: posts_of_sight,
        }]),
    ),
    get(
        "/notifications",
        Outlet::Lists(&[List {
            path: "/notifications?only=mentions",
            shows: |viewer, _| viewer == Viewer::Mentioned,
        }]),
    ),
    get("/about", INSTANCE),
    get("/assets/:file", PICTURE),
    get("/favicon.ico", PICTURE),
    get("/robots.txt", PICTURE),
    // The website: what is written.
    get("/compose", Outlet::Quiet("is an empty form")),
    post("/posts", Outlet::Act(Act::Reply)),
    get("/posts/:id/edit", Outlet::Entry(Entry::AuthorsText)),
    post("/posts/:id/edit", Outlet::Act(Act::OnOwn)),
    get("/posts/:id/delete", Outlet::Entry(Entry::AuthorsText)),
    post("/posts/:id/delete", Outlet::Act(Act::OnOwn)),
    post("/posts/:id/favourite", Outlet::Act(Act::OnSeen)),
    post("/posts/:id/unfavourite", Outlet::Act(Act::OnSeen)),
    post("/posts/:id/bookmark", Outlet::Act(Act::OnSeen)),
    post("/posts/:id/unbookmark", Outlet::Act(Act::OnSeen)),
    post("/posts/:id/boost", Outlet::Act(Act::OnSeen)),
    post("/posts/:id/unboost", Outlet::Act(Act::OnSeen)),
    post("/notifications/read", NOTIFICATION_ACT),
    post("/notifications/clear", NOTIFICATION_ACT),
    // The website: others, and one's own account.
    post("/@:name/follow", RELATION),
    post("/@:name/unfollow", RELATION),
    post("/@:name/block", RELATION),
    post("/@:name/unblock", RELATION),
    post("/@:name/mute", RELATION),
    post("/@:name/unmute", RELATION),
    post("/follow-requests/:id/accept", RELATION),
    post("/follow-requests/:id/reject", RELATION),
    get("/login", ACCESS),
    post("/login", ACCESS),
    post("/logout", ACCESS),
    get("/signup", ACCESS),
    post("/signup", ACCESS),
    get("/invite/:code", ACCESS),
    get("/setup", ACCESS),
    post("/setup", ACCESS),
    get("/reset/:code", ACCESS),
    post("/reset/:code", ACCESS),
    get("/admin", ADMIN),
    get("/admin/tasks", ADMIN),
    post("/admin/tasks/:name/run", ADMIN),
    post("/admin/tasks/:name/pause", ADMIN),
    post("/admin/tasks/:name/resume", ADMIN),
    post("/admin/queues/:name/pause", ADMIN),
    post("/admin/queues/:name/resume", ADMIN),
    post("/admin/jobs/retry-dead", ADMIN),
    post("/admin/jobs/:id/retry", ADMIN),
    post("/admin/jobs/:id/drop", ADMIN),
    get("/admin/live", ADMIN),
    get("/admin/sign-ups", ADMIN),
    post("/admin/sign-ups/:id/approve", ADMIN),
    post("/admin/sign-ups/:id/reject", ADMIN),
    get("/forgot", ACCESS),
    post("/forgot", ACCESS),
    get("/confirm/:code", ACCESS),
    post("/confirm/:code", ACCESS),
    get("/unsubscribe/:token", MAIL_SETTINGS),
    post("/unsubscribe/:token", MAIL_SETTINGS),
    get("/settings", OWN_PROFILE),
    get("/settings/mail", MAIL_SETTINGS),
    post("/settings/mail", MAIL_SETTINGS),
    post("/settings/mail/address", ACCESS),
    post("/settings/mail/confirmation", ACCESS),
    post("/settings/mail/trust", MAIL_SETTINGS),
    get("/settings/profile", OWN_PROFILE),
    post("/settings/profile", OWN_PROFILE),
    get("/settings/account", OWN_PROFILE),
    post("/settings/password", ACCESS),
    post("/settings/archive", ACCESS),
    get("/settings/archive.zip", OWN_PROFILE),
    get("/settings/import", OWN_PROFILE),
    post("/settings/import", ACCESS),
    post("/settings/import/cancel", ACCESS),
    get("/settings/sessions", ACCESS),
    post("/settings/sessions/:id/revoke", ACCESS),
    post("/settings/apps/:id/revoke", ACCESS),
    get("/stats", STATISTICS),
    get("/stats.csv", STATISTICS),
    get("/stats.json", STATISTICS),
    get("/settings/stats", OWN_PROFILE),
    get("/settings/stats.csv", OWN_PROFILE),
    get("/settings/stats.json", OWN_PROFILE),
    get("/settings/blocks", RELATION),
    get("/settings/mutes", RELATION),
];
