//! What all kinds share: clients, brokers, traffic, and common limits.

use dropscope::diagnostics::{MqttVersion, Transport};

use super::super::sampler::Sampler;
use super::super::simulation::{MOST_LINES, MOST_STEPS};
use super::super::site::{
    Broker, Client, Counts, DAY, Death, HOUR, IdleLimit, Mechanism, PingRule, Sender, Site, Spacing, Stream,
    Style, Trigger,
};

/// Client ids of people and of other programs.
const OWN_IDS: [&str; 7] =
    ["zigbee2mqtt", "kitchen-panel", "ha-8f3a", "boiler_room", "ems-esp", "node-red-1", "pump-07"];

/// A site without anything that ends a session.
pub(super) fn site(sampler: &mut Sampler) -> Site {
    let transport = sampler.pick(&[
        Transport::Tcp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Tls,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ]);
    let is_dropscope = sampler.chance(0.7);
    Site {
        start_of_day: sampler.uniform(0.0, DAY),
        duration: sampler.log_uniform(DAY, 14.0 * DAY),
        most_drops: 300,
        client: client(sampler, is_dropscope),
        broker: broker(sampler, transport),
        streams: Vec::new(),
        idle_limits: Vec::new(),
        mechanisms: Vec::new(),
        pauses: Vec::new(),
        timeline: Vec::new(),
        style: Style::Full,
    }
}

/// A style with mandatory fields only, or little more.
pub(super) fn bare_style(sampler: &mut Sampler) -> Style {
    if sampler.chance(0.25) {
        return Style::BareWithManner;
    }
    Style::Bare { whole_secs: sampler.chance(0.4), own_names: sampler.chance(0.5) }
}

/// The id that dropscope generates: no other client has it.
pub(super) fn generated_id(sampler: &mut Sampler) -> String {
    format!("dropscope-{:08x}", sampler.whole(1, u32::MAX - 1))
}

/// An id that somebody chose: another client may have it as well.
pub(super) fn chosen_id(sampler: &mut Sampler) -> String {
    sampler.pick(&OWN_IDS).to_owned()
}

fn client(sampler: &mut Sampler, is_dropscope: bool) -> Client {
    let id = if is_dropscope && sampler.chance(0.6) { generated_id(sampler) } else { chosen_id(sampler) };
    let keep_alive = if sampler.chance(0.7) {
        sampler.pick(&[15.0, 30.0, 60.0, 60.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1200.0])
    } else {
        sampler.log_uniform(10.0, 1200.0).round()
    };
    let first = if sampler.chance(0.5) { 1.0 } else { sampler.log_uniform(0.3, 15.0) };
    Client {
        id,
        is_dropscope,
        keep_alive,
        pings: sampler.pick(&[PingRule::Always, PingRule::WhenIdle]),
        ping_timeout: sampler.log_uniform(4.0, 35.0),
        tcp_timeout: sampler.log_uniform(30.0, 950.0),
        backoff: (first, first.max(sampler.log_uniform(8.0, 240.0))),
        backoff_scatter: sampler.pick(&[0.02, 0.2, 0.5]),
        subscribes: sampler.chance(0.8),
        local: format!("192.168.{}.{}", sampler.whole(1, 180), sampler.whole(2, 250)),
    }
}

fn broker(sampler: &mut Sampler, transport: Transport) -> Broker {
    let (name, port) = match transport {
        Transport::Tcp => ("broker.lan", ":1883"),
        Transport::Tls => ("mqtt.example.net", ":8883"),
        Transport::Ws => ("broker.lan", ":9001/mqtt"),
        Transport::Wss => ("mqtt.example.net", ":443/mqtt"),
    };
    let number = port.trim_end_matches("/mqtt");
    Broker {
        endpoint: format!("{}://{name}{port}", transport.scheme()),
        remote: format!("203.0.113.{}{number}", sampler.whole(2, 250)),
        transport,
        version: sampler.pick(&[MqttVersion::V311, MqttVersion::V311, MqttVersion::V5]),
        round_trip: sampler.log_uniform(0.002, 0.25),
    }
}

/// AWS IoT Core over WebSocket.
pub(super) fn use_aws(site: &mut Site, sampler: &mut Sampler) {
    site.broker = Broker {
        version: MqttVersion::V311,
        endpoint: "wss://a3k7l9z2-ats.iot.eu-west-1.amazonaws.com:443/mqtt".to_owned(),
        ..broker(sampler, Transport::Wss)
    };
}

/// A mechanism that is the peer's: it closes, in some sites by RST.
pub(super) fn closing(sampler: &mut Sampler) -> Death {
    if sampler.chance(0.8) { Death::Close } else { Death::Reset }
}

/// The path loses a connection.
pub(super) fn losing(sampler: &mut Sampler) -> Death {
    sampler.pick(&[Death::Lost, Death::Lost, Death::Reset, Death::Close])
}

pub(super) fn stream(sampler: &mut Sampler, sender: Sender, spacing: Spacing) -> Stream {
    let topic = match sender {
        Sender::Client => sampler.pick(&["site/telemetry", "meter/power", "plant/7/temperature"]),
        Sender::Server => sampler.pick(&["site/commands", "home/lights/state", "plant/all/time"]),
    };
    Stream {
        sender,
        topic,
        bytes: u64::from(sampler.whole(4, 3_000)),
        qos: sampler.pick(&[0, 0, 1]),
        spacing,
        hours: None,
    }
}

