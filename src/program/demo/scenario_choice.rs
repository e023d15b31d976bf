//! The scenario of a run: a built-in one by name, a user's file, or one chosen by the seed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::classify::Pattern;
use crate::diagnostics::clean::clean;
use crate::lab::scenario::{Scenario, builtin_text, scenarios};

/// The largest scenario file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The built-in scenario of a name, or the sentence with the nearest names.
pub(in crate::program) fn scenario_by_name(name: &str) -> Result<&'static Scenario, String> {
    Scenario::find(name).map_err(|nearest| {
        format!(
            "There is no scenario `{}`; the nearest are {}. `dropscope demo --list` lists all.",
            clean(name),
            nearest.join(", ")
        )
    })
}

/// The scenario to play: the file's, the named one, one chosen by the seed in a blind run, or the default.
pub(super) fn choose_scenario(
    name: Option<&str>,
    file: Option<&Path>,
    is_blind: bool,
    seed: u64,
) -> Result<Scenario, String> {
    match (file, name) {
        (Some(file), _) => read_scenario(file),
        (None, Some(name)) => scenario_by_name(name).cloned(),
        (None, None) if is_blind => {
            let count = u64::try_from(scenarios().len()).unwrap_or(u64::MAX);
            let index = usize::try_from(seed % count).unwrap_or(0);
            scenarios().get(index).cloned().ok_or_else(|| "There is no scenario.".to_owned())
        }
        (None, None) => scenario_by_name(Scenario::DEFAULT).cloned(),
    }
}

fn read_scenario(path: &Path) -> Result<Scenario, String> {
    let shown_path = clean(&path.display().to_string()).into_owned();
    let text = read_text(path).map_err(|error| format!("Cannot read the scenario {shown_path}: {error}."))?;
    let scenario =
        Scenario::parse(&text).map_err(|error| format!("{shown_path}, {}", clean(&error.to_string())))?;
    for name in &scenario.patterns {
        if !Pattern::ALL.iter().any(|pattern| pattern.name() == *name) {
            let known: Vec<_> = Pattern::ALL.iter().map(|pattern| pattern.name()).collect();
            let name = clean(name);
            return Err(format!("{shown_path}: unknown pattern `{name}`; allowed: {}.", known.join(", ")));
        }
    }
    Ok(scenario)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 1 MiB"));
    }
    Ok(text)
}

/// One line for each built-in scenario: its name and its symptom.
pub(super) fn list_scenarios() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let width = scenarios().iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for scenario in scenarios() {
        writeln!(text, "{:width$}  {}", scenario.name, scenario.symptom)?;
    }
    Ok(text)
}

/// The commented file of a built-in scenario, as a start for a user's own.
pub(super) fn scenario_file(name: &str) -> Result<String, String> {
    let scenario = scenario_by_name(name)?;
    builtin_text(scenario).ok_or_else(|| "There is no scenario.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scenario_error_lists_the_nearest_names() {
        let sentence = scenario_by_name("nat-silnet\u{1b}[2J").expect_err("no such scenario");
        assert!(sentence.starts_with("There is no scenario `nat-silnet"), "{sentence}");
        assert!(
            sentence.contains("the nearest are nat-silent, ") && !sentence.contains('\u{1b}'),
            "{sentence}"
        );
    }

    #[test]
    fn a_blind_run_without_a_name_is_chosen_by_the_seed() {
        let names: std::collections::BTreeSet<_> =
            (0..100).map(|seed| choose_scenario(None, None, true, seed).expect("one").name).collect();
        assert_eq!(names.len(), scenarios().len());
        assert_eq!(choose_scenario(None, None, false, 5).expect("one").name, Scenario::DEFAULT);
    }

    #[test]
    fn every_expected_pattern_exists() {
        for name in scenarios().iter().flat_map(|scenario| &scenario.patterns) {
            assert!(Pattern::ALL.iter().any(|pattern| pattern.name() == *name), "{name}");
        }
    }

    #[test]
    fn a_printed_scenario_is_played_from_its_file() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("mine.toml");
        for scenario in scenarios() {
            std::fs::write(&path, scenario_file(&scenario.name).expect("a file")).expect("written");
            assert_eq!(choose_scenario(None, Some(&path), true, 1).as_ref(), Ok(scenario));
        }
    }

    #[test]
    fn a_wrong_file_gives_one_sentence_with_its_name_and_line() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("mine.toml");
        let error_for = |text: &[u8]| {
            std::fs::write(&path, text).expect("written");
            choose_scenario(None, Some(&path), false, 1).expect_err("a wrong file")
        };
        let valid = scenario_file("nat-rst").expect("a file");
        let line = valid.lines().position(|line| line.starts_with("speed")).expect("a speed") + 1;
        let error = error_for(valid.replace("speed = 60.0", "speed = 0").as_bytes());
        assert!(
            error.ends_with(&format!("mine.toml, line {line}: the speed must be a number from 1 to 86400."))
        );
        let error = error_for(valid.replace("\"idle_timeout\"", "\"idle\"").as_bytes());
        assert!(error.contains("mine.toml: unknown pattern `idle`; allowed: "), "{error}");
        for text in [vec![0xFF], vec![b'#'; 1024 * 1024 + 1]] {
            let error = error_for(&text);
            assert!(error.starts_with("Cannot read the scenario ") && error.lines().count() == 1, "{error}");
        }
        let missing = choose_scenario(None, Some(Path::new("/no/such.toml")), false, 1).expect_err("no file");
        assert!(missing.starts_with("Cannot read the scenario /no/such.toml: "), "{missing}");
    }
}
