//! The website's routes.

use super::{
    about, admin, archive, compose, errors, import, live, mail_settings, notifications, posts,
    profiles, search, settings, stats, timelines,
};
use crate::context::Context;
use crate::limits::Kind;
use crate::routing::Access::{Session, Visitor};
use crate::routing::Family;

/// The family's routes.
pub fn family() -> Family<Context> {
    let family = Family::rendered("website", errors::render);
    let family = reading(family);
    let family = writing(family);
    let family = others(family);
    let family = looking_after(family);
    own_settings(family)
}

fn reading(family: Family<Context>) -> Family<Context> {
    family
        .get("/", Visitor, timelines::front)
        .get("/public", Visitor, timelines::public)
        .get("/tags/:name", Visitor, timelines::tag)
        .get("/search", Visitor, search::search)
        .get("/about", Visitor, about::about)
        .get("/stats", Visitor, stats::stats)
        .get("/stats.csv", Visitor, stats::stats_csv)
        .get("/stats.json", Visitor, stats::stats_json)
        .get("/@:name", Visitor, profiles::posts_tab)
        .get("/@:name/with_replies", Visitor, profiles::replies_tab)
        .get("/@:name/following", Visitor, profiles::following_tab)
        .get("/@:name/followers", Visitor, profiles::followers_tab)
        .get("/@:name/:id", Visitor, posts::post)
        .get("/@:name/:id/history", Visitor, posts::history)
        .get("/@:name/:id/favourites", Visitor, profiles::favourited_by)
        .get("/@:name/:id/boosts", Visitor, profiles::boosted_by)
        .get("/favourites", Session, timelines::favourites)
        .get("/bookmarks", Session, timelines::bookmarks)
        .get("/notifications", Session, notifications::list)
}

fn writing(family: Family<Context>) -> Family<Context> {
    family
        .get("/compose", Session, compose::page)
        .post("/posts", Session, compose::write)
        .limited(Kind::Posting)
        .get("/posts/:id/edit", Session, compose::edit_page)
        .post("/posts/:id/edit", Session, compose::edit)
        .limited(Kind::Posting)
        .get("/posts/:id/delete", Session, posts::ask_delete)
        .post("/posts/:id/delete", Session, posts::delete)
        .post("/posts/:id/favourite", Session, posts::favourite)
        .post("/posts/:id/unfavourite", Session, posts::unfavourite)
        .post("/posts/:id/bookmark", Session, posts::bookmark)
        .post("/posts/:id/unbookmark", Session, posts::unbookmark)
        .post("/posts/:id/boost", Session, posts::boost)
        .limited(Kind::Posting)
        .post("/posts/:id/unboost", Session, posts::unboost)
}

fn others(family: Family<Context>) -> Family<Context> {
    family
        .post("/@:name/follow", Session, profiles::follow)
        .post("/@:name/unfollow", Session, profiles::unfollow)
        .post("/@:name/block", Session, profiles::block)
        .post("/@:name/unblock", Session, profiles::unblock)
        .post("/@:name/mute", Session, profiles::mute)
        .post("/@:name/unmute", Session, profiles::unmute)
        .post(
            "/follow-requests/:id/accept",
            Session,
            profiles::accept_request,
        )
        .post(
            "/follow-requests/:id/reject",
            Session,
            profiles::reject_request,
        )
        .post("/notifications/read", Session, notifications::read)
        .post("/notifications/clear", Session, notifications::clear)
}

fn looking_after(family: Family<Context>) -> Family<Context> {
    family
        .get("/admin", Session, admin::index)
        .get("/admin/tasks", Session, admin::tasks)
        .post("/admin/tasks/:name/run", Session, admin::run_task)
        .post("/admin/tasks/:name/pause", Session, admin::pause_task)
        .post("/admin/tasks/:name/resume", Session, admin::resume_task)
        .post("/admin/queues/:name/pause", Session, admin::pause_queue)
        .post("/admin/queues/:name/resume", Session, admin::resume_queue)
        .post("/admin/jobs/retry-dead", Session, admin::retry_dead)
        .post("/admin/jobs/:id/retry", Session, admin::retry_job)
        .post("/admin/jobs/:id/drop", Session, admin::drop_job)
        .get("/admin/live", Session, live::live)
        .get("/admin/sign-ups", Session, admin::sign_ups)
        .post("/admin/sign-ups/:id/approve", Session, admin::approve)
        .post("/admin/sign-ups/:id/reject", Session, admin::reject)
}

fn own_settings(family: Family<Context>) -> Family<Context> {
    family
        .get("/settings", Session, settings::index)
        .get("/settings/profile", Session, settings::profile_page)
        .post("/settings/profile", Session, settings::profile)
        .get("/settings/account", Session, settings::account_page)
        .post("/settings/password", Session, settings::password)
        .limited(Kind::LogIn)
        .post("/settings/archive", Session, archive::ask)
        .limited(Kind::LogIn)
        .get("/settings/archive.zip", Session, archive::fetch)
        .get("/settings/import", Session, import::page)
        .post("/settings/import", Session, import::upload)
        .limited(Kind::LogIn)
        .post("/settings/import/cancel", Session, import::cancel)
        .get("/settings/mail", Session, mail_settings::page)
        .post("/settings/mail", Session, mail_settings::choose)
        .post(
            "/settings/mail/address",
            Session,
            mail_settings::change_address,
        )
        .limited(Kind::MailAsked)
        .post(
            "/settings/mail/confirmation",
            Session,
            mail_settings::ask_again,
        )
        .limited(Kind::MailAsked)
        .post("/settings/mail/trust", Session, mail_settings::trust)
        .limited(Kind::MailAsked)
        .get("/settings/sessions", Session, settings::sessions_page)
        .get("/settings/stats", Session, stats::own_stats)
        .get("/settings/stats.csv", Session, stats::own_csv)
        .get("/settings/stats.json", Session, stats::own_json)
        .post(
            "/settings/sessions/:id/revoke",
            Session,
            settings::revoke_session,
        )
        .post("/settings/apps/:id/revoke", Session, settings::revoke_app)
        .get("/settings/blocks", Session, profiles::blocks)
        .get("/settings/mutes", Session, profiles::mutes)
}
