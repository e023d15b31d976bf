//! Another client with the same id, and short sessions that only look like it.

use dropscope::diagnostics::MqttVersion;

use super::super::sampler::Sampler;
use super::super::site::{Death, HOUR, Mechanism, Refusal, Site, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    site.most_drops = usize::try_from(sampler.whole(6, 120)).unwrap_or(6);
    base::fit(&mut site);
    let expected = if sampler.variant_chance(0.5) {
        rival(&mut site, sampler)
    } else {
        site.client.is_dropscope = true;
        site.client.id = base::generated_id(sampler);
        look_alike(&mut site, sampler)
    };
    Plan { site, expected }
}

/// The rival reconnects after its own delay, or connects on a timer.
fn rival(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    site.client.id = base::chosen_id(sampler);
    let code = (site.broker.version == MqttVersion::V5 && sampler.chance(0.7)).then_some(0x8E);
    let mut also = Vec::new();
    let trigger = if sampler.variant_chance(0.7) {
        let low = sampler.log_uniform(0.4, 12.0);
        let factor = sampler.log_uniform(1.1, 12.0);
        if code.is_none() && (low * factor > 40.0 || factor > 5.0) {
            // A delay of another client or any other close: nothing but the haste speaks for it.
            also.extend(["undetermined", "random"]);
        }
        Trigger::AfterConnect(low, low * factor)
    } else {
        let period = sampler.pick(&[10.0, 30.0, 60.0, 120.0, 300.0, 900.0]);
        site.client.backoff.0 = site.client.backoff.0.min(0.1 * period);
        let late = sampler.log_uniform(0.02, 1.0);
        let phase = sampler.unit() * period;
        also.push("scheduled");
        Trigger::Times(base::times(sampler, site.duration.min(400.0 * period), period, phase, late))
    };
    site.mechanisms.push(Mechanism::new("client_id_takeover", trigger, Death::Close).with_code(code));
    Expectation { also, least: vec![("client_id_takeover", 4)], ..Expectation::default() }
}

/// Short sessions of an id that nobody else has.
fn look_alike(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    match sampler.variant(3) {
        0 => {
            // The broker is killed a few seconds after each start.
            let low = sampler.log_uniform(1.0, 15.0);
            let factor = sampler.log_uniform(1.1, 8.0);
            let trigger = Trigger::AfterConnect(low, low * factor);
            let kill = Mechanism::new("outage", trigger, base::closing(sampler));
            let downtime = sampler.log_uniform(2.0, 60.0);
            let least = site.client.backoff.0 * 1.5;
            site.mechanisms.push(kill.with_downtime(least, least + downtime, Refusal::Refused));
            let mut also = vec!["random", "undetermined", "bursty"];
            if factor < 1.6 {
                also.push("fixed_lifetime");
            }
            Expectation { fixed: Some("outage"), also, least: vec![("outage", 4)], ..Expectation::default() }
        }
        1 => {
            let mean = sampler.log_uniform(4.0, 90.0);
            site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), Death::Reset));
            site.duration = site.duration.min(12.0 * HOUR);
            Expectation { also: vec!["undetermined"], least: vec![("random", 5)], ..Expectation::default() }
        }
        _ => {
            let low = sampler.log_uniform(0.2, 2.0);
            let trigger = Trigger::AfterConnect(low, low * sampler.log_uniform(60.0, 2_000.0));
            site.mechanisms.push(Mechanism::new("random", trigger, base::closing(sampler)));
            let also = vec!["undetermined", "bursty"];
            Expectation { also, least: vec![("random", 5)], ..Expectation::default() }
        }
    }
}
