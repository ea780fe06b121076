//! The configuration: every setting with its default, where values come from, what can be wrong.
//!
//! A setting is added in one place, the table below; its default, bounds, documentation, the line in
//! `config.toml` and the environment variable all follow from that. A type that no setting had before
//! needs an implementation of `value::Value` as well, a secret is a
//! [`Secret`](crate::secret::Secret) of its type.

mod choice;
mod collector_url;
mod cron;
mod faults;
mod listen;
mod load;
mod mail_address;
mod mail_url;
mod nearest;
mod network;
mod settings;
mod show;
mod tls;
mod url;
mod value;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::domain::schedule::PeriodicTask;
use crate::secret::Secret;

pub use choice::{LogFormat, LogLevel, RegistrationMode, StorageProfile, Synchronous, UnknownWord};
pub use collector_url::{CollectorUrl, CollectorUrlError};
pub use cron::{CronExpression, CronExpressionError};
pub use faults::{EXIT_CONFIG, Fault, Faults, Origin};
pub use listen::{
    FileMode, FileModeError, LISTEN_ADDRESSES_MAX, ListenAddress, ListenAddressError,
    ListenAddresses, SOCKET_PATH_BYTES_MAX,
};
pub use load::{FILE_BYTES_MAX, FILE_NAME, FILE_VARIABLE, Loaded, Override, SYSTEM_FILE, Sources};
pub use mail_address::{MAIL_ADDRESS_BYTES_MAX, MailAddress, MailAddressError};
pub use mail_url::{MailSecurity, MailUrl, MailUrlError};
pub use network::{IpNetwork, IpNetworkError, TrustedProxy};
pub use tls::{AcmeDirectory, AcmeDirectoryError, DomainName, DomainNameError};
pub use url::{InstanceUrl, InstanceUrlError};

/// The port listened on unless another is configured.
pub const PORT_DEFAULT: u16 = 8420;

