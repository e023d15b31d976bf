//! The form of fitted parameters in exports: numbers by name, booleans as 1.0, what is absent left out.

use std::collections::BTreeMap;

use super::{
    ActiveHours, BurstParameters, CredentialExpiryParameters, DelayParameters, ExpiryAnchor,
    FittedParameters, IdleTimeoutParameters, KeepAliveParameters, LifetimeParameters, MessageCountParameters,
    MessageRateParameters, MessageScope, OutageParameters, ScheduleParameters, SilenceDirection,
    TakeoverParameters,
};
use crate::classify::Pattern;

/// Names with their numbers; `None` where a number is absent.
type NamedNumbers = Vec<(&'static str, Option<f64>)>;

impl FittedParameters {
    /// The form in exports: finite numbers by name, with the unit at the end of the name.
    pub fn to_named(&self) -> BTreeMap<String, f64> {
        let named = match self {
            Self::None => Vec::new(),
            Self::FixedLifetime(lifetime) => lifetime.to_named(),
            Self::Scheduled(schedule) => schedule.to_named(),
            Self::IdleTimeout(idle) => idle.to_named(),
            Self::Bursty(burst) => burst.to_named(),
            Self::MessageCount(count) => count.to_named(),
            Self::MessageRate(rate) => rate.to_named(),
            Self::PublishTriggered(delay) | Self::SystemEvent(delay) => delay.to_named(),
            Self::CredentialExpiry(expiry) => expiry.to_named(),
            Self::ClientIdTakeover(takeover) => takeover.to_named(),
            Self::Outage(outage) => outage.to_named(),
            Self::KeepAliveTimeout(keep_alive) => keep_alive.to_named(),
        };
        let present = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        present.filter(|(_, value)| value.is_finite()).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The numbers of a pattern from their form in exports; [`FittedParameters::None`] where one is missing that the
    /// pattern cannot do without. A missing spread or delay is 0.
    pub fn from_named(pattern: Pattern, named: &BTreeMap<String, f64>) -> Self {
        let named = NumbersByName(named);
        let fitted = match pattern {
            Pattern::Random | Pattern::Undetermined => None,
            Pattern::FixedLifetime => LifetimeParameters::from_named(named).map(Self::FixedLifetime),
            Pattern::Scheduled => ScheduleParameters::from_named(named).map(Self::Scheduled),
            Pattern::IdleTimeout => IdleTimeoutParameters::from_named(named).map(Self::IdleTimeout),
            Pattern::Bursty => BurstParameters::from_named(named).map(Self::Bursty),
            Pattern::MessageCount => MessageCountParameters::from_named(named).map(Self::MessageCount),
            Pattern::MessageRate => MessageRateParameters::from_named(named).map(Self::MessageRate),
            Pattern::PublishTriggered => Some(Self::PublishTriggered(DelayParameters::from_named(named))),
            Pattern::SystemEvent => Some(Self::SystemEvent(DelayParameters::from_named(named))),
            Pattern::CredentialExpiry => {
                Some(Self::CredentialExpiry(CredentialExpiryParameters::from_named(named)))
            }
            Pattern::ClientIdTakeover => Some(Self::ClientIdTakeover(TakeoverParameters::from_named(named))),
            Pattern::Outage => Some(Self::Outage(OutageParameters::from_named(named))),
            Pattern::KeepAliveTimeout => Some(Self::KeepAliveTimeout(KeepAliveParameters::from_named(named))),
        };
        fitted.unwrap_or_default()
    }
}

/// Read access to the form in exports.
#[derive(Clone, Copy)]
struct NumbersByName<'a>(&'a BTreeMap<String, f64>);

impl NumbersByName<'_> {
    fn number(self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    fn number_or_zero(self, name: &str) -> f64 {
        self.number(name).unwrap_or(0.0)
    }

    /// A flag is set when its name is present.
    fn flag(self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// A flag is 1.0, or absent.
fn flag(is_set: bool) -> Option<f64> {
    is_set.then_some(1.0)
}

impl LifetimeParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("limit_secs", Some(self.limit_secs)), ("spread_secs", Some(self.spread_secs))]
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        Some(Self {
            limit_secs: named.number("limit_secs")?,
            spread_secs: named.number_or_zero("spread_secs"),
        })
    }
}

impl ScheduleParameters {
    fn to_named(self) -> NamedNumbers {
        vec![
            ("period_secs", Some(self.period_secs)),
            ("phase_secs", Some(self.phase_secs)),
            ("spread_secs", Some(self.spread_secs)),
            ("follows_local_time", flag(self.follows_local_time)),
        ]
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        Some(Self {
            period_secs: named.number("period_secs")?,
            phase_secs: named.number("phase_secs")?,
            spread_secs: named.number_or_zero("spread_secs"),
            follows_local_time: named.flag("follows_local_time"),
        })
    }
}

