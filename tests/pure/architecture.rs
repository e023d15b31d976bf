//! Do the rooms know only whom they may know, and do files keep their size?
//!
//! Comments and test code are not looked at, except for the size.

#![expect(clippy::expect_used, reason = "a test that cannot read the sources must fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// For the room that puts the others together.
const EVERYBODY: &[&str] = &[
    "analysis",
    "aws",
    "aws_keys",
    "classify",
    "cli",
    "clock",
    "config",
    "device",
    "diagnostics",
    "exit",
    "export",
    "headless",
    "keyring",
    "lab",
    "logging",
    "monitor",
    "mqtt",
    "navien",
    "replay",
    "signals",
    "tui",
];

/// Each room and the rooms it may name. `main` and the crate root may name all.
const ROOMS: &[(&str, &[&str])] = &[
    ("diagnostics", &[]),
    ("aws", &[]),
    ("classify", &["diagnostics"]),
    ("device", &["diagnostics"]),
    ("clock", &["diagnostics"]),
    ("exit", &["diagnostics"]),
    ("logging", &[]),
    ("mqtt", &["diagnostics"]),
    ("export", &["classify", "diagnostics"]),
    ("navien", &["aws", "clock", "device", "diagnostics", "export", "mqtt"]),
    ("analysis", &["classify", "diagnostics", "export"]),
    ("lab", &["aws", "diagnostics", "mqtt"]),
    ("aws_keys", &["aws", "diagnostics", "mqtt"]),
    ("monitor", &["classify", "device", "diagnostics", "mqtt", "export"]),
    ("replay", &["classify", "diagnostics", "monitor"]),
    ("tui", &["classify", "device", "diagnostics", "monitor", "export"]),
    ("headless", &["classify", "diagnostics", "monitor"]),
    ("keyring", &["diagnostics"]),
    ("config", &["device", "diagnostics", "exit", "logging", "mqtt"]),
    ("cli", &["config", "diagnostics", "exit", "logging", "mqtt"]),
    ("signals", &["monitor"]),
    ("collector", &["classify", "clock", "diagnostics", "export", "mqtt"]),
    ("program", EVERYBODY),
];

/// Crates and modules of the standard library that only some rooms may name.
const GUESTS: &[(&str, &[&str])] = &[
    ("rumqttc", &["mqtt", "lab"]),
    ("rustls", &["mqtt", "lab"]),
    ("tokio_rustls", &["mqtt", "lab"]),
    ("tokio_tungstenite", &["mqtt", "lab"]),
    ("rcgen", &["lab"]),
    ("socket2", &["mqtt", "lab"]),
    ("hmac", &["aws"]),
    ("sha2", &["aws", "navien"]),
    ("hyper", &["lab", "navien"]),
    ("dbus_secret_service", &["keyring"]),
    ("keyring_core", &["keyring"]),
    ("rcgen", &["lab"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli", "config", "program"]),
    ("etcetera", &["config"]),
    ("toml", &["classify", "config"]),
];

/// What the pure core must do without.
const IMPURE: &[&str] = &["tokio", "std::fs", "std::net", "std::env", "std::thread", "tracing", "rand"];

/// Ways to ask for the time, which only `src/clock.rs` may use.
const CLOCKS: &[&str] = &["SystemTime::now", "Utc::now", "Local::now", "std::time::Instant"];

const LONGEST_FILE: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
    code: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&base.join(folder), &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let inside = path.strip_prefix(base.join(folder)).expect("a file below the folder");
            let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
            let room = first.trim_end_matches(".rs").to_owned();
            let code = if is_test(inside) { String::new() } else { product_code(&text) };
            Source { path, room, text, code }
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_test(inside: &Path) -> bool {
    inside.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// The text without comments, without the test module at its end, and without spaces.
fn product_code(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .map(|line| line.split(" // ").next().unwrap_or_default())
        .flat_map(|line| line.split_whitespace().chain(std::iter::once(" ")))
        .collect::<Vec<_>>()
        .join("\u{1f}")
        .replace("\u{1f} \u{1f}", " ")
        .replace('\u{1f}', " ")
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `path` occurs as a path of its own: followed by `::` or `;`, not part of a longer word.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = &code[start + path.len()..];
        let is_whole = before.is_none_or(|character| !is_word(character) && character != ':');
        let is_end = after.chars().next().is_none_or(|character| !is_word(character));
        let is_path = path.contains("::") || after.starts_with("::") || after.starts_with(';');
        is_whole && is_end && is_path
    })
}

/// The rooms named after `crate::architecture::`, grouped imports included.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (start, prefix) in code.match_indices("crate::architecture::") {
        let rest = code[start + prefix.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(heads_of(group)),
            None => rooms.extend(head(rest)),
        }
    }
    rooms
}

