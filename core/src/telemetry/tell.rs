//! How the figures of each subject are told. What a metric means stands here once: in its help, which
//! `docs/metrics.md` repeats.

use super::exposition::{Exposition, Kind};
use super::http::{HttpFigures, RouteFigures};
use super::mailbox::ActorFigures;
use super::metrics::Seen;
use super::process::ProcessFigures;
use super::writer::WriterFigures;
use super::{MailFigures, Telemetry, log};

impl Telemetry {
    /// Tells everything that is known without asking anybody.
    pub fn tell(&self, to: &mut Exposition) {
        self.http.tell(to);
        tell_actors(&self.actors, to);
        self.writer.tell(to);
        self.mail.tell(to);
        #[cfg(feature = "otlp")]
        tell_traces(&self.otlp, to);
        let mut records = to.family(
            "kinglet_log_records_total",
            Kind::Counter,
            "Records that the log of the process took.",
        );
        for (level, count) in log::records() {
            records.value(&[("level", level)], count);
        }
        if let Some(process) = ProcessFigures::read() {
            process.tell(to);
        }
    }
}

#[cfg(feature = "otlp")]
fn tell_traces(outgoing: &super::otlp::Outgoing, to: &mut Exposition) {
    let mut traces = to.family(
        "kinglet_otlp_traces_total",
        Kind::Counter,
        "Traces for the collector: sent, failed when it didn't take them, dropped when too many waited.",
    );
    for (outcome, count) in [
        ("sent", &outgoing.sent),
        ("failed", &outgoing.failed),
        ("dropped", &outgoing.dropped),
    ] {
        traces.value(&[("outcome", outcome)], count.get());
    }
}

impl HttpFigures {
    fn tell(&self, to: &mut Exposition) {
        let read = self.read();
        let mut requests = to.family(
            "kinglet_http_requests_total",
            Kind::Counter,
            "Requests that were answered, by the pattern of their route; unmatched for what no route knows.",
        );
        for (route, method, figures) in &read {
            for (status, count) in figures.statuses() {
                let status = status_name(status);
                let labels = [("method", *method), ("route", *route), ("status", &*status)];
                requests.value(&labels, count);
            }
        }
        let mut latency = to.family(
            "kinglet_http_request_duration_seconds",
            Kind::Histogram,
            "Time from the end of a request's head to the beginning of its answer.",
        );
        for (route, method, RouteFigures { latency: seen, .. }) in &read {
            latency.histogram(&[("method", *method), ("route", *route)], &seen.read());
        }
        to.gauge(
            "kinglet_http_requests_in_progress",
            "Requests that are worked on.",
            self.in_flight.get(),
        );
        to.counter(
            "kinglet_http_rate_limited_total",
            "Requests that were told to come later (429).",
            self.limited.get(),
        );
        to.gauge(
            "kinglet_http_connections_open",
            "Connections that are open.",
            self.connections.get(),
        );
        to.counter(
            "kinglet_http_connections_accepted_total",
            "Connections that were accepted.",
            self.accepted.get(),
        );
        to.counter(
            "kinglet_http_connections_refused_total",
            "Connections that were refused because too many were open.",
            self.refused.get(),
        );
    }
}

fn status_name(status: u16) -> String {
    match status {
        0 => "other".to_owned(),
        status => status.to_string(),
    }
}

fn tell_actors(actors: &[std::sync::Arc<ActorFigures>], to: &mut Exposition) {
    let mut depth = to.family(
        "kinglet_actor_mailbox_depth",
        Kind::Gauge,
        "Messages that wait for an actor.",
    );
    for actor in actors {
        depth.value(&[("actor", actor.name().name())], actor.depth());
    }
    let mut messages = to.family(
        "kinglet_actor_messages_total",
        Kind::Counter,
        "Messages that an actor worked on, by their kind. Events of commits aren't among them.",
    );
    for actor in actors {
        for (kind, count) in actor.messages() {
            messages.value(&[("actor", actor.name().name()), ("kind", kind)], count);
        }
    }
    let mut histograms = |name, help, of: fn(&ActorFigures) -> Seen| {
        let mut family = to.family(name, Kind::Histogram, help);
        for actor in actors {
            family.histogram(&[("actor", actor.name().name())], &of(actor));
        }
    };
    histograms(
        "kinglet_actor_mailbox_wait_seconds",
        "Time from sending a message to the beginning of its handler.",
        ActorFigures::wait,
    );
    histograms(
        "kinglet_actor_handling_seconds",
        "Time that a message's handler kept the actor's thread; what it waits for afterwards isn't in it.",
        ActorFigures::handling,
    );
}

