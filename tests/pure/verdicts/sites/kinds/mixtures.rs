//! Two causes over the same time: a specific one with random losses, and two specific ones.

use super::super::sampler::Sampler;
use super::super::site::{
    DAY, Death, HOUR, Mechanism, Pause, PauseKind, Refusal, Sender, Site, Spacing, TokenRule, Trigger,
};
use super::{Expectation, Plan, base};

/// A specific cause, and 20 to 60 % random losses.
pub(super) fn with_background(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.most_drops = usize::try_from(sampler.whole(9, 90)).unwrap_or(9);
    let cause = sampler.variant_of(&CAUSES);
    let (parameter, distance) = add(&mut site, sampler, cause);
    base::fit(&mut site);
    let mean = distance * sampler.log_uniform(0.6, 5.0);
    // A lost path is silent until the next ping, as after an idle limit: nobody could tell the two.
    let death = if cause == "idle_timeout" { base::closing(sampler) } else { base::losing(sampler) };
    site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), death));
    let expected = Expectation {
        parameter,
        first: Some(cause),
        second: Some("random"),
        second_share: Some((0.18, 0.62)),
        least: vec![(cause, 4), ("random", 2)],
        ..Expectation::default()
    };
    Plan { site, expected }
}

/// Two specific causes.
pub(super) fn two_causes(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.most_drops = usize::try_from(sampler.whole(12, 120)).unwrap_or(12);
    let causes: Vec<_> = CAUSES.into_iter().chain(["outage", "system_event"]).collect();
    let first = sampler.variant_of(&causes);
    let others: Vec<_> = causes.into_iter().filter(|cause| *cause != first).collect();
    let second = sampler.variant_of(&others);
    let (parameter, _) = add(&mut site, sampler, first);
    add(&mut site, sampler, second);
    base::fit(&mut site);
    let expected = Expectation {
        parameter,
        first: Some(first),
        second: Some(second),
        second_share: Some((0.15, 0.85)),
        least: vec![(first, 4), (second, 4)],
        ..Expectation::default()
    };
    Plan { site, expected }
}

const CAUSES: [&str; 5] =
    ["idle_timeout", "fixed_lifetime", "scheduled", "publish_triggered", "credential_expiry"];

/// Adds a cause; its parameter, and about how far its drops are apart.
fn add(site: &mut Site, sampler: &mut Sampler, cause: &'static str) -> (Option<(&'static str, f64)>, f64) {
    match cause {
        "idle_timeout" => {
            let mut limit = base::idle_limit(sampler);
            limit.limit = limit.limit.clamp(60.0, 1_800.0);
            base::keep_alive_above(site, sampler, limit.limit);
            base::traffic_around(site, sampler, limit.limit);
            site.idle_limits.push(limit);
            (Some(("limit_secs", limit.limit)), 6.0 * limit.limit)
        }
        "fixed_lifetime" => {
            let limit = base::lifetime(sampler, 600.0, 4.0 * HOUR);
            site.mechanisms.push(base::lifetime_mechanism(sampler, limit));
            ensure_traffic(site, sampler, limit);
            (Some(("limit_secs", limit)), limit)
        }
        "scheduled" => {
            let period = sampler.pick(&[1_800.0, HOUR, 2.0 * HOUR, 3.0 * HOUR, 6.0 * HOUR]);
            let phase = sampler.unit() * period;
            let late = sampler.log_uniform(0.2, 0.01 * period);
            let times = base::times(sampler, 14.0 * DAY, period, phase, late);
            site.mechanisms.push(Mechanism::new("scheduled", Trigger::Times(times), base::closing(sampler)));
            ensure_traffic(site, sampler, period);
            (Some(("period_secs", period)), period)
        }
        "publish_triggered" => (None, refused_publish(site, sampler)),
        "outage" | "system_event" => (None, outages_or_sleep(site, sampler, cause)),
        _ => {
            let validity = sampler.pick(&[HOUR, HOUR, 2.0 * HOUR]);
            let late = sampler.log_uniform(0.1, 1.5);
            let trigger = Trigger::Expiry { validity, late, token: TokenRule::WhenExpired };
            site.mechanisms.push(Mechanism::new(cause, trigger, Death::Close));
            ensure_traffic(site, sampler, validity);
            (None, validity)
        }
    }
}

/// A topic on which the broker refuses each message.
fn refused_publish(site: &mut Site, sampler: &mut Sampler) -> f64 {
    let mean = sampler.log_uniform(0.3, 4.0) * HOUR;
    let mut talk = base::stream(sampler, Sender::Client, Spacing::Poisson(mean));
    talk.topic = "factory/all/config";
    let low = sampler.log_uniform(0.02, 0.3);
    let within = (low, low * sampler.uniform(1.2, 3.0));
    let trigger = Trigger::OnPublish { stream: site.streams.len(), nth: 1, within, until: None };
    site.streams.push(talk);
    site.mechanisms.push(Mechanism::new("publish_triggered", trigger, Death::Close));
    ensure_traffic(site, sampler, mean);
    mean
}

/// A broker that is away for a while now and then, or a computer that sleeps.
fn outages_or_sleep(site: &mut Site, sampler: &mut Sampler, cause: &'static str) -> f64 {
    let mean = sampler.log_uniform(1.0, 8.0) * HOUR;
    ensure_traffic(site, sampler, mean);
    if cause == "outage" {
        // Longer than its detection takes: an outage that nobody meets is random loss to every reader.
        let low = 1.5 * site.client.keep_alive + sampler.log_uniform(60.0, 240.0);
        let kill = Mechanism::new(cause, Trigger::Random(mean), base::losing(sampler));
        site.mechanisms.push(kill.with_downtime(low, 3.0 * low, Refusal::Refused));
        return mean;
    }
    for at in base::random_times(sampler, 0.0, 14.0 * DAY, mean) {
        let secs = sampler.log_uniform(1_800.0, 5.0 * HOUR);
        if site.pauses.last().is_none_or(|last: &Pause| last.at + last.secs + 60.0 < at) {
            site.pauses.push(Pause { at, secs, kind: PauseKind::Sleep });
        }
    }
    mean
}

/// Messages far denser than the drops, so that the age of a session is not its silence.
fn ensure_traffic(site: &mut Site, sampler: &mut Sampler, distance: f64) {
    if !site.streams.iter().any(|stream| stream.topic != "factory/all/config") {
        let mean = distance * sampler.log_uniform(0.03, 0.3);
        let sender = sampler.pick(&[Sender::Client, Sender::Server]);
        let mut talk = base::stream(sampler, sender, Spacing::Poisson(mean));
        talk.qos = 1;
        site.streams.push(talk);
    }
}