fn head(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|character| is_word(*character)).collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each item of a brace group.
fn heads_of(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut item) = (0_u32, Vec::new(), String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(head(&std::mem::take(&mut item))),
            other if depth == 0 => item.push(other),
            _ => {}
        }
    }
    heads.extend(head(&item));
    heads
}

#[test]
fn rooms_name_only_the_rooms_below_them() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else { continue };
        for named in rooms_named(&source.code) {
            let is_fine = named == source.room || allowed.contains(&named.as_str());
            if known.contains(named.as_str()) && !is_fine {
                wrong.push(format!("{} names crate::architecture::{named}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_some_rooms_name_the_outside() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (guest, hosts) in GUESTS {
            let is_host = hosts.contains(&source.room.as_str());
            if !is_host && names(&source.code, guest) {
                wrong.push(format!("{} names {guest}", source.path.display()));
            }
        }
        let is_protocol = source.path.components().any(|part| part.as_os_str() == "protocol");
        let is_pure = match source.room.as_str() {
            "navien" => is_protocol,
            room => matches!(room, "aws" | "classify" | "device" | "diagnostics"),
        };
        if is_pure {
            let impure = IMPURE.iter().filter(|guest| names(&source.code, guest));
            wrong.extend(impure.map(|guest| format!("{} names {guest}", source.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        if source.room == "clock" {
            continue;
        }
        let asked = CLOCKS.iter().filter(|call| names(&source.code, call));
        wrong.extend(asked.map(|call| format!("{} uses {call}", source.path.display())));
        let has_group = source.code.split("use std::time::{").skip(1).any(|rest| {
            rest.split('}').next().is_some_and(|group| group.split(',').any(|name| name.trim() == "Instant"))
        });
        if has_group {
            wrong.push(format!("{} uses std::time::Instant", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(sources)
        .filter(|source| source.text.lines().count() > LONGEST_FILE)
        .map(|source| format!("{} has {} lines", source.path.display(), source.text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(sources)
        .filter(|source| !source.code.is_empty() && !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn the_crate_root_names_every_room() {
    let root =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the crate root");
    let rooms: BTreeSet<String> = sources("src").into_iter().map(|source| source.room).collect();
    for room in rooms.iter().filter(|room| !matches!(room.as_str(), "main" | "lib")) {
        assert!(root.contains(&format!("mod {room};")), "lib.rs does not name {room}");
        assert!(ROOMS.iter().any(|(known, _)| known == room), "{room} has no rule here");
    }
}

#[test]
fn the_scan_sees_what_it_must() {
    let code = product_code(
        "// use crate::architecture::tui;\nuse crate::architecture::{diagnostics::{Stamp, tui}, mqtt};\nlet a = crate::architecture::lab::x(); // crate::architecture::cli\n\
         use ratatui::text;\nuse rumqttc;\nlet now = chrono::Utc::now();\n#[cfg(test)]\nmod tests { use crate::architecture::export; }",
    );
    let rooms: Vec<String> = rooms_named(&code).into_iter().collect();
    assert_eq!(rooms, ["diagnostics", "lab", "mqtt"]);
    assert!(names(&code, "ratatui") && names(&code, "rumqttc") && !names(&code, "tokio"));
    assert!(!names("let tokio = 1; my_tokio::x(); a::tokio::y()", "tokio"));
    assert!(names("use std::fs;", "std::fs") && !names("use std::fsx;", "std::fs"));
}
