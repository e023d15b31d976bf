//! Sessions that end when credentials expire, and the age limit of AWS IoT Core over WebSocket.

use super::super::sampler::Sampler;
use super::super::site::{DAY, Death, HOUR, Mechanism, Site, Spacing, TokenRule, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.client.keep_alive = site.client.keep_alive.max(120.0);
    base::any_traffic(&mut site, sampler);
    if sampler.variant_chance(0.25) {
        return aws_day_limit(site, sampler);
    }
    if sampler.chance(0.4) {
        base::use_aws(&mut site, sampler);
    }
    let validity = if sampler.chance(0.7) { HOUR } else { sampler.configured(900.0, 12.0 * HOUR) };
    let token = match sampler.variant(3) {
        0 => TokenRule::EachConnect,
        1 => TokenRule::WhenExpired,
        _ => TokenRule::Renewed { chance: sampler.uniform(0.2, 0.8), share: sampler.uniform(0.75, 0.92) },
    };
    site.duration = site.duration.max(5.0 * validity);
    base::fit(&mut site);
    site.most_drops = usize::try_from(sampler.whole(4, 250)).unwrap_or(4);
    let late = sampler.log_uniform(0.05, 1.5);
    let trigger = Trigger::Expiry { validity, late, token };
    site.mechanisms.push(Mechanism::new("credential_expiry", trigger, Death::Close));
    if token != TokenRule::EachConnect || sampler.chance(0.5) {
        let mean = validity * sampler.log_uniform(2.0, 12.0);
        site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), base::losing(sampler)));
    }
    let expected = Expectation { least: vec![("credential_expiry", 3)], ..Expectation::default() };
    Plan { site, expected }
}

/// AWS IoT Core ends WebSocket sessions after 24 hours.
fn aws_day_limit(mut site: Site, sampler: &mut Sampler) -> Plan {
    base::use_aws(&mut site, sampler);
    site.client.keep_alive = sampler.pick(&[300.0, 1200.0, 600.0]);
    site.streams.truncate(1);
    for stream in &mut site.streams {
        stream.spacing = Spacing::Poisson(sampler.uniform(0.3, 3.0) * HOUR);
    }
    site.duration = sampler.uniform(4.2, 14.0) * DAY;
    base::fit(&mut site);
    let late = sampler.log_uniform(0.1, 8.0);
    site.mechanisms.push(Mechanism::new("fixed_lifetime", Trigger::Age(DAY, late), Death::Close));
    if sampler.chance(0.4) {
        let mean = site.duration / sampler.uniform(0.5, 3.0);
        site.mechanisms.push(Mechanism::new("random", Trigger::Random(mean), base::losing(sampler)));
    }
    let expected = Expectation {
        parameter: Some(("limit_secs", DAY)),
        least: vec![("fixed_lifetime", 3)],
        ..Expectation::default()
    };
    Plan { site, expected }
}
