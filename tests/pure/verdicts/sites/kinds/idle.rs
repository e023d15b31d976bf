//! Idle limits that are not always in force: silent nights only, evenings only, or one direction only.

use super::super::sampler::Sampler;
use super::super::site::{Counts, DAY, Death, HOUR, PingRule, Sender, Site, Spacing};
use super::{Expectation, Plan, base};

/// A long keep-alive, telemetry shorter than the limit by day, silent nights.
pub(super) fn day_talkers(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    let mut limit = base::idle_limit(sampler);
    limit.limit = sampler.pick(&[300.0, 600.0, 900.0, 0.0]);
    if limit.limit == 0.0 {
        limit.limit = sampler.configured(250.0, 950.0);
    }
    limit.tick = limit.tick.min(0.05 * limit.limit);
    limit.death = sampler.pick(&[Death::Lost, Death::Lost, Death::ResetOnSend]);
    site.client.keep_alive =
        if sampler.chance(0.6) { 1200.0 } else { sampler.uniform(1_000.0, 1_300.0).round() };
    site.client.pings = sampler.pick(&[PingRule::WhenIdle, PingRule::WhenIdle, PingRule::Always]);
    let spacing = Spacing::Every(limit.limit * sampler.log_uniform(0.15, 0.8), 0.1);
    let mut talk = base::stream(sampler, Sender::Client, spacing);
    talk.qos = u8::from(sampler.chance(0.65));
    talk.hours = Some((sampler.uniform(5.0, 8.5) * HOUR, sampler.uniform(20.0, 24.5).min(23.99) * HOUR));
    site.streams.push(talk);
    // Without answers to publishes or pings a message of the server must prove that the session lives.
    let needs_proof = talk_has_no_answers(&site);
    if needs_proof || sampler.chance(0.4) {
        let mean = sampler.log_uniform(0.4, 3.0) * HOUR;
        site.streams.push(base::stream(sampler, Sender::Server, Spacing::Poisson(mean)));
    }
    site.start_of_day = sampler.uniform(7.0, 19.0) * HOUR;
    site.duration = sampler.log_uniform(1.5, 10.0) * DAY;
    site.idle_limits.push(limit);
    base::fit(&mut site);
    let expected = Expectation {
        parameter: Some(("limit_secs", limit.limit)),
        least: vec![("idle_timeout", 4)],
        unsure_below: 5,
        ..Expectation::default()
    };
    Plan { site, expected }
}

fn talk_has_no_answers(site: &Site) -> bool {
    site.client.pings == PingRule::WhenIdle && site.streams.iter().all(|stream| stream.qos == 0)
}

/// A router forgets idle connections in the evening only, when its table is full.
pub(super) fn part_day_limits(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    let mut limit = base::idle_limit(sampler);
    limit.limit = limit.limit.clamp(100.0, 1_800.0);
    limit.death = sampler.pick(&[Death::Lost, Death::ResetOnSend]);
    let from = sampler.uniform(16.5, 20.0);
    limit.hours = Some((from * HOUR, (from + sampler.uniform(2.5, 5.0)).min(23.99) * HOUR));
    base::keep_alive_above(&mut site, sampler, limit.limit);
    base::traffic_around(&mut site, sampler, limit.limit);
    site.duration = sampler.log_uniform(2.0, 12.0) * DAY;
    site.idle_limits.push(limit);
    base::fit(&mut site);
    let expected = Expectation {
        parameter: Some(("limit_secs", limit.limit)),
        least: vec![("idle_timeout", 4)],
        unsure_below: 7,
        ..Expectation::default()
    };
    Plan { site, expected }
}

/// A proxy closes when the server sends nothing for a time, although the client publishes.
pub(super) fn directional_limits(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    let mut limit = base::idle_limit(sampler);
    limit.limit = limit.limit.clamp(40.0, 1_800.0);
    limit.counts = Counts::FromServer;
    limit.death = sampler.pick(&[Death::Close, Death::Close, Death::Close, Death::Reset]);
    base::keep_alive_above(&mut site, sampler, limit.limit);
    // A client that publishes sends no pings, so it gets no answers to them.
    site.client.pings = PingRule::WhenIdle;
    let own = limit.limit * sampler.log_uniform(0.1, 0.7);
    let scatter = sampler.pick(&[0.02, 0.3]);
    let mut talk = base::stream(sampler, Sender::Client, Spacing::Every(own, scatter));
    talk.qos = 0;
    site.streams.push(talk);
    if sampler.chance(0.85) {
        let mean = limit.limit * sampler.log_uniform(0.4, 1.5);
        site.streams.push(base::stream(sampler, Sender::Server, Spacing::Poisson(mean)));
    }
    site.idle_limits.push(limit);
    site.most_drops = usize::try_from(sampler.whole(5, 120)).unwrap_or(5);
    base::fit(&mut site);
    let expected = Expectation {
        parameter: Some(("limit_secs", limit.limit)),
        least: vec![("idle_timeout", 3)],
        unsure_below: 5,
        ..Expectation::default()
    };
    Plan { site, expected }
}
