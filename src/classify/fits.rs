//! Does one drop fit the pattern that all of them together show?
//!
//! A verdict keeps the fitted numbers and not the drops, so one drop is compared with what it tells by itself;
//! where that is not enough, the answer is that it cannot be told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::words::normalised;
use super::{Pattern, Verdict};
use crate::diagnostics::clean::clean;
use crate::diagnostics::event::{How, PacketNote};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{Drop, Stamp, words};

/// Spreads around a fitted number that still belong to it, and the least room for clocks, in seconds.
const SPREADS: f64 = 4.0;
const LEAST_ROOM: f64 = 1.0;
/// From this time to come back an outage is one, in seconds.
const LONG: f64 = 120.0;
/// A publish is "just before" up to this beyond the usual delay, in seconds.
const JUST_BEFORE: f64 = 2.0;

/// One drop beside the pattern, and the reason in words.
enum Fit {
    Yes(String),
    No(String),
    Open(String),
}

/// How a drop relates to the verdict, in a sentence or two; `None` while no pattern is named.
///
/// What came from outside is cleaned.
pub fn relation(verdict: &Verdict, drop: &Drop) -> Option<String> {
    let beside = Beside { drop, verdict, parameters: &verdict.classification.parameters };
    let fit = beside.fit()?;
    let answer = verdict.brief();
    let others = verdict.second().map_or_else(String::new, |second| {
        format!(" It may be one of the {} of the second cause.", words::count(second.hits, "drop", "drops"))
    });
    Some(match fit {
        Fit::Yes(why) => format!("This drop fits the verdict, {answer}: {why}."),
        Fit::No(why) => format!("This drop does not fit the verdict, {answer}: {why}.{others}"),
        Fit::Open(why) => format!("Whether this drop fits the verdict, {answer}, cannot be told: {why}."),
    })
}

struct Beside<'a> {
    drop: &'a Drop,
    verdict: &'a Verdict,
    parameters: &'a BTreeMap<String, f64>,
}

