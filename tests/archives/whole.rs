//! A whole instance in one file, and what docs/operations.md says of leaving and arriving.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::packing::python;
use crate::support::process::Place;
use crate::{client, instance, serve, stored};

const SECRET: &str = "correct horse 7 battery";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path)
        .expect("is there")
        .permissions()
        .mode()
        & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_arrives_whole_on_another_machine() {
    let old = instance(&["alice"]);
    old.run_with_input(
        &[
            "user",
            "create",
            "bob",
            "--email",
            "bob@secret.example",
            "--password-stdin",
        ],
        &format!("{SECRET}\n"),
    );
    let (server, base) = serve(&old);
    let alice = client(&old, &base, "alice");
    let written = alice
        .post_form("/api/v1/statuses", &[("status", "Moving, @bob")])
        .await;
    assert_eq!(written.status, 200);
    // While it runs.
    old.done(&["export", "--instance", "running.tar.gz"]);
    assert!(server.stop().status.success());
    let said = old.done(&["export", "--instance", "whole.tar.gz"]);
    assert!(said.contains("checked, up to commit"), "{said}");
    assert_eq!(mode(&old.path().join("whole.tar.gz")), 0o600);
    assert!(!old.path().join("whole.tar.gz.copy").exists());
    let errors = old.fails(1, &["export", "--instance", "whole.tar.gz"]);
    assert!(errors.contains("exists"), "{errors}");

    let fresh = Place::new();
    fresh.configure("[instance]\nurl = \"https://here.example\"\n");
    let file = old.path().join("whole.tar.gz");
    let file = file.to_str().expect("UTF-8");
    fresh.done(&["import", "--instance", file]);
    assert_eq!(mode(&fresh.data().join("kinglet.db")), 0o600);
    assert_eq!(stored(&fresh), stored(&old));
    fresh.done(&["check"]);
    let errors = fresh.fails(1, &["import", "--instance", file]);
    assert!(errors.contains("has an instance already"), "{errors}");
    // The token that Alice had still opens the door.
    let (server, base) = serve(&fresh);
    let again =
        crate::support::server::Client::new(&base).with_token(alice.token().expect("a token"));
    assert_eq!(
        again.get("/api/v1/timelines/home").await.json()[0]["content"],
        "<p>Moving, <span class=\"h-card\" translate=\"no\"><a href=\"https://here.example/@bob\" class=\"u-url mention\">@<span>bob</span></a></span></p>"
    );
    assert!(server.stop().status.success());
}

#[test]
fn what_is_shared_has_no_secrets_in_it() {
    let place = instance(&["alice"]);
    place.run_with_input(
        &[
            "user",
            "create",
            "bob",
            "--email",
            "bob@secret.example",
            "--password-stdin",
        ],
        &format!("{SECRET}\n"),
    );
    place.done(&["token", "create", "bob", "--scopes", "read"]);
    place.done(&["export", "--instance", "shared.tar.gz", "--without-secrets"]);
    let other = Place::new();
    let file = place.path().join("shared.tar.gz");
    other.done(&["import", "--instance", file.to_str().expect("UTF-8")]);
    let mut database = Vec::new();
    std::fs::File::open(other.data().join("kinglet.db"))
        .and_then(|mut file| file.read_to_end(&mut database))
        .expect("it is read");
    let holds = |text: &str| {
        database
            .windows(text.len())
            .any(|found| found == text.as_bytes())
    };
    for secret in ["secret.example", "$argon2"] {
        assert!(!holds(secret), "{secret}");
    }
    assert!(holds("alice"), "it is looked for in the right place");
    let database = rusqlite::Connection::open(other.data().join("kinglet.db")).expect("a database");
    for table in ["tokens", "sessions", "codes", "links"] {
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM {table}"), (), |row| {
                row.get(0)
            })
            .expect("a table");
        assert_eq!(rows, 0, "{table}");
    }
    drop(database);
    other.done(&["check"]);
    let link = other.done(&["user", "reset-link", "bob"]);
    assert!(link.contains("/reset/"), "{link}");
}

