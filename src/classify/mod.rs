//! The classifier: the pattern that the drops follow, its causes, and the probability of both.
//!
//! [`Classifier`] takes the same events as the fold ([`crate::diagnostics::Diagnostics`]) and returns a
//! [`Verdict`]; [`VerdictPage`] is its explanation, which every renderer lays out. The module is pure: no files,
//! sockets, clocks or screens. The same events give the same verdict, live, replayed and analyzed.

mod background;
mod calm;
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
mod log_tables;
mod math;
mod normalize;
mod pattern;
mod posterior;
mod present;
mod rate;
mod reason_code;
mod separation;
mod session;
mod silences;
mod stated_cause;
mod survivors;
mod verdict;
mod verdict_builder;

pub use causes::{
    Anchor, Cause, CauseContext, EndShares, GuideOutcome, NamedPeriod, named_periods, outcomes, rank,
    rank_all,
};
pub use classifier::Classifier;
pub use explain::{Explanation, explain, explain_line};
pub use explanation::{ItemRole, PageItem, TextWrap, VerdictPage};
pub use fits::describe_fit;
pub use fitted::{
    ActiveHours, BurstParameters, CredentialExpiryParameters, DelayParameters, ExpiryAnchor,
    FittedParameters, IdleTimeoutParameters, KeepAliveParameters, LifetimeParameters, MessageCountParameters,
    MessageRateParameters, MessageScope, OutageParameters, ScheduleParameters, SilenceDirection,
    TakeoverParameters,
};
pub use headline::{ConfidenceLevel, percent};
pub use pattern::Pattern;
pub use present::{PresentFault, PresentFaultKind};
pub use separation::{SeparationFacts, SeparationTest};
pub use verdict::{
    Advice, AdviceAction, Calm, Classification, Diagnosis, DropPrediction, Hypothesis, OutcomeShares,
    RankedCause, SecondaryFinding, Verdict,
};
