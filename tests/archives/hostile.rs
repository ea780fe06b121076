//! Archives that are out to do harm, or just broken: each is refused with a sentence, and nothing of it is taken in.

use serde_json::{Value as Json, json};

use crate::packing::{collection, create, python, tar_gz, zip};
use crate::support::process::Place;
use crate::{instance, stored};

const GOOD: &str = "2023-01-01T00:00:00Z";

/// More than a post may have, and nothing that packs like a bomb.
fn long() -> String {
    (0..300_000_u64)
        .map(|number| (number * number).to_string())
        .collect()
}

/// An outbox whose first item is good.
fn outbox(second: Json) -> String {
    collection(
        "outbox.json",
        &[create(1, GOOD, "<p>good</p>", |_| {}), second],
    )
}

/// Has a file refused with this sentence, and sees to it that nothing changed, in the store or around it.
#[track_caller]
fn refused(place: &Place, before: &[String], file: &str, sentence: &str) {
    let errors = place.fails(1, &["import", "--account", "alice", file]);
    assert!(
        errors.contains("refused") && errors.contains(sentence),
        "{file}: {errors}"
    );
    assert_eq!(stored(place), before, "{file}");
}

#[test]
fn no_name_leaves_a_directory_and_nothing_is_a_link() {
    let place = instance(&["alice"]);
    let before = stored(&place);
    for name in [
        "../outside.txt",
        "/tmp/outside.txt",
        "a/../../outside.txt",
        "a\\..\\outside.txt",
    ] {
        let files = [
            ("outbox.json", outbox(json!({"type": "Move"}))),
            (name, "x".to_owned()),
        ];
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        for (pack, file) in [
            (zip as fn(&_, &_) -> _, "slip.zip"),
            (tar_gz, "slip.tar.gz"),
        ] {
            pack(&place.path().join(file), &files);
            refused(&place, &before, file, "leads out of it");
        }
    }
    python(
        "import stat,tarfile,zipfile\n\
         entry = zipfile.ZipInfo('outbox.json')\n\
         entry.create_system = 3\n\
         entry.external_attr = (stat.S_IFLNK | 0o777) << 16\n\
         archive = zipfile.ZipFile('link.zip', 'w')\n\
         archive.writestr(entry, '/etc/passwd')\n\
         archive.close()\n\
         for kind, name in [(tarfile.SYMTYPE, 'sym'), (tarfile.LNKTYPE, 'hard'), (tarfile.FIFOTYPE, 'fifo')]:\n\
         \x20   entry = tarfile.TarInfo('outbox.json')\n\
         \x20   entry.type = kind\n\
         \x20   entry.linkname = '/etc/passwd'\n\
         \x20   archive = tarfile.open(name + '.tar.gz', 'w:gz')\n\
         \x20   archive.addfile(entry)\n\
         \x20   archive.close()",
        &place,
    );
    refused(&place, &before, "link.zip", "is a link");
    refused(&place, &before, "sym.tar.gz", "is a link");
    refused(&place, &before, "hard.tar.gz", "is a link");
    refused(
        &place,
        &before,
        "fifo.tar.gz",
        "neither a file nor a directory",
    );
}

#[test]
fn bombs_do_not_go_off() {
    let place = instance(&["alice"]);
    let before = stored(&place);
    python(
        "import io,struct,tarfile,zipfile\n\
         zeros = b' ' * (64 << 20)\n\
         archive = zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED)\n\
         archive.writestr('outbox.json', zeros)\n\
         archive.close()\n\
         archive = zipfile.ZipFile('other.zip', 'w', zipfile.ZIP_DEFLATED)\n\
         archive.writestr('picture.png', zeros)\n\
         archive.writestr('outbox.json', '{}')\n\
         archive.close()\n\
         archive = tarfile.open('bomb.tar.gz', 'w:gz')\n\
         entry = tarfile.TarInfo('outbox.json')\n\
         entry.size = len(zeros)\n\
         archive.addfile(entry, io.BytesIO(zeros))\n\
         archive.close()\n\
         archive = zipfile.ZipFile('many.zip', 'w')\n\
         for number in range(3): archive.writestr(str(number), '')\n\
         archive.close()\n\
         bytes_ = bytearray(open('many.zip', 'rb').read())\n\
         entry = bytes_[bytes_.index(b'PK\\x01\\x02'):bytes_.index(b'PK\\x05\\x06')]\n\
         one = bytes(entry[:len(entry) // 3])\n\
         directory = one * 1000000\n\
         open('million.zip', 'wb').write(directory\n\
         \x20   + b'PK\\x06\\x06' + struct.pack('<QHHIIQQQQ', 44, 45, 45, 0, 0, 1000000, 1000000, len(directory), 0)\n\
         \x20   + b'PK\\x06\\x07' + struct.pack('<IQI', 0, len(directory), 1)\n\
         \x20   + b'PK\\x05\\x06' + struct.pack('<HHHHIIH', 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0))\n\
         end = bytes_.index(b'PK\\x05\\x06')\n\
         lying = bytearray(open('other.zip', 'rb').read())\n\
         at = lying.rindex(b'PK\\x01\\x02')\n\
         struct.pack_into('<I', lying, at + 24, 1)\n\
         struct.pack_into('<I', lying, lying.index(b'PK\\x01\\x02') + 24, 1)\n\
         open('lying.zip', 'wb').write(lying)\n\
         archive = tarfile.open('million.tar.gz', 'w:gz', compresslevel=1)\n\
         block = tarfile.TarInfo('x').tobuf()\n\
         import os\n\
         for _ in range(250000): archive.fileobj.write(block)\n\
         archive.close()",
        &place,
    );
    refused(&place, &before, "bomb.zip", "200 times its size");
    refused(&place, &before, "other.zip", "200 times its size");
    refused(&place, &before, "bomb.tar.gz", "200 times its size");
    refused(&place, &before, "million.zip", "more than 200000 files");
    refused(&place, &before, "million.tar.gz", "");
    refused(
        &place,
        &before,
        "lying.zip",
        "isn't what its directory says",
    );
}

