//! The kinds of worlds, each with its own priors.

mod bare;
mod base;
mod credentials;
mod cures;
mod idle;
mod keep_alive;
mod local_events;
mod mixtures;
mod outages;
mod quiet;
mod refusals;
mod regimes;
mod schedules;
mod silent_world;
mod stated;
mod takeovers;

use super::sampler::Sampler;
use super::{Expectation, Plan};

/// Each kind with the function that draws one of its worlds.
pub(super) const KINDS: [(&str, PlanOf); 18] = [
    ("bare", bare::plan),
    ("day_talkers", idle::day_talkers),
    ("part_day_limits", idle::part_day_limits),
    ("directional_limits", idle::directional_limits),
    ("silent_world", silent_world::plan),
    ("cures", cures::plan),
    ("regime_changes", regimes::plan),
    ("with_background", mixtures::with_background),
    ("two_causes", mixtures::two_causes),
    ("short_schedules", schedules::plan),
    ("refused_operations", refusals::plan),
    ("stated_causes", stated::plan),
    ("local_events", local_events::plan),
    ("takeovers", takeovers::plan),
    ("missed_keep_alives", keep_alive::plan),
    ("credentials", credentials::plan),
    ("unknowable", quiet::plan),
    ("outages", outages::plan),
];

/// Draws a world.
type PlanOf = fn(&mut Sampler) -> Plan;
