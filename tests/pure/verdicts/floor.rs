//! The floor: the least scores that a set of answers must reach.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::verdicts::score::{Answer, score};

/// The least of one source; shares from 0 to 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Floor {
    /// Least share answered right.
    pub(crate) top1: f64,
    /// Most claims of a mechanism where the truth is random or undetermined.
    pub(crate) false_specific: f64,
    /// Most expected calibration error.
    pub(crate) calibration_error: f64,
    /// Most wrong among the answers of at least 0.9.
    pub(crate) sure_wrong: f64,
    /// Least share of the mixtures of which both causes are named.
    #[serde(default)]
    pub(crate) both_named: f64,
    /// Least share answered right, by truth.
    #[serde(default)]
    pub(crate) classes: BTreeMap<String, f64>,
}

/// The stored floors by source.
pub(crate) fn floors() -> BTreeMap<String, Floor> {
    toml::from_str(include_str!("floor.toml")).expect("floor.toml holds floors")
}

impl Floor {
    /// The lines of the floor that the answers fall short of.
    pub(crate) fn violations(&self, source: &str, answers: &[Answer]) -> Vec<String> {
        let all = score(answers.iter());
        let mut violations = Vec::new();
        let mut most = |name: &str, found: f64, most: f64| {
            if found > most {
                violations.push(format!("{source}: {name} is {found:.3}, at most {most:.3} is allowed"));
            }
        };
        most("false_specific", all.false_specific, self.false_specific);
        most("calibration_error", all.calibration_error, self.calibration_error);
        most("sure_wrong", all.sure_wrong, self.sure_wrong);
        let mut least = |name: &str, found: f64, least: f64| {
            if found < least {
                violations.push(format!("{source}: {name} is {found:.3}, at least {least:.3} is required"));
            }
        };
        least("top1", all.top1, self.top1);
        least("both_named", all.both_named, self.both_named);
        for (class, share) in &self.classes {
            let found = score(answers.iter().filter(|one| one.truth == class));
            least(&format!("classes.{class}"), found.top1, *share);
        }
        violations
    }
}
