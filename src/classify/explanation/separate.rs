//! The test that separates the answer from the first rival.

use crate::classify::Pattern;
use crate::classify::headline::NOTABLE;
use crate::classify::posterior::Posterior;

/// One sentence, if the first rival is notable.
pub(in crate::classify) fn separating_test(posterior: &Posterior) -> Option<String> {
    let first = if posterior.pattern == Pattern::Undetermined { posterior.lead? } else { posterior.pattern };
    let (second, probability) = posterior
        .probabilities
        .iter()
        .filter(|(pattern, _)| **pattern != first && **pattern != Pattern::Undetermined)
        .filter(|(pattern, _)| posterior.second.as_ref().is_none_or(|(second, _)| second != *pattern))
        .max_by(|one, other| one.1.total_cmp(other.1))?;
    (*probability >= NOTABLE).then(|| separating_sentence(first, *second))
}

fn separating_sentence(first: Pattern, second: Pattern) -> String {
    use Pattern::{
        Bursty, ClientIdTakeover, CredentialExpiry, FixedLifetime, IdleTimeout, KeepAliveTimeout,
        MessageCount, MessageRate, Outage, PublishTriggered, Random, Scheduled, SystemEvent,
    };
    let test = |one: Pattern, other: Pattern| match (one, other) {
        (FixedLifetime, Scheduled) => Some(
            "reconnect once at a time of your choice: a lifetime moves with the connect, a schedule does not",
        ),
        (FixedLifetime | Scheduled, CredentialExpiry) => Some(
            "renew the credentials and reconnect at an odd time: see which of the two the next drop follows",
        ),
        (FixedLifetime, IdleTimeout) => {
            Some("halve the keep-alive: an idle limit then ends no session, a lifetime still does")
        }
        (FixedLifetime, MessageCount) => {
            Some("send more often: a message limit is then reached sooner, a lifetime is not")
        }
        (IdleTimeout, KeepAliveTimeout) => {
            Some("change the keep-alive: the broker's 1.5 keep-alives move with it, a NAT timeout does not")
        }
        (IdleTimeout, Random | Bursty) => Some(
            "one longer silence that is survived, or a shorter keep-alive under which it still drops, decides",
        ),
        (KeepAliveTimeout, Random | Bursty) => Some(
            "probe the network beside the connection: a probe lost with the ping means the path, none lost means one end",
        ),
        (ClientIdTakeover, Random | Bursty) => Some(
            "connect with another client id for a while: the other client cannot take over then; MQTT 5 also reports it",
        ),
        (Outage, Random | Bursty) => {
            Some("check what fails while it is down: connection refused, no answer, or DNS")
        }
        (Random, Bursty) => Some("wait for more drops: groups become visible from about eight incidents on"),
        (ClientIdTakeover, PublishTriggered) => Some(
            "connect with another client id: a refused operation still ends the session, the other client does not",
        ),
        (PublishTriggered, MessageCount | MessageRate) => Some(
            "publish once to that topic after a quiet minute: a rejected topic ends the session even then",
        ),
        (SystemEvent, Scheduled) => Some("watch the event happen at another time of day"),
        (CredentialExpiry, IdleTimeout) => Some("renew the credentials early: see whether the drops move"),
        _ => None,
    };
    let sentence = test(first, second).or_else(|| test(second, first));
    let names = format!("{} or {}", first.title(), second.title());
    format!("{names}: {}", sentence.unwrap_or("the next few drops decide"))
}