settings::settings! {
    /// Every setting of an instance.
    ///
    /// A configuration changed by hand is checked with [`Config::check`]; one from [`Sources::load`]
    /// has been.
    Config;

    /// The instance as people and clients see it.
    instance: Instance {
        /// Public address such as `https://example.org`; "" for http:// and http.listen.
        url: Option<InstanceUrl> = None;
        /// Name of the instance, 1 to 100 characters.
        title: String = "Kinglet".to_owned(), 1..=100;
        /// What it is about, up to 5000 characters of plain text.
        description: String = "A microblog that runs on kinglet.".to_owned(), 0..=5000;
        /// Mail address at which visitors reach whoever runs it; "" for none.
        contact_email: Option<MailAddress> = None;
        /// Time zone (IANA name) in which days are cut and schedules are read.
        time_zone: TimeZone = TimeZone::UTC;
    }

    /// Connections.
    http: Http {
        /// Addresses and ports (0 takes a free one) for HTTP, or sockets such as unix:http.sock; "" for none.
        listen: ListenAddresses = (Ipv4Addr::LOCALHOST, PORT_DEFAULT).into();
        /// Mode of unix sockets that are made.
        socket_mode: FileMode = FileMode::new(0o660);
        /// Proxies (addresses, ranges, "unix" for unix sockets) believed about the client's address.
        trusted_proxies: Vec<TrustedProxy> = Vec::new(), 0..=64;
        /// Whether trusted proxies begin each connection with a header of the PROXY protocol (1 or 2).
        proxy_protocol: bool = false;
        /// Connections served at once, 1 to 65536; each takes an open file.
        connections_max: u32 = 900, 1..=65_536;
        /// Time for a client to send the head of a request, 1 to 120.
        header_timeout_secs: u64 = 10, 1..=120;
        /// Time for a client to send the body of a request, 1 to 600.
        body_timeout_secs: u64 = 30, 1..=600;
        /// Largest body of a request, 16 to 65536.
        body_max_kib: u64 = 1024, 16..=65_536;
        /// Time that running requests have to finish at a stop, 0 to 10.
        drain_timeout_secs: u64 = 5, 0..=10;
    }

    /// HTTPS by kinglet itself, without a proxy in front.
    tls: Tls {
        /// Addresses and ports for HTTPS, such as "[::]:443"; "" for none.
        listen: ListenAddresses = ListenAddresses::none();
        /// PEM file with the certificate and those between it and the root; read again when it changes.
        certificate: Option<PathBuf> = None;
        /// PEM file with the certificate's private key.
        key: Option<PathBuf> = None;
        /// Addresses and ports for HTTP that is sent on to instance.url, such as "[::]:80"; "" for none.
        redirect_listen: ListenAddresses = ListenAddresses::none();
        /// Host names to get a certificate for by ACME, instead of files; you agree to the authority's terms.
        acme_domains: Vec<DomainName> = Vec::new(), 0..=32;
        /// Mail address that the certificate authority may write to; "" for none.
        acme_email: Option<MailAddress> = None;
        /// The certificate authority's ACME directory.
        acme_directory: AcmeDirectory = AcmeDirectory::lets_encrypt();
        /// PEM file with the root that the authority's own address is known by; "" for the system's.
        acme_ca: Option<PathBuf> = None;
    }

    /// New accounts.
    registration: Registration {
        /// Who may make an account: "closed", "approval", "open" or "invite".
        mode: RegistrationMode = RegistrationMode::Closed;
    }

    /// Mail to the people who have accounts here.
    mail: Mail {
        /// smtps://USER:PASSWORD@HOST, smtp+starttls://, smtp://, file:DIR or console:; "" for no mail.
        url: MailUrl = MailUrl::Off;
        /// Address that mail comes from; "" for kinglet@ and the host of instance.url.
        from: Option<MailAddress> = None;
        /// Time for a mail server to take one mail, 1 to 300.
        timeout_secs: u64 = 30, 1..=300;
        /// Mails about mentions and requests to one account in an hour, 1 to 1000; more come in one digest.
        per_hour_max: u32 = 12, 1..=1000;
    }

    /// What one account may do.
    limits: Limits {
        /// Whether requests are limited; false leaves only the guard on wrong passwords.
        rate_limits: bool = true;
        /// Longest post in characters, 1 to 65536.
        post_characters_max: u32 = 500, 1..=65_536;
        /// Accounts that one account may follow, 1 to 7500.
        follows_per_account_max: u32 = 7500, 1..=7500;
        /// MiB of an archive that a member may upload to have it taken in, 0 to 65536; 0: nobody may.
        import_max_mib: u64 = 1024, 0..=65_536;
        /// MiB of memory that all caches together may take, 8 to 1048576; less where 48 MiB wouldn't be left.
        memory_budget_mib: u64 = 128, 8..=1_048_576;
    }

    /// Where and how state is kept.
    storage: Storage {
        /// Directory of everything that kinglet stores.
        data_dir: PathBuf = PathBuf::from("data");
        /// "full": survives a loss of power; "normal": faster, and that may cost the last moments.
        synchronous: Synchronous = Synchronous::Full;
        /// "default"; "flash" for memory cards: fewer bytes written, posts answered up to 0.2 s later.
        profile: StorageProfile = StorageProfile::Default;
        /// Whether another program (Litestream) checkpoints the database; see docs/operations.md.
        external_checkpoint: bool = false;
        /// MiB of write-ahead log, 64 to 65536, at which kinglet does it if that program is dead.
        external_wal_max_mib: u64 = 256, 64..=65_536;
        /// Seconds, 1 to 86400, after which what was deleted has left the write-ahead log too.
        forget_after_secs: u32 = 60, 1..=86_400;
        /// MiB of the disk left free: with less nothing is written; 0 for none.
        disk_reserve_mib: u64 = 100, 0..=1_073_741_824;
    }

    /// Backups by the clock: sets in a directory, each with a database and the configuration file.
    backup: Backup {
        /// Directory in which they are made, best on another disk; "" for none.
        directory: Option<PathBuf> = None;
        /// The newest that are kept, 1 to 1000.
        keep: u32 = 7, 1..=1000;
        /// MiB by which the write-ahead log may grow for a backup, 16 to 1048576; then that is given up.
        wal_max_mib: u64 = 1024, 16..=1_048_576;
        /// Program, with its arguments, that takes a finished one away; {} is its directory; [] for none.
        after_command: Vec<String> = Vec::new(), 0..=64;
        /// Time for that program to end, 1 to 86400.
        after_timeout_secs: u64 = 3600, 1..=86_400;
    }

    /// When tasks run: cron expressions in `instance.time_zone`; "" for never.
    schedule: Schedule {
        /// Counting the days for the statistics.
        statistics: Option<CronExpression> = Some(CronExpression::of("5 * * * *"));
        /// Mailing daily digests.
        digests: Option<CronExpression> = Some(CronExpression::of("0 8 * * *"));
        /// Forgetting expired codes and links, removing archives and uploads that are over.
        codes: Option<CronExpression> = Some(CronExpression::of("10 * * * *"));
        /// Ending sessions that nobody used for 30 days.
        sessions: Option<CronExpression> = Some(CronExpression::of("20 3 * * *"));
        /// Forgetting applications that nobody let in for 7 days.
        applications: Option<CronExpression> = Some(CronExpression::of("25 3 * * *"));
        /// Forgetting sign-ups whose mail address was not confirmed for 7 days.
        sign_ups: Option<CronExpression> = Some(CronExpression::of("30 3 * * *"));
        /// Forgetting the keys of retries after an hour.
        idempotency_keys: Option<CronExpression> = Some(CronExpression::of("15 * * * *"));
        /// Giving up jobs that are too late, forgetting dead ones after 14 days.
        jobs: Option<CronExpression> = Some(CronExpression::of("40 * * * *"));
        /// Overwriting what is left of deleted rows, giving space back, renewing the planner's statistics.
        database: Option<CronExpression> = Some(CronExpression::of("45 3 * * *"));
        /// Making a backup, where backup.directory is set.
        backups: Option<CronExpression> = Some(CronExpression::of("0 4 * * *"));
        /// Restoring the newest backup to see whether it can be.
        restore_drills: Option<CronExpression> = Some(CronExpression::of("30 4 * * 0"));
    }

    /// Daily statistics.
    statistics: Statistics {
        /// Whether strangers may read the figures of public posts; false shows them to members only.
        public: bool = false;
    }

    /// Timelines.
    timelines: Timelines {
        /// Newest entries of a home timeline kept in memory per reader, 1 to 10000.
        window_entries_max: usize = 800, 1..=10_000;
        /// Readers whose home timelines are kept in memory, 1 to 1000000.
        resident_readers_max: usize = 10_000, 1..=1_000_000;
        /// Time between saves of the home timelines in memory, 1 to 86400.
        snapshot_interval_secs: u64 = 300, 1..=86_400;
        /// Whether who isn't logged in may read the public timelines.
        anonymous_timelines: bool = true;
    }

    /// Traces of requests, for an OpenTelemetry collector; needs a build with the feature otlp.
    otlp: Otlp {
        /// http:// address that takes OTLP over HTTP, such as http://127.0.0.1:4318; "" for none.
        url: Option<CollectorUrl> = None;
    }

    /// Figures of the running server, as Prometheus reads them at `/metrics`.
    metrics: Metrics {
        /// Addresses of a listener for them alone, without a password; "" for none.
        listen: ListenAddresses = ListenAddresses::none();
        /// What `http.listen` wants to see before it tells them (Bearer), 16 to 256; "" for never.
        token: Option<Secret<String>> = None, 16..=256;
    }

    /// The log, on standard error.
    log: Log {
        /// Least important record written: "off", "error", "warn", "info", "debug" or "trace".
        level: LogLevel = LogLevel::Info;
        /// "text" for people, "json" for machines.
        format: LogFormat = LogFormat::Text;
        /// Milliseconds from which on a request is slow and logged with its spans, up to 600000; 0: never.
        slow_ms: u64 = 500, 0..=600_000;
    }
}

