//! The explanation of a verdict: its sentences, and the page that renderers lay out.

mod advice;
mod against;
mod cause_context;
mod evidence;
mod page;
mod phrase;
mod prediction;
mod separate;
mod text_wrap;

pub(super) use advice::advice;
pub(super) use against::{against, missing};
pub(super) use cause_context::cause_context;
pub(super) use evidence::evidence;
pub use page::{ItemRole, PageItem, VerdictPage};
pub(super) use phrase::length;
pub(super) use prediction::predict_next_drop;
pub(super) use separate::{separating_sentence, separation_test};
pub use text_wrap::TextWrap;
