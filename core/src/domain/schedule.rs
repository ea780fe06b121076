//! What runs by the clock.

/// A task that runs by itself, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodicTask {
    /// Counts the day.
    Statistics,
    /// Mails what gathered.
    Digests,
    /// Forgets expired codes and links.
    Codes,
    /// Ends sessions that nobody uses.
    Sessions,
    /// Forgets clients that nobody ever let in.
    Applications,
    /// Forgets sign-ups whose address was never confirmed.
    SignUps,
    /// Forgets the keys of old retries.
    IdempotencyKeys,
    /// Gives up jobs that are too late, forgets dead ones.
    Jobs,
    /// Keeps the database small and its plans good.
    Database,
    /// Makes a backup.
    Backups,
    /// Restores the newest backup to see whether it can be.
    RestoreDrills,
}

impl PeriodicTask {
    /// Every task.
    pub const ALL: [Self; 11] = [
        Self::Statistics,
        Self::Digests,
        Self::Codes,
        Self::Sessions,
        Self::Applications,
        Self::SignUps,
        Self::IdempotencyKeys,
        Self::Jobs,
        Self::Database,
        Self::Backups,
        Self::RestoreDrills,
    ];

    /// The name in the store, on the command line and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Digests => "digests",
            Self::Codes => "codes",
            Self::Sessions => "sessions",
            Self::Applications => "applications",
            Self::SignUps => "sign_ups",
            Self::IdempotencyKeys => "idempotency_keys",
            Self::Jobs => "jobs",
            Self::Database => "database",
            Self::Backups => "backups",
            Self::RestoreDrills => "restore_drills",
        }
    }

    /// What it does, for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Statistics => "Count the days",
            Self::Digests => "Mail the daily digests",
            Self::Codes => "Forget expired codes and links",
            Self::Sessions => "End idle sessions",
            Self::Applications => "Forget unused applications",
            Self::SignUps => "Forget unconfirmed sign-ups",
            Self::IdempotencyKeys => "Forget old retry keys",
            Self::Jobs => "Give up late jobs, forget dead ones",
            Self::Database => "Look after the database",
            Self::Backups => "Make a backup",
            Self::RestoreDrills => "Restore a backup to try it out",
        }
    }

    /// Whether it may take long, so that no other waits for it.
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Backups | Self::RestoreDrills)
    }

    /// The task of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}
