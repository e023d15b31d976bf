//! One cause until some day, another one since: a replaced router, a moved broker, a changed server.

use dropscope::diagnostics::event::SystemSource;

use super::super::sampler::Sampler;
use super::super::site::{Change, DAY, HOUR, Mechanism, Sender, Site, Spacing, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.client.keep_alive = sampler.pick(&[300.0, 600.0, 900.0, 1200.0]);
    site.duration = sampler.log_uniform(2.0, 12.0) * DAY;
    let mean = sampler.log_uniform(100.0, 500.0);
    let sender = sampler.pick(&[Sender::Client, Sender::Server]);
    let mut talk = base::stream(sampler, sender, Spacing::Poisson(mean));
    talk.qos = 1;
    site.streams.push(talk);
    base::fit(&mut site);
    let changed = site.duration * sampler.uniform(0.3, 0.75);
    let causes = ["idle_timeout", "fixed_lifetime", "scheduled", "random"];
    let before = sampler.variant_of(&causes);
    let others: Vec<_> = causes.into_iter().filter(|cause| *cause != before).collect();
    let since = sampler.variant_of(&others);
    add(&mut site, sampler, before, (0.0, changed));
    let current = add(&mut site, sampler, since, (changed, f64::INFINITY));
    mark(&mut site, sampler, changed);
    let expected = Expectation {
        parameter: current,
        since: Some(changed),
        unsure_below: 5,
        least: vec![(before, 4), (since, 2)],
        ..Expectation::default()
    };
    Plan { site, expected }
}

/// Adds a cause that exists between two times; its parameter.
fn add(
    site: &mut Site,
    sampler: &mut Sampler,
    cause: &'static str,
    exists: (f64, f64),
) -> Option<(&'static str, f64)> {
    let length = exists.1.min(site.duration) - exists.0;
    match cause {
        "idle_timeout" => {
            let mut limit = base::idle_limit(sampler);
            limit.limit = limit.limit.clamp(120.0, 0.8 * site.client.keep_alive);
            limit.exists = exists;
            site.idle_limits.push(limit);
            Some(("limit_secs", limit.limit))
        }
        "fixed_lifetime" => {
            let limit = base::lifetime(sampler, 600.0, length / 4.0);
            let kill = base::lifetime_mechanism(sampler, limit);
            site.mechanisms.push(kill.between(exists.0, exists.1));
            Some(("limit_secs", limit))
        }
        "scheduled" => {
            let periods: Vec<_> = [HOUR, 3.0 * HOUR, 6.0 * HOUR, 12.0 * HOUR, DAY]
                .into_iter()
                .filter(|period| *period <= length / 3.0 || *period <= HOUR)
                .collect();
            let period = sampler.pick(&periods);
            let phase = sampler.uniform(0.0, 1.0) * period;
            let late = sampler.log_uniform(0.2, 0.01 * period);
            let times = base::times(sampler, site.duration, period, phase, late);
            let kill = Mechanism::new("scheduled", Trigger::Times(times), base::closing(sampler));
            site.mechanisms.push(kill.between(exists.0, exists.1));
            Some(("period_secs", period))
        }
        _ => {
            let mean = length / f64::from(sampler.whole(5, 30));
            let kill = Mechanism::new("random", Trigger::Random(mean), base::closing(sampler));
            site.mechanisms.push(kill.between(exists.0, exists.1));
            None
        }
    }
}

/// What the recording shows of the change.
fn mark(site: &mut Site, sampler: &mut Sampler, at: f64) {
    let other = format!("10.{}.0.{}", sampler.whole(1, 200), sampler.whole(2, 200));
    let timeline = &mut site.timeline;
    match sampler.variant(5) {
        0 => timeline.push((at, Change::LocalAddress(other))),
        1 => timeline.push((at, Change::RemoteAddress(format!("{other}:8883")))),
        2 => {
            let message = format!("wlan0: address changed to {other}");
            timeline.push((at, Change::System(SystemSource::Network, message)));
            timeline.push((at, Change::LocalAddress(other)));
        }
        3 => timeline.push((at, Change::Note("replaced the router"))),
        _ => {}
    }
}
