//! The most useful next step.

use super::evidence::most_frequent_statement;
use super::phrase::{length, quoted};
use crate::classify::case::Frame;
use crate::classify::log::SUBSCRIBE;
use crate::classify::posterior::Posterior;
use crate::classify::stated_cause::Statement;
use crate::classify::{Advice, AdviceAction, FittedParameters, IdleTimeoutParameters, Pattern};

/// Keep-alives are advised in steps of this many seconds, where the limit allows it.
const STEP_SECS: f64 = 30.0;
/// The least keep-alive that AWS IoT Core accepts, in seconds; most brokers accept any.
const MIN_AWS_SECS: f64 = 30.0;

/// The next step. `fix` is the fix of the most probable cause in the catalogue.
pub(in crate::classify) fn advice(frame: &Frame, posterior: &Posterior, fix: Option<&str>) -> Advice {
    let keep_alive = frame.sessions.last().map_or(f64::INFINITY, |session| session.keep_alive);
    let fit = posterior.fits.get(&posterior.pattern);
    let parameters = fit.map(|fit| fit.parameters).unwrap_or_default();
    let outside = |otherwise: &str| Advice::new(fix.unwrap_or(otherwise), AdviceAction::Outside);
    match posterior.pattern {
        Pattern::Undetermined if frame.drops.is_empty() => {
            Advice::new("leave it running", AdviceAction::Wait)
        }
        Pattern::Undetermined if !keep_alive.is_finite() => {
            Advice::new("turn the keep-alive on, so that a dead link is noticed", AdviceAction::TurnPingsOn)
        }
        Pattern::Undetermined => undetermined_advice(frame, posterior),
        Pattern::IdleTimeout => idle_timeout_advice(frame, parameters, keep_alive),
        Pattern::FixedLifetime => {
            let limit = parameters.limit_secs().unwrap_or(0.0);
            lifetime_advice(frame, posterior, limit, keep_alive)
                .unwrap_or_else(|| outside(&format!("reconnect on purpose shortly before {}", length(limit))))
        }
        Pattern::PublishTriggered if is_own_limit(frame) => {
            outside("send messages below this client's limit, or raise the limit")
        }
        Pattern::PublishTriggered => rejected_operation_advice(
            outside(DEFAULT_OF_REJECTED_OPERATION),
            fit.and_then(|fit| fit.label.as_deref()),
        ),
        pattern => outside(default_advice(pattern)),
    }
}

/// Whether most of the rejected messages were those that the broker sent: they were larger than this client takes.
fn is_own_limit(frame: &Frame) -> bool {
    let statement = most_frequent_statement(frame, Pattern::PublishTriggered);
    statement.is_some_and(|(statement, _)| statement == Statement::OwnLimit)
}

const DEFAULT_OF_REJECTED_OPERATION: &str = "stop publishing to that topic, or have the policy allow it";

/// What to do about a pattern whose causes have no fix in the catalogue.
fn default_advice(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Scheduled => "check what runs at that time: a nightly reset, a lease, a job",
        Pattern::MessageCount | Pattern::MessageRate => {
            "send fewer messages, or ask the broker's owner for the limit"
        }
        Pattern::SystemEvent => "check what this event does to the network",
        Pattern::CredentialExpiry => "reconnect with fresh credentials some minutes before they expire",
        Pattern::ClientIdTakeover => "find the other client with this client id, or use another id",
        Pattern::Outage => "check what fails while it is down: connection refused, no answer, or DNS",
        Pattern::KeepAliveTimeout => {
            "check what keeps the client from sending: a blocked loop, a sleeping computer"
        }
        _ => "compare with probes of the gateway and of a second host",
    }
}

/// A test where another cause is possible; `None` where it is not.
fn lifetime_advice(frame: &Frame, posterior: &Posterior, limit: f64, keep_alive: f64) -> Option<Advice> {
    let is_possible = |pattern| posterior.probability(pattern) > 0.1;
    let by_pings = || separate_by_pings(frame, limit, keep_alive);
    if is_possible(Pattern::IdleTimeout)
        && let Some(advice) = by_pings()
    {
        return Some(advice);
    }
    is_possible(Pattern::Scheduled).then(|| {
        Advice::new(
            "reconnect now, and see whether the next drop moves with the connect",
            AdviceAction::Reconnect,
        )
    })
}

