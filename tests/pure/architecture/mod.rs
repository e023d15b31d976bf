//! The rules of the structure: which module may use which, which crate belongs where, how long a file may be, and that a
//! type name stands for one thing.

#![expect(clippy::expect_used, reason = "a test that cannot read the sources must fail")]

mod lab_layers;
mod names;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sources::{SourceFile, modules_re_exported, names, product_code, sources, top_modules_named};

/// For the module that puts the others together.
const ALL: &[&str] = &[
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
    "report_writer",
    "signals",
    "state",
    "tui",
];

/// Each module and the modules it may use. `main` and the crate root may use all.
const MODULES: &[(&str, &[&str])] = &[
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
    ("analysis", &["classify", "diagnostics", "export", "state"]),
    ("lab", &["aws", "diagnostics"]),
    ("aws_keys", &["aws", "diagnostics", "mqtt"]),
    ("state", &["classify", "device", "diagnostics"]),
    ("report_writer", &["diagnostics", "export", "state"]),
    ("monitor", &["classify", "device", "diagnostics", "export", "mqtt", "report_writer", "state"]),
    ("replay", &["classify", "diagnostics", "report_writer", "state"]),
    ("tui", &["classify", "device", "diagnostics", "state"]),
    ("headless", &["classify", "diagnostics", "state"]),
    ("keyring", &["diagnostics"]),
    ("config", &["device", "diagnostics", "exit", "logging", "mqtt"]),
    ("cli", &["config", "diagnostics", "exit", "logging", "mqtt"]),
    ("signals", &["state"]),
    ("collector", &["classify", "clock", "diagnostics", "export", "state"]),
    ("program", ALL),
];

/// Modules that re-export items of another module on purpose.
const RE_EXPORTS: &[(&str, &str)] = &[];

/// Crates and modules of the standard library that only some modules may use.
const RESTRICTED_CRATES: &[(&str, &[&str])] = &[
    ("rumqttc", &["collector", "mqtt", "lab"]),
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
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli", "config", "program"]),
    ("etcetera", &["config"]),
    ("toml", &["classify", "config", "lab"]),
];

/// What the pure core must do without.
const IMPURE: &[&str] = &["tokio", "std::fs", "std::net", "std::env", "std::thread", "tracing", "rand"];

/// The modules of the pure core.
const PURE: &[&str] = &["aws", "classify", "device", "diagnostics", "state"];

/// Functions and types that read a clock, which only `src/clock.rs` may use.
const CLOCKS: &[&str] = &["SystemTime::now", "Utc::now", "Local::now", "std::time::Instant"];

/// Lines of a file. A guide to find files with two ideas, not a reason to cut a type in two.
const LONGEST_FILE: usize = 400;

fn is_module(name: &str) -> bool {
    MODULES.iter().any(|(module, _)| *module == name)
}

fn rule_of(source: &SourceFile) -> Option<&'static [&'static str]> {
    MODULES.iter().find(|(module, _)| *module == source.top_module()).map(|(_, allowed)| *allowed)
}

#[test]
fn modules_use_only_the_modules_below_them() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(allowed) = rule_of(&source) else { continue };
        for named in top_modules_named(&source.module, &source.code) {
            let is_allowed = named == source.top_module() || allowed.contains(&named.as_str());
            if is_module(&named) && !is_allowed {
                wrong.push(format!("{} uses {named}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_module_re_exports_another() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        if rule_of(&source).is_none() {
            continue;
        }
        for named in modules_re_exported(&source.module, &source.code) {
            let is_listed = RE_EXPORTS.contains(&(source.top_module(), named.as_str()));
            if is_module(&named) && named != source.top_module() && !is_listed {
                wrong.push(format!("{} re-exports {named}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn restricted_crates_are_used_where_they_belong() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (restricted, users) in RESTRICTED_CRATES {
            if !users.contains(&source.top_module()) && names(&source.code, restricted) {
                wrong.push(format!("{} uses {restricted}", source.path.display()));
            }
        }
        let is_protocol = source.module.starts_with(&["navien".to_owned(), "protocol".to_owned()]);
        if is_protocol || PURE.contains(&source.top_module()) {
            let impure = IMPURE.iter().filter(|impure| names(&source.code, impure));
            wrong.extend(impure.map(|impure| format!("{} uses {impure}", source.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_clock_module_reads_a_clock() {
    let mut wrong = Vec::new();
    for source in sources("src").into_iter().filter(|source| source.top_module() != "clock") {
        let calls = CLOCKS.iter().filter(|call| names(&source.code, call));
        wrong.extend(calls.map(|call| format!("{} uses {call}", source.path.display())));
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
    let long: Vec<String> = ["src", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(sources)
        .filter(|source| source.text.lines().count() > LONGEST_FILE)
        .map(|source| format!("{} has {} lines", source.path.display(), source.text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_file_has_a_module_comment() {
    let without: Vec<PathBuf> = ["src", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(sources)
        .filter(|source| !source.code.is_empty() && !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn the_crate_root_names_every_module() {
    let root =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the crate root");
    let modules: BTreeSet<String> =
        sources("src").into_iter().filter_map(|source| source.module.first().cloned()).collect();
    for module in modules.iter().filter(|module| *module != "main") {
        assert!(root.contains(&format!("mod {module};")), "lib.rs does not name {module}");
        assert!(is_module(module), "{module} has no rule here");
    }
}

#[test]
fn the_architecture_page_lists_what_each_module_may_use() {
    let root =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the crate root");
    for (module, allowed) in MODULES {
        let start = format!("//! | [`{module}`] |");
        let row = root.lines().find(|line| line.starts_with(&start));
        let cell = row.and_then(|row| row.trim_end_matches('|').rsplit('|').next()).unwrap_or_default();
        let listed: BTreeSet<&str> = cell.split('`').skip(1).step_by(2).collect();
        let expected: BTreeSet<&str> =
            if *allowed == ALL { BTreeSet::new() } else { allowed.iter().copied().collect() };
        assert_eq!(listed, expected, "the row of {module} in src/lib.rs");
    }
}

#[test]
fn the_scan_finds_imports_through_crate_super_and_re_export() {
    let code = product_code(
        "// use crate::tui;\nuse crate::{diagnostics::{Stamp, tui}, mqtt};\nlet a = crate::lab::x(); // crate::cli\n\
         use ratatui::text;\nuse rumqttc;\nlet now = chrono::Utc::now();\nuse super::super::monitor::Monitor;\n\
         use super::sibling;\npub use crate::export::Export;\npub(crate) use super::super::{headless, replay::Player};\n\
         #[cfg(test)]\nmod tests { use crate::signals; }",
    );
    let module = ["tui".to_owned(), "model".to_owned()];
    let found: Vec<String> = top_modules_named(&module, &code).into_iter().collect();
    assert_eq!(found, ["diagnostics", "export", "headless", "lab", "monitor", "mqtt", "replay"]);
    let re_exported: Vec<String> = modules_re_exported(&module, &code).into_iter().collect();
    assert_eq!(re_exported, ["export", "headless", "replay"]);
    assert!(names(&code, "ratatui") && names(&code, "rumqttc") && !names(&code, "tokio"));
    assert!(!names("let tokio = 1; my_tokio::x(); a::tokio::y()", "tokio"));
    assert!(names("use std::fs;", "std::fs") && !names("use std::fsx;", "std::fs"));
}
