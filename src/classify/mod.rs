//! Why does it drop: which pattern do the drops follow, what causes such a pattern, and how sure is that?
//!
//! [`Classifier`] takes the same events as the fold ([`crate::diagnostics::Diagnostics`]) and gives a
//! [`Verdict`]. Pure: *must not know* files, sockets, clocks or screens; the same events give the same verdict,
//! live, replayed and analysed.

pub mod causes;
mod classifier;
pub mod explain;
mod pattern;
mod verdict;

pub use causes::{
    Anchor, Cause, Clues, Manner, NamedPeriod, Outcome, named_periods, outcomes, rank, rank_all,
};
pub use classifier::Classifier;
pub use explain::{Explanation, explain};
pub use pattern::Pattern;
pub use verdict::{
    Advice, AdviceAction, AlsoSeen, Classification, Diagnosis, Expected, Hypothesis, Outcomes, RankedCause,
    Verdict,
};
