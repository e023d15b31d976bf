//! The built-in scenarios.

use std::sync::LazyLock;

use super::Scenario;

/// The documentation of the format, as comments.
const FORMAT: &str = include_str!("format.toml");

/// The files, in the order of `dropscope demo --list`; the first is the default.
const FILES: [&str; 24] = [
    include_str!("builtin/nat-silent.toml"),
    include_str!("builtin/nat-rst.toml"),
    include_str!("builtin/websocket-24h.toml"),
    include_str!("builtin/nightly-router.toml"),
    include_str!("builtin/random-loss.toml"),
    include_str!("builtin/wifi-bursts.toml"),
    include_str!("builtin/after-messages.toml"),
    include_str!("builtin/rate-limit.toml"),
    include_str!("builtin/policy-denial.toml"),
    include_str!("builtin/credential-expiry.toml"),
    include_str!("builtin/takeover.toml"),
    include_str!("builtin/takeover-timer.toml"),
    include_str!("builtin/outage-refuse.toml"),
    include_str!("builtin/outage-dns.toml"),
    include_str!("builtin/keep-alive-cut.toml"),
    include_str!("builtin/slow-pings.toml"),
    include_str!("builtin/half-open.toml"),
    include_str!("builtin/tls-alert.toml"),
    include_str!("builtin/ws-close.toml"),
    include_str!("builtin/server-disconnect.toml"),
    include_str!("builtin/maintenance.toml"),
    include_str!("builtin/deaf.toml"),
    include_str!("builtin/mixed.toml"),
    include_str!("builtin/healthy.toml"),
];

static SCENARIOS: LazyLock<Vec<Scenario>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| Scenario::parse(text).ok()).collect());

/// All built-in scenarios.
pub fn scenarios() -> &'static [Scenario] {
    &SCENARIOS
}

/// The commented TOML text of a built-in scenario, which [`Scenario::parse`] reads.
pub fn builtin_text(scenario: &Scenario) -> Option<String> {
    let text = FILES.iter().find(|text| Scenario::parse(text).is_ok_and(|one| one.name == scenario.name))?;
    Some(format!("{FORMAT}{text}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_builtin_file_parses_and_equals_what_is_printed() {
        assert_eq!(scenarios().len(), FILES.len());
        for (scenario, text) in scenarios().iter().zip(FILES) {
            assert_eq!(Scenario::parse(text).as_ref(), Ok(scenario));
            let printed = builtin_text(scenario).unwrap();
            assert_eq!(Scenario::parse(&printed).as_ref(), Ok(scenario), "{printed}");
        }
        assert_eq!(scenarios()[0].name, Scenario::DEFAULT);
    }

    #[test]
    fn every_scenario_has_a_unique_name_and_texts_of_a_fitting_length() {
        let names: BTreeSet<_> = scenarios().iter().map(|scenario| &scenario.name).collect();
        assert_eq!(names.len(), FILES.len());
        for scenario in scenarios() {
            assert!(scenario.symptom.chars().count() >= 20, "{}: {}", scenario.name, scenario.symptom);
            assert!(scenario.fault.chars().count() >= 3, "{}", scenario.name);
        }
    }

    #[test]
    fn every_scenario_but_the_mixture_has_its_pattern() {
        let without: Vec<_> =
            scenarios().iter().filter(|one| one.patterns.is_empty()).map(|one| one.name.as_str()).collect();
        assert_eq!(without, ["mixed"]);
    }

    /// The names that the parser lists as allowed.
    fn allowed_names(wrong: &str) -> Vec<String> {
        let error = Scenario::parse(wrong).expect_err("a wrong name").to_string();
        let (_, names) = error.split_once("allowed: ").expect("a list");
        names.trim_end_matches('.').split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_format_comment_names_every_key_and_fault() {
        let keys = allowed_names("wrong = 1");
        let publishes = allowed_names("[[client_publishes]]\nwrong = 1");
        let faults = allowed_names("[[path_faults]]\nwrong = {}");
        assert!(keys.len() > 10 && publishes.len() == 4 && faults.len() == 20, "{faults:?}");
        for name in keys.iter().chain(&publishes).chain(&faults) {
            let is_described = FORMAT.lines().any(|line| {
                let words = line.trim_start_matches(['#', ' ', '[']);
                words.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with([' ', ']']))
            });
            assert!(is_described, "{name}");
        }
        for fault in &faults {
            let fields = allowed_names(&format!("[[path_faults]]\n{fault} = {{ wrong = 1 }}"));
            let line = FORMAT.lines().find(|line| line.starts_with(&format!("# {fault} "))).unwrap();
            assert!(line.contains(&format!("{{ {} }}", fields.join(", "))), "{line}: {fields:?}");
        }
        assert!(FORMAT.lines().all(|line| line.is_empty() || line.starts_with('#')));
    }
}
