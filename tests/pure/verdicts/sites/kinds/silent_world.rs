//! No or hardly any traffic and a keep-alive above a limit: age and silence coincide, unless something separates them.

use super::super::sampler::Sampler;
use super::super::site::{Change, Death, Sender, Site, Spacing};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    let is_idle = sampler.variant_chance(0.6);
    let is_separated = sampler.variant_chance(0.6);
    let mut limit = base::idle_limit(sampler);
    base::keep_alive_above(&mut site, sampler, limit.limit);
    site.most_drops = usize::try_from(sampler.whole(4, 90)).unwrap_or(4);
    if is_idle {
        site.idle_limits.push(limit);
    } else {
        limit.death = Death::Close;
        site.mechanisms.push(base::lifetime_mechanism(sampler, limit.limit));
    }
    let cause = if is_idle { "idle_timeout" } else { "fixed_lifetime" };
    if is_separated {
        separate(&mut site, sampler, limit.limit, is_idle);
    }
    base::fit(&mut site);
    // A lost path without traffic is noticed by the ping: the limit is only known to be shorter.
    let is_known = is_separated || limit.death == Death::Close;
    let expected = Expectation {
        parameter: is_known.then_some(("limit_secs", limit.limit)),
        least: vec![(cause, 4)],
        ..Expectation::default()
    };
    Plan { site, expected }
}

/// Messages in some sessions, or pings for a part of the recording.
fn separate(site: &mut Site, sampler: &mut Sampler, limit: f64, is_idle: bool) {
    if !is_idle && sampler.chance(0.5) {
        // The pings of a shorter keep-alive do not change anything.
        site.duration = site.duration.min(limit * sampler.log_uniform(14.0, 60.0));
        let to = (limit * sampler.uniform(0.2, 0.6)).ceil();
        site.timeline.push((site.duration * sampler.uniform(0.3, 0.6), Change::KeepAlive(to)));
        return;
    }
    let sender = sampler.pick(&[Sender::Client, Sender::Server]);
    let mean = limit * if is_idle { sampler.log_uniform(0.6, 2.5) } else { sampler.log_uniform(0.3, 1.2) };
    let mut messages = base::stream(sampler, sender, Spacing::Poisson(mean));
    messages.qos = 1;
    site.streams.push(messages);
}
