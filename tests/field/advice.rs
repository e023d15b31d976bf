//! Follows the advice of a verdict literally, in a second run of the same world.

use serde_json::Value;

use crate::analysis::Analysis;
use crate::judge::SURE;
use crate::trial::{ClientOptions, Truth};

/// Drops that the second run must have had without the advice, so that none of them is a cure.
const EXPECTED: f64 = 3.0;
/// The longest second run, s.
const LONGEST_SECS: f64 = 230.0;
/// Keep-alive in place of none, s: the default of the program.
const DEFAULT_KEEP_ALIVE_SECS: u32 = 60;

/// An advice that a machine can follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Use this keep-alive, s.
    KeepAlive(u32),
    /// Use another client id.
    FreshClientId,
    /// Do not subscribe to this topic.
    WithholdTopic(String),
}

/// What following the advice did.
pub(crate) enum Followed {
    /// No drop came where this many were due.
    Cures { expected: f64 },
    /// Drops came, and now the verdict is right and sure.
    Separates,
    /// Neither.
    Fails { drops: u64, expected: f64 },
    /// The second run was too short to say, or did not run.
    Unknown(String),
}

impl Advice {
    /// The advice of an analysis; `None` if a person has to act.
    pub(crate) fn of(analysis: &Analysis) -> Option<Self> {
        let diagnosis = &analysis.json["diagnosis"];
        let next = &diagnosis["next"];
        let text = next["text"].as_str().unwrap_or_default();
        match next["action"].as_str().unwrap_or_default() {
            "shorten_keep_alive" => {
                let secs = next["keep_alive_secs"].as_u64().and_then(|secs| u32::try_from(secs).ok());
                return secs.or_else(|| seconds(text)).map(Self::KeepAlive);
            }
            "turn_pings_on" => {
                return Some(Self::KeepAlive(seconds(text).unwrap_or(DEFAULT_KEEP_ALIVE_SECS)));
            }
            _ => {}
        }
        if let Some(advice) = Self::of_test(&diagnosis["separation"]) {
            return Some(advice);
        }
        let is_outside = next["action"] == "outside";
        let is_taken = analysis.cause().is_some_and(|(id, _)| id == "client_id_taken");
        (is_outside && is_taken).then_some(Self::FreshClientId)
    }

    /// The act that separates two causes: `"fresh_client_id"`, `{"keep_alive": {"secs": 20}}`, or the same with the
    /// name in a field.
    fn of_test(test: &Value) -> Option<Self> {
        let (name, fields) = match test {
            Value::String(name) => (name.as_str(), test),
            Value::Object(map) => {
                let tag = ["test", "kind", "name", "type"].iter().find_map(|key| map.get(*key)?.as_str());
                match (tag, map.iter().next()) {
                    (Some(name), _) => (name, test),
                    (None, Some((name, fields))) => (name.as_str(), fields),
                    (None, None) => return None,
                }
            }
            _ => return None,
        };
        match name {
            "fresh_client_id" => Some(Self::FreshClientId),
            "keep_alive" => {
                fields["secs"].as_u64().and_then(|secs| u32::try_from(secs).ok()).map(Self::KeepAlive)
            }
            // A ping after half of the limit is what a keep-alive of half the limit sends.
            "ping_halfway" => fields["limit_secs"].as_f64().and_then(half).map(Self::KeepAlive),
            "withhold_topic" => fields["topic"].as_str().map(|topic| Self::WithholdTopic(topic.to_owned())),
            _ => None,
        }
    }

    /// The options of the second run: those of the first with the advice, just long enough to judge it; `None` if
    /// it cannot be long enough.
    pub(crate) fn options(&self, first: &ClientOptions, drops_per_sec: f64) -> Option<ClientOptions> {
        let secs = (EXPECTED + 0.4) / drops_per_sec;
        if !secs.is_finite() || secs > LONGEST_SECS {
            return None;
        }
        let mut options = first.clone();
        options.duration_secs = whole(secs.max(45.0)).unwrap_or(first.duration_secs);
        match self {
            Self::KeepAlive(secs) => options.keep_alive_secs = *secs,
            Self::FreshClientId => options.client_id = Some("field-trial-fresh-id".to_owned()),
            Self::WithholdTopic(topic) => options.topics.retain(|filter| filter != topic),
        }
        Some(options)
    }

    /// In a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::KeepAlive(secs) => format!("keep-alive {secs} s"),
            Self::FreshClientId => "fresh client id".to_owned(),
            Self::WithholdTopic(topic) => format!("without {topic}"),
        }
    }
}

/// Judges a second run: `both` is the analysis of the two recordings together.
pub(crate) fn judge(truth: &Truth, drops_per_sec: f64, second: &Analysis, both: &Analysis) -> Followed {
    let expected = drops_per_sec * second.observed_secs();
    if expected < EXPECTED {
        return Followed::Unknown(format!("only {expected:.1} drops were due"));
    }
    let drops = second.drops();
    if drops == 0 {
        return Followed::Cures { expected };
    }
    let Truth::Drops { patterns, .. } = truth else { return Followed::Fails { drops, expected } };
    if patterns.contains(&both.pattern().as_str()) && both.confidence() >= SURE {
        return Followed::Separates;
    }
    Followed::Fails { drops, expected }
}

/// The number before the first " s" of a text, as in "a keep-alive of 20 s or less ends it".
fn seconds(text: &str) -> Option<u32> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| matches!(pair[1].trim_end_matches([',', '.', ';', ':']), "s"))?;
    pair[0].replace(',', "").parse().ok()
}

fn half(limit_secs: f64) -> Option<u32> {
    whole((limit_secs / 2.0).floor().max(1.0))
}

/// A small number of seconds without its fraction, rounded up.
fn whole(secs: f64) -> Option<u32> {
    format!("{:.0}", secs.ceil()).parse().ok()
}
