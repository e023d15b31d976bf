//! How is a weighed case put into words: what speaks for it, what against, what is missing, what is next?

mod advice;
mod against;
mod cause_context;
mod evidence;
mod phrase;
mod prediction;
mod separate;

pub(super) use advice::advice;
pub(super) use against::{against, missing};
pub(super) use cause_context::cause_context;
pub(super) use evidence::evidence;
pub(super) use phrase::length;
pub(super) use prediction::predict_next_drop;
pub(super) use separate::separating_test;
