//! Does one drop fit the pattern that all of them together show?
//!
//! A verdict keeps the fitted numbers and not the drops, so one drop is compared with what it tells by itself;
//! where that is not enough, the answer is that it cannot be told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::normalize::normalize;
use super::{Pattern, Verdict};
use crate::diagnostics::clean::clean;
use crate::diagnostics::event::{DropKind, PacketNote};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{DropRecord, Stamp, words};

/// Spreads around a fitted number that still belong to it, and the least room for clocks, in seconds.
const SPREADS: f64 = 4.0;
const MIN_TOLERANCE: f64 = 1.0;
/// From this time to come back an outage is one, in seconds.
const LONG_OUTAGE: f64 = 120.0;
/// A publish is "just before" up to this beyond the usual delay, in seconds.
const JUST_BEFORE: f64 = 2.0;

/// One drop beside the pattern, and the reason in words.
enum DropFit {
    Yes(String),
    No(String),
    Unknown(String),
}

/// How a drop relates to the verdict, in a sentence or two; `None` while no pattern is named.
///
/// What came from outside is cleaned.
pub fn describe_fit(verdict: &Verdict, drop: &DropRecord) -> Option<String> {
    let comparison = DropComparison { drop, verdict, parameters: &verdict.classification.parameters };
    let fit = comparison.fit()?;
    let answer = verdict.brief();
    let others = verdict.second_cause().map_or_else(String::new, |second| {
        format!(" It may be one of the {} of the second cause.", words::count(second.hits, "drop", "drops"))
    });
    Some(match fit {
        DropFit::Yes(why) => format!("This drop fits the verdict, {answer}: {why}."),
        DropFit::No(why) => format!("This drop does not fit the verdict, {answer}: {why}.{others}"),
        DropFit::Unknown(why) => {
            format!("Whether this drop fits the verdict, {answer}, cannot be told: {why}.")
        }
    })
}

struct DropComparison<'a> {
    drop: &'a DropRecord,
    verdict: &'a Verdict,
    parameters: &'a BTreeMap<String, f64>,
}

