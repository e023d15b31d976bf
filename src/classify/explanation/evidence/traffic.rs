//! Evidence of the patterns about messages, system events and other clients.

use super::super::phrase::{hits, length, quoted, rounded_count, share_of_drops, whole_number};
use crate::classify::case::Frame;
use crate::classify::hypothesis::Fit;
use crate::classify::log::SUBSCRIBE;
use crate::classify::math::{median, real};
use crate::classify::{
    DelayParameters, MessageCountParameters, MessageRateParameters, MessageScope, TakeoverParameters,
};

pub(super) fn message_count(frame: &Frame, fit: &Fit, limit: MessageCountParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let what = match limit.scope {
        MessageScope::Published => "messages published",
        MessageScope::All => "messages in both directions",
    };
    let beyond = (fit.opportunities - real(fit.hits.len())).round();
    let beyond = if beyond < 1.0 {
        "no session exceeded it".into()
    } else {
        format!("{} exceeded it", rounded_count(beyond, "session", "sessions"))
    };
    vec![format!(
        "{which} came after {} {what} (± {}); {beyond}",
        whole_number(limit.limit),
        whole_number((2.0 * limit.spread_messages).ceil())
    )]
}

pub(super) fn message_rate(frame: &Frame, fit: &Fit, rate: MessageRateParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let size = whole_number(rate.burst_messages);
    vec![
        format!("{which} came within seconds of a burst of {size} messages or more"),
        format!("{} of that size in total", rounded_count(fit.opportunities, "burst", "bursts")),
    ]
}

pub(super) fn publish_triggered(frame: &Frame, fit: &Fit, delay: DelayParameters) -> Vec<String> {
    let topic = fit.label.as_deref().unwrap_or_default();
    let all = whole_number(fit.opportunities);
    let others = frame.log.topic_counts.iter().copied().fold(0, u64::saturating_add);
    #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
    let others = (others as f64 - fit.opportunities).max(0.0);
    if topic == SUBSCRIBE {
        return vec![format!(
            "{} of {all} SUBSCRIBE packets were followed by a drop, {} later",
            fit.hits.len(),
            length(delay.delay_secs)
        )];
    }
    vec![
        format!(
            "{} of {all} publishes to {} were followed by a drop, {} later",
            fit.hits.len(),
            quoted(topic),
            length(delay.delay_secs)
        ),
        format!("{} went to other topics", rounded_count(others, "publish", "publishes")),
    ]
}

pub(super) fn system_event(frame: &Frame, fit: &Fit, delay: DelayParameters) -> Vec<String> {
    let name = fit.label.as_deref().unwrap_or_default();
    vec![format!(
        "{} of {} events {} were followed by a drop, {} later",
        fit.hits.len().min(frame.drops.len()),
        whole_number(fit.opportunities),
        quoted(name),
        length(delay.delay_secs.max(0.0))
    )]
}

pub(super) fn client_id_takeover(frame: &Frame, fit: &Fit, takeover: TakeoverParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    if takeover.is_named_by_broker {
        return Vec::new();
    }
    let mut ages: Vec<f64> = hits(frame, fit).map(|drop| drop.detected - drop.start).collect();
    let typical = median(&mut ages).unwrap_or(0.0);
    let (least, most) = (ages.first().copied().unwrap_or(0.0), ages.last().copied().unwrap_or(0.0));
    let fresh = takeover.is_shown_by_fresh_id.then(|| {
        let sessions = frame.sessions.iter().filter(|session| session.has_random_client_id());
        let connected: f64 = sessions.map(|session| session.age()).sum();
        format!("with a fresh client id: no drop in {}", length(connected))
    });
    let mut sentences = vec![
        format!(
            "{which}: the peer closed soon after the connect, {} on average ({} to {})",
            length(typical),
            length(least),
            length(most)
        ),
        "this is typical of two clients that take the session from each other".into(),
    ];
    sentences.splice(0..0, fresh);
    sentences
}