impl WriterFigures {
    fn tell(&self, to: &mut Exposition) {
        to.gauge(
            "kinglet_writer_queue_depth",
            "Units that wait in the writer's lane.",
            self.waiting.get(),
        );
        to.counter(
            "kinglet_writer_turned_away_total",
            "Units that found the writer's lane full or closed.",
            self.turned_away.get(),
        );
        let mut units = to.family(
            "kinglet_writer_units_total",
            Kind::Counter,
            "Units that the writer answered: done, refused by the rules, or failed.",
        );
        for (outcome, count) in [
            ("done", &self.committed),
            ("refused", &self.refused),
            ("failed", &self.failed),
        ] {
            units.value(&[("outcome", outcome)], count.get());
        }
        to.histogram(
            "kinglet_writer_queue_wait_seconds",
            "Time from submitting a unit to its turn.",
            &self.lane.read(),
        );
        to.histogram(
            "kinglet_writer_apply_seconds",
            "Time that applying a unit took.",
            &self.apply.read(),
        );
        to.histogram(
            "kinglet_writer_commit_seconds",
            "Time that a COMMIT took; SQLite writes its log and waits for the disk (fdatasync) within it, which can't be told apart.",
            &self.commit.read(),
        );
        to.histogram(
            "kinglet_writer_units_per_commit",
            "Units that a COMMIT made durable together.",
            &self.units_per_commit.read(),
        );
        let modes = [("passive", &self.passive), ("truncate", &self.truncating)];
        let mut time = to.family(
            "kinglet_writer_checkpoint_seconds",
            Kind::Histogram,
            "Time that copying the write-ahead log into the database took.",
        );
        for (mode, figures) in modes {
            time.histogram(&[("mode", mode)], &figures.time.read());
        }
        let mut blocked = to.family(
            "kinglet_writer_checkpoints_blocked_total",
            Kind::Counter,
            "Checkpoints that a reader held back.",
        );
        for (mode, figures) in modes {
            blocked.value(&[("mode", mode)], figures.blocked.get());
        }
    }
}

impl MailFigures {
    fn tell(&self, to: &mut Exposition) {
        let mut mails = to.family(
            "kinglet_mail_attempts_total",
            Kind::Counter,
            "Attempts to send a mail: sent, put off until later, or refused by the mail server.",
        );
        for (outcome, count) in [
            ("sent", &self.sent),
            ("later", &self.later),
            ("refused", &self.refused),
        ] {
            mails.value(&[("outcome", outcome)], count.get());
        }
    }
}

impl ProcessFigures {
    fn tell(&self, to: &mut Exposition) {
        to.family(
            "process_cpu_seconds_total",
            Kind::Counter,
            "Time that the process spent on processors, for itself and in the system.",
        )
        .value(&[], self.cpu_seconds);
        to.gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is resident.",
            self.resident_bytes,
        );
        to.gauge(
            "process_virtual_memory_bytes",
            "Memory that the process addresses.",
            self.virtual_bytes,
        );
        to.gauge(
            "process_open_fds",
            "Files that the process has open.",
            self.open_files,
        );
        if let Some(most) = self.open_files_max {
            to.gauge(
                "process_max_fds",
                "Files that the process may have open.",
                most,
            );
        }
        to.gauge("process_threads", "Threads of the process.", self.threads);
        to.gauge(
            "process_start_time_seconds",
            "When the process was started, in seconds since 1970.",
            self.started_at,
        );
    }
}
