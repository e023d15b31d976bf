//! Short schedules: cron jobs, a container that restarts in a loop, another client on a timer, clock steps.

use dropscope::diagnostics::MqttVersion;

use super::super::sampler::Sampler;
use super::super::site::{Change, Death, Mechanism, Refusal, Site, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    site.most_drops = usize::try_from(sampler.whole(6, 150)).unwrap_or(6);
    let period = if sampler.chance(0.75) {
        sampler.pick(&[60.0, 60.0, 300.0, 300.0, 900.0, 600.0, 1_800.0])
    } else {
        sampler.log_uniform(20.0, 1_500.0)
    };
    site.client.backoff.0 = site.client.backoff.0.min(0.1 * period);
    base::fit(&mut site);
    let mut expected = Expectation {
        parameter: Some(("period_secs", period)),
        least: vec![("scheduled", 4)],
        ..Expectation::default()
    };
    match sampler.variant(3) {
        0 => cron(&mut site, sampler, period),
        1 => restart_loop(&mut site, sampler, period, &mut expected),
        _ => timed_rival(&mut site, sampler, period, &mut expected),
    }
    if sampler.chance(0.3) {
        clock_steps(&mut site, sampler);
    }
    Plan { site, expected }
}

/// On the clock of another computer; the offset to the minute is that of the job.
fn cron(site: &mut Site, sampler: &mut Sampler, period: f64) {
    let offset = sampler.uniform(0.0, 3.0);
    let late = sampler.log_uniform(0.02, 1.0);
    let times = base::times(sampler, site.duration, period, offset - site.start_of_day, late);
    let mut kill = Mechanism::new("scheduled", Trigger::Times(times), base::closing(sampler));
    if sampler.chance(0.5) {
        kill = kill.with_downtime(0.2, 0.08 * period, Refusal::Refused);
    }
    site.mechanisms.push(kill);
}

/// A broker that dies at a certain age: it starts again after a while, and the errors add up.
fn restart_loop(site: &mut Site, sampler: &mut Sampler, period: f64, expected: &mut Expectation) {
    let start = period * sampler.uniform(0.01, 0.1);
    let jitter = sampler.log_uniform(0.01, 0.3);
    let mut times = Vec::new();
    let mut at = period * sampler.unit();
    while at < site.duration && times.len() < 2_000 {
        times.push(at);
        at += period + jitter * sampler.normal();
    }
    let kill = Mechanism::new("scheduled", Trigger::Times(times), base::closing(sampler));
    site.mechanisms.push(kill.with_downtime(0.9 * start, start, Refusal::Refused));
    // Its own age decides, which is that of our session plus the time to reconnect.
    expected.also.extend(["fixed_lifetime", "outage"]);
}

/// Another client with the same id connects on a timer.
fn timed_rival(site: &mut Site, sampler: &mut Sampler, period: f64, expected: &mut Expectation) {
    site.client.id = base::chosen_id(sampler);
    let states = site.broker.version == MqttVersion::V5 && sampler.chance(0.6);
    let late = sampler.log_uniform(0.02, 2.0);
    let phase = sampler.unit() * period;
    let times = base::times(sampler, site.duration, period, phase, late);
    let kill = Mechanism::new("scheduled", Trigger::Times(times), Death::Close);
    site.mechanisms.push(kill.with_code(states.then_some(0x8E)));
    expected.also.push("client_id_takeover");
}

/// Steps of the wall clock of this computer; the boot clock goes on.
fn clock_steps(site: &mut Site, sampler: &mut Sampler) {
    let mean = site.duration / 3.0;
    for at in base::random_times(sampler, 0.0, site.duration, mean) {
        let step = sampler.log_uniform(2.0, 4_000.0);
        site.timeline.push((at, Change::ClockStep(if sampler.chance(0.5) { step } else { -step })));
    }
}
