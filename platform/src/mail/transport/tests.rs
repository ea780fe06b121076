//! Each way out, and every way in which a server can say no.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::clock::Timestamp;
use crate::mail::{Content, MessageId};

/// Mails that a server may have taken before a test looks.
const MAILS_MAX: usize = 64;

fn mail(to: &str) -> Mail {
    Mail {
        id: MessageId::of_job(7, Timestamp::from_millis(5), "k3y", "example.org"),
        thread: None,
        to: to.to_owned(),
        to_name: "Ann".to_owned(),
        from: "kinglet@example.org".to_owned(),
        site_title: "Kinglet".to_owned(),
        date: Timestamp::from_millis(1_790_000_000_007),
        content: Content {
            subject: "Hello".to_owned(),
            text: "Hello Ann\n.\n.dot\n".to_owned(),
            html: "<p>Hello</p>\n".to_owned(),
        },
        unsubscribe: None,
    }
}

/// A server that answers as its script says: the first rule whose beginning fits the command, else what is usual.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    mails: mpsc::Receiver<String>,
}

type Script = &'static [(&'static str, &'static str)];

/// The answer of a server that says nothing more.
const SILENCE: &str = "silence";

/// The answer of a server that hangs up.
const HANG_UP: &str = "hang up";

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, mails) = mpsc::channel(MAILS_MAX);
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream, script, sender.clone()));
            }
        });
        Self {
            port,
            connections,
            mails,
        }
    }

    fn outbox(&self, scheme: &str, login: &str) -> Outbox {
        let url = format!("{scheme}://{login}127.0.0.1:{}", self.port);
        let url = url.parse().expect("a mail URL");
        Outbox::new(&url, Duration::from_millis(700), "example.org")
    }
}

fn answer(script: Script, command: &str, usual: &'static str) -> &'static str {
    let rule = script.iter().find(|(start, _)| command.starts_with(start));
    rule.map_or(usual, |(_, answer)| answer)
}

/// One conversation; ends where the script says so or the client leaves.
async fn converse(stream: TcpStream, script: Script, mails: mpsc::Sender<String>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut command = "CONNECT".to_owned();
    loop {
        let usual = match command.split([' ', ':', '\r']).next() {
            Some("CONNECT") => "220 ready",
            Some("EHLO") => "250-scripted\r\n250 AUTH PLAIN LOGIN",
            Some("AUTH") => "235 welcome",
            Some("DATA") => "354 go on",
            Some("QUIT") => "221 bye",
            _ => "250 fine",
        };
        let answer = answer(script, &command, usual);
        match answer {
            SILENCE => std::future::pending().await,
            HANG_UP => return None,
            _ => stream
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok()?,
        }
        if answer.starts_with("354") {
            let mut mail = String::new();
            while !mail.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut mail).await.ok()? == 0 {
                    return None;
                }
            }
            command = "END".to_owned();
            if !script.iter().any(|(start, _)| *start == "END") {
                mails.send(mail).await.ok()?;
            }
            continue;
        }
        command.clear();
        if stream.read_line(&mut command).await.ok()? == 0 {
            return None;
        }
    }
}

async fn refusal(script: Script) -> SendError {
    let server = Server::start(script).await;
    let outbox = server.outbox("smtp", "");
    let sent = outbox.send(&mail("ann@example.net")).await;
    sent.expect_err("a server that says no")
}

fn kind(error: &SendError) -> &'static str {
    match error {
        SendError::Unreachable(_) => "unreachable",
        SendError::Later(_) => "later",
        SendError::Refused { bounced: true, .. } => "bounced",
        SendError::Refused { bounced: false, .. } => "refused",
    }
}

