//! Recordings with mandatory fields only: exports and logs of other programs. They have no packets, so nothing is
//! known of silence.

use super::super::sampler::Sampler;
use super::super::site::{DAY, HOUR, Mechanism, Refusal, Site, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.style = base::bare_style(sampler);
    site.client.keep_alive = site.client.keep_alive.max(30.0);
    base::any_traffic(&mut site, sampler);
    base::fit(&mut site);
    let expected = match sampler.variant(6) {
        0 => random(&mut site, sampler),
        1 => lifetime(&mut site, sampler),
        2 => nightly(&mut site, sampler),
        3 => outages(&mut site, sampler),
        4 => bursts(&mut site, sampler),
        _ => takeover(&mut site, sampler),
    };
    Plan { site, expected }
}

fn at_least(cause: &'static str, drops: usize) -> Expectation {
    Expectation { least: vec![(cause, drops)], ..Expectation::default() }
}

fn random(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let mean = site.duration / f64::from(sampler.whole(4, 60));
    site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), base::losing(sampler)));
    Expectation::default()
}

fn lifetime(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let limit = base::lifetime(sampler, 45.0, (site.duration / 4.0).min(DAY));
    site.duration = site.duration.min(limit * f64::from(sampler.whole(4, 90)));
    site.mechanisms.push(base::lifetime_mechanism(sampler, limit));
    Expectation { parameter: Some(("limit_secs", limit)), ..at_least("fixed_lifetime", 2) }
}

fn nightly(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    // Sparse packets, so that enough nights fit.
    site.client.keep_alive = site.client.keep_alive.max(300.0);
    site.streams.clear();
    site.duration = sampler.uniform(3.0, 14.0) * DAY;
    base::fit(site);
    let hour = sampler.uniform(0.0, 24.0) * HOUR;
    let late = sampler.log_uniform(0.5, 400.0);
    let times = base::times(sampler, site.duration, DAY, hour - site.start_of_day, late);
    let kill = Mechanism::new("scheduled", Trigger::Times(times), base::closing(sampler));
    let (low, high) = (sampler.log_uniform(0.5, 20.0), sampler.log_uniform(20.0, 300.0));
    site.mechanisms.push(kill.with_downtime(low, high, Refusal::Refused));
    Expectation { parameter: Some(("period_secs", DAY)), ..at_least("scheduled", 3) }
}

fn outages(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let times = {
        let mean = site.duration / f64::from(sampler.whole(2, 9));
        base::random_times(sampler, 0.0, site.duration, mean)
    };
    let refusal = sampler.pick(&[Refusal::Refused, Refusal::Unanswered, Refusal::Dns]);
    let kill = Mechanism::new("outage", Trigger::Times(times), base::losing(sampler));
    let low = sampler.log_uniform(120.0, 1_000.0);
    site.mechanisms.push(kill.with_downtime(low, low * sampler.log_uniform(2.0, 8.0), refusal));
    at_least("outage", 2)
}

/// Times in bursts: many drops close together, then long calm.
pub(super) fn burst_times(sampler: &mut Sampler, duration: f64) -> Vec<f64> {
    let quiet = duration / sampler.uniform(4.0, 9.0);
    let within = quiet / sampler.log_uniform(120.0, 1_500.0);
    let mut times = Vec::new();
    let mut at = sampler.exponential(quiet);
    while at < duration {
        for _ in 0..sampler.whole(4, 14) {
            at += 4.0 + sampler.exponential(within);
            times.push(at);
        }
        at += 0.3 * quiet + sampler.exponential(0.7 * quiet);
    }
    times.retain(|at| *at < duration);
    times
}

fn bursts(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let times = burst_times(sampler, site.duration);
    site.client.backoff.0 = site.client.backoff.0.min(2.0);
    site.mechanisms.push(Mechanism::new("bursty", Trigger::Times(times), base::losing(sampler)));
    at_least("bursty", 6)
}

fn takeover(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    site.client.id = base::chosen_id(sampler);
    let low = sampler.log_uniform(0.6, 20.0);
    let high = low * sampler.log_uniform(1.05, 8.0);
    site.most_drops = usize::try_from(sampler.whole(4, 120)).unwrap_or(4);
    let kill = Mechanism::new("client_id_takeover", Trigger::AfterConnect(low, high), base::closing(sampler));
    site.mechanisms.push(kill);
    Expectation::default()
}
