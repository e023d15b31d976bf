//! Which pattern do the drops of each story follow? For the solution of a blind run and for tests.
//!
//! The names are those of the exports. Whoever judges the drops must not know this table.

use super::Scenario;

const PATTERNS: &[(&str, &[&str])] = &[
    ("nat-silent", &["idle_timeout"]),
    ("nat-rst", &["idle_timeout"]),
    ("websocket-24h", &["fixed_lifetime"]),
    ("nightly-router", &["scheduled"]),
    ("random-loss", &["random"]),
    ("wifi-bursts", &["bursty"]),
    ("after-messages", &["message_count"]),
    ("rate-limit", &["message_rate"]),
    ("policy-denial", &["publish_triggered"]),
    ("credential-expiry", &["credential_expiry"]),
    ("takeover", &["client_id_takeover"]),
    ("takeover-timer", &["scheduled", "client_id_takeover"]),
    ("outage-refuse", &["outage", "scheduled"]),
    ("outage-dns", &["outage", "scheduled"]),
    ("keep-alive-cut", &["keep_alive_timeout"]),
    ("slow-pings", &["keep_alive_timeout"]),
    ("half-open", &["fixed_lifetime"]),
    ("tls-alert", &["scheduled"]),
    ("ws-close", &["random"]),
    ("server-disconnect", &["random"]),
    ("maintenance", &["undetermined"]),
    ("deaf", &["undetermined"]),
    ("healthy", &["undetermined"]),
];

impl Scenario {
    /// The patterns that are right, the best first; none if the drops follow several at once.
    pub fn patterns(&self) -> &'static [&'static str] {
        PATTERNS.iter().find(|(name, _)| *name == self.name).map_or(&[], |(_, patterns)| *patterns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIOS;
    use super::*;

    #[test]
    fn every_scenario_but_the_mixture_has_its_pattern() {
        let without: Vec<_> = SCENARIOS
            .iter()
            .filter(|scenario| scenario.patterns().is_empty())
            .map(|scenario| scenario.name)
            .collect();
        assert_eq!(without, ["mixed"]);
        assert_eq!(PATTERNS.len() + 1, SCENARIOS.len(), "a row for each");
    }
}