#[test]
fn what_is_no_archive_is_told_so() {
    let place = instance(&["alice"]);
    let before = stored(&place);
    let good = outbox(json!({"type": "Move"}));
    zip(&place.path().join("good.zip"), &[("outbox.json", &good)]);
    let whole = std::fs::read(place.path().join("good.zip")).expect("a file");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(place.path().join(name), bytes).expect("it is written");
    };
    write("empty.zip", b"");
    write("text.zip", b"just a text");
    write("cut.zip", &whole[..whole.len() - 30]);
    write("head.zip", b"PK\x03\x04");
    write("cut.tar.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    zip(&place.path().join("nothing.zip"), &[("README", "hello")]);
    zip(
        &place.path().join("twice.zip"),
        &[("outbox.json", &good), ("a/outbox.json", &good)],
    );
    for (file, sentence) in [
        ("empty.zip", "neither a ZIP nor"),
        ("text.zip", "neither a ZIP nor"),
        ("cut.zip", "no sound ZIP"),
        ("head.zip", "no sound ZIP"),
        ("cut.tar.gz", "no sound tar.gz"),
        ("nothing.zip", "none of these is in it"),
        ("twice.zip", "is in it twice"),
        ("data", "it is no file"),
    ] {
        refused(&place, &before, file, sentence);
    }
    // Every place in which a byte may be another is either no harm or an error, never a crash.
    for at in (0..whole.len()).step_by(7) {
        let mut bent = whole.clone();
        bent[at] ^= 0x55;
        write("bent.zip", &bent);
        let output = place.run(&["import", "--account", "alice", "bent.zip"]);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "byte {at}: {output:?}"
        );
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("panicked"), "byte {at}: {errors}");
    }
}

#[test]
fn wrong_contents_are_told_with_their_place() {
    let place = instance(&["alice"]);
    let before = stored(&place);
    let dated = |date: &str| outbox(create(2, date, "<p>x</p>", |_| {}));
    let changed = |change: fn(&mut Json)| outbox(create(2, GOOD, "<p>x</p>", change));
    let deep = |times: usize| {
        let nested = format!("{}{}", "[".repeat(times), "]".repeat(times));
        outbox(json!({"type": "Create", "object": "DEEP"})).replace("\"DEEP\"", &nested)
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("outbox.json", "{\"orderedItems\":[{".to_owned(), "item 1"),
        ("outbox.json", "[]".to_owned(), "item 1"),
        ("outbox.json", "{}".to_owned(), "no orderedItems"),
        ("outbox.json", "{\"orderedItems\":7}".to_owned(), "item 1"),
        ("outbox.json", outbox(json!(7)), "item 2"),
        ("outbox.json", outbox(json!({"type": 7})), "item 2"),
        (
            "outbox.json",
            outbox(json!({"type": "Create"})),
            "item 2: it has no object",
        ),
        (
            "outbox.json",
            outbox(json!({"type": "Announce", "object": "x"})),
            "item 2: it has no id",
        ),
        ("outbox.json", deep(100_000), "item 2"),
        (
            "outbox.json",
            changed(|note| note["content"] = json!({"a": 1})),
            "item 2",
        ),
        (
            "outbox.json",
            changed(|note| note["to"] = json!([1])),
            "item 2",
        ),
        (
            "outbox.json",
            changed(|note| note["sensitive"] = json!("yes")),
            "item 2",
        ),
        (
            "outbox.json",
            changed(|note| note["id"] = json!("x".repeat(5000))),
            "item 2",
        ),
        (
            "outbox.json",
            changed(|note| note["content"] = json!(long())),
            "item 2",
        ),
        ("outbox.json", dated("9999-12-31T23:59:59Z"), "item 2: "),
        ("outbox.json", dated("-009999-01-01T00:00:00Z"), "item 2"),
        (
            "outbox.json",
            dated("3017-01-01T00:00:00Z"),
            "item 2: the date",
        ),
        (
            "outbox.json",
            dated("1970-01-01T00:00:00Z"),
            "item 2: the date",
        ),
        ("outbox.json", dated("yesterday"), "is no date"),
        ("actor.json", "[]".to_owned(), "actor.json"),
        ("actor.json", "{\"name\":{}}".to_owned(), "actor.json"),
        (
            "likes.json",
            collection("likes.json", &[json!(1)]),
            "likes.json, item 1",
        ),
        (
            "following_accounts.csv",
            "a,\"b\n".to_owned(),
            "following_accounts.csv, line 1",
        ),
        (
            "blocked_accounts.csv",
            "x".repeat(10_000),
            "blocked_accounts.csv, line 1",
        ),
    ];
    for (number, (name, text, sentence)) in cases.iter().enumerate() {
        let file = format!("case{number}.zip");
        zip(&place.path().join(&file), &[(name, text)]);
        refused(&place, &before, &file, sentence);
    }
}
