//! The common part of every world, independent of its fault.

use dropscope::diagnostics::event::SystemSource;

use super::classes;
use super::draw::{Draw, Gap};
use super::plan::{Death, Fault, FaultKind, MessageFlow, Pings, Plan, SideEvent, SideEvents};
use super::world::LINES;

const HARMLESS: [(SystemSource, &str); 5] = [
    (SystemSource::Cron, "logrotate finished (pid #)"),
    (SystemSource::Service, "ntpd: offset # us"),
    (SystemSource::Network, "wlan0: signal -# dBm"),
    (SystemSource::Dhcp, "lease checked, 198.51.100.# kept"),
    (SystemSource::Resource, "load above #"),
];
const TOPICS: [&str; 4] = ["dev/1/status", "dev/1/energy", "home/kitchen/set", "dev/1/hello"];

/// A world before its fault; keep-alive 0 means: not chosen by the fault.
pub(super) fn empty_plan(drops: u32, draw: &mut Draw) -> Plan {
    let deadline = draw.scale(0.5, 90.0);
    Plan {
        drops,
        scale: 1.0,
        keep_alive: 0.0,
        keep_alives: Vec::new(),
        pings: if draw.chance(0.6) { Pings::WhenIdle } else { Pings::Always },
        deadline,
        rtt: draw.scale(0.005, 0.4).min(0.4 * deadline),
        resend: draw.scale(30.0, 900.0),
        back: (draw.scale(0.2, 20.0), draw.scale(0.1, 60.0)),
        mqtt5: false,
        has_reason_codes: false,
        lasting: None,
        reconnects_at_once: false,
        window: None,
        fetch: None,
        message_flows: Vec::new(),
        faults: Vec::new(),
        streams: Vec::new(),
    }
}

/// Everything around the fault.
pub(super) fn add_background_activity(plan: &mut Plan, class: &'static str, draw: &mut Draw) {
    fit_to_size(plan, draw);
    // A drop that is detected only at the next ping has no exact time.
    let blurred = 10.0 * plan.keep_alive > plan.scale;
    for fault in &mut plan.faults {
        let sharp = matches!(fault.kind, FaultKind::Age { .. } | FaultKind::Clock { .. });
        if sharp && blurred && matches!(fault.death, Death::Reset | Death::Lost) {
            fault.death = classes::close(draw);
        }
    }
    plan.lasting = draw.chance(0.6).then(|| (draw.scale(0.5, 5.0), draw.scale(20.0, 400.0)));
    if !matches!(class, "idle_timeout") {
        add_message_flows(plan, draw);
    }
    if !matches!(class, "random" | "bursty") && draw.chance(0.6) {
        let share = draw.between(0.02, 0.3);
        let mean = plan.scale * (1.0 - share) / share;
        classes::random_loss(plan, draw, "random", mean);
    }
    plan.mqtt5 = draw.chance(0.3);
    plan.has_reason_codes = plan.mqtt5 && draw.chance(0.7);
    // Messages counted in windows contain no single silences or topics.
    let counted = !matches!(class, "idle_timeout" | "keep_alive_timeout" | "publish_triggered");
    if counted && draw.chance(0.08) {
        plan.window = Some(draw.scale(1.0, 30.0).round());
    }
    let clock_free = !matches!(class, "scheduled" | "credential_expiry");
    interruptions(plan, clock_free, draw);
    if plan.keep_alives.is_empty() && draw.chance(0.2) {
        plan.keep_alives = vec![
            plan.keep_alive,
            (plan.keep_alive * draw.pick(&[0.5, 2.0, 4.0])).round().clamp(5.0, 2_400.0),
        ];
    }
    if !plan.keep_alives.is_empty() {
        let gap = Gap::Exponential(plan.scale.max(3.0 * plan.keep_alive) * draw.scale(3.0, 12.0));
        plan.streams.push(SideEvents { gap, what: SideEvent::NextKeepAlive });
    }
}

