//! Tests that separate two causes which waiting cannot tell apart: one harmless change of this client each.
//!
//! [`SeparationTest::for_rivals`] chooses the test for two rival patterns. The monitor runs it on request and records it as an
//! `experiment` event with the id [`SeparationTest::EXPERIMENT_ID`]; its `separation` is the test as the verdict named
//! it, with every time in field time. Two sessions under one configuration are alike; the drops before and during a
//! test are the evidence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Pattern;
use crate::diagnostics::clean::clean;
use crate::diagnostics::sentence::duration_words;

/// Shortest keep-alive that every known broker accepts, in seconds (AWS IoT: 30).
const MIN_KEEP_ALIVE_SECS: f64 = 30.0;
/// Part of a limit that a keep-alive below it may use: pings can be late.
const KEEP_ALIVE_SHARE: f64 = 0.5;

/// A harmless change of this client that separates two causes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "test", rename_all = "snake_case")]
pub enum SeparationTest {
    /// An idle limit or a lifetime, without traffic: a PINGREQ after each half of the limit, whatever else is sent. An
    /// idle limit then ends no session, in neither direction; a lifetime ends all of them at the same age as before.
    PingHalfway {
        /// The age, or silence, at which sessions end, in seconds.
        limit_secs: f64,
    },
    /// A takeover of the client id, or anything else: one reconnect with a random client id, which stays in use. No
    /// other client can have it, so that drops that continue are no takeover.
    FreshClientId,
    /// A rejected operation, or anything else: publishes to the suspect topic are not sent, and it is not subscribed to.
    WithholdTopic {
        /// The topic, or the topic filter of a subscription, as recorded.
        topic: String,
    },
    /// An idle limit, or random loss, or the broker's own timeout: one reconnect with a keep-alive below the limit.
    KeepAlive {
        /// The keep-alive in seconds.
        secs: u32,
    },
    /// A lifetime or a schedule, credentials or a schedule: one reconnect at once, which moves the age of the session
    /// against the clock.
    ReconnectNow,
}

/// What the choice of a test depends on, beside the two patterns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeparationFacts<'a> {
    /// The age or silence at which sessions end, in seconds, if it is known.
    pub limit_secs: Option<f64>,
    /// Keep-alive in force, in seconds; infinite if it is off.
    pub keep_alive_secs: f64,
    /// Topic of the operation that the broker may reject.
    pub topic: Option<&'a str>,
    /// Whether the client id was generated at random, so that no other client can have it.
    pub has_random_client_id: bool,
}

/// Half of the limit, in steps of 30 s where that is possible.
fn keep_alive_below(limit: f64, in_force: f64) -> Option<SeparationTest> {
    let half = KEEP_ALIVE_SHARE * limit;
    let steps = (half / MIN_KEEP_ALIVE_SECS).floor() * MIN_KEEP_ALIVE_SECS;
    let chosen = if steps >= MIN_KEEP_ALIVE_SECS { steps } else { half.floor().max(1.0) };
    let is_usable = chosen < in_force && chosen < limit && chosen <= f64::from(u16::MAX);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, from 1 to 65,535")]
    is_usable.then_some(SeparationTest::KeepAlive { secs: chosen as u32 })
}

impl SeparationTest {
    /// The `id` of its `experiment` events.
    pub const EXPERIMENT_ID: &'static str = "separation";
    /// Key of the serialized test among the details of those events.
    pub const DETAIL: &'static str = "separation";

    /// The test that separates two patterns, in either order; `None` if only waiting does.
    pub fn for_rivals(first: Pattern, second: Pattern, facts: &SeparationFacts) -> Option<Self> {
        use Pattern::{
            Bursty, ClientIdTakeover, CredentialExpiry, FixedLifetime, IdleTimeout, KeepAliveTimeout,
            PublishTriggered, Random, Scheduled,
        };
        let is_either = |pattern: Pattern| first == pattern || second == pattern;
        let is_both = |one: Pattern, other: Pattern| is_either(one) && is_either(other);
        if first == second || is_either(Pattern::Undetermined) {
            return None;
        }
        if is_either(ClientIdTakeover) && !facts.has_random_client_id {
            return Some(Self::FreshClientId);
        }
        if is_either(PublishTriggered) {
            let topic = facts.topic.filter(|topic| !topic.is_empty() && !topic.contains('\0'))?;
            return Some(Self::WithholdTopic { topic: topic.to_owned() });
        }
        if is_both(FixedLifetime, Scheduled) || is_both(CredentialExpiry, Scheduled) {
            return Some(Self::ReconnectNow);
        }
        let limit = facts.limit_secs.filter(|limit| limit.is_finite() && *limit > 0.0)?;
        if is_both(FixedLifetime, IdleTimeout) {
            // With pings that often already, the sessions of the past decide.
            let is_new = facts.keep_alive_secs > limit / 2.0;
            return is_new.then_some(Self::PingHalfway { limit_secs: limit });
        }
        if is_either(IdleTimeout) && [Random, Bursty, KeepAliveTimeout].into_iter().any(is_either) {
            return keep_alive_below(limit, facts.keep_alive_secs);
        }
        None
    }

