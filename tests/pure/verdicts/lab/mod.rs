//! Recordings whose drops emerge: the real link against the lab's broker and gateway, in simulated time.
//!
//! The time of a drop is not drawn. It follows from timers, tables, retries and other clients at the ends of in-memory
//! streams, and the link records what it sees. A day takes some milliseconds, because tokio's clock is paused and the
//! link runs faster than the field (`started.time_scale`); most recordings are converted back to field time.

#![expect(
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking; its times are of this decade"
)]

mod client;
mod dice;
mod line;
mod net;
mod path;
mod recipe;
mod rendering;
mod run;
mod seed_tests;
mod traffic;
mod truth;
mod world;

use crate::verdicts::case::{CLASSES, Case};
use dice::Dice;
use recipe::CaseRecipe;

/// The recording of a class and seed, deterministic.
pub(crate) fn case(class: &str, seed: u64) -> Case {
    record_case(class, seed).0
}

/// The case, and its lines as the recording program wrote them.
fn record_case(class: &str, seed: u64) -> (Case, String) {
    let mut dice = Dice::new(class, seed);
    let mechanism = match class {
        "undetermined" => dice.pick(&CLASSES[..13]),
        class => CLASSES.into_iter().find(|known| *known == class).expect("a class"),
    };
    let mut recipe = recipe(mechanism, &mut dice);
    if class == "undetermined" {
        recipe.drops = dice.whole(1, 2);
    }
    let mut also = std::mem::take(&mut recipe.also);
    let setup = recipe::prepare(recipe, &mut dice);
    let run = run::run_simulation(setup, &mut dice);
    let mut events = run.events;
    let truth =
        truth::label_case(mechanism, &rendering::in_field_time(events.clone()), run.strays, &mut also);
    if !dice.chance(0.12) {
        events = rendering::in_field_time(events);
    }
    rendering::add_optional_fields(&mut events, &mut dice);
    rendering::remove_events(&mut events, &mut dice);
    let mut text = rendering::lines(&events);
    if dice.chance(0.4) {
        text = rendering::minimal(&text, dice.chance(0.3), dice.chance(0.5));
    }
    if dice.chance(0.1) {
        rendering::tear_last_line(&mut text);
    }
    let events = rendering::read(&text);
    if truth == "client_id_takeover" && truth::has_takeover_reason(&events) {
        also.clear();
    }
    (Case::new(format!("lab-{class}-{seed}"), class, truth, also, events), text)
}

fn recipe(mechanism: &str, dice: &mut Dice) -> CaseRecipe {
    match mechanism {
        "fixed_lifetime" => path::fixed_lifetime(dice),
        "scheduled" => path::scheduled(dice),
        "idle_timeout" => path::idle_timeout(dice),
        "random" => path::random(dice),
        "bursty" => path::bursty(dice),
        "message_count" => client::message_count(dice),
        "message_rate" => client::message_rate(dice),
        "publish_triggered" => client::publish_triggered(dice),
        "system_event" => path::system_event(dice),
        "credential_expiry" => client::credential_expiry(dice),
        "client_id_takeover" => client::client_id_takeover(dice),
        "outage" => path::outage(dice),
        "keep_alive_timeout" => client::keep_alive_timeout(dice),
        other => panic!("no class {other}"),
    }
}
