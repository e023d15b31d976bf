//! The broker or the network is down for hours, or still at the end of the recording.

use super::super::sampler::Sampler;
use super::super::site::{Death, HOUR, Mechanism, Refusal, Site, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    base::fit(&mut site);
    let expected = if sampler.variant_chance(0.4) {
        long_outages(&mut site, sampler)
    } else {
        let refusal = final_refusal(&mut site, sampler);
        final_failure(&mut site, sampler, refusal)
    };
    Plan { site, expected }
}

fn final_refusal(site: &mut Site, sampler: &mut Sampler) -> Refusal {
    let mut refusals = vec![Refusal::Refused, Refusal::Login, Refusal::NoRoute, Refusal::Dns, Refusal::Login];
    if site.broker.transport.is_tls() {
        refusals.extend([Refusal::CertificateExpired, Refusal::CertificateExpired, Refusal::TlsAlert]);
    }
    if site.broker.transport.is_websocket() {
        refusals.extend([Refusal::HttpStatus(401), Refusal::HttpStatus(403)]);
    }
    sampler.variant_of(&refusals)
}

/// Some outages of hours.
fn long_outages(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let mean = site.duration / f64::from(sampler.whole(1, 7));
    let times = base::random_times(sampler, 0.0, 0.95 * site.duration, mean);
    let low = sampler.log_uniform(600.0, 2.0 * HOUR).min(0.05 * site.duration);
    let refusal = sampler.pick(&[Refusal::Refused, Refusal::Refused, Refusal::Unanswered, Refusal::Dns]);
    let kill = Mechanism::new("outage", Trigger::Times(times), base::losing(sampler));
    site.mechanisms.push(kill.with_downtime(low, 4.0 * low, refusal));
    site.client.backoff.1 = site.client.backoff.1.max(low / 80.0);
    Expectation { least: vec![("outage", 1)], ..Expectation::default() }
}

/// A short or no history, then a failure that lasts to the end.
pub(super) fn final_failure(site: &mut Site, sampler: &mut Sampler, refusal: Refusal) -> Expectation {
    let lasting = sampler.log_uniform(120.0, 30.0 * HOUR).min(0.5 * site.duration);
    let begins = site.duration - lasting;
    site.client.backoff.1 = site.client.backoff.1.max(lasting / 80.0);
    site.most_drops = 300;
    let death = match refusal {
        Refusal::NoRoute => Death::NoNetwork,
        Refusal::Dns | Refusal::Unanswered => Death::Lost,
        _ => base::closing(sampler),
    };
    let kill = Mechanism::new("outage", Trigger::Times(vec![begins]), death);
    site.mechanisms.push(kill.with_downtime(1e9, 1e9, refusal));
    let mut expected = Expectation { now: Some(now_word(refusal)), ..Expectation::default() };
    match sampler.variant(3) {
        0 => {
            let limit = base::lifetime(sampler, 600.0, begins / 5.0);
            site.mechanisms.push(base::lifetime_mechanism(sampler, limit).between(0.0, begins));
            // Some earlier regularity, then one failure that lasts: both are the answer.
            expected.least = vec![("fixed_lifetime", 4), ("outage", 1)];
            expected.also = vec!["outage"];
            expected.parameter = Some(("limit_secs", limit));
        }
        1 => {
            let mean = site.duration / f64::from(sampler.whole(1, 6));
            let kill = Mechanism::new("random", Trigger::Random(mean), base::losing(sampler));
            site.mechanisms.push(kill.between(0.0, begins));
            expected.least = vec![("outage", 1)];
            expected.also = vec!["outage", "undetermined"];
        }
        _ => {
            expected.fixed = Some("outage");
            expected.least = vec![("outage", 1)];
            expected.also = vec!["undetermined"];
            if refusal == Refusal::NoRoute {
                expected.also.push("system_event");
            }
        }
    }
    expected
}

fn now_word(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CertificateExpired | Refusal::UnknownIssuer | Refusal::TlsAlert => "certificate",
        Refusal::Login | Refusal::HttpStatus(_) => "login",
        Refusal::NoRoute => "route",
        Refusal::Dns => "dns",
        Refusal::Refused | Refusal::Unanswered => "refused",
    }
}
