//! What happens to the computer itself: sleep, roaming, another address, a lost route, a stopped process.

use dropscope::diagnostics::event::SystemSource;

use super::super::sampler::Sampler;
use super::super::site::{Change, Death, HOUR, Mechanism, Pause, PauseKind, Refusal, Site, Trigger};
use super::{Expectation, Plan, base};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.client.keep_alive = site.client.keep_alive.min(300.0);
    base::any_traffic(&mut site, sampler);
    base::fit(&mut site);
    let also = match sampler.variant(5) {
        0 => pauses(&mut site, sampler, PauseKind::Sleep),
        1 => pauses(&mut site, sampler, PauseKind::Stopped),
        2 => roaming(&mut site, sampler),
        3 => addresses(&mut site, sampler),
        _ => routes(&mut site, sampler),
    };
    let expected = Expectation { also, least: vec![("system_event", 2)], ..Expectation::default() };
    Plan { site, expected }
}

/// The broker gives the client up while it does not run.
fn pauses(site: &mut Site, sampler: &mut Sampler, kind: PauseKind) -> Vec<&'static str> {
    let mean = site.duration / f64::from(sampler.whole(3, 25));
    let keep_alive = site.client.keep_alive;
    let longest = if kind == PauseKind::Sleep { 9.0 * HOUR } else { 20.0 * keep_alive };
    for at in base::random_times(sampler, 0.0, site.duration, mean) {
        let secs = sampler.log_uniform(0.5 * keep_alive, longest.max(4.0 * keep_alive));
        let is_free = site.pauses.last().is_none_or(|last: &Pause| last.at + last.secs + 30.0 < at);
        if is_free && at + secs < site.duration {
            site.pauses.push(Pause { at, secs: secs.max(5.0), kind });
        }
    }
    Vec::new()
}

/// Events with a line each; most of them end the session a little later.
fn events(site: &mut Site, sampler: &mut Sampler, message: &dyn Fn(&mut Sampler) -> String) -> Vec<f64> {
    let mean = site.duration / f64::from(sampler.whole(3, 40));
    let deadly = sampler.uniform(0.6, 1.0);
    let mut kills = Vec::new();
    for at in base::random_times(sampler, 0.0, site.duration, mean) {
        site.timeline.push((at, Change::System(SystemSource::Network, message(sampler))));
        if sampler.chance(deadly) {
            kills.push(at + sampler.uniform(0.001, 0.4));
        }
    }
    kills
}

fn roaming(site: &mut Site, sampler: &mut Sampler) -> Vec<&'static str> {
    let points = sampler.whole(2, 5);
    let kills = events(site, sampler, &|sampler| {
        format!("wlan0 roamed to access point {}", sampler.whole(1, points))
    });
    let death = sampler.pick(&[Death::Lost, Death::Lost, Death::Reset]);
    site.mechanisms.push(Mechanism::new("system_event", Trigger::Times(kills), death));
    Vec::new()
}

/// A new address after each drop, in half of the recordings without a line that says so.
fn addresses(site: &mut Site, sampler: &mut Sampler) -> Vec<&'static str> {
    let has_lines = sampler.variant_chance(0.5);
    let mean = site.duration / f64::from(sampler.whole(3, 25));
    let mut kills = Vec::new();
    for at in base::random_times(sampler, 0.0, site.duration, mean) {
        let address = format!("192.168.{}.{}", sampler.whole(1, 180), sampler.whole(2, 250));
        if has_lines {
            let message = format!("eth0: address changed to {address}");
            site.timeline.push((at, Change::System(SystemSource::Network, message)));
        }
        site.timeline.push((at, Change::LocalAddress(address)));
        kills.push(at + 0.001);
    }
    site.mechanisms.push(Mechanism::new("system_event", Trigger::Times(kills), Death::Lost));
    if has_lines { Vec::new() } else { vec!["random", "undetermined"] }
}

/// The route is gone for a while: noticed at once, and connects fail.
fn routes(site: &mut Site, sampler: &mut Sampler) -> Vec<&'static str> {
    let has_lines = sampler.chance(0.5);
    let mut kills = events(site, sampler, &|_| "wlan0 down".to_owned());
    if !has_lines {
        site.timeline.clear();
        kills.truncate(60);
    }
    let kill = Mechanism::new("system_event", Trigger::Times(kills), Death::NoNetwork);
    let low = sampler.log_uniform(5.0, 60.0);
    site.mechanisms.push(kill.with_downtime(low, low * sampler.log_uniform(2.0, 12.0), Refusal::NoRoute));
    vec!["outage"]
}
