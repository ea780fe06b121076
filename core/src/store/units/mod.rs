//! One file per user action. Each decides inside the transaction whether the action is allowed.

mod access_rules;
#[cfg(test)]
mod access_tests;
mod admit_mail;
mod ask_reset;
mod block_account;
mod boost_post;
mod change_address;
mod change_password;
mod confirm_address;
mod create_invite;
mod delete_account;
mod delete_post;
mod digest;
mod edit_post;
mod enqueue;
mod exchange_code;
mod follow_account;
mod import_entries;
mod import_relations;
pub(super) mod index_posts;
mod issue_code;
mod issue_token;
#[cfg(test)]
mod job_tests;
mod keep_archive;
mod lease_jobs;
#[cfg(test)]
mod mail_tests;
mod mark_post;
mod mark_stale;
mod mend;
mod mention;
mod mute_account;
mod open_session;
mod operate_tasks;
mod pass_writer;
mod plan_task;
mod publish_post;
mod purge;
mod read_notifications;
mod reapply_deletion;
mod record_statistics;
mod register_account;
mod register_app;
mod review_account;
mod revoke_access;
mod rules;
mod scrub_pages;
mod set_instance_url;
mod set_mail_preferences;
mod set_role;
mod set_up_owner;
mod settle_job;
mod step_job;
mod suspend_account;
mod sweep;
mod take_arrival;
mod tell;
mod tidy_database;
mod try_writing;
mod update_profile;

pub use access_rules::DEAD_LINK;
pub use admit_mail::{AdmitMail, Dispatch, Letter, Mentioned, Sender};
pub use ask_reset::{AskReset, LINKS_PER_HOUR_MAX};
pub use block_account::{BlockAccount, UnblockAccount};
pub use boost_post::{BoostPost, UnboostPost};
pub use change_address::{AddressChange, ChangeAddress, TrustAddress};
pub use change_password::{ChangePassword, CreateResetLink, ResetPassword};
pub use confirm_address::{
    ADDRESS_TAKEN, AskConfirmation, CONFIRMATION_PAUSE_MILLIS, ConfirmAddress, Confirmed,
    NOTHING_TO_CONFIRM,
};
pub use create_invite::{CreateInvite, INVITE_DAYS_MAX, INVITE_USES_MAX};
pub use delete_account::DeleteAccount;
pub use delete_post::DeletePost;
pub use digest::{
    ITEM_AGE_MILLIS_MAX, ITEMS_PER_ACCOUNT_MAX, ITEMS_PER_DIGEST_MAX, SendDigests, SweepDigestItems,
};
pub use edit_post::{EDITS_PER_POST_MAX, EditPost};
pub use exchange_code::ExchangeCode;
pub use follow_account::{
    AnswerFollowRequest, FollowAccount, Followed, RemoveFollower, UnfollowAccount,
};
pub use import_entries::{ENTRIES_PER_IMPORT_MAX, ImportEntries, ImportedEntry, ImportedKind};
pub use import_relations::{ImportMarks, ImportRelations, RELATIONS_PER_IMPORT_MAX, Relation};
pub use issue_code::IssueCode;
pub use issue_token::{
    CLIENT_TOKENS_PER_APP_MAX, CreateToken, IssueClientToken, IssueUserToken, Issued,
    TOKENS_PER_ACCOUNT_MAX,
};
pub use keep_archive::{AskArchive, ForgetArchive, KeepArchive, SweepArchives};
pub use lease_jobs::{EndLeases, Ending, JOBS_PER_LEASE_MAX, LeaseJobs};
pub use mark_post::{Mark, MarkPost};
pub use mark_stale::{
    CountMail, MailOutcome, MarkAccountsStale, MeasureDatabase, QUARTERS_PER_UNIT_MAX,
};
pub use mend::{Mend, MendPart, MendedPart, ROWS_PER_MEND_MAX};
pub use mention::MAILED_PER_POST_MAX;
pub use mute_account::{MuteAccount, UnmuteAccount};
pub use open_session::{AGENT_CHARS_MAX, OpenSession, SESSIONS_PER_ACCOUNT_MAX, TouchAccess};
pub use operate_tasks::{
    DropJob, JOBS_PER_REVIVAL_MAX, PauseDestination, PauseTask, ReviveDeadJobs, RunJobNow,
    RunTaskNow,
};
pub use pass_writer::PassWriter;
pub use plan_task::{PlanTask, RecordRun};
pub use publish_post::{PreparedText, PublishPost};
pub use purge::ROWS_PER_PURGE_MAX;
pub use read_notifications::{ClearNotifications, DismissNotification, RemoveCleared, SetMarkers};
pub use reapply_deletion::ReapplyDeletion;
pub use record_statistics::{
    ACCOUNT_ROWS_PER_UNIT_MAX, BeginSeries, ForgetAccountDays, RecordAccountDays, RecordDay,
    RecordWindows, ReopenDays,
};
pub use register_account::{
    Admission, EMAIL_TAKEN, NewMember, PENDING_SIGN_UPS_MAX, RegisterAccount, Registered,
    USERNAME_TAKEN,
};
pub use register_app::{APP_NAME_CHARS_MAX, APP_WEBSITE_BYTES_MAX, APPS_UNUSED_MAX, RegisterApp};
pub use review_account::{ApproveAccount, RejectAccount};
pub use revoke_access::{
    CloseOwnSession, CloseSession, RevokeAppAccess, RevokeOwnToken, RevokeToken,
};
pub use scrub_pages::ScrubPages;
pub use set_instance_url::SetInstanceUrl;
pub use set_mail_preferences::{SetMailPreferences, Unsubscribe};
pub use set_role::SetRole;
pub use set_up_owner::{CreateSetupLink, SetUpOwner};
pub use settle_job::{Bounced, BuryJob, FinishJob, RetryJob, Setback, YieldJob};
pub use step_job::StepJob;
pub use suspend_account::{SuspendAccount, UnsuspendAccount};
pub use sweep::{
    APP_UNUSED_MILLIS_MAX, ROWS_PER_SWEEP_MAX, SweepApplications, SweepCodes, SweepIdempotencyKeys,
    SweepJobs, SweepSessions, SweepSignUps,
};
pub use take_arrival::{AdmitArrival, BeginArrival, EndArrival, NoteArrival};
pub use tidy_database::{EmptyLog, TidyDatabase};
pub use try_writing::TryWriting;
pub use update_profile::UpdateProfile;