#[tokio::test]
async fn a_burst_arrives_whole_over_one_connection() {
    let mut server = Server::start(&[]).await;
    let outbox = server.outbox("smtp", "");
    for _ in 0..3 {
        outbox.send(&mail("ann@example.net")).await.expect("sent");
        let arrived = server.mails.recv().await.expect("a mail");
        let sent = mail("ann@example.net").message().expect("sound");
        let sent = String::from_utf8(sent.formatted()).expect("ASCII");
        let arrived = arrived.strip_suffix(".\r\n").expect("the end");
        assert_eq!(
            arrived.replace("\r\n..", "\r\n.").trim_end(),
            sent.trim_end()
        );
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_refusal_means_depends_on_code_and_step() {
    for (script, expected) in [
        (&[("CONNECT", "554 go away")] as Script, "unreachable"),
        (&[("CONNECT", "421 too busy")], "unreachable"),
        (&[("CONNECT", "nonsense")], "unreachable"),
        (&[("EHLO", HANG_UP)], "unreachable"),
        (&[("MAIL", "530 5.7.0 log in first")], "unreachable"),
        (&[("MAIL", "550 5.1.1 you?")], "refused"),
        (&[("MAIL", "550 not you")], "refused"),
        (&[("RCPT", "421 4.3.2 shutting down")], "unreachable"),
        (&[("RCPT", "450 4.2.0 greylisted")], "later"),
        (&[("RCPT", "451 come back")], "later"),
        (&[("RCPT", "452 4.2.2 mailbox full")], "later"),
        (&[("RCPT", "550 5.1.1 no such user")], "bounced"),
        (
            &[("RCPT", "550-5.1.10 no such\r\n550 5.1.10 user")],
            "bounced",
        ),
        (&[("RCPT", "550 no such user")], "refused"),
        (&[("RCPT", "553 what an address")], "refused"),
        (&[("RCPT", "550 5.7.1 you are on a list")], "refused"),
        (&[("RCPT", "550 5.1.8 who is the sender?")], "refused"),
        (&[("RCPT", "552 5.2.2 mailbox full")], "refused"),
        (&[("RCPT", HANG_UP)], "unreachable"),
        (&[("DATA", "451 later")], "later"),
        (&[("END", "550 this is spam")], "refused"),
        (&[("END", "550 5.1.1 no such user")], "bounced"),
        (&[("END", "451 4.7.1 greylisted")], "later"),
        (&[("END", HANG_UP)], "unreachable"),
    ] {
        let error = refusal(script).await;
        assert_eq!(kind(&error), expected, "{script:?}: {error}");
        let reason = error.to_string();
        assert!(!reason.contains(['\r', '\n']) && reason.chars().count() <= 300);
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    for step in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END"] {
        let script: Script = match step {
            "CONNECT" => &[("CONNECT", SILENCE)],
            "EHLO" => &[("EHLO", SILENCE)],
            "MAIL" => &[("MAIL", SILENCE)],
            "RCPT" => &[("RCPT", SILENCE)],
            "DATA" => &[("DATA", SILENCE)],
            _ => &[("END", SILENCE)],
        };
        let error = refusal(script).await;
        assert_eq!(kind(&error), "unreachable", "{step}");
        assert!(error.to_string().contains("took longer than"), "{error}");
    }
}

#[tokio::test]
async fn after_a_refusal_the_connection_serves_the_next_mail() {
    let mut server = Server::start(&[("RCPT TO:<bob@", "550 5.1.1 no bob")]).await;
    let outbox = server.outbox("smtp", "");
    let refused = outbox.send(&mail("bob@example.net")).await;
    assert_eq!(kind(&refused.expect_err("no bob")), "bounced");
    outbox.send(&mail("ann@example.net")).await.expect("sent");
    assert!(server.mails.recv().await.is_some());
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_broke_is_replaced() {
    let mut server = Server::start(&[("RSET", HANG_UP)]).await;
    let outbox = server.outbox("smtp", "");
    for _ in 0..2 {
        outbox.send(&mail("ann@example.net")).await.expect("sent");
        assert!(server.mails.recv().await.is_some());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn no_reason_tells_the_password() {
    let script: Script = &[(
        "AUTH",
        "535 5.7.8 no: user hunter2, aHVudGVyMg==, AHUAaHVudGVyMg==",
    )];
    let server = Server::start(script).await;
    let outbox = server.outbox("smtp", "u:hunter2@");
    let error = outbox.send(&mail("ann@example.net")).await;
    let error = error.expect_err("a wrong password");
    assert_eq!(kind(&error), "unreachable");
    let told = format!("{error} {error:?} {outbox:?}");
    for secret in ["hunter2", "aHVudGVyMg", "AHUAaHVudGVyMg"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn nothing_is_sent_without_the_tls_asked_for() {
    for scheme in ["smtp+starttls", "smtps"] {
        let mut server = Server::start(&[]).await;
        let outbox = server.outbox(scheme, "u:hunter2@");
        let error = outbox.send(&mail("ann@example.net")).await;
        assert_eq!(kind(&error.expect_err("no TLS")), "unreachable", "{scheme}");
        assert!(server.mails.try_recv().is_err());
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let url = format!("smtp://127.0.0.1:{port}").parse().expect("a URL");
    let outbox = Outbox::new(&url, Duration::from_secs(5), "[::1]:8420");
    let error = outbox.send(&mail("ann@example.net")).await;
    assert_eq!(kind(&error.expect_err("nobody")), "unreachable");
    let off = Outbox::new(&MailUrl::Off, Duration::from_secs(5), "");
    let error = off.send(&mail("ann@example.net")).await;
    assert_eq!(kind(&error.expect_err("off")), "unreachable");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    let outbox = Outbox::new(&MailUrl::Console, Duration::from_secs(5), "");
    let error = outbox.send(&mail("nobody")).await.expect_err("no address");
    assert_eq!(kind(&error), "refused");
}

#[tokio::test]
async fn a_file_is_written_whole_and_replaced_by_a_second_copy() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mail");
    let outbox = Outbox::new(
        &MailUrl::Directory(path.clone()),
        Duration::from_secs(5),
        "",
    );
    for _ in 0..2 {
        outbox
            .send(&mail("ann@example.net"))
            .await
            .expect("written");
    }
    let names: Vec<_> = fs::read_dir(&path)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["job-7-5.k3y@example.org.eml"]);
    let bytes = fs::read(path.join(&names[0])).expect("readable");
    let message = mail("ann@example.net").message().expect("sound");
    assert_eq!(bytes, message.formatted());
    fs::write(directory.path().join("file"), "").expect("writable");
    let url = MailUrl::Directory(directory.path().join("file"));
    let outbox = Outbox::new(&url, Duration::from_secs(5), "");
    let error = outbox.send(&mail("ann@example.net")).await;
    assert_eq!(kind(&error.expect_err("a file")), "unreachable");
}

#[test]
fn the_console_shows_who_and_what() {
    let text = console_text(&mail("ann@example.net"));
    assert!(text.starts_with("To: ann@example.net\nSubject: Hello\n"));
    assert!(text.contains("\n\nHello Ann\n"), "{text}");
}
