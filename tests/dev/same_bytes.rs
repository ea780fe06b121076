//! With a seed two runs answer alike, byte for byte.

use std::fmt::Write as _;

use crate::support::dev::DevServer;
use crate::support::tools::free_address;

/// A request of the script: `METHOD TARGET NAME` and, on the following lines, the body. The token of NAME is sent along.
const SCRIPT: &[(&str, &str)] = &[
    ("GET / -", ""),
    ("GET /login -", ""),
    (
        "POST /api/v1/apps -",
        "client_name=x&redirect_uris=urn:ietf:wg:oauth:2.0:oob&scopes=read write",
    ),
    ("GET /api/v2/instance -", ""),
    ("GET /api/v1/timelines/home?limit=3 alice", ""),
    ("GET /api/v1/notifications?limit=80 alice", ""),
    (
        "POST /api/v1/statuses alice",
        "status=@bob Twice the same. %23seed&visibility=unlisted",
    ),
    ("POST /api/v1/statuses bob", "status=@alice @carol Twice."),
    ("POST /api/v1/statuses alice", "status="),
    ("GET /api/v1/timelines/home alice", ""),
    ("GET /api/v1/timelines/nowhere alice", ""),
    ("GET /api/v2/search?q=goldcrest alice", ""),
    ("GET /api/kinglet/v1/dev/mail -", ""),
    (
        "POST /api/kinglet/v1/dev/faults -",
        "kind=rate_limited&times=1",
    ),
    ("GET /api/v1/timelines/home alice", ""),
    ("POST /api/kinglet/v1/dev/snapshot -", "name=s"),
    ("POST /api/v1/accounts -", "username=new"),
    ("POST /api/kinglet/v1/dev/clock -", "advance=1d"),
    ("GET /stats -", ""),
    ("GET /about -", ""),
    ("POST /api/v1/statuses dave", "status=A day later @alice"),
    ("GET /api/v1/statuses/1 alice", ""),
    ("GET /@alice -", ""),
    ("GET /dev -", ""),
    ("GET /dev/mail -", ""),
    ("GET /dev/people -", ""),
    ("GET /api/kinglet/v1/dev/mail -", ""),
    ("POST /api/kinglet/v1/dev/restore -", "name=s"),
    (
        "POST /api/v1/apps -",
        "client_name=y&redirect_uris=urn:ietf:wg:oauth:2.0:oob",
    ),
    ("GET /api/v1/timelines/home alice", ""),
    ("POST /api/kinglet/v1/dev/reset -", ""),
    ("POST /api/v1/statuses alice", "status=@bob Once more."),
    ("GET /api/v1/timelines/home alice", ""),
    ("CONNECT example.org:1 -", ""),
    ("GET /%ff -", ""),
    ("GET /api/kinglet/v1/dev/requests -", ""),
];

/// Everything that a run answers, the table of people first.
fn run(listen: &str, seed: &str) -> (String, Vec<Vec<u8>>) {
    let dev = DevServer::start(&["--listen", listen, "--seed", seed]);
    let mut people = String::new();
    for person in dev.about["people"].as_array().expect("people") {
        writeln!(people, "{person}").expect("a String takes every write");
    }
    let mut answers = Vec::new();
    for (line, body) in SCRIPT {
        let (method, rest) = line.split_once(' ').expect("a method");
        let (target, name) = rest.split_once(' ').expect("a target and a name");
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            dev.authority()
        );
        if name != "-" {
            let token = dev.person(name)["token"].as_str().expect("a token");
            write!(request, "Authorization: Bearer {token}\r\n").expect("a String");
        }
        if !body.is_empty() {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("a String");
        answers.push(dev.exchange(request.as_bytes()));
    }
    // Bytes that are no request.
    answers.push(dev.exchange(b"BREW / HTCPCP/1.0\r\n\r\n"));
    assert!(dev.end(), "it ends well");
    (people, answers)
}

#[test]
fn two_runs_of_a_seed_answer_byte_for_byte_alike() {
    let listen = free_address().to_string();
    let (people, first) = run(&listen, "42");
    let (same_people, second) = run(&listen, "42");
    assert_eq!(people, same_people);
    let told: Vec<_> = SCRIPT
        .iter()
        .map(|(line, _)| *line)
        .chain(["no request"])
        .collect();
    for ((one, other), line) in first.iter().zip(&second).zip(&told) {
        let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
        assert!(!one.is_empty(), "{line}: no answer");
        assert_eq!(one, other, "{line}");
    }
    // Another seed gives another run, so the comparison above says something.
    let (other_people, third) = run(&listen, "43");
    assert_ne!(people, other_people);
    assert_ne!(first[0], third[0], "the request's id is another");
    let status =
        |answer: &[u8]| String::from_utf8_lossy(answer.get(9..12).unwrap_or(b"")).into_owned();
    let statuses = |answers: &[Vec<u8>]| -> Vec<String> {
        answers.iter().map(|answer| status(answer)).collect()
    };
    assert_eq!(statuses(&first), statuses(&third));
    let expected = |line: &str| {
        let at = told
            .iter()
            .position(|known| *known == line)
            .expect("is in the script");
        status(&first[at])
    };
    for (line, wanted) in [
        ("GET / -", "200"),
        ("POST /api/v1/apps -", "200"),
        ("POST /api/kinglet/v1/dev/snapshot -", "200"),
        ("POST /api/kinglet/v1/dev/clock -", "200"),
        ("POST /api/kinglet/v1/dev/restore -", "200"),
        ("POST /api/kinglet/v1/dev/reset -", "200"),
        ("CONNECT example.org:1 -", "405"),
    ] {
        assert_eq!(expected(line), wanted, "{line}");
    }
}
