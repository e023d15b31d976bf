//! The relation of one drop to the pattern of all drops.
//!
//! A verdict holds the fitted numbers and not the drops, so one drop is compared by its own data; where these are
//! not enough, the answer is that it is not known.

use super::explanation::length;
use super::normalize::normalize;
use super::reason_code::{KEEP_ALIVE_TIMEOUT, SESSION_TAKEN_OVER};
use super::{
    BurstParameters, FittedParameters, IdleTimeoutParameters, KeepAliveParameters, LifetimeParameters,
    MessageCountParameters, MessageScope, Pattern, ScheduleParameters, SilenceDirection, TakeoverParameters,
    Verdict,
};
use crate::diagnostics::clean::clean;
use crate::diagnostics::event::{DropKind, PacketNote};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{DropRecord, Stamp, words};

/// Spreads around a fitted number that still belong to it, and the least tolerance for clocks, in seconds.
const SPREADS: f64 = 4.0;
const MIN_TOLERANCE: f64 = 1.0;
/// An outage is long from this time to reconnect on, in seconds.
const LONG_OUTAGE: f64 = 120.0;
/// A publish is "just before" up to this beyond the usual delay, in seconds.
const JUST_BEFORE: f64 = 2.0;

/// One drop compared with the pattern, and the reason in words.
enum DropFit {
    Yes(String),
    No(String),
    Unknown(String),
}

/// How a drop relates to the verdict, in a sentence or two; `None` while no pattern is named.
///
/// Text from outside is cleaned.
pub fn describe_fit(verdict: &Verdict, drop: &DropRecord) -> Option<String> {
    let fit = DropComparison { drop, verdict }.fit()?;
    let answer = verdict.brief();
    let others = verdict.second_cause().map_or_else(String::new, |second| {
        format!(" It may be one of the {} of the second cause.", words::count(second.hits, "drop", "drops"))
    });
    Some(match fit {
        DropFit::Yes(why) => format!("This drop fits the verdict, {answer}: {why}."),
        DropFit::No(why) => format!("This drop does not fit the verdict, {answer}: {why}.{others}"),
        DropFit::Unknown(why) => {
            format!("Not known whether this drop fits the verdict, {answer}: {why}.")
        }
    })
}

struct DropComparison<'a> {
    drop: &'a DropRecord,
    verdict: &'a Verdict,
}