impl Mail {
    /// The address that mail of the instance at `url` comes from.
    #[must_use]
    pub fn sender(&self, url: &InstanceUrl) -> String {
        let configured = self.from.as_ref().map(ToString::to_string);
        configured.unwrap_or_else(|| format!("kinglet@{}", url.host()))
    }
}

impl Schedule {
    /// When a task runs; `None` for never.
    #[must_use]
    pub fn of(&self, task: PeriodicTask) -> Option<&CronExpression> {
        match task {
            PeriodicTask::Statistics => self.statistics.as_ref(),
            PeriodicTask::Digests => self.digests.as_ref(),
            PeriodicTask::Codes => self.codes.as_ref(),
            PeriodicTask::Sessions => self.sessions.as_ref(),
            PeriodicTask::Applications => self.applications.as_ref(),
            PeriodicTask::SignUps => self.sign_ups.as_ref(),
            PeriodicTask::IdempotencyKeys => self.idempotency_keys.as_ref(),
            PeriodicTask::Jobs => self.jobs.as_ref(),
            PeriodicTask::Database => self.database.as_ref(),
            PeriodicTask::Backups => self.backups.as_ref(),
            PeriodicTask::RestoreDrills => self.restore_drills.as_ref(),
        }
    }
}

impl Config {
    /// The commented file with every setting at its default, which `config init` writes and which is
    /// checked in as `config.toml`.
    #[must_use]
    pub fn template() -> String {
        show::template::<Self>()
    }