impl DropComparison<'_> {
    fn fit(&self) -> Option<DropFit> {
        Some(match self.verdict.classification.pattern {
            Pattern::Undetermined => return None,
            Pattern::FixedLifetime => self.lifetime(),
            Pattern::Scheduled => self.schedule(),
            Pattern::IdleTimeout => self.silence(),
            Pattern::Random => {
                DropFit::Unknown("a single drop looks like any other when they come at random".into())
            }
            Pattern::Bursty => self.spell(),
            Pattern::MessageCount => self.messages(),
            Pattern::MessageRate => self.burst(),
            Pattern::PublishTriggered => self.publish(),
            Pattern::SystemEvent => {
                DropFit::Unknown("see below what happened on this computer within a minute".into())
            }
            Pattern::CredentialExpiry => {
                DropFit::Unknown("when the credentials of a past session expired is not kept".into())
            }
            Pattern::ClientIdTakeover => self.takeover(),
            Pattern::Outage => self.outage(),
            Pattern::KeepAliveTimeout => self.keep_alive(),
        })
    }

    fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters.get(name).copied()
    }

    /// How far from the fitted number a drop may lie, in seconds.
    fn tolerance(&self) -> f64 {
        (SPREADS * self.parameter("spread_secs").unwrap_or(0.0)).max(MIN_TOLERANCE)
    }

    fn lifetime(&self) -> DropFit {
        let Some(limit) = self.parameter("limit_secs") else { return no_fitted_number() };
        let Some(start) = self.drop.session_start else {
            return DropFit::Unknown("when its session began was not seen".into());
        };
        let age = |at: Stamp| at.since(start).as_secs_f64();
        let (earliest, latest) = (age(self.drop.death_window.0), age(self.drop.at));
        let why = format!("the session was {} old, the limit is {}", length(latest), length(limit));
        yes_or_no(earliest - self.tolerance() <= limit && limit <= latest + self.tolerance(), why)
    }

    fn schedule(&self) -> DropFit {
        let (Some(period), Some(phase)) = (self.parameter("period_secs"), self.parameter("phase_secs"))
        else {
            return no_fitted_number();
        };
        if !(period.is_finite() && period > 0.0) {
            return no_fitted_number();
        }
        let (earliest, latest) = self.drop.death_window;
        let latest = unix(latest.max(self.drop.at));
        let earliest = unix(earliest).min(latest);
        // A clock that follows the summer is an hour off for half of the year.
        let shifts: &[f64] =
            if self.parameter("follows_local_time").is_some() { &[0.0, 3_600.0, -3_600.0] } else { &[0.0] };
        let distance = |shift: &f64| {
            let since = (latest - phase - shift).rem_euclid(period);
            let after = (since - (latest - earliest)).max(0.0);
            after.min(period - since)
        };
        let distance = shifts.iter().map(distance).fold(f64::INFINITY, f64::min);
        let every = length(period);
        if distance <= self.tolerance() {
            DropFit::Yes(format!("it came at its time, every {every}"))
        } else {
            DropFit::No(format!("it came {} off the time of a schedule of {every}", length(distance)))
        }
    }

    fn silence(&self) -> DropFit {
        if let Some(limit) = self.parameter("limit_secs") {
            let Some(silence_secs) = self.idle_secs() else {
                return DropFit::Unknown("how silent it was is not known".into());
            };
            let why =
                format!("it had been silent for {}, the limit is {}", length(silence_secs), length(limit));
            return yes_or_no((silence_secs - limit).abs() <= self.tolerance(), why);
        }
        let Some(fatal) = self.parameter("shortest_fatal_silence_secs") else { return no_fitted_number() };
        let Some(silence_secs) = self.silence_before_unanswered_packet() else {
            return DropFit::Unknown("the silence before the last unanswered packet was not recorded".into());
        };
        let survived = self.parameter("longest_survived_silence_secs").unwrap_or(0.0).min(fatal);
        let why = format!(
            "it had been silent for {} when we spoke, and silences from {} on end it",
            length(silence_secs),
            length(fatal)
        );
        if silence_secs > survived && silence_secs < fatal - MIN_TOLERANCE {
            DropFit::Unknown(why)
        } else {
            yes_or_no(silence_secs >= fatal - MIN_TOLERANCE, why)
        }
    }

    /// Silence in both directions before the detection, in seconds.
    fn idle_secs(&self) -> Option<f64> {
        let idle = match (self.drop.idle_in, self.drop.idle_out) {
            (Some(idle_in), Some(idle_out)) => idle_in.min(idle_out),
            (one, other) => one.or(other)?,
        };
        Some(idle.as_secs_f64())
    }

    /// Silence before the first packet of ours that nobody answered.
    fn silence_before_unanswered_packet(&self) -> Option<f64> {
        let packets = &self.drop.event.packets;
        let last_received = packets.iter().rposition(|packet| packet.incoming)?;
        let silence =
            |packet: &PacketNote| packets.get(last_received).map(|heard| heard.ago_secs - packet.ago_secs);
        let unanswered = packets.get(last_received + 1..)?.first()?;
        silence(unanswered).filter(|secs| secs.is_finite() && *secs >= 0.0)
    }

    fn spell(&self) -> DropFit {
        let (Some(short), Some(long), Some(start)) =
            (self.parameter("short_life_secs"), self.parameter("long_life_secs"), self.drop.session_start)
        else {
            return DropFit::Unknown("the drops around it tell that, not this one".into());
        };
        let age = self.drop.at.since(start).as_secs_f64();
        let why = format!("its session lived {}", length(age));
        // Half way on the scale of magnitudes.
        if age * age <= short * long {
            DropFit::Yes(format!("{why}, as in a bad spell"))
        } else {
            DropFit::Unknown(format!("{why}: it may begin a bad spell or have come alone"))
        }
    }

    fn messages(&self) -> DropFit {
        let counts = self.drop.counts;
        let (limit, carried, what) = match (self.parameter("published_messages"), self.parameter("messages"))
        {
            (Some(limit), _) => (limit, counts.published, "messages of ours"),
            (None, Some(limit)) => (limit, counts.published.saturating_add(counts.received), "messages"),
            (None, None) => return no_fitted_number(),
        };
        let tolerance = (SPREADS * self.parameter("spread_messages").unwrap_or(0.0)).max(MIN_TOLERANCE);
        #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
        let difference = (carried as f64 - limit).abs();
        yes_or_no(
            difference <= tolerance,
            format!("it had carried {carried} {what}, the limit is {limit:.0}"),
        )
    }

    fn burst(&self) -> DropFit {
        let packets = &self.drop.event.packets;
        if !packets.is_empty() && !packets.iter().any(is_own_publish) {
            return DropFit::No("nothing had been published just before".into());
        }
        DropFit::Unknown("only the last few packets before it are kept".into())
    }

    fn publish(&self) -> DropFit {
        let packets = &self.drop.event.packets;
        if packets.is_empty() {
            return DropFit::Unknown("the packets before it were not recorded".into());
        }
        let delay = self.parameter("delay_secs").unwrap_or(0.0).max(0.0);
        let Some(last) = packets.iter().rev().find(|packet| is_own_publish(packet)) else {
            return DropFit::No("nothing had been published just before".into());
        };
        let topic = last.topic.as_deref().unwrap_or("an unknown topic");
        let why = format!("we had published to {} {} before", clean(topic), length(last.ago_secs));
        if last.ago_secs > delay + JUST_BEFORE {
            return DropFit::No(why);
        }
        // The topic of the verdict is in its evidence, in quotes and without what changes.
        let names = [topic.to_owned(), normalize(topic, 4)].map(|name| format!("\"{}\"", clean(&name)));
        let evidence = &self.verdict.classification.evidence;
        yes_or_no(names.iter().any(|name| evidence.iter().any(|sentence| sentence.contains(name))), why)
    }

    fn takeover(&self) -> DropFit {
        let event = &self.drop.event;
        if event.reason_code == Some(0x8E) {
            return DropFit::Yes("the broker said \"session taken over\" (0x8E)".into());
        }
        if self.parameter("named_by_the_broker").is_some() {
            return DropFit::No("the broker did not say \"session taken over\" here".into());
        }
        let Some(typical) = self.parameter("typical_life_secs") else { return no_fitted_number() };
        let Some(start) = self.drop.session_start else {
            return DropFit::Unknown("when its session began was not seen".into());
        };
        let age = self.drop.at.since(start).as_secs_f64();
        let closed = matches!(
            event.how,
            Some(DropKind::Fin | DropKind::TlsClose | DropKind::WsClose | DropKind::Disconnect) | None
        );
        let why = format!("{}, {} after the connect", words::drop_kind(event.how), length(age));
        yes_or_no(closed && age <= SPREADS * typical.max(MIN_TOLERANCE), why)
    }

    fn outage(&self) -> DropFit {
        match &self.drop.recovery {
            None => DropFit::Unknown("it is not back so far".into()),
            Some(recovery) => {
                let why = format!("it took {} to come back", duration_words(recovery.took));
                yes_or_no(recovery.took.as_secs_f64() > LONG_OUTAGE && self.drop.failed_attempts > 0, why)
            }
        }
    }

    fn keep_alive(&self) -> DropFit {
        let event = &self.drop.event;
        if event.reason_code == Some(0x8D) {
            return DropFit::Yes("the broker said \"keep alive timeout\" (0x8D)".into());
        }
        if self.parameter("ping_unanswered").is_some() {
            let how = words::drop_kind(event.how);
            return yes_or_no(event.how == Some(DropKind::PingTimeout), format!("it ended by: {how}"));
        }
        let (Some(ratio), Some(idle_out)) = (self.parameter("silence_in_keep_alives"), self.drop.idle_out)
        else {
            return DropFit::Unknown("when we last sent something is not known".into());
        };
        let expected_secs = ratio * f64::from(self.drop.keep_alive_secs);
        let idle_out = idle_out.as_secs_f64();
        let why = format!("the last packet we sent had left {} before", length(idle_out));
        yes_or_no((idle_out - expected_secs).abs() <= (0.1 * expected_secs).max(2.0 * MIN_TOLERANCE), why)
    }
}

fn is_own_publish(packet: &PacketNote) -> bool {
    !packet.incoming && packet.packet == "PUBLISH"
}

fn yes_or_no(fits: bool, why: String) -> DropFit {
    if fits { DropFit::Yes(why) } else { DropFit::No(why) }
}

/// The verdict comes without the number it needs.
fn no_fitted_number() -> DropFit {
    DropFit::Unknown("the verdict has no number to compare with".into())
}

fn length(secs: f64) -> String {
    let duration = Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO);
    if (10.0..600.0).contains(&secs) { format!("{secs:.0} s") } else { duration_words(duration) }
}

fn unix(at: Stamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a date")]
    let micros = at.wall.timestamp_micros() as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests;
