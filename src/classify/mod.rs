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
mod explanation;
mod fits;
mod fitted;
mod headline;
mod hypothesis;
mod live;
mod log;
mod math;
mod normalize;
mod pattern;
mod posterior;
mod rate;
mod reason_code;
mod session;
mod survivors;
mod verdict;
mod verdict_builder;

pub use causes::{
    Anchor, Cause, CauseContext, EndShares, GuideOutcome, NamedPeriod, named_periods, outcomes, rank,
    rank_all,
};
pub use classifier::Classifier;
pub use explain::{Explanation, explain};
pub use explanation::{ItemRole, PageItem, TextWrap, VerdictPage};
pub use fits::describe_fit;
pub use fitted::{
    BurstParameters, CredentialExpiryParameters, DelayParameters, ExpiryAnchor, FittedParameters,
    IdleTimeoutParameters, KeepAliveParameters, LifetimeParameters, MessageCountParameters,
    MessageRateParameters, MessageScope, OutageParameters, ScheduleParameters, TakeoverParameters,
};
pub use headline::{ConfidenceLevel, percent};
pub use pattern::Pattern;
pub use verdict::{
    Advice, AdviceAction, Classification, Diagnosis, DropPrediction, Hypothesis, OutcomeShares, RankedCause,
    SecondaryFinding, Verdict,
};