/// Makes drops and pings fit into a recording of bounded size.
fn fit_to_size(plan: &mut Plan, draw: &mut Draw) {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let pings = 0.4 * LINES as f64;
    let mut most: f64 = 1_200.0;
    let late = |fault: &Fault| matches!(fault.death, Death::Reset | Death::Lost);
    if plan.keep_alive > 0.0 {
        most = plan.keep_alive;
    } else if plan.faults.iter().any(late) {
        // Where most sessions have only one ping, its time hides everything else.
        most = (plan.scale / draw.scale(6.0, 60.0)).clamp(5.0, most);
    }
    let per_drop = plan.scale / most;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let room = (pings / per_drop.max(0.001)).clamp(4.0, 200.0) as u32;
    plan.drops = plan.drops.min(room);
    if plan.keep_alive <= 0.0 {
        let least = (plan.scale * f64::from(plan.drops) / pings).clamp(5.0, most);
        plan.keep_alive = if draw.chance(0.4) {
            draw.pick(&[10.0, 30.0, 60.0, 120.0, 300.0, 1_200.0_f64]).clamp(least, most)
        } else {
            draw.scale(least, most)
        };
        plan.keep_alive = plan.keep_alive.round().max(5.0);
    }
}

fn add_message_flows(plan: &mut Plan, draw: &mut Draw) {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let least = plan.scale * f64::from(plan.drops) / (0.15 * LINES as f64);
    for _ in 0..draw.count(1, 3) {
        let burst = if draw.chance(0.15) { draw.count(2, 6) } else { 1 };
        let least = least * f64::from(burst) * 2.0;
        let mean = draw.scale(least.max(2.0), least.max(900.0));
        let gap = match draw.unit() {
            x if x < 0.35 => {
                let jitter = draw.jitter(0.01 * mean);
                Gap::Every(mean.max(30.0), jitter)
            }
            x if x < 0.6 => Gap::Exponential(mean),
            x if x < 0.8 => Gap::Mixed(0.5 * mean, 5.0 * mean, 0.1),
            _ => continue,
        };
        let answer = draw.chance(0.5).then(|| draw.scale(0.05, 2.0));
        let topic = draw.pick(&TOPICS);
        let inbound = draw.chance(0.25);
        plan.message_flows.push(MessageFlow { topic, gap, burst, answer, inbound, companion: None });
    }
}

fn interruptions(plan: &mut Plan, clock_free: bool, draw: &mut Draw) {
    let add = |plan: &mut Plan, mean: f64, what: SideEvent| {
        plan.streams.push(SideEvents { gap: Gap::Exponential(mean), what });
    };
    let scale = plan.scale.max(20.0);
    if draw.chance(0.25) {
        add(plan, scale * draw.scale(3.0, 15.0), SideEvent::UserDisconnects);
    }
    if draw.chance(0.2) {
        add(plan, scale * draw.scale(5.0, 20.0), SideEvent::RecorderRestarts);
    }
    if clock_free && draw.chance(0.1) {
        add(plan, scale * draw.scale(5.0, 20.0), SideEvent::ClockStep { is_recorded: draw.chance(0.6) });
    }
    if draw.chance(0.1) {
        // Too short to end a session, too rare to detect most drops.
        let high = (0.4 * plan.keep_alive).min(0.1 * scale);
        add(plan, scale * draw.scale(5.0, 20.0), SideEvent::Sleep { low: 0.1 * high, high });
    }
    if draw.chance(0.3) {
        add(plan, (scale * draw.scale(0.1, 1.0)).max(30.0), SideEvent::Probe);
    }
    for _ in 0..draw.count(1, 4) - 1 {
        let (source, words) = draw.pick(&HARMLESS);
        let what = SideEvent::System { source, words, harm: None };
        add(plan, scale * draw.scale(0.15, 3.0), what);
    }
}

/// A second mechanism beside the first, about as strong.
pub(super) fn second_cause(plan: &mut Plan, draw: &mut Draw) {
    // The first restarts at each end by the second, so with an equal rate it would cause few drops.
    let mean = plan.scale * draw.scale(1.0, 3.0);
    // Topics that are only counted have no name.
    plan.window = None;
    let death = classes::close(draw);
    if draw.chance(0.5) {
        let gap = Gap::Exponential(mean);
        let topic = "cmd/second/get";
        plan.message_flows.push(MessageFlow {
            topic,
            gap,
            burst: 1,
            answer: None,
            inbound: false,
            companion: None,
        });
        let kind = FaultKind::Topic { topic, delay: draw.scale(0.02, 0.4), share: 1.0 };
        plan.faults.push(Fault { cause: "publish_triggered", death, kind });
    } else {
        let jitter = draw.jitter(0.3);
        let harm = Some((0.95, jitter, Death::Local));
        let what = SideEvent::System { source: SystemSource::Network, words: "usb0: link down (#)", harm };
        plan.streams.push(SideEvents { gap: Gap::Exponential(mean), what });
    }
}
