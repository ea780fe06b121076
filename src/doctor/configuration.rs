//! The settings, and what they ask of this machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::tz::TimeZone;

use super::{Case, Finding, Server, Subject};
use crate::config::{Config, Fault, MailUrl, Origin};
use crate::features;
use crate::telemetry::process::ProcessFigures;

const SUBJECT: Subject = Subject::Configuration;
/// Files that are open beside connections: database, log, sockets, pipes.
const FILES_BESIDE_CONNECTIONS: u64 = 64;
/// The mode bits by which everybody may read.
const OTHERS_READ: u32 = 0o004;

pub(super) fn look(case: &Case, server: &Server) -> Vec<Finding> {
    let config = &case.loaded.config;
    let mut found: Vec<_> = case.faults.iter().map(of_fault).collect();
    if found.is_empty() {
        found.push(SUBJECT.good(match &case.loaded.file {
            Some(file) => format!("{} is sound", file.display()),
            None => "there is no file; what isn't in the environment has its default".to_owned(),
        }));
    }
    found.extend(case.loaded.file.as_deref().and_then(|file| {
        let secret = secret_in_file(case)?;
        readable_by_all(file).then(|| {
            SUBJECT.fault(
                format!(
                    "everybody on this machine can read {secret} in {}",
                    file.display()
                ),
                format!("chmod 600 {}, and then exchange the secret", file.display()),
            )
        })
    }));
    if let Some(key) = config.tls.key.as_deref().filter(|key| readable_by_all(key)) {
        found.push(SUBJECT.fault(
            format!(
                "everybody on this machine can read the private key {}",
                key.display()
            ),
            format!(
                "chmod 640 {}, and let its group be the server's",
                key.display()
            ),
        ));
    }
    let own = || ProcessFigures::read().and_then(|figures| figures.open_files_max);
    let files_max = match server {
        Server::Runs { standing, .. } => standing.open_files_max,
        _ => own(),
    };
    found.extend(files_max.and_then(|max| files(config.http.connections_max, max)));
    found.extend(left_out(config, features::TLS, features::ACME));
    if let TimeZoneDiffers::Yes(here) = zone(case) {
        found.push(SUBJECT.warning(
            format!("days are cut in UTC, while this machine lives in {here}"),
            format!("set instance.time_zone = \"{here}\" if the people here do, too"),
        ));
    }
    if let Server::Runs { standing, .. } = server
        && let Some(url) = &config.instance.url
        && url.as_str() != standing.url
    {
        found.push(SUBJECT.warning(
            format!(
                "the running server still uses {}, not instance.url",
                standing.url
            ),
            format!("kinglet instance set-url {url}, and restart the server"),
        ));
    }
    found
}

fn of_fault(fault: &Fault) -> Finding {
    let doc = fault.setting.as_deref().and_then(|name| {
        let mut settings = Config::settings();
        settings.find_map(|(known, _, doc)| (known == name).then_some((known, doc)))
    });
    let at = match &fault.origin {
        Origin::File { path, line: None } => {
            return SUBJECT.fault(
                fault.to_string(),
                format!(
                    "let the server's user read {0}, or make it anew: kinglet config init {0}",
                    path.display()
                ),
            );
        }
        origin => origin.to_string(),
    };
    SUBJECT.fault(
        fault.to_string(),
        match doc {
            Some((name, doc)) => format!("correct {name} at {at}: {}", doc.trim()),
            None => {
                format!("correct or remove it at {at}; kinglet config init prints every setting")
            }
        },
    )
}

/// The setting in the file that holds a secret.
fn secret_in_file(case: &Case) -> Option<&'static str> {
    let config = &case.loaded.config;
    let has_login = matches!(&config.mail.url, MailUrl::Smtp { login: Some(_), .. });
    let holders = [
        ("mail.url", has_login),
        ("metrics.token", config.metrics.token.is_some()),
    ];
    holders.into_iter().find_map(|(setting, is_secret)| {
        let is_in_file = matches!(case.loaded.origin(setting), Origin::File { .. });
        (is_secret && is_in_file).then_some(setting)
    })
}

fn readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mode() & OTHERS_READ != 0)
}

fn files(connections_max: u32, files_max: u64) -> Option<Finding> {
    let needed = u64::from(connections_max) + FILES_BESIDE_CONNECTIONS;
    (files_max < needed).then(|| {
        SUBJECT.fault(
            format!(
                "http.connections_max = {connections_max} needs {needed} open files, {files_max} are allowed"
            ),
            format!(
                "set LimitNOFILE={needed} in the service (or ulimit -n {needed}), or http.connections_max = {}",
                files_max.saturating_sub(FILES_BESIDE_CONNECTIONS).max(1)
            ),
        )
    })
}

/// What is asked for and isn't in this build.
fn left_out(config: &Config, has_tls: bool, has_acme: bool) -> Option<Finding> {
    let tls = &config.tls;
    if tls.listen.is_empty() {
        return None;
    }
    if !has_tls {
        return Some(SUBJECT.fault(
            "tls.listen is set, but this kinglet was built without the feature tls",
            "build it with --features tls, or set tls.listen = \"\" and have a proxy speak HTTPS (docs/web.md)",
        ));
    }
    let has_files = tls.certificate.is_some() && tls.key.is_some();
    if !has_files && !tls.acme_domains.is_empty() && !has_acme {
        return Some(SUBJECT.fault(
            "tls.acme_domains is set, but this kinglet was built without the feature acme",
            "build it with --features acme, or set tls.certificate and tls.key",
        ));
    }
    (!has_files && tls.acme_domains.is_empty()).then(|| {
        SUBJECT.fault(
            "tls.listen is set, but no certificate",
            "set tls.certificate and tls.key, or tls.acme_domains = [\"your.name\"]",
        )
    })
}

enum TimeZoneDiffers {
    No,
    Yes(String),
}

/// Only where nobody chose.
fn zone(case: &Case) -> TimeZoneDiffers {
    if case.loaded.origin("instance.time_zone") != Origin::Default {
        return TimeZoneDiffers::No;
    }
    match TimeZone::system().iana_name() {
        Some(name) if !matches!(name, "UTC" | "Etc/UTC" | "Etc/Unknown" | "GMT") => {
            TimeZoneDiffers::Yes(name.to_owned())
        }
        _ => TimeZoneDiffers::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_need_files() {
        assert_eq!(files(900, 1024), None);
        let finding = files(2000, 1024).expect("too few");
        let fix = finding.fix.expect("a fix");
        assert!(fix.contains("LimitNOFILE=2064"), "{fix}");
        assert!(fix.contains("http.connections_max = 960"), "{fix}");
    }

    #[test]
    fn what_is_left_out_of_a_build_is_told_when_it_is_asked_for() {
        let mut config = Config::default();
        assert_eq!(left_out(&config, false, false), None);
        config.tls.listen = "[::]:443".parse().expect("an address");
        let what = |config: &Config, tls, acme| left_out(config, tls, acme).map(|found| found.what);
        assert!(what(&config, false, false).is_some_and(|what| what.contains("feature tls")));
        assert!(what(&config, true, true).is_some_and(|what| what.contains("no certificate")));
        config.tls.acme_domains = vec!["example.org".parse().expect("a name")];
        assert!(what(&config, true, false).is_some_and(|what| what.contains("feature acme")));
        assert_eq!(what(&config, true, true), None);
    }
}
