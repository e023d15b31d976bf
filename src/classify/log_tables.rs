//! Bounded tables of a log: names by number, and what each run of a recording contains.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::session::{OwnNetwork, RANDOM_CLIENT_ID};

/// Distinct topics and system events.
pub(super) const MAX_NAMES: usize = 2_000;

/// What one run of a recording can show. What it does not record is unknown, not absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RunCoverage {
    /// Whether packets (messages, pings, traffic) are recorded.
    pub(super) has_packets: bool,
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

    /// The own network of a local address with its port.
    pub(super) fn own_network_of(&mut self, local: &str) -> OwnNetwork {
        let host = local.rsplit_once(':').map_or(local, |(host, _)| host).trim_matches(['[', ']']);
        if !host.contains(':') {
            return OwnNetwork { number: self.number_of(host), is_ipv6: false };
        }
        // Of IPv6 the first 64 bits: temporary addresses change within the network (RFC 8981). A recorded address has the form
        // of RFC 5952, in which `::` stands for zeros only.
        let before_zeros = host.split("::").next().unwrap_or_default();
        let prefix: Vec<&str> = before_zeros.split(':').take(4).collect();
        OwnNetwork { number: self.number_of(&prefix.join(":")), is_ipv6: true }
    }

    /// The name of a number.
    pub(super) fn name_of(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|index| self.names.get(index)).map_or("", String::as_str)
    }
}

/// How long the client had sent nothing before each answered ping, in keep-alives.
#[derive(Debug, Clone, Default)]
pub(super) struct PingIntervals {
    /// By the logarithm, in steps of [`Self::STEP`].
    counts: BTreeMap<i32, u64>,
    all: u64,
}

impl PingIntervals {
    const STEP: f64 = 0.03;

    /// Counts a ping before which the client had sent nothing for this many seconds.
    pub(super) fn add(&mut self, silence_secs: f64, keep_alive_secs: f64) {
        if !keep_alive_secs.is_finite() {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a ratio is small")]
        let bin = ((silence_secs / keep_alive_secs).clamp(1e-3, 10.0).ln() / Self::STEP).round() as i32;
        *self.counts.entry(bin).or_default() += 1;
        self.all += 1;
    }

    /// The silence after which the client sends a ping, in keep-alives, where most of its pings agree: many clients ping more
    /// often than each keep-alive.
    pub(super) fn usual(&self) -> Option<f64> {
        const MIN_PINGS: u64 = 10;
        let (bin, _) = self.counts.iter().max_by_key(|(_, count)| **count)?;
        let near: u64 = self.counts.range(bin - 1..=bin + 1).map(|(_, count)| count).sum();
        let ratio = (f64::from(*bin) * Self::STEP).exp();
        (self.all >= MIN_PINGS && 2 * near > self.all).then_some(ratio)
    }
}

/// The client ids of a log by number; one number for all that were generated at random.
#[derive(Debug, Clone)]
pub(super) struct ClientIds {
    table: NameTable,
    /// The id of the run.
    of_run: Option<u32>,
    /// The fresh id of the experiment that runs.
    of_experiment: Option<u32>,
}

impl Default for ClientIds {
    fn default() -> Self {
        let mut table = NameTable::default();
        let random = table.number_of("");
        debug_assert_eq!(random, RANDOM_CLIENT_ID);
        Self { table, of_run: None, of_experiment: None }
    }
}

impl ClientIds {
    /// The number of the client id in use.
    pub(super) fn current(&self) -> Option<u32> {
        self.of_experiment.or(self.of_run)
    }

    /// A run begins with this client id; an empty one is unknown.
    pub(super) fn on_started(&mut self, id: &str) {
        self.of_experiment = None;
        self.of_run = (!id.is_empty())
            .then(|| if is_random_client_id(id) { RANDOM_CLIENT_ID } else { self.table.number_of(id) });
    }

    /// The experiment that separates two causes moved on; its fresh client id is generated at random.
    pub(super) fn on_separation(&mut self, what: &str, details: &BTreeMap<String, Value>) {
        let has_fresh_id = what == "started" && details.contains_key("client_id");
        self.of_experiment = has_fresh_id.then_some(RANDOM_CLIENT_ID);
    }
}

/// Whether a client id is one that dropscope generates: its prefix and eight hexadecimal digits of a random number.
fn is_random_client_id(id: &str) -> bool {
    let digits = id.strip_prefix("dropscope-").unwrap_or_default();
    digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_ipv6_address_is_no_other_network() {
        let mut table = NameTable::default();
        let mut network = |local| table.own_network_of(local);
        let home = network("[2001:db8:1:2:aaaa:bbbb:cccc:dddd]:50000");
        assert!(!network("[2001:db8:1:2::7]:1").differs_from(home));
        assert!(network("[2001:db8:1:3::7]:1").differs_from(home));
        assert!(!network("192.168.1.20:1").differs_from(home), "another way out of the same network");
        assert!(network("192.168.1.20:1").differs_from(network("192.168.1.21:1")));
        assert!(!network("192.168.1.20:1").differs_from(network("192.168.1.20:2")));
    }
}
