//! Recordings of simulated households and small sites over 1 to 14 days.
//!
//! A client with its traffic over day and night, its keep-alive, a router or proxy with idle limits, a broker, and
//! what else ends sessions run event by event (`simulation`, `session`). A drop is detected as a client can: a
//! close at once, a lost path at the next deadline, an RST as the answer to a packet. [`KINDS`] are the worlds; every
//! number of them is drawn from a wide prior. The label (`label`) follows from what was injected and from what the
//! lines allow to infer: causes that leave the same traces are equally right.
//!
//! Written without knowledge of how the classifier decides; keep it so.

mod kinds;
mod label;
mod packets;
mod recorder;
mod sampler;
mod session;
mod simulation;
mod simulation_tests;
mod site;

use crate::verdicts::case::Case;
use label::Expectation;
use sampler::Sampler;
use site::Site;

use kinds::KINDS;

/// Draws of a world until its recording has the drops that its kind requires.
const ATTEMPTS: u64 = 60;

/// A site, and what is expected of a reader of its recording.
#[derive(Debug, Clone)]
struct Plan {
    site: Site,
    expected: Expectation,
}

/// The names of the kinds.
pub(crate) fn kind_names() -> Vec<&'static str> {
    KINDS.map(|(name, _)| name).to_vec()
}

/// The recording of a kind and seed, always the same.
pub(crate) fn case(kind: &str, seed: u64) -> Case {
    labeled_case(kind, seed).0
}

/// The recording, and the share of its drops with another cause than its truth.
pub(crate) fn labeled_case(kind: &str, seed: u64) -> (Case, f64) {
    let (kind, plan_of) = KINDS.into_iter().find(|(name, _)| *name == kind).expect("a kind of this source");
    let (plan, trace) = (0..ATTEMPTS)
        .find_map(|attempt| {
            let mut sampler = Sampler::new(kind, seed, attempt);
            let plan = plan_of(&mut sampler);
            let trace = simulation::simulate(&plan.site, &mut sampler);
            label::is_usable(&trace, &plan.expected).then_some((plan, trace))
        })
        .expect("one of the draws has the drops of its kind");
    let label = label::label(&plan.site, &trace, &plan.expected);
    let foreign = trace.drops.iter().filter(|drop| drop.cause != label.truth).count();
    #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
    let foreign = foreign as f64 / trace.drops.len().max(1) as f64;
    let expected = plan.expected;
    let is_of_truth =
        label.truth != "undetermined" && expected.first.is_none_or(|first| first == label.truth);
    let case = Case {
        name: format!("sites-{kind}-{seed}"),
        kind,
        truth: label.truth,
        also: label.also,
        first: expected.first,
        second: expected.second,
        parameter: expected.parameter.filter(|_| is_of_truth),
        cured: expected.cured,
        now: expected.now,
        events: recorder::render(&plan.site, trace.lines),
    };
    (case, foreign)
}
