//! A client that hangs and misses its keep-alive, and dropscope's own sessions, whose pings are all answered.

use dropscope::diagnostics::MqttVersion;

use super::super::sampler::Sampler;
use super::super::site::{Mechanism, Trigger};
use super::{Expectation, Plan, base, stated};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    if sampler.variant_chance(0.65) {
        site.client.is_dropscope = false;
        site.client.id = base::chosen_id(sampler);
        if sampler.chance(0.7) {
            site.broker.version = MqttVersion::V311;
        }
        base::fit(&mut site);
        let mean = site.duration / f64::from(sampler.whole(4, 50));
        site.pauses = stated::stalls(&site, sampler, mean);
        let expected = Expectation { least: vec![("keep_alive_timeout", 3)], ..Expectation::default() };
        return Plan { site, expected };
    }
    site.client.is_dropscope = true;
    site.client.keep_alive = site.client.keep_alive.min(300.0);
    base::fit(&mut site);
    let mean = site.duration / f64::from(sampler.whole(6, 50));
    site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), base::closing(sampler)));
    let expected = Expectation { least: vec![("random", 4)], ..Expectation::default() };
    Plan { site, expected }
}
