//! Why does it drop: which pattern do the drops follow, what causes such a pattern, and how sure is that?
//!
//! [`Classifier`] takes the same events as the fold ([`crate::diagnostics::Diagnostics`]) and gives a
//! [`Verdict`]. Pure: *must not know* files, sockets, clocks or screens; the same events give the same verdict,
//! live, replayed and analysed.

mod background;
mod case;
pub mod causes;
mod classifier;
mod drops;
pub mod explain;
mod fits;
mod headline;
mod hypothesis;
mod verdict_builder;
mod live;
mod log;
mod math;
mod pattern;
mod posterior;
mod rate;
mod session;
mod survivors;
mod explanation;
mod verdict;
mod normalize;

pub use causes::{
    Anchor, Cause, CauseContext, EndShares, NamedPeriod, GuideOutcome, named_periods, outcomes, rank, rank_all,
};
pub use classifier::Classifier;
pub use explain::{Explanation, explain};
pub use fits::describe_fit;
pub use headline::{percent, confidence_word};
pub use pattern::Pattern;
pub use verdict::{
    Advice, AdviceAction, SecondaryFinding, Classification, Diagnosis, DropPrediction, Hypothesis, OutcomeShares, RankedCause,
    Verdict,
};