    /// What it does, as an instruction: `send a ping every 60 s`.
    pub fn title(&self) -> String {
        match self {
            Self::PingHalfway { limit_secs } => format!("send a ping every {}", length(limit_secs / 2.0)),
            Self::FreshClientId => "reconnect with a fresh client id".to_owned(),
            Self::WithholdTopic { topic } => format!("hold back the topic {}", quoted(topic)),
            Self::KeepAlive { secs } => {
                format!("reconnect with a keep-alive of {}", length(f64::from(*secs)))
            }
            Self::ReconnectNow => "reconnect now".to_owned(),
        }
    }

    /// One sentence: why it is harmless, and what each outcome means.
    pub fn description(&self) -> String {
        match self {
            Self::PingHalfway { limit_secs } => format!(
                "The connection stays up: if sessions still end at {}, it is a lifetime; if they live longer, it is an \
                 idle limit",
                length(*limit_secs)
            ),
            Self::FreshClientId => "One reconnect, not counted as a drop: if the drops stop, another client uses the \
                                    same client id; if they go on, none does"
                .to_owned(),
            Self::WithholdTopic { .. } => "The connection stays up and only this topic is left out: if the drops \
                                           stop, the broker does not allow it; if they go on, it has another cause"
                .to_owned(),
            Self::KeepAlive { secs } => format!(
                "One reconnect, not counted as a drop: if the drops stop, a silence of more than {} ends sessions; if \
                 they go on, silence does not",
                length(f64::from(*secs))
            ),
            Self::ReconnectNow => "One reconnect, not counted as a drop: if the next drop comes at the same age of \
                                   the session, it is a limit of the session; if it comes at the same time of day, it \
                                   is a schedule"
                .to_owned(),
        }
    }

    /// How to do it without a screen, by restarting the program with other options.
    pub fn manual_instruction(&self) -> String {
        match self {
            Self::PingHalfway { limit_secs } => {
                format!("start again with --keep-alive {:.0}", (limit_secs / 2.0).floor().max(1.0))
            }
            Self::FreshClientId => "start again without --client-id".to_owned(),
            Self::WithholdTopic { topic } => format!("start again without the topic {}", quoted(topic)),
            Self::KeepAlive { secs } => format!("start again with --keep-alive {secs}"),
            Self::ReconnectNow => "start again now".to_owned(),
        }
    }

    /// Whether it ends the present session once, on purpose.
    pub fn reconnects(&self) -> bool {
        matches!(self, Self::FreshClientId | Self::KeepAlive { .. } | Self::ReconnectNow)
    }
}

/// A length of time in plain words; whole seconds below 10 minutes, because they are compared with keep-alives.
fn length(secs: f64) -> String {
    let duration = Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX);
    if (10.0..600.0).contains(&secs) { format!("{secs:.0} s") } else { duration_words(duration) }
}