impl Beside<'_> {
    fn fit(&self) -> Option<Fit> {
        Some(match self.verdict.classification.pattern {
            Pattern::Undetermined => return None,
            Pattern::FixedLifetime => self.lifetime(),
            Pattern::Scheduled => self.schedule(),
            Pattern::IdleTimeout => self.silence(),
            Pattern::Random => {
                Fit::Open("a single drop looks like any other when they come at random".into())
            }
            Pattern::Bursty => self.spell(),
            Pattern::MessageCount => self.messages(),
            Pattern::MessageRate => self.burst(),
            Pattern::PublishTriggered => self.publish(),
            Pattern::SystemEvent => {
                Fit::Open("see below what happened on this computer within a minute".into())
            }
            Pattern::CredentialExpiry => {
                Fit::Open("when the credentials of a past session expired is not kept".into())
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
    fn room(&self) -> f64 {
        (SPREADS * self.parameter("spread_secs").unwrap_or(0.0)).max(LEAST_ROOM)
    }

    fn lifetime(&self) -> Fit {
        let Some(limit) = self.parameter("limit_secs") else { return unfitted() };
        let Some(start) = self.drop.session_start else {
            return Fit::Open("when its session began was not seen".into());
        };
        let age = |at: Stamp| at.since(start).as_secs_f64();
        let (earliest, latest) = (age(self.drop.death_window.0), age(self.drop.at));
        let why = format!("the session was {} old, the limit is {}", length(latest), length(limit));
        decide(earliest - self.room() <= limit && limit <= latest + self.room(), why)
    }

    fn schedule(&self) -> Fit {
        let (Some(period), Some(phase)) = (self.parameter("period_secs"), self.parameter("phase_secs"))
        else {
            return unfitted();
        };
        if !(period.is_finite() && period > 0.0) {
            return unfitted();
        }
        let (earliest, latest) = self.drop.death_window;
        let latest = unix(latest.max(self.drop.at));
        let earliest = unix(earliest).min(latest);
        // A clock that follows the summer is an hour off for half of the year.
        let shifts: &[f64] =
            if self.parameter("follows_local_time").is_some() { &[0.0, 3_600.0, -3_600.0] } else { &[0.0] };
        let off = |shift: &f64| {
            let since = (latest - phase - shift).rem_euclid(period);
            let after = (since - (latest - earliest)).max(0.0);
            after.min(period - since)
        };
        let off = shifts.iter().map(off).fold(f64::INFINITY, f64::min);
        let every = length(period);
        if off <= self.room() {
            Fit::Yes(format!("it came at its time, every {every}"))
        } else {
            Fit::No(format!("it came {} off the time of a schedule of {every}", length(off)))
        }
    }

    fn silence(&self) -> Fit {
        if let Some(limit) = self.parameter("limit_secs") {
            let Some(silent) = self.idle() else { return Fit::Open("how silent it was is not known".into()) };
            let why = format!("it had been silent for {}, the limit is {}", length(silent), length(limit));
            return decide((silent - limit).abs() <= self.room(), why);
        }
        let Some(fatal) = self.parameter("shortest_fatal_silence_secs") else { return unfitted() };
        let Some(silent) = self.silence_before_we_spoke() else {
            return Fit::Open("the silence before the last unanswered packet was not recorded".into());
        };
        let survived = self.parameter("longest_survived_silence_secs").unwrap_or(0.0).min(fatal);
        let why = format!(
            "it had been silent for {} when we spoke, and silences from {} on end it",
            length(silent),
            length(fatal)
        );
        if silent > survived && silent < fatal - LEAST_ROOM {
            Fit::Open(why)
        } else {
            decide(silent >= fatal - LEAST_ROOM, why)
        }
    }

    /// Silence in both directions before the detection, in seconds.
    fn idle(&self) -> Option<f64> {
        let idle = match (self.drop.idle_in, self.drop.idle_out) {
            (Some(heard), Some(said)) => heard.min(said),
            (one, other) => one.or(other)?,
        };
        Some(idle.as_secs_f64())
    }

    /// Silence before the first packet of ours that nobody answered.
    fn silence_before_we_spoke(&self) -> Option<f64> {
        let packets = &self.drop.event.packets;
        let heard = packets.iter().rposition(|packet| packet.incoming)?;
        let silence = |packet: &PacketNote| packets.get(heard).map(|heard| heard.ago_secs - packet.ago_secs);
        let unanswered = packets.get(heard + 1..)?.first()?;
        silence(unanswered).filter(|secs| secs.is_finite() && *secs >= 0.0)
    }

    fn spell(&self) -> Fit {
        let (Some(short), Some(long), Some(start)) =
            (self.parameter("short_life_secs"), self.parameter("long_life_secs"), self.drop.session_start)
        else {
            return Fit::Open("the drops around it tell that, not this one".into());
        };
        let age = self.drop.at.since(start).as_secs_f64();
        let lived = format!("its session lived {}", length(age));
        // Half way on the scale of magnitudes.
        if age * age <= short * long {
            Fit::Yes(format!("{lived}, as in a bad spell"))
        } else {
            Fit::Open(format!("{lived}: it may begin a bad spell or have come alone"))
        }
    }

    fn messages(&self) -> Fit {
        let counts = self.drop.counts;
        let (limit, carried, what) = match (self.parameter("published_messages"), self.parameter("messages"))
        {
            (Some(limit), _) => (limit, counts.published, "messages of ours"),
            (None, Some(limit)) => (limit, counts.published.saturating_add(counts.received), "messages"),
            (None, None) => return unfitted(),
        };
        let room = (SPREADS * self.parameter("spread_messages").unwrap_or(0.0)).max(LEAST_ROOM);
        #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
        let off = (carried as f64 - limit).abs();
        decide(off <= room, format!("it had carried {carried} {what}, the limit is {limit:.0}"))
    }

    fn burst(&self) -> Fit {
        let packets = &self.drop.event.packets;
        if !packets.is_empty() && !packets.iter().any(is_own_publish) {
            return Fit::No("nothing had been published just before".into());
        }
        Fit::Open("only the last few packets before it are kept".into())
    }

    fn publish(&self) -> Fit {
        let packets = &self.drop.event.packets;
        if packets.is_empty() {
            return Fit::Open("the packets before it were not recorded".into());
        }
        let delay = self.parameter("delay_secs").unwrap_or(0.0).max(0.0);
        let Some(last) = packets.iter().rev().find(|packet| is_own_publish(packet)) else {
            return Fit::No("nothing had been published just before".into());
        };
        let topic = last.topic.as_deref().unwrap_or("an unknown topic");
        let why = format!("we had published to {} {} before", clean(topic), length(last.ago_secs));
        if last.ago_secs > delay + JUST_BEFORE {
            return Fit::No(why);
        }
        // The topic of the verdict is in its evidence, in quotes and without what changes.
        let names = [topic.to_owned(), normalised(topic, 4)].map(|name| format!("\"{}\"", clean(&name)));
        let evidence = &self.verdict.classification.evidence;
        decide(names.iter().any(|name| evidence.iter().any(|sentence| sentence.contains(name))), why)
    }

    fn takeover(&self) -> Fit {
        let event = &self.drop.event;
        if event.reason_code == Some(0x8E) {
            return Fit::Yes("the broker said \"session taken over\" (0x8E)".into());
        }
        if self.parameter("named_by_the_broker").is_some() {
            return Fit::No("the broker did not say \"session taken over\" here".into());
        }
        let Some(typical) = self.parameter("typical_life_secs") else { return unfitted() };
        let Some(start) = self.drop.session_start else {
            return Fit::Open("when its session began was not seen".into());
        };
        let age = self.drop.at.since(start).as_secs_f64();
        let closed =
            matches!(event.how, Some(How::Fin | How::TlsClose | How::WsClose | How::Disconnect) | None);
        let why = format!("{}, {} after the connect", words::how(event.how), length(age));
        decide(closed && age <= SPREADS * typical.max(LEAST_ROOM), why)
    }

    fn outage(&self) -> Fit {
        match &self.drop.recovery {
            None => Fit::Open("it is not back so far".into()),
            Some(back) => {
                let why = format!("it took {} to come back", duration_words(back.took));
                decide(back.took.as_secs_f64() > LONG && self.drop.failed_attempts > 0, why)
            }
        }
    }

    fn keep_alive(&self) -> Fit {
        let event = &self.drop.event;
        if event.reason_code == Some(0x8D) {
            return Fit::Yes("the broker said \"keep alive timeout\" (0x8D)".into());
        }
        if self.parameter("ping_unanswered").is_some() {
            let how = words::how(event.how);
            return decide(event.how == Some(How::PingTimeout), format!("it ended by: {how}"));
        }
        let (Some(ratio), Some(said)) = (self.parameter("silence_in_keep_alives"), self.drop.idle_out) else {
            return Fit::Open("when we last sent something is not known".into());
        };
        let due = ratio * f64::from(self.drop.keep_alive_secs);
        let said = said.as_secs_f64();
        let why = format!("the last packet we sent had left {} before", length(said));
        decide((said - due).abs() <= (0.1 * due).max(2.0 * LEAST_ROOM), why)
    }
}

fn is_own_publish(packet: &PacketNote) -> bool {
    !packet.incoming && packet.packet == "PUBLISH"
}

fn decide(fits: bool, why: String) -> Fit {
    if fits { Fit::Yes(why) } else { Fit::No(why) }
}

/// The verdict comes without the number it needs.
fn unfitted() -> Fit {
    Fit::Open("the verdict has no number to compare with".into())
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
