//! How is a weighed case put into words: what speaks for it, what against, what is missing, what is next?

mod advice;
mod against;
mod clues;
mod evidence;
mod phrase;
mod prediction;
mod separate;

pub(super) use advice::advice;
pub(super) use against::{against, missing};
pub(super) use clues::clues;
pub(super) use evidence::evidence;
pub(super) use prediction::expected;
pub(super) use separate::separate;