#[test]
fn a_damaged_or_forged_file_is_refused_and_leaves_nothing() {
    let place = instance(&["alice"]);
    place.done(&["export", "--instance", "whole.tar.gz"]);
    python(
        "import gzip,io,json,tarfile\n\
         source = tarfile.open('whole.tar.gz')\n\
         manifest = json.load(source.extractfile('manifest.json'))\n\
         database = source.extractfile('kinglet.db').read()\n\
         def forge(name, manifest, entries):\n\
         \x20   archive = tarfile.open(name, 'w:gz')\n\
         \x20   for path, content in [('manifest.json', json.dumps(manifest).encode())] + entries:\n\
         \x20       entry = tarfile.TarInfo(path)\n\
         \x20       entry.size = len(content)\n\
         \x20       archive.addfile(entry, io.BytesIO(content))\n\
         \x20   archive.close()\n\
         bent = bytearray(database); bent[len(bent) // 2] ^= 1\n\
         forge('bent.tar.gz', manifest, [('kinglet.db', bytes(bent))])\n\
         forge('short.tar.gz', manifest, [('kinglet.db', database[:-1])])\n\
         forge('slip.tar.gz', manifest, [('../kinglet.db', database)])\n\
         forge('more.tar.gz', manifest, [('kinglet.db', database), ('../x', b'x')])\n\
         forge('newer.tar.gz', dict(manifest, schema=999), [('kinglet.db', database)])\n\
         forge('kind.tar.gz', dict(manifest, kind='other'), [('kinglet.db', database)])\n\
         forge('huge.tar.gz', dict(manifest, bytes=1 << 60), [('kinglet.db', database)])\n\
         forge('none.tar.gz', manifest, [])\n\
         open('cut.tar.gz', 'wb').write(open('whole.tar.gz', 'rb').read()[:-500])\n\
         open('text.tar.gz', 'w').write('hello')",
        &place,
    );
    let fresh = Place::new();
    for (file, sentence) in [
        ("bent.tar.gz", "damaged"),
        ("short.tar.gz", "damaged"),
        ("huge.tar.gz", "damaged"),
        ("slip.tar.gz", "no file of"),
        ("more.tar.gz", "no file of"),
        ("kind.tar.gz", "no file of"),
        ("none.tar.gz", "no file of"),
        ("newer.tar.gz", "schema 999"),
        ("cut.tar.gz", ""),
        ("text.tar.gz", "no sound tar.gz"),
    ] {
        let path = place.path().join(file);
        let errors = fresh.fails(1, &["import", "--instance", path.to_str().expect("UTF-8")]);
        assert!(errors.contains(sentence), "{file}: {errors}");
        let left: Vec<_> = std::fs::read_dir(fresh.data())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name.to_string_lossy().starts_with("kinglet.db") || name == "x")
            .collect();
        assert!(left.is_empty(), "{file}: {left:?}");
    }
}

/// The commands in the consoles of a section of docs/operations.md, each with what is said to come of it.
fn steps(section: &str) -> Vec<(String, Vec<String>)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    let (mut is_in_section, mut is_in_console) = (false, false);
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            is_in_section = title == section;
        } else if line.starts_with("```") {
            is_in_console = line == "```console";
        } else if is_in_section && is_in_console {
            match line.strip_prefix("$ kinglet ") {
                Some(command) => steps.push((command.to_owned(), Vec::new())),
                None => {
                    let (_, output) = steps.last_mut().expect("a console begins with a command");
                    output.push(line.to_owned());
                }
            }
        }
    }
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_does_what_it_says() {
    let place = instance(&["ada", "bob"]);
    let (server, base) = serve(&place);
    let ada = client(&place, &base, "ada");
    let written = ada
        .post_form("/api/v1/statuses", &[("status", "Hello")])
        .await;
    assert_eq!(written.status, 200);
    assert!(server.stop().status.success());
    let steps = steps("Leaving and arriving");
    assert_eq!(steps.len(), 7, "{steps:?}");
    for (command, output) in steps {
        let arguments: Vec<&str> = command.split(' ').collect();
        let said = place.done(&arguments);
        let said: Vec<&str> = said.lines().collect();
        for (line, said) in output.iter().zip(&said) {
            for part in line.split("...") {
                assert!(said.contains(part), "{command}: {said:?} has no {part:?}");
            }
        }
        assert!(said.len() >= output.len(), "{command}: {said:?}");
    }
}