/// Text from outside, cleaned and in quotation marks.
fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FACTS: SeparationFacts<'static> = SeparationFacts {
        limit_secs: Some(350.0),
        keep_alive_secs: 1_200.0,
        topic: Some("home/heater/set"),
        has_random_client_id: false,
    };

    #[test]
    fn two_rivals_have_one_test_in_either_order() {
        use Pattern::{
            Bursty, ClientIdTakeover, CredentialExpiry, FixedLifetime, IdleTimeout, KeepAliveTimeout, Outage,
            PublishTriggered, Random, Scheduled,
        };
        let topic = || SeparationTest::WithholdTopic { topic: "home/heater/set".to_owned() };
        let cases = [
            (FixedLifetime, IdleTimeout, Some(SeparationTest::PingHalfway { limit_secs: 350.0 })),
            (ClientIdTakeover, PublishTriggered, Some(SeparationTest::FreshClientId)),
            (ClientIdTakeover, Random, Some(SeparationTest::FreshClientId)),
            (PublishTriggered, Random, Some(topic())),
            (IdleTimeout, Random, Some(SeparationTest::KeepAlive { secs: 150 })),
            (IdleTimeout, Bursty, Some(SeparationTest::KeepAlive { secs: 150 })),
            (IdleTimeout, KeepAliveTimeout, Some(SeparationTest::KeepAlive { secs: 150 })),
            (FixedLifetime, Scheduled, Some(SeparationTest::ReconnectNow)),
            (CredentialExpiry, Scheduled, Some(SeparationTest::ReconnectNow)),
            (Random, Bursty, None),
            (Outage, Random, None),
            (IdleTimeout, IdleTimeout, None),
            (IdleTimeout, Pattern::Undetermined, None),
        ];
        for (one, other, expected) in cases {
            assert_eq!(SeparationTest::for_rivals(one, other, &FACTS), expected, "{one} or {other}");
            assert_eq!(SeparationTest::for_rivals(other, one, &FACTS), expected, "{other} or {one}");
        }
    }

    #[test]
    fn a_test_that_changes_nothing_is_not_offered() {
        use Pattern::{ClientIdTakeover, FixedLifetime, IdleTimeout, PublishTriggered, Random};
        let often = SeparationFacts { keep_alive_secs: 120.0, ..FACTS };
        assert_eq!(SeparationTest::for_rivals(FixedLifetime, IdleTimeout, &often), None);
        assert_eq!(SeparationTest::for_rivals(IdleTimeout, Random, &often), None);
        let unknown = SeparationFacts { limit_secs: None, topic: None, ..FACTS };
        assert_eq!(SeparationTest::for_rivals(FixedLifetime, IdleTimeout, &unknown), None);
        assert_eq!(SeparationTest::for_rivals(PublishTriggered, Random, &unknown), None);
        let random = SeparationFacts { has_random_client_id: true, ..FACTS };
        assert_eq!(SeparationTest::for_rivals(ClientIdTakeover, Random, &random), None);
        let any_subscription = SeparationFacts { topic: Some("\0SUBSCRIBE"), ..FACTS };
        assert_eq!(SeparationTest::for_rivals(PublishTriggered, Random, &any_subscription), None);
    }

    #[test]
    fn a_keep_alive_lies_below_the_limit() {
        let secs = |limit, in_force| match keep_alive_below(limit, in_force) {
            Some(SeparationTest::KeepAlive { secs }) => Some(secs),
            _ => None,
        };
        assert_eq!(secs(600.0, f64::INFINITY), Some(300));
        assert_eq!(secs(50.0, 60.0), Some(25));
        assert_eq!(secs(1.0, 60.0), None);
        assert_eq!(secs(1e9, f64::INFINITY), None);
    }

    #[test]
    fn the_recorded_form_is_an_object_with_the_name_of_the_test() {
        let cases = [
            (
                SeparationTest::PingHalfway { limit_secs: 50.5 },
                json!({"test": "ping_halfway", "limit_secs": 50.5}),
            ),
            (SeparationTest::FreshClientId, json!({"test": "fresh_client_id"})),
            (
                SeparationTest::WithholdTopic { topic: "a/b".to_owned() },
                json!({"test": "withhold_topic", "topic": "a/b"}),
            ),
            (SeparationTest::KeepAlive { secs: 60 }, json!({"test": "keep_alive", "secs": 60})),
            (SeparationTest::ReconnectNow, json!({"test": "reconnect_now"})),
        ];
        for (test, form) in cases {
            assert_eq!(serde_json::to_value(&test).expect("JSON"), form);
            assert_eq!(serde_json::from_value::<SeparationTest>(form).expect("a test"), test);
        }
    }

    #[test]
    fn the_words_name_the_numbers_and_both_outcomes() {
        let ping = SeparationTest::PingHalfway { limit_secs: 50.0 };
        assert_eq!(ping.title(), "send a ping every 25 s");
        assert_eq!(ping.manual_instruction(), "start again with --keep-alive 25");
        assert!(ping.description().contains("still end at 50 s, it is a lifetime"), "{}", ping.description());
        let hostile = SeparationTest::WithholdTopic { topic: "a\u{1b}[2J".to_owned() };
        assert_eq!(hostile.title(), "hold back the topic \"a\u{fffd}[2J\"");
        for test in [ping, hostile, SeparationTest::FreshClientId, SeparationTest::KeepAlive { secs: 60 }] {
            assert!(
                test.description().contains("if the drops go on") || test.description().contains("; if they")
            );
            assert!(!test.description().ends_with('.'));
        }
    }
}