impl IdleTimeoutParameters {
    fn to_named(self) -> NamedNumbers {
        match self {
            Self::ClosedAtLimit { limit_secs, spread_secs, direction } => vec![
                ("limit_secs", Some(limit_secs)),
                ("spread_secs", Some(spread_secs)),
                ("only_from_peer", flag(direction == SilenceDirection::FromPeer)),
                ("only_from_client", flag(direction == SilenceDirection::FromClient)),
            ],
            Self::NoticedAtNextPacket {
                shortest_fatal_silence_secs,
                longest_survived_silence_secs,
                hours,
            } => vec![
                ("shortest_fatal_silence_secs", Some(shortest_fatal_silence_secs)),
                ("longest_survived_silence_secs", longest_survived_silence_secs),
                ("noticed_when_we_spoke", Some(1.0)),
                ("from_hour_utc", hours.map(|hours| hours.from)),
                ("to_hour_utc", hours.map(|hours| hours.to)),
            ],
        }
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        if let Some(limit_secs) = named.number("limit_secs") {
            return Some(Self::ClosedAtLimit {
                limit_secs,
                spread_secs: named.number_or_zero("spread_secs"),
                direction: if named.flag("only_from_peer") {
                    SilenceDirection::FromPeer
                } else if named.flag("only_from_client") {
                    SilenceDirection::FromClient
                } else {
                    SilenceDirection::Either
                },
            });
        }
        Some(Self::NoticedAtNextPacket {
            shortest_fatal_silence_secs: named.number("shortest_fatal_silence_secs")?,
            longest_survived_silence_secs: named.number("longest_survived_silence_secs"),
            hours: named
                .number("from_hour_utc")
                .zip(named.number("to_hour_utc"))
                .map(|(from, to)| ActiveHours { from, to }),
        })
    }
}

impl BurstParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("short_life_secs", Some(self.short_life_secs)), ("long_life_secs", Some(self.long_life_secs))]
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        Some(Self {
            short_life_secs: named.number("short_life_secs")?,
            long_life_secs: named.number("long_life_secs")?,
        })
    }
}

impl MessageCountParameters {
    fn to_named(self) -> NamedNumbers {
        vec![(self.scope.name(), Some(self.limit)), ("spread_messages", Some(self.spread_messages))]
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        let of_scope = |scope: MessageScope| named.number(scope.name()).map(|limit| (scope, limit));
        let (scope, limit) = of_scope(MessageScope::Published).or_else(|| of_scope(MessageScope::All))?;
        Some(Self { scope, limit, spread_messages: named.number_or_zero("spread_messages") })
    }
}

impl MessageScope {
    fn name(self) -> &'static str {
        match self {
            Self::Published => "published_messages",
            Self::All => "messages",
        }
    }
}

impl MessageRateParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("burst_messages", Some(self.burst_messages))]
    }

    fn from_named(named: NumbersByName) -> Option<Self> {
        Some(Self { burst_messages: named.number("burst_messages")? })
    }
}

impl DelayParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("delay_secs", Some(self.delay_secs))]
    }

    fn from_named(named: NumbersByName) -> Self {
        Self { delay_secs: named.number_or_zero("delay_secs") }
    }
}

impl CredentialExpiryParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("delay_secs", Some(self.delay_secs)), (self.anchor.name(), Some(1.0))]
    }

    fn from_named(named: NumbersByName) -> Self {
        let is_bound = named.flag(ExpiryAnchor::UsedAtConnect.name());
        Self {
            delay_secs: named.number_or_zero("delay_secs"),
            anchor: if is_bound { ExpiryAnchor::UsedAtConnect } else { ExpiryAnchor::Newest },
        }
    }
}

impl ExpiryAnchor {
    fn name(self) -> &'static str {
        match self {
            Self::UsedAtConnect => "bound_at_connect",
            Self::Newest => "newest_counts",
        }
    }
}

impl TakeoverParameters {
    fn to_named(self) -> NamedNumbers {
        vec![
            ("typical_life_secs", self.typical_life_secs),
            ("named_by_the_broker", flag(self.is_named_by_broker)),
            ("shown_by_fresh_id", flag(self.is_shown_by_fresh_id)),
        ]
    }

    fn from_named(named: NumbersByName) -> Self {
        Self {
            typical_life_secs: named.number("typical_life_secs"),
            is_named_by_broker: named.flag("named_by_the_broker"),
            is_shown_by_fresh_id: named.flag("shown_by_fresh_id"),
        }
    }
}