/// On a small screen the advice is the only place for the topic.
fn rejected_operation_advice(advice: Advice, operation: Option<&str>) -> Advice {
    match operation {
        None => advice,
        Some(SUBSCRIBE) => {
            Advice::new("have the broker allow the subscription, or leave it out", AdviceAction::Outside)
        }
        Some(topic) => {
            let text = format!("{}: {}", advice.text.trim_end_matches('.'), quoted(topic));
            Advice { text, ..advice }
        }
    }
}

fn undetermined_advice(frame: &Frame, posterior: &Posterior) -> Advice {
    let leads_to_reconnect = matches!(posterior.lead, Some(Pattern::FixedLifetime | Pattern::Scheduled));
    if frame.drops.len() >= 3 && leads_to_reconnect {
        let text = "reconnect now: a lifetime moves with the connect, a schedule does not";
        return Advice::new(text, AdviceAction::Reconnect);
    }
    if frame.drops.len() >= 3 && posterior.lead == Some(Pattern::IdleTimeout) {
        return Advice::new("try a shorter keep-alive and compare", AdviceAction::ShortenKeepAlive);
    }
    Advice::new("leave it running, and read the newest drop", AdviceAction::OpenDrop)
}

/// A keep-alive below the silences that ended sessions. "Ends it" is a promise: only below a silence that was survived.
fn idle_timeout_advice(frame: &Frame, parameters: FittedParameters, keep_alive: f64) -> Advice {
    let (fatal, survived) = match parameters {
        FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs,
            longest_survived_silence_secs,
            ..
        }) => (shortest_fatal_silence_secs, longest_survived_silence_secs),
        FittedParameters::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit {
            limit_secs,
            spread_secs,
            ..
        }) => (limit_secs, frame.survived.neighbors(limit_secs - 3.5 * spread_secs).0),
        _ => return Advice::new("try a shorter keep-alive", AdviceAction::ShortenKeepAlive),
    };
    // The limit lies between the longest survived and the shortest fatal silence. Where none was survived it may be anywhere below.
    let survived = survived.filter(|survived| *survived < fatal && *survived > 0.25 * fatal);
    let advised = advised_keep_alive(frame, survived.unwrap_or(fatal / 3.0));
    if keep_alive <= advised {
        let text = format!("keep the keep-alive at or below {}: see whether it holds", length(advised));
        return Advice::new(text, AdviceAction::Wait);
    }
    let text = if survived.is_some_and(|survived| advised < survived) {
        format!("a keep-alive of {} or less ends it", length(advised))
    } else {
        format!(
            "try a keep-alive of {}: the shortest silence that ended a session was {}",
            length(advised),
            length(fatal)
        )
    };
    Advice { keep_alive_secs: whole_seconds(advised), ..Advice::new(text, AdviceAction::ShortenKeepAlive) }
}

/// 15 % less for late pings, in steps of 30 s or in whole seconds; never less than the broker takes.
fn advised_keep_alive(frame: &Frame, bound: f64) -> f64 {
    let is_aws =
        frame.log.started.as_ref().is_some_and(|started| started.endpoint.contains(".amazonaws.com"));
    let steps = (0.85 * bound / STEP_SECS).floor() * STEP_SECS;
    if steps > 0.0 { steps } else { (0.85 * bound).floor().max(if is_aws { MIN_AWS_SECS } else { 1.0 }) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a keep-alive has 16 bits")]
fn whole_seconds(secs: f64) -> Option<u32> {
    (1.0..=65_535.0).contains(&secs).then_some(secs as u32)
}

/// Where a lifetime and an idle limit fit equally well, pings in the middle of the silence separate them.
fn separate_by_pings(frame: &Frame, limit: f64, keep_alive: f64) -> Option<Advice> {
    let advised = advised_keep_alive(frame, 0.5 * limit);
    if keep_alive <= advised || advised >= limit {
        return None;
    }
    let text = format!(
        "try a keep-alive of {}: if sessions still end after {}, it is a lifetime, else an idle limit",
        length(advised),
        length(limit)
    );
    Some(Advice {
        keep_alive_secs: whole_seconds(advised),
        ..Advice::new(text, AdviceAction::ShortenKeepAlive)
    })
}
