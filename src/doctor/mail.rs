//! The mail server: whether it can be reached, is who it says, and lets the instance in. No mail is sent.

use super::{Finding, Subject};
use crate::config::{self, InstanceUrl, MailUrl};

const SUBJECT: Subject = Subject::Mail;

pub(super) async fn look(settings: &config::Mail, url: &InstanceUrl) -> Vec<Finding> {
    vec![match &settings.url {
        MailUrl::Off => SUBJECT.good("no mail is sent (mail.url is empty)"),
        MailUrl::Console => SUBJECT.warning(
            "mail goes to standard output, so nobody gets it",
            "set mail.url = \"smtps://USER:PASSWORD@mail.example.org\"",
        ),
        MailUrl::Directory(path) => SUBJECT.warning(
            format!(
                "mail is put into {}, so nobody gets it unless somebody takes it from there",
                path.display()
            ),
            "set mail.url = \"smtps://USER:PASSWORD@mail.example.org\"",
        ),
        MailUrl::Smtp { .. } => server(settings, url).await,
    }]
}

#[cfg(feature = "mail")]
async fn server(settings: &config::Mail, url: &InstanceUrl) -> Finding {
    use std::time::Duration;

    use crate::mail::{CheckError, Outbox};

    /// How long each step of the conversation may take.
    const STEP_TIME_MAX: Duration = Duration::from_secs(10);

    let step = Duration::from_secs(settings.timeout_secs).min(STEP_TIME_MAX);
    let MailUrl::Smtp {
        security,
        host,
        port,
        login,
    } = &settings.url
    else {
        return SUBJECT.good("no mail server is configured");
    };
    let server = format!("{}://{host}:{port}", security.scheme());
    match Outbox::new(&settings.url, step, url.host()).check().await {
        Ok(()) => SUBJECT.good(match login {
            Some(_) => format!("{server} takes the user name and the password"),
            None => format!("{server} answers"),
        }),
        Err(CheckError::Unreachable(reason)) => SUBJECT.fault(
            format!("{server} can't be reached: {reason}"),
            "correct host and port in mail.url; many providers let nobody out at port 25, use smtps:// (465) or smtp+starttls:// (587)",
        ),
        Err(CheckError::Insecure(reason)) => SUBJECT.fault(
            format!("there is no encryption with {server}: {reason}"),
            "set mail.url to smtps:// for port 465 or smtp+starttls:// for port 587, with the name that the server's certificate is for; \
             a private authority has to be known to this machine (update-ca-certificates)",
        ),
        Err(CheckError::LogIn(reason)) => SUBJECT.fault(
            format!("{server} doesn't let the instance in: {reason}"),
            "correct user name and password in mail.url (write @ as %40, : as %3A, / as %2F); some providers want an application password",
        ),
        Err(CheckError::Unwilling(reason)) => SUBJECT.fault(
            format!("{server} doesn't want to talk: {reason}"),
            "see whether mail.url names a mail server that takes mail from this machine, and has the right scheme for its port",
        ),
    }
}

#[cfg(not(feature = "mail"))]
async fn server(_: &config::Mail, _: &InstanceUrl) -> Finding {
    SUBJECT.fault(
        "mail.url is set, but this kinglet was built without the feature mail",
        "build it with --features mail, or set mail.url = \"\"",
    )
}
