//! How domain values look in SQLite's columns.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::clock::Timestamp;
use crate::domain::account::{AccountState, Role};
use crate::domain::job::{JobState, Lane, Priority};
use crate::domain::mail::{MailKind, MentionMail};
use crate::domain::marker::MarkedTimeline;
use crate::domain::notification::NotificationKind;
use crate::domain::scope::Scopes;
use crate::domain::statistics::{Day, Dimension, Quarter};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, AppId, JobId, NotificationId, PostId, SessionId, TokenId};
use crate::secret::TokenHash;

macro_rules! integer_columns {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map($name)
            }
        }
    )*};
}
integer_columns!(
    AccountId,
    PostId,
    NotificationId,
    AppId,
    TokenId,
    SessionId,
    JobId,
    Quarter
);

impl ToSql for Day {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Day {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i32::column_result(value).map(Day)
    }
}

impl ToSql for TokenHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_bytes().as_slice().into())
    }
}

impl FromSql for TokenHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_bytes(value.as_blob()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for MailKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for MailKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_name(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Scopes {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Scopes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Scopes::parse(value.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Timestamp::from_millis)
    }
}

/// Enumerations are stored as numbers that never change their meaning.
macro_rules! enum_columns {
    ($($name:ident { $($variant:ident = $number:literal),* $(,)? })*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let number: i64 = match self { $(Self::$variant => $number),* };
                Ok(number.into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_i64()? {
                    $($number => Ok(Self::$variant),)*
                    other => Err(FromSqlError::OutOfRange(other)),
                }
            }
        }
    )*};
}
enum_columns! {
    Visibility { Public = 0, Unlisted = 1, Followers = 2, Direct = 3 }
    Role { User = 0, Moderator = 1, Owner = 2 }
    AccountState { Active = 0, Pending = 1, Suspended = 2, Deleted = 3, Unconfirmed = 4 }
    JobState { Waiting = 0, Running = 1, Dead = 2 }
    Lane { House = 0, Mail = 1 }
    MentionMail { AtOnce = 0, Daily = 1, Off = 2 }
    Priority { Urgent = 0, Normal = 1, Low = 2 }
    Dimension { Tag = 0, Language = 1, App = 2 }
    MarkedTimeline { Home = 0, Notifications = 1 }
    NotificationKind {
        Mention = 0, Boost = 1, Favourite = 2, Follow = 3,
        FollowRequest = 4, NewPost = 5, PostEdited = 6, SignUp = 7,
    }
}