impl OutageParameters {
    fn to_named(self) -> NamedNumbers {
        vec![("longest_outage_secs", Some(self.longest_outage_secs)), ("outages", Some(self.outages))]
    }

    fn from_named(named: NumbersByName) -> Self {
        Self {
            longest_outage_secs: named.number_or_zero("longest_outage_secs"),
            outages: named.number_or_zero("outages"),
        }
    }
}

impl KeepAliveParameters {
    fn to_named(self) -> NamedNumbers {
        match self {
            Self::ClosedByBroker { silence_in_keep_alives, is_named_by_broker } => vec![
                ("silence_in_keep_alives", silence_in_keep_alives),
                ("named_by_the_broker", flag(is_named_by_broker)),
            ],
            Self::PingUnanswered { heard_after_the_ping } => {
                vec![("ping_unanswered", Some(1.0)), ("heard_after_the_ping", Some(heard_after_the_ping))]
            }
        }
    }

    fn from_named(named: NumbersByName) -> Self {
        if named.flag("ping_unanswered") {
            return Self::PingUnanswered {
                heard_after_the_ping: named.number_or_zero("heard_after_the_ping"),
            };
        }
        Self::ClosedByBroker {
            silence_in_keep_alives: named.number("silence_in_keep_alives"),
            is_named_by_broker: named.flag("named_by_the_broker"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_flags(is_set: bool) -> [(Pattern, FittedParameters); 3] {
        let schedule = ScheduleParameters {
            period_secs: 86_400.0,
            phase_secs: 12.5,
            spread_secs: 0.5,
            follows_local_time: is_set,
        };
        let takeover = TakeoverParameters {
            typical_life_secs: (!is_set).then_some(3.0),
            is_named_by_broker: is_set,
            is_shown_by_fresh_id: is_set,
        };
        let keep_alive = KeepAliveParameters::ClosedByBroker {
            silence_in_keep_alives: Some(1.5),
            is_named_by_broker: is_set,
        };
        [
            (Pattern::Scheduled, FittedParameters::Scheduled(schedule)),
            (Pattern::ClientIdTakeover, FittedParameters::ClientIdTakeover(takeover)),
            (Pattern::KeepAliveTimeout, FittedParameters::KeepAliveTimeout(keep_alive)),
        ]
    }

    fn without_flags() -> [(Pattern, FittedParameters); 7] {
        let lifetime = LifetimeParameters { limit_secs: 7_200.0, spread_secs: 1.0 };
        let closed = IdleTimeoutParameters::ClosedAtLimit {
            limit_secs: 300.0,
            spread_secs: 0.25,
            direction: SilenceDirection::Either,
        };
        let noticed = IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs: 350.0,
            longest_survived_silence_secs: Some(300.0),
            hours: None,
        };
        let count = MessageCountParameters { scope: MessageScope::All, limit: 40.0, spread_messages: 0.5 };
        let expiry = CredentialExpiryParameters { delay_secs: 0.5, anchor: ExpiryAnchor::UsedAtConnect };
        let unanswered = KeepAliveParameters::PingUnanswered { heard_after_the_ping: 2.0 };
        [
            (Pattern::FixedLifetime, FittedParameters::FixedLifetime(lifetime)),
            (Pattern::IdleTimeout, FittedParameters::IdleTimeout(closed)),
            (Pattern::IdleTimeout, FittedParameters::IdleTimeout(noticed)),
            (Pattern::MessageCount, FittedParameters::MessageCount(count)),
            (Pattern::CredentialExpiry, FittedParameters::CredentialExpiry(expiry)),
            (Pattern::KeepAliveTimeout, FittedParameters::KeepAliveTimeout(unanswered)),
            (Pattern::Random, FittedParameters::None),
        ]
    }

    #[test]
    fn parameters_are_equal_after_export_and_import() {
        let all = with_flags(true).into_iter().chain(with_flags(false)).chain(without_flags());
        for (pattern, parameters) in all {
            assert_eq!(FittedParameters::from_named(pattern, &parameters.to_named()), parameters);
        }
    }

    #[test]
    fn exports_hold_finite_numbers_and_flags_as_one() {
        let parameters = FittedParameters::Scheduled(ScheduleParameters {
            period_secs: 900.0,
            phase_secs: f64::INFINITY,
            spread_secs: 0.5,
            follows_local_time: true,
        });
        let expected = [("follows_local_time", 1.0), ("period_secs", 900.0), ("spread_secs", 0.5)];
        assert_eq!(parameters.to_named(), expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
