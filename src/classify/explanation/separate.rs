//! The test that separates the answer from the first rival.

use crate::classify::case::Frame;
use crate::classify::headline::NOTABLE;
use crate::classify::normalize::MASK;
use crate::classify::posterior::Posterior;
use crate::classify::{Pattern, SeparationFacts, SeparationTest};

/// Probability from which on the answer needs no test.
const SURE: f64 = 0.9;

/// The answer and its first rival, if that is notable.
fn rivals(posterior: &Posterior) -> Option<(Pattern, Pattern)> {
    let first = if posterior.pattern == Pattern::Undetermined { posterior.lead? } else { posterior.pattern };
    let (second, probability) = posterior
        .probabilities
        .iter()
        .filter(|(pattern, _)| **pattern != first && **pattern != Pattern::Undetermined)
        .filter(|(pattern, _)| posterior.second.as_ref().is_none_or(|(second, _)| second != *pattern))
        .max_by(|one, other| one.1.total_cmp(other.1))?;
    (*probability >= NOTABLE).then_some((first, *second))
}

/// How to separate the two, in one sentence.
pub(in crate::classify) fn separating_sentence(
    posterior: &Posterior,
    test: Option<&SeparationTest>,
) -> Option<String> {
    if posterior.pattern == Pattern::ClientIdTakeover
        && let Some(test @ SeparationTest::FreshClientId) = test
    {
        return Some(format!("another client or something else: {}. {}", test.title(), test.description()));
    }
    let (first, second) = rivals(posterior)?;
    let how = test.map_or_else(
        || separating_act(first, second).to_owned(),
        |test| format!("{}. {}", test.title(), test.description()),
    );
    Some(format!("{} or {}: {how}", first.title(), second.title()))
}

/// The test that this program can run itself. `advised` is the keep-alive of the advice, in seconds.
pub(in crate::classify) fn separation_test(
    frame: &Frame,
    posterior: &Posterior,
    advised: Option<u32>,
) -> Option<SeparationTest> {
    let is_sure = posterior.pattern != Pattern::Undetermined && posterior.confidence >= SURE;
    if is_sure {
        return None;
    }
    let newest = frame.sessions.last();
    let has_random_client_id = newest.is_some_and(|session| session.has_random_client_id());
    // No recording of this client alone proves a takeover: its rival is everything else.
    if posterior.pattern == Pattern::ClientIdTakeover && !has_random_client_id {
        return Some(SeparationTest::FreshClientId);
    }
    let (first, second) = rivals(posterior)?;
    let fit_of = |pattern: Pattern| posterior.fits.get(&pattern);
    let limit_of = |pattern: Pattern| fit_of(pattern)?.parameters.limit_secs();
    let topic = fit_of(Pattern::PublishTriggered).and_then(|fit| fit.label.as_deref());
    let facts = SeparationFacts {
        limit_secs: limit_of(Pattern::IdleTimeout).or_else(|| limit_of(Pattern::FixedLifetime)),
        keep_alive_secs: newest.map_or(f64::INFINITY, |session| session.keep_alive),
        // A topic whose variable parts are masked is no topic that can be withheld.
        topic: topic.filter(|topic| !topic.contains(MASK)),
        has_random_client_id,
    };
    match SeparationTest::for_rivals(first, second, &facts)? {
        SeparationTest::KeepAlive { secs } => {
            Some(SeparationTest::KeepAlive { secs: advised.unwrap_or(secs) })
        }
        test => Some(test),
    }
}

/// What a person can do.
fn separating_act(first: Pattern, second: Pattern) -> &'static str {
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
    test(first, second).or_else(|| test(second, first)).unwrap_or("the next few drops decide")
}
