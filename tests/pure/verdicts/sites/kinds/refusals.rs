//! A SUBSCRIBE, a PUBLISH or a large packet of the client makes the broker end the session.

use dropscope::diagnostics::MqttVersion;

use super::super::sampler::Sampler;
use super::super::site::{Death, HOUR, Mechanism, Sender, Site, Spacing, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    let low = sampler.log_uniform(0.02, 0.45);
    let within = (low, (low * sampler.uniform(1.1, 2.5)).min(0.9));
    let gives_up = sampler.variant_chance(0.4).then_some(2);
    let code = sampler.chance(0.7);
    site.most_drops = usize::try_from(sampler.whole(4, 60)).unwrap_or(4);
    let is_subscribe = sampler.variant_chance(0.4);
    if is_subscribe {
        refused_subscribe(&mut site, sampler, within, gives_up, code);
    } else {
        refused_publish(&mut site, sampler, within, gives_up, code);
    }
    base::fit(&mut site);
    let stated = code && site.broker.version == MqttVersion::V5;
    let mut expected = Expectation { least: vec![("publish_triggered", 2)], ..Expectation::default() };
    if gives_up.is_some() {
        expected.fixed = Some("publish_triggered");
        if !stated {
            expected.also.push("undetermined");
        }
    } else {
        expected.least = vec![("publish_triggered", 3)];
        if is_subscribe && !stated {
            // Each session ends soon after its connect: only the packets sent tell it from other causes.
            expected.also.push("undetermined");
            if !site.client.is_dropscope {
                expected.also.push("fixed_lifetime");
            }
            if !site.client.id.starts_with("dropscope-") {
                expected.also.push("client_id_takeover");
            }
        }
    }
    Plan { site, expected }
}

fn refused_subscribe(
    site: &mut Site,
    sampler: &mut Sampler,
    within: (f64, f64),
    until: Option<u32>,
    code: bool,
) {
    site.client.subscribes = true;
    site.broker.round_trip = site.broker.round_trip.min(within.0);
    let trigger = Trigger::OnSubscribe { within, until };
    let code = code.then(|| sampler.pick(&[0x87, 0x87, 0x8F, 0xA2]));
    site.mechanisms.push(Mechanism::new("publish_triggered", trigger, Death::Close).with_code(code));
    site.client.backoff.1 = site.client.backoff.1.max(30.0);
    // Without giving up the client does nothing else.
    if until.is_some() {
        site.duration = site.duration.min(sampler.log_uniform(0.5, 60.0) * HOUR);
    }
}

fn refused_publish(
    site: &mut Site,
    sampler: &mut Sampler,
    within: (f64, f64),
    until: Option<u32>,
    code: bool,
) {
    let mean = sampler.log_uniform(0.05, 3.0) * HOUR;
    let is_large = sampler.chance(0.4);
    let mut talk = base::stream(sampler, Sender::Client, Spacing::Poisson(mean));
    talk.topic = if is_large { "camera/snapshot" } else { "factory/all/config" };
    if is_large {
        talk.bytes = u64::from(sampler.whole(130_000, 4_000_000));
    }
    let code = code.then(|| if is_large { 0x95 } else { sampler.pick(&[0x87, 0x90, 0x99, 0x9B]) });
    let trigger = Trigger::OnPublish { stream: site.streams.len(), nth: 1, within, until };
    site.streams.push(talk);
    let death = if is_large { base::closing(sampler) } else { Death::Close };
    site.mechanisms.push(Mechanism::new("publish_triggered", trigger, death).with_code(code));
}
