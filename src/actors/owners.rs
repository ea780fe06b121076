//! Who owns what: every unit and every query has exactly one owner, and reaches the store only through it.

use super::messages::Owned;
use super::posts::Posts;
use super::tasks::Tasks;
use super::users::Users;
use crate::store::queries::access;
use crate::store::{queries, units};

macro_rules! owned_by {
    ($owner:ty: $($message:ty),* $(,)?) => {
        $(impl Owned for $message {
            type Owner = $owner;
        })*
    };
}

owned_by! { Users:
    units::FollowAccount,
    units::UnfollowAccount,
    units::RemoveFollower,
    units::AnswerFollowRequest,
    units::BlockAccount,
    units::UnblockAccount,
    units::MuteAccount,
    units::UnmuteAccount,
    units::UpdateProfile,
    units::SetMarkers,
    units::DismissNotification,
    units::ClearNotifications,
    units::RemoveCleared,
    queries::accounts::FindAccounts,
    queries::accounts::FindAccountByName,
    queries::accounts::FindOwnAccount,
    queries::accounts::FindRelationships,
    queries::accounts::ListAccounts,
    queries::instance::DescribeInstance,
    queries::notifications::ListNotifications,
    queries::notifications::FindNotification,
    queries::notifications::FindMarkers,
    queries::relations::LoadRelations,
    queries::search::SearchAccounts,
    units::RegisterAccount,
    units::SetUpOwner,
    units::ApproveAccount,
    units::RejectAccount,
    units::SuspendAccount,
    units::UnsuspendAccount,
    units::SetRole,
    units::DeleteAccount,
    units::SetMailPreferences,
    units::Unsubscribe,
    units::TrustAddress,
    units::ConfirmAddress,
    units::AskConfirmation,
    units::AskReset,
    queries::mail::ReadMailSettings,
    units::CloseSession,
    units::CloseOwnSession,
    units::RevokeToken,
    units::RevokeOwnToken,
    units::RevokeAppAccess,
    access::ReadEmail,
    access::FindMember,
    access::ListPending,
    access::HasOwner,
    access::FindApp,
    access::ReadApp,
    access::ListAccess,
    access::CheckLink,
}

owned_by! { Posts:
    units::PublishPost,
    units::EditPost,
    units::DeletePost,
    units::BoostPost,
    units::UnboostPost,
    units::MarkPost,
    queries::lists::ListPosts,
    queries::lists::KeepTagged,
    queries::search::SearchTags,
    queries::threads::FindThread,
    queries::threads::FindPostVersions,
}

// The instance's own settings are kept with who may reach it.
owned_by! { Users:
    units::SetInstanceUrl,
    queries::instance::FindInstanceUrl,
    queries::instance::ListMembers,
}

owned_by! { Tasks:
    units::AdmitMail,
    units::BeginSeries,
    units::BuryJob,
    units::CountMail,
    units::DropJob,
    units::EndLeases,
    units::FinishJob,
    units::ForgetAccountDays,
    units::LeaseJobs,
    units::MarkAccountsStale,
    units::MeasureDatabase,
    units::PauseDestination,
    units::PassWriter,
    units::PauseTask,
    units::PlanTask,
    units::RecordAccountDays,
    units::RecordDay,
    units::RecordRun,
    units::RecordWindows,
    units::ReopenDays,
    units::RetryJob,
    units::ReviveDeadJobs,
    units::RunJobNow,
    units::RunTaskNow,
    units::SendDigests,
    units::StepJob,
    units::SweepApplications,
    units::SweepCodes,
    units::SweepDigestItems,
    units::SweepIdempotencyKeys,
    units::SweepJobs,
    units::SweepSessions,
    units::SweepSignUps,
    units::TidyDatabase,
    units::TryWriting,
    units::YieldJob,
    queries::jobs::FindJob,
    queries::jobs::FindNextDue,
    queries::jobs::ListJobs,
    queries::jobs::ListSchedules,
    queries::jobs::ReadQueues,
    queries::series::ReadAccountSeries,
    queries::series::ReadDatabaseSize,
    queries::series::ReadInstanceSeries,
    queries::series::ReadShares,
    queries::series::ReadTotals,
    queries::statistics::ComputeAccountDays,
    queries::statistics::ComputeDay,
    queries::statistics::ComputeWindows,
    queries::statistics::PlanStatistics,
    queries::tasks::ReadTasks,
}
