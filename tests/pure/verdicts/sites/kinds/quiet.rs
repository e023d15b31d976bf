//! Healthy connections, and drops too few to know anything from.

use super::super::sampler::Sampler;
use super::super::site::{Mechanism, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    base::any_traffic(&mut site, sampler);
    if sampler.chance(0.4) {
        site.style = base::bare_style(sampler);
    }
    base::fit(&mut site);
    site.most_drops = match sampler.variant(4) {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => usize::try_from(sampler.whole(3, 7)).unwrap_or(3),
    };
    let drops = site.most_drops;
    if drops == 0 {
        site.most_drops = 1;
    } else {
        // The recording goes on after the last drop.
        let mut times: Vec<_> = (0..drops).map(|_| site.duration * sampler.uniform(0.02, 0.98)).collect();
        times.sort_by(f64::total_cmp);
        site.most_drops = 300;
        let death = base::losing(sampler);
        site.mechanisms.push(Mechanism::new("random", Trigger::Times(times), death));
    }
    let mut expected = Expectation::default();
    if drops < 3 {
        expected.fixed = Some("undetermined");
    }
    Plan { site, expected }
}
