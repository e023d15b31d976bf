//! The README and the pages beside it match the program.

use std::path::Path;

use dropscope::tui::keymap::Keymap;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const DECISIONS: &str = include_str!("../../docs/decisions.md");
const MANIFEST: &str = include_str!("../../Cargo.toml");

#[test]
fn the_key_table_is_that_of_the_keymap() {
    let table = Keymap::default().markdown();
    assert!(README.contains(table.trim()), "put this table under \"Keys\":\n{table}");
}

#[test]
fn every_dependency_has_its_reason() {
    let dependencies = MANIFEST
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with("[dev-dependencies]"))
        .filter(|line| !line.starts_with(['[', '#']))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    for name in dependencies {
        assert!(DECISIONS.contains(&format!("`{name}`")), "{name} needs its reason in docs/decisions.md");
    }
}

#[test]
fn it_is_short_enough_for_one_sitting() {
    assert!(README.lines().count() < 200, "{} lines", README.lines().count());
}

#[test]
fn every_link_inside_the_repository_has_a_target() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (page, folder) in [(README, ""), (CONTRIBUTING, ""), (DECISIONS, "docs")] {
        let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            assert!(base.join(folder).join(target).exists(), "{target} is missing");
        }
    }
}
