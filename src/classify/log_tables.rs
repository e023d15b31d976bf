//! Bounded tables of a log: names by number, and what each run of a recording contains.

use std::collections::HashMap;

/// Distinct topics and system events.
pub(super) const MAX_NAMES: usize = 2_000;

/// What one run of a recording can show. What it does not record is unknown, not absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RunCoverage {
    /// Whether packets (messages, pings, traffic) are recorded.
    pub(super) has_packets: bool,
    /// Whether the client id was generated at random, so that no other client can have it.
    pub(super) has_random_client_id: bool,
}

/// Distinct names with a number each.
#[derive(Debug, Clone, Default)]
pub(super) struct NameTable {
    numbers: HashMap<String, u32>,
    pub(super) names: Vec<String>,
}

impl NameTable {
    /// The number of a name; all beyond [`MAX_NAMES`] share the last.
    pub(super) fn number_of(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len().min(MAX_NAMES)).unwrap_or(u32::MAX);
        if self.names.len() <= MAX_NAMES {
            let name = if self.names.len() == MAX_NAMES { "(others)" } else { name };
            self.names.push(name.to_owned());
            self.numbers.insert(name.to_owned(), number);
        }
        number
    }

    /// The name of a number.
    pub(super) fn name_of(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|index| self.names.get(index)).map_or("", String::as_str)
    }
}

/// Whether a client id is one that dropscope generates: its prefix and eight hexadecimal digits of a random number.
pub(super) fn is_random_client_id(id: &str) -> bool {
    let digits = id.strip_prefix("dropscope-").unwrap_or_default();
    digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