impl DropComparison<'_> {
    fn fit(&self) -> Option<DropFit> {
        let classification = &self.verdict.classification;
        let pattern = classification.pattern;
        let fitted = FittedParameters::from_named(pattern, &classification.parameters);
        Some(match (pattern, fitted) {
            (Pattern::Undetermined, _) => return None,
            (Pattern::Random, _) => unknown("random drops have no common mark to compare"),
            (Pattern::MessageRate, _) => self.burst(),
            (Pattern::SystemEvent, _) => unknown("see below what happened on this computer within a minute"),
            (Pattern::CredentialExpiry, _) => {
                unknown("when the credentials of a past session expired is not recorded")
            }
            (Pattern::Outage, _) => self.outage(),
            (_, FittedParameters::FixedLifetime(lifetime)) => self.lifetime(lifetime),
            (_, FittedParameters::Scheduled(schedule)) => self.schedule(schedule),
            (_, FittedParameters::IdleTimeout(idle)) => self.silence(idle),
            (_, FittedParameters::Bursty(burst)) => self.session_length(burst),
            (_, FittedParameters::MessageCount(limit)) => self.messages(limit),
            (_, FittedParameters::PublishTriggered(delay)) => self.publish(delay.delay_secs.max(0.0)),
            (_, FittedParameters::ClientIdTakeover(takeover)) => self.takeover(takeover),
            (_, FittedParameters::KeepAliveTimeout(timeout)) => self.keep_alive(timeout),
            (Pattern::Bursty, _) => unknown(ONLY_NEIGHBORS_SHOW_A_BURST),
            _ => no_fitted_number(),
        })
    }

    fn lifetime(&self, lifetime: LifetimeParameters) -> DropFit {
        let (limit, tolerance) = (lifetime.limit_secs, tolerance(lifetime.spread_secs));
        let Some(start) = self.drop.session_start else {
            return unknown(START_NOT_RECORDED);
        };
        let age = |at: Stamp| at.since(start).as_secs_f64();
        let (earliest, latest) = (age(self.drop.death_window.0), age(self.drop.at));
        let why = format!("the session was {} old, the limit is {}", length(latest), length(limit));
        yes_or_no(earliest - tolerance <= limit && limit <= latest + tolerance, why)
    }

    fn schedule(&self, schedule: ScheduleParameters) -> DropFit {
        let period = schedule.period_secs;
        if !(period.is_finite() && period > 0.0) {
            return no_fitted_number();
        }
        let (earliest, latest) = self.drop.death_window;
        let latest = unix(latest.max(self.drop.at));
        let earliest = unix(earliest).min(latest);
        // A schedule that follows daylight saving time is an hour off for half of the year.
        let shifts: &[f64] = if schedule.follows_local_time { &[0.0, 3_600.0, -3_600.0] } else { &[0.0] };
        let distance = |shift: &f64| {
            let since = (latest - schedule.phase_secs - shift).rem_euclid(period);
            let after = (since - (latest - earliest)).max(0.0);
            after.min(period - since)
        };
        let distance = shifts.iter().map(distance).fold(f64::INFINITY, f64::min);
        let every = length(period);
        if distance <= tolerance(schedule.spread_secs) {
            DropFit::Yes(format!("it matches the schedule: every {every}"))
        } else {
            DropFit::No(format!("it is {} away from the schedule of every {every}", length(distance)))
        }
    }

    fn silence(&self, idle: IdleTimeoutParameters) -> DropFit {
        let (fatal, survived) = match idle {
            IdleTimeoutParameters::ClosedAtLimit { limit_secs: limit, spread_secs, direction } => {
                let Some(silence_secs) = self.idle_secs(direction) else {
                    return unknown("how silent it was is not known");
                };
                let (silence, limit_text) = (length(silence_secs), length(limit));
                let why = format!("the connection was silent for {silence}, the limit is {limit_text}");
                return yes_or_no((silence_secs - limit).abs() <= tolerance(spread_secs), why);
            }
            IdleTimeoutParameters::NoticedAtNextPacket {
                shortest_fatal_silence_secs: fatal,
                longest_survived_silence_secs: survived,
                ..
            } => (fatal, survived.unwrap_or(0.0).min(fatal)),
        };
        let Some(silence_secs) = self.silence_before_unanswered_packet() else {
            return unknown("the silence before the last unanswered packet was not recorded");
        };
        let (silence, limit) = (length(silence_secs), length(fatal));
        let why = format!(
            "the connection was silent for {silence} when the client sent a packet, and silences of {limit} or more end it"
        );
        if silence_secs > survived && silence_secs < fatal - MIN_TOLERANCE {
            DropFit::Unknown(why)
        } else {
            yes_or_no(silence_secs >= fatal - MIN_TOLERANCE, why)
        }
    }

    /// Silence of a direction before the detection, in seconds.
    fn idle_secs(&self, direction: SilenceDirection) -> Option<f64> {
        let idle = match (self.drop.idle_in, self.drop.idle_out) {
            (idle_in, _) if direction == SilenceDirection::FromPeer => idle_in?,
            (_, idle_out) if direction == SilenceDirection::FromClient => idle_out?,
            (Some(idle_in), Some(idle_out)) => idle_in.min(idle_out),
            (one, other) => one.or(other)?,
        };
        Some(idle.as_secs_f64())
    }

    /// Silence before the first outgoing packet that was not answered, in seconds.
    fn silence_before_unanswered_packet(&self) -> Option<f64> {
        let packets = &self.drop.event.packets;
        let last_received = packets.iter().rposition(|packet| packet.incoming)?;
        let silence = |packet: &PacketNote| {
            packets.get(last_received).map(|received| received.ago_secs - packet.ago_secs)
        };
        let unanswered = packets.get(last_received + 1..)?.first()?;
        silence(unanswered).filter(|secs| secs.is_finite() && *secs >= 0.0)
    }

    fn session_length(&self, burst: BurstParameters) -> DropFit {
        let Some(start) = self.drop.session_start else {
            return unknown(ONLY_NEIGHBORS_SHOW_A_BURST);
        };
        let age = self.drop.at.since(start).as_secs_f64();
        let why = format!("its session lasted {}", length(age));
        // The limit between the two kinds is their geometric mean.
        if age * age <= burst.short_life_secs * burst.long_life_secs {
            DropFit::Yes(format!("{why}, as within a burst"))
        } else {
            DropFit::Unknown(format!("{why}: it may begin a burst or be a single drop"))
        }
    }

    fn messages(&self, fitted: MessageCountParameters) -> DropFit {
        let (counts, limit) = (self.drop.counts, fitted.limit);
        let (carried, what) = match fitted.scope {
            MessageScope::Published => (counts.published, "published messages"),
            MessageScope::All => (counts.published.saturating_add(counts.received), "messages"),
        };
        #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
        let difference = (carried as f64 - limit).abs();
        yes_or_no(
            difference <= tolerance(fitted.spread_messages),
            format!("the session carried {carried} {what}, the limit is {limit:.0}"),
        )
    }

    fn burst(&self) -> DropFit {
        let packets = &self.drop.event.packets;
        if !packets.is_empty() && !packets.iter().any(is_own_publish) {
            return DropFit::No(NOTHING_PUBLISHED.into());
        }
        unknown("only the last few packets before it are recorded")
    }

    fn publish(&self, delay_secs: f64) -> DropFit {
        let packets = &self.drop.event.packets;
        if packets.is_empty() {
            return unknown("the packets before it were not recorded");
        }
        let Some(last) = packets.iter().rev().find(|packet| is_own_publish(packet)) else {
            return DropFit::No(NOTHING_PUBLISHED.into());
        };
        let topic = last.topic.as_deref().unwrap_or("an unknown topic");
        let why = format!("the client had published to {} {} before", clean(topic), length(last.ago_secs));
        if last.ago_secs > delay_secs + JUST_BEFORE {
            return DropFit::No(why);
        }
        // The evidence quotes the topic of the verdict, without the parts that change.
        let names = [topic.to_owned(), normalize(topic, 4)].map(|name| format!("\"{}\"", clean(&name)));
        let evidence = &self.verdict.classification.evidence;
        yes_or_no(names.iter().any(|name| evidence.iter().any(|sentence| sentence.contains(name))), why)
    }

    fn takeover(&self, takeover: TakeoverParameters) -> DropFit {
        let event = &self.drop.event;
        if event.reason_code == Some(SESSION_TAKEN_OVER) {
            return DropFit::Yes("reason code 0x8E (session taken over)".into());
        }
        if takeover.is_named_by_broker {
            return DropFit::No("the broker sent no reason code 0x8E here".into());
        }
        let Some(typical) = takeover.typical_life_secs else { return no_fitted_number() };
        let Some(start) = self.drop.session_start else {
            return unknown(START_NOT_RECORDED);
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
            None => unknown("the connection is not back yet"),
            Some(recovery) => {
                let why = format!("it took {} to reconnect", duration_words(recovery.took));
                yes_or_no(recovery.took.as_secs_f64() > LONG_OUTAGE && self.drop.failed_attempts > 0, why)
            }
        }
    }

    fn keep_alive(&self, timeout: KeepAliveParameters) -> DropFit {
        let event = &self.drop.event;
        if event.reason_code == Some(KEEP_ALIVE_TIMEOUT) {
            return DropFit::Yes("reason code 0x8D (keep-alive timeout)".into());
        }
        let ratio = match timeout {
            KeepAliveParameters::PingUnanswered { .. } => {
                let how = words::drop_kind(event.how);
                return yes_or_no(event.how == Some(DropKind::PingTimeout), format!("it ended by: {how}"));
            }
            KeepAliveParameters::ClosedByBroker { silence_in_keep_alives, .. } => silence_in_keep_alives,
        };
        let (Some(ratio), Some(idle_out)) = (ratio, self.drop.idle_out) else {
            return unknown("when the client sent its last packet is not known");
        };
        let expected_secs = ratio * f64::from(self.drop.keep_alive_secs);
        let idle_out = idle_out.as_secs_f64();
        let why = format!("the client had sent its last packet {} before", length(idle_out));
        yes_or_no((idle_out - expected_secs).abs() <= (0.1 * expected_secs).max(2.0 * MIN_TOLERANCE), why)
    }
}

const ONLY_NEIGHBORS_SHOW_A_BURST: &str = "only the drops before and after it show a burst";
const START_NOT_RECORDED: &str = "the start of its session was not recorded";
const NOTHING_PUBLISHED: &str = "nothing was published just before";

/// How far from the fitted number a drop may be, in the unit of the spread.
fn tolerance(spread: f64) -> f64 {
    (SPREADS * spread).max(MIN_TOLERANCE)
}

fn unknown(why: &str) -> DropFit {
    DropFit::Unknown(why.to_owned())
}

fn is_own_publish(packet: &PacketNote) -> bool {
    !packet.incoming && packet.packet == "PUBLISH"
}

fn yes_or_no(fits: bool, why: String) -> DropFit {
    if fits { DropFit::Yes(why) } else { DropFit::No(why) }
}

/// The verdict lacks the number that the comparison needs.
fn no_fitted_number() -> DropFit {
    DropFit::Unknown("the verdict has no number to compare with".into())
}

fn unix(at: Stamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a date")]
    let micros = at.wall.timestamp_micros() as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests;
