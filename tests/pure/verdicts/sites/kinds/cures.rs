//! An idle limit, then a keep-alive below it: no drop any more.

use super::super::sampler::Sampler;
use super::super::site::{Change, DAY};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    let mut limit = base::idle_limit(sampler);
    limit.limit = limit.limit.max(60.0);
    let before = base::site(sampler).client.keep_alive;
    site.client.keep_alive = before.max(limit.limit * 1.2);
    if sampler.chance(0.7) {
        base::traffic_around(&mut site, sampler, limit.limit);
    }
    let to = if sampler.chance(0.4) && limit.limit > 75.0 {
        sampler.pick(&[30.0, 45.0, 60.0])
    } else {
        (limit.limit * sampler.uniform(0.2, 0.85)).floor()
    };
    // As long as the lines last with the shorter keep-alive.
    let keep_alive = std::mem::replace(&mut site.client.keep_alive, to);
    base::fit(&mut site);
    site.client.keep_alive = keep_alive;
    site.duration = site.duration.min(sampler.log_uniform(0.1, 6.0) * DAY).max(16.0 * limit.limit);
    let changed =
        (site.duration * sampler.uniform(0.3, 0.65)).min(limit.limit * sampler.log_uniform(8.0, 250.0));
    site.duration = site.duration.min(changed * sampler.log_uniform(1.6, 12.0));
    site.timeline.push((changed, Change::KeepAlive(to)));
    site.idle_limits.push(limit);
    let expected = Expectation {
        parameter: Some(("limit_secs", limit.limit)),
        cured: true,
        changed: Some(changed),
        least: vec![("idle_timeout", 3)],
        ..Expectation::default()
    };
    Plan { site, expected }
}
