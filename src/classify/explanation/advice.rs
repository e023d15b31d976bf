//! The most useful next step.

use super::phrase::{length, quoted};
use crate::classify::case::Frame;
use crate::classify::log::SUBSCRIBE;
use crate::classify::posterior::Posterior;
use crate::classify::{Advice, AdviceAction, FittedParameters, IdleTimeoutParameters, Pattern};

/// AWS IoT accepts keep-alives from 30 s on; most brokers accept any.
const MIN_ADVISED_SECS: f64 = 30.0;

/// The next step. `fix` is the fix of the most probable cause in the catalogue.
pub(in crate::classify) fn advice(frame: &Frame, posterior: &Posterior, fix: Option<&str>) -> Advice {
    let new_advice = |text: String, action| Advice::new(text, action);
    let keep_alive = frame.sessions.last().map_or(f64::INFINITY, |session| session.keep_alive);
    let fit = posterior.fits.get(&posterior.pattern);
    let parameters = fit.map(|fit| fit.parameters).unwrap_or_default();
    let outside_action =
        |otherwise: &str| new_advice(fix.unwrap_or(otherwise).to_owned(), AdviceAction::Outside);
    match posterior.pattern {
        Pattern::Undetermined if frame.drops.is_empty() => {
            new_advice("leave it running".into(), AdviceAction::Wait)
        }
        Pattern::Undetermined if !keep_alive.is_finite() => new_advice(
            "turn the keep-alive on, so that a dead link is noticed".into(),
            AdviceAction::TurnPingsOn,
        ),
        Pattern::Undetermined => undetermined_advice(frame, posterior),
        Pattern::IdleTimeout => idle_timeout_advice(frame, parameters, keep_alive),
        Pattern::FixedLifetime => {
            let limit = parameters.limit_secs().unwrap_or(0.0);
            let is_idle_possible = posterior.probability(Pattern::IdleTimeout) > 0.1;
            if let Some(advice) = separate_by_pings(limit, keep_alive).filter(|_| is_idle_possible) {
                return advice;
            }
            if posterior.probabilities.get(&Pattern::Scheduled).is_some_and(|probability| *probability > 0.1)
            {
                new_advice(
                    "reconnect now, and see whether the next drop moves with the connect".into(),
                    AdviceAction::Reconnect,
                )
            } else {
                outside_action(&format!("reconnect on purpose shortly before {}", length(limit)))
            }
        }
        Pattern::Random | Pattern::Bursty => {
            outside_action("compare with probes of the gateway and of a second host")
        }
        Pattern::Scheduled => outside_action("check what runs at that time: a nightly reset, a lease, a job"),
        Pattern::MessageCount | Pattern::MessageRate => {
            outside_action("send fewer messages, or ask the broker's owner for the limit")
        }
        Pattern::PublishTriggered => {
            let advice = outside_action("stop publishing to that topic, or have the policy allow it");
            let Some(topic) = fit.and_then(|fit| fit.label.as_deref()) else { return advice };
            if topic == SUBSCRIBE {
                return new_advice(
                    "have the broker allow the subscription, or leave it out".into(),
                    AdviceAction::Outside,
                );
            }
            // On a small screen this is the only place for the topic.
            new_advice(format!("{}: {}", advice.text.trim_end_matches('.'), quoted(topic)), advice.action)
        }
        Pattern::SystemEvent => outside_action("check what this event does to the network"),
        Pattern::CredentialExpiry => {
            outside_action("reconnect with fresh credentials some minutes before they expire")
        }
        Pattern::ClientIdTakeover => {
            outside_action("find the other client with this client id, or use another id")
        }
        Pattern::Outage => {
            outside_action("check what fails while it is down: connection refused, no answer, or DNS")
        }
        Pattern::KeepAliveTimeout => {
            outside_action("check what keeps the client from sending: a blocked loop, a sleeping computer")
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
    // The limit lies between the longest survived and the shortest fatal silence; unknown, at half of the latter.
    let survived = survived.filter(|survived| *survived < fatal && *survived > 0.25 * fatal);
    let advised = advised_keep_alive(survived.unwrap_or(0.5 * fatal));
    if keep_alive <= advised {
        let text = format!("keep the keep-alive at or below {}: see whether it holds", length(advised));
        return Advice::new(text, AdviceAction::Wait);
    }
    let text = if survived.is_some() {
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

/// 15 % less for late pings, in steps of 30 s; below 30 s in whole seconds, which some services do not accept.
fn advised_keep_alive(bound: f64) -> f64 {
    let steps = (0.85 * bound / 30.0).floor() * 30.0;
    if steps >= MIN_ADVISED_SECS { steps } else { (0.85 * bound).floor().max(1.0) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a keep-alive has 16 bits")]
fn whole_seconds(secs: f64) -> Option<u32> {
    (1.0..=65_535.0).contains(&secs).then_some(secs as u32)
}

/// Where a lifetime and an idle limit fit equally well, pings in the middle of the silence separate them.
fn separate_by_pings(limit: f64, keep_alive: f64) -> Option<Advice> {
    let advised = advised_keep_alive(0.5 * limit);
    if keep_alive <= advised || advised < 1.0 {
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
