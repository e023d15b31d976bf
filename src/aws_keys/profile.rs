//! One profile of the files of the AWS tools.

use std::collections::BTreeMap;

/// The settings of one profile by lower-case name. Values may be secret; there is no `Debug`.
#[derive(Default)]
pub(super) struct AwsProfile(BTreeMap<String, String>);

impl AwsProfile {
    /// Adds the settings under `[heading]` in `text`; existing ones stay. Lines that are not settings are
    /// ignored, as by AWS's tools. Returns whether the heading exists.
    pub(super) fn merge_section(&mut self, text: &str, heading: &str) -> bool {
        let mut inside = false;
        let mut found = false;
        for line in text.lines() {
            // An indented line belongs to a nested setting, none of which is a key.
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                inside = name.split_whitespace().eq(heading.split_whitespace());
                found |= inside;
                continue;
            }
            if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
                let name = name.trim().to_ascii_lowercase();
                self.0.entry(name).or_insert_with(|| value.trim().to_owned());
            }
        }
        found
    }

    /// A setting that exists and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id = AKIADEFAULT\n\n[ profile  heater ] ; at home\n\
                        AWS_ACCESS_KEY_ID=AKIAHEATER\ns3 =\n  region = nested\nregion = eu-west-1\nempty =\nnonsense\n";

    #[test]
    fn only_the_requested_section_counts_and_the_first_value_wins() {
        let mut profile = AwsProfile::default();
        assert!(profile.merge_section(FILE, "profile heater"));
        assert_eq!(profile.get("aws_access_key_id"), Some("AKIAHEATER"));
        assert_eq!(profile.get("region"), Some("eu-west-1"));
        assert_eq!((profile.get("empty"), profile.get("nonsense")), (None, None));
        assert!(profile.merge_section(FILE, "default"));
        assert_eq!(profile.get("aws_access_key_id"), Some("AKIAHEATER"));
        assert!(!profile.merge_section(FILE, "heater"));
        assert!(!profile.merge_section("[", "x") && !profile.merge_section("]=[\n=\u{0}", "x"));
    }
}