    /// The public address: the configured one, else that of the address really listened on (which
    /// differs from the settings where they ask for a free port), the one for HTTPS if there is one.
    #[must_use]
    pub fn public_url(&self, listening: SocketAddr, is_https: bool) -> InstanceUrl {
        let configured = self.instance.url.clone();
        configured.unwrap_or_else(|| {
            if !is_https {
                return InstanceUrl::from_listen(listening);
            }
            let domain = self.tls.acme_domains.first();
            InstanceUrl::from_tls_listen(listening, domain.map(DomainName::as_str))
        })
    }

    /// The address that [`public_url`](Self::public_url) follows as long as nobody listens, and whether it is one for HTTPS.
    #[must_use]
    pub fn main_address(&self) -> (SocketAddr, bool) {
        let https = self.tls.listen.tcp().map(|address| (address, true));
        let main = https.or_else(|| Some((self.http.listen.tcp()?, false)));
        main.unwrap_or_else(|| ((Ipv4Addr::LOCALHOST, PORT_DEFAULT).into(), false))
    }

    /// Every setting as an object of sections, secrets as `***`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        show::json(self)
    }

    /// Sets a setting such as `http.listen` to a value as the environment would give it.
    ///
    /// # Errors
    ///
    /// When there is no such setting, or the value is none that it takes; nothing is changed then.
    pub fn set(&mut self, setting: &str, value: impl AsRef<OsStr>) -> Result<(), Faults> {
        load::set(self, setting, value.as_ref())
    }

    /// Checks what was set by hand against the bounds that a file would be held to.
    ///
    /// # Errors
    ///
    /// Every value that is out of bounds.
    pub fn check(&self) -> Result<(), Faults> {
        load::check(self)
    }

    /// Each setting's name such as `http.listen`, its environment variable and its documentation.
    pub fn settings() -> impl Iterator<Item = (String, String, &'static str)> {
        let table = <Self as settings::Settings>::TABLE;
        table
            .iter()
            .map(|setting| (setting.name(), setting.variable(), setting.doc))
    }
}

#[cfg(test)]
mod tests;
