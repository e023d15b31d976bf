//! Why does it drop: which pattern do the drops follow, what causes such a pattern, and how sure is that?
//!
//! [`Classifier`] takes the same events as the fold ([`crate::diagnostics::Diagnostics`]) and gives a
//! [`Verdict`]. Pure: *must not know* files, sockets, clocks or screens; the same events give the same verdict,
//! live, replayed and analysed.

mod classifier;
mod pattern;
mod verdict;

pub use classifier::Classifier;
pub use pattern::Pattern;
pub use verdict::{
    Advice, AdviceAction, AlsoSeen, Classification, Diagnosis, Expected, Hypothesis, Outcomes, RankedCause,
    Verdict,
};