/// Up to three streams with any spacing, some of them by day only.
pub(super) fn any_traffic(site: &mut Site, sampler: &mut Sampler) {
    for _ in 0..sampler.whole(1, 4) - 1 {
        let mean = sampler.log_uniform(40.0, 3.0 * HOUR);
        let spacing = if sampler.chance(0.5) {
            Spacing::Every(mean, sampler.pick(&[0.01, 0.1, 0.5]))
        } else {
            Spacing::Poisson(mean)
        };
        let sender = sampler.pick(&[Sender::Client, Sender::Server]);
        let mut stream = stream(sampler, sender, spacing);
        if sampler.chance(0.3) {
            stream.hours = Some((sampler.uniform(5.0, 9.0) * HOUR, sampler.uniform(17.0, 23.5) * HOUR));
        }
        site.streams.push(stream);
    }
}

/// An idle limit as routers (packets vanish or are reset) and proxies (they close) have.
pub(super) fn idle_limit(sampler: &mut Sampler) -> IdleLimit {
    let is_router = sampler.chance(0.55);
    let limit = match (is_router, sampler.chance(0.6)) {
        (true, true) => sampler.pick(&[240.0, 300.0, 300.0, 350.0, 600.0, 900.0, 1800.0, 3600.0]),
        (true, false) => sampler.configured(45.0, 4000.0),
        (false, true) => sampler.pick(&[50.0, 60.0, 60.0, 75.0, 100.0, 300.0, 600.0, 3600.0]),
        (false, false) => sampler.configured(25.0, 3600.0),
    };
    let death = if is_router { sampler.pick(&[Death::Lost, Death::ResetOnSend]) } else { Death::Close };
    IdleLimit {
        limit,
        tick: sampler.log_uniform(0.01, 0.03 * limit),
        counts: Counts::BothWays,
        death,
        hours: None,
        exists: (0.0, f64::INFINITY),
    }
}

/// A keep-alive above an idle limit, so that the pings do not prevent it.
pub(super) fn keep_alive_above(site: &mut Site, sampler: &mut Sampler, limit: f64) {
    let usual: Vec<_> = [60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0]
        .into_iter()
        .filter(|value| *value > 1.15 * limit && *value < 6.0 * limit)
        .collect();
    site.client.keep_alive = if !usual.is_empty() && sampler.chance(0.6) {
        sampler.pick(&usual)
    } else {
        (limit * sampler.log_uniform(1.15, 4.0)).ceil()
    };
}

/// Messages with gaps on both sides of an idle limit.
pub(super) fn traffic_around(site: &mut Site, sampler: &mut Sampler, limit: f64) {
    let mean = limit * sampler.log_uniform(0.25, 1.0);
    let sender = sampler.pick(&[Sender::Client, Sender::Server, Sender::Server]);
    let mut first = stream(sampler, sender, Spacing::Poisson(mean));
    if sender == Sender::Client && sampler.chance(0.6) {
        first.qos = 1;
    }
    site.streams.push(first);
    if sampler.chance(0.3) {
        let spacing = Spacing::Every(limit * sampler.log_uniform(1.5, 8.0), 0.3);
        site.streams.push(stream(sampler, Sender::Client, spacing));
    }
}

/// Ages at which servers end sessions.
pub(super) fn lifetime(sampler: &mut Sampler, low: f64, high: f64) -> f64 {
    let known: Vec<_> = [300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, DAY]
        .into_iter()
        .filter(|age| (low..=high).contains(age))
        .collect();
    if !known.is_empty() && sampler.chance(0.5) {
        sampler.pick(&known)
    } else {
        sampler.configured(low, high)
    }
}

pub(super) fn lifetime_mechanism(sampler: &mut Sampler, limit: f64) -> Mechanism {
    let late = sampler.log_uniform(0.02, (0.01 * limit).clamp(0.05, 20.0));
    Mechanism::new("fixed_lifetime", Trigger::Age(limit, late), closing(sampler))
}

/// Times of a schedule of this period and phase, each up to `late` late.
pub(super) fn times(sampler: &mut Sampler, duration: f64, period: f64, phase: f64, late: f64) -> Vec<f64> {
    let mut times = Vec::new();
    let mut at = phase.rem_euclid(period);
    while at < duration {
        times.push(at + late * sampler.unit());
        at += period;
    }
    times
}

/// Independent times with this mean distance.
pub(super) fn random_times(sampler: &mut Sampler, from: f64, until: f64, mean: f64) -> Vec<f64> {
    let mut times = Vec::new();
    let mut at = from + sampler.exponential(mean);
    while at < until {
        times.push(at);
        at += sampler.exponential(mean);
    }
    times
}

/// Steps (packets and answers) of a day without drops, and lines of it.
fn rates(site: &Site) -> (f64, f64) {
    let pings = if site.client.keep_alive > 0.0 { DAY / site.client.keep_alive } else { 0.0 };
    let of = |stream: &Stream| {
        let active = stream.hours.map_or(1.0, |(from, until)| (until - from).rem_euclid(DAY) / DAY);
        active
            * match stream.spacing {
                Spacing::Every(secs, _) | Spacing::Poisson(secs) => DAY / secs,
                Spacing::Groups { count, mean, .. } => f64::from(count) * DAY / mean,
            }
    };
    let messages: f64 = site.streams.iter().map(of).sum();
    (2.0 * pings + 2.0 * messages, pings + messages)
}

/// Shortens the site to what a recording can hold.
#[expect(clippy::cast_precision_loss, reason = "some thousand lines")]
pub(super) fn fit(site: &mut Site) {
    let (steps, lines) = rates(site);
    let lines = if site.style == Style::Full { lines } else { 1.0 };
    let days = (0.9 * MOST_STEPS as f64 / steps.max(1.0)).min(0.85 * MOST_LINES as f64 / lines.max(1.0));
    site.duration = site.duration.min(days * DAY);
}
