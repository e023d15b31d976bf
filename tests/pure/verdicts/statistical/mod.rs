//! Recordings whose drops are drawn from a pattern.
//!
//! A world of timers is drawn from wide priors (`classes`), run (`world`), reduced by missing lines and by one of two
//! renderings (`render`), and labeled by the cause of its drops (`label`). None of its numbers is taken from the
//! classifier.

mod background_activity;
mod classes;
mod draw;
mod label;
mod messages;
mod plan;
mod render;
mod session;
mod surroundings;
mod world;

use crate::verdicts::case::{CLASSES, Case};
use draw::Draw;

/// The recording of one class and seed, always the same.
pub(crate) fn case(class: &str, seed: u64) -> Case {
    labeled_case(class, seed).0
}

/// The recording, and the share of its drops with another cause than its truth.
pub(crate) fn labeled_case(class: &str, seed: u64) -> (Case, f64) {
    let index = CLASSES.iter().position(|known| *known == class).expect("a class of this source");
    let mut draw = Draw::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64));
    let plan = classes::plan(CLASSES[index], &mut draw);
    let run = world::run_plan(&plan, &mut draw);
    let lines = render::degrade(run.lines, &mut draw);
    let label = label::label(&lines, &plan);
    let events = render::render(lines, &mut draw);
    let name = format!("statistical-{class}-{seed}");
    (Case::new(name, class, label.truth, label.also, events), label.foreign)
}
