//! Does the README say what the program does?

use dropscope::tui::keymap::Keymap;

const README: &str = include_str!("../../README.md");
const MANIFEST: &str = include_str!("../../Cargo.toml");

#[test]
fn the_keys_are_those_of_the_keymap() {
    let table = Keymap::default().markdown();
    assert!(README.contains(table.trim()), "put this table under \"Keys\":\n{table}");
}

#[test]
fn every_dependency_is_justified() {
    let dependencies = MANIFEST
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with("[dev-dependencies]"))
        .filter(|line| !line.starts_with(['[', '#']))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    for name in dependencies {
        assert!(README.contains(&format!("`{name}`")), "{name} needs its reason under Decisions");
    }
}

#[test]
fn the_readme_is_short() {
    assert!(README.lines().count() < 250);
}

#[test]
fn every_picture_and_link_inside_the_repository_exists() {
    let targets = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.contains("://")) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
        assert!(path.exists(), "{target} is missing");
    }
}
