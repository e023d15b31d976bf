//! The most useful next step.

use super::phrase::{length, quoted};
use crate::classify::case::Frame;
use crate::classify::posterior::Posterior;
use crate::classify::{Advice, AdviceAction, FittedParameters, IdleTimeoutParameters, Pattern};

/// AWS IoT accepts keep-alives from 30 s on; most brokers accept any.
const MIN_ADVISED_SECS: f64 = 30.0;

/// The next step. `fix` is the fix of the most probable cause in the catalogue.
pub(in crate::classify) fn advice(frame: &Frame, posterior: &Posterior, fix: Option<&str>) -> Advice {
    let new_advice = |text: String, action| Advice { text, action };
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
        Pattern::IdleTimeout => idle_timeout_advice(parameters, keep_alive),
        Pattern::FixedLifetime => {
            let limit = parameters.limit_secs().unwrap_or(0.0);
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
        return Advice { text: text.into(), action: AdviceAction::Reconnect };
    }
    if frame.drops.len() >= 3 && posterior.lead == Some(Pattern::IdleTimeout) {
        return Advice {
            text: "try a shorter keep-alive and compare".into(),
            action: AdviceAction::ShortenKeepAlive,
        };
    }
    Advice { text: "leave it running, and read the newest drop".into(), action: AdviceAction::OpenDrop }
}

/// A keep-alive well below the longest silence that sessions survived.
fn idle_timeout_advice(parameters: FittedParameters, keep_alive: f64) -> Advice {
    let survived = match parameters {
        FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
            longest_survived_silence_secs,
            ..
        }) => longest_survived_silence_secs,
        _ => None,
    };
    let bound = match (parameters.limit_secs(), survived) {
        (Some(fatal), Some(survived)) => survived.min(fatal),
        (Some(fatal), None) => fatal,
        (None, _) => {
            return Advice {
                text: "try a shorter keep-alive".into(),
                action: AdviceAction::ShortenKeepAlive,
            };
        }
    };
    // 15 % less for late pings, in steps of 30 s.
    let advised = (0.85 * bound / 30.0).floor() * 30.0;
    let advised = if advised >= MIN_ADVISED_SECS { advised } else { (0.85 * bound).floor().max(5.0) };
    if keep_alive <= advised {
        let text = format!("keep the keep-alive at or below {}: see whether it holds", length(advised));
        return Advice { text, action: AdviceAction::Wait };
    }
    let text = format!("a keep-alive of {} or less ends it", length(advised));
    Advice { text, action: AdviceAction::ShortenKeepAlive }
}
