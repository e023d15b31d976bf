//! Rejected publish: a publish to one topic ends the session.
//!
//! A policy that denies a topic, or a payload that is too large: AWS IoT and others close the connection. Every publish
//! to the topic is an opportunity, so a harmless topic, which is mostly published without a drop, has little evidence.

use std::collections::BTreeMap;

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln, ln_mechanism, ln_sum_exp, real};
use crate::classify::session::EndKind;
use crate::classify::{DelayParameters, FittedParameters};

use super::Fit;

/// A publish may cause a drop within this, in seconds.
const REACH: f64 = 1.5;

/// Drops that followed a publish to one topic.
#[derive(Default)]
struct TopicDrops {
    drops: Vec<usize>,
    density: f64,
    delay: f64,
}

pub(super) fn fit(case: &Case) -> Fit {
    let mut topics: BTreeMap<u32, TopicDrops> = BTreeMap::new();
    for (index, drop) in case.drops() {
        let Some(ending) = case.frame.session_ending(drop) else { continue };
        let newest: BTreeMap<u32, f64> = ending.publishes.iter().copied().collect();
        for (topic, at) in newest {
            let delay = (drop.detected - at).max(0.0);
            if delay <= REACH {
                let topic_drops = topics.entry(topic).or_default();
                topic_drops.drops.push(index);
                topic_drops.density += ln_reaction_density(drop, delay);
                topic_drops.delay += delay;
            }
        }
    }
    let published = case.frame.log.topic_counts.iter().filter(|count| **count > 0).count();
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    for (topic, topic_drops) in topics {
        let hits = topic_drops.drops.len();
        let opportunities = publishes(case, topic).max(real(hits));
        // A topic that is mostly harmless is no cause.
        if hits < 2 || real(hits) < 0.25 * opportunities {
            continue;
        }
        let evidence =
            ln_mechanism(real(hits), opportunities) + case.ln_background(hits) + topic_drops.density
                - real(published.max(1)).ln();
        terms.push(evidence);
        if evidence > best.log_evidence {
            best = Fit {
                log_evidence: evidence,
                hits: topic_drops.drops,
                counts_hits: true,
                opportunities,
                parameters: FittedParameters::PublishTriggered(DelayParameters {
                    delay_secs: topic_drops.delay / real(hits),
                }),
                label: Some(case.frame.log.topics.name_of(topic).to_owned()),
                ..Fit::default()
            };
        }
    }
    best.log_evidence = ln_sum_exp(&terms);
    best
}

/// Log density of an end this long after the packet that caused it. A reset answers any outgoing packet, so its time is
/// that of the detection: the death may be anywhere in its window.
pub(super) fn ln_reaction_density(drop: &DeathWindow, delay: f64) -> f64 {
    match drop.kind {
        EndKind::Clean | EndKind::Local => 4.0_f64.ln() - 4.0 * delay,
        EndKind::Reset | EndKind::Silent => -ln((drop.hi - drop.lo).max(0.25)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
fn publishes(case: &Case, topic: u32) -> f64 {
    let index = usize::try_from(topic).unwrap_or(usize::MAX);
    case.frame.log.topic_counts.get(index).copied().unwrap_or(0) as f64
}
