//! Are the recordings what they claim to be, and can others read them?

use std::collections::BTreeMap;
use std::path::PathBuf;

use dropscope::diagnostics::Event;
use serde_json::json;

use super::{CLASSES, case, recorded};

#[test]
fn the_same_seed_gives_the_same_recording() {
    for class in CLASSES {
        let (first, again, other) = (case(class, 1), case(class, 1), case(class, 2));
        assert_eq!(first.recording(), again.recording(), "{}", first.name);
        assert_ne!(first.recording(), other.recording(), "{} and {}", first.name, other.name);
    }
}

#[test]
fn most_seeds_of_a_class_show_its_mechanism() {
    for class in CLASSES {
        let cases: Vec<_> = (10..14).map(|seed| case(class, seed)).collect();
        let shown = cases.iter().filter(|case| case.truth == class).count();
        assert!(shown >= 2, "{class}: {:?}", cases.iter().map(|case| case.truth).collect::<Vec<_>>());
    }
}

/// `DROPSCOPE_VERDICTS_DIR=DIR [DROPSCOPE_VERDICTS_SEEDS=N] cargo test --test verdicts write_lab -- --ignored`
#[test]
#[ignore = "writes files, for other programs to classify"]
fn write_lab() {
    let dir = PathBuf::from(std::env::var_os("DROPSCOPE_VERDICTS_DIR").expect("a directory"));
    let seeds =
        std::env::var("DROPSCOPE_VERDICTS_SEEDS").map_or(10, |seeds| seeds.parse().expect("a number"));
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut truths = BTreeMap::new();
    for class in CLASSES {
        let mut drops = Vec::new();
        for seed in 0..seeds {
            let (case, text) = recorded(class, seed);
            let is_drop = |event: &Event| matches!(event, Event::Dropped(_));
            drops.push(case.events.iter().filter(|observed| is_drop(&observed.event)).count());
            let name = format!("{class}-{seed}");
            std::fs::write(dir.join(format!("{name}.jsonl")), text).expect("written");
            truths.insert(name, json!({ "truth": case.truth, "also": case.also }));
        }
        println!("{class}: drops {drops:?}");
    }
    let truths = serde_json::to_string_pretty(&truths).expect("JSON");
    std::fs::write(dir.join("truth.json"), truths).expect("written");
}
