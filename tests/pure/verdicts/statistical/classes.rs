//! The worlds that produce each pattern.

use dropscope::diagnostics::event::{DropKind, SystemSource};

use super::background_activity;
use super::draw::{Draw, Gap, Jitter};
use super::plan::{Death, Fault, FaultKind, MessageFlow, Pings, Plan, SideEvent, SideEvents};

const CLOSES: [DropKind; 6] = [
    DropKind::Fin,
    DropKind::Fin,
    DropKind::TlsClose,
    DropKind::WsClose,
    DropKind::Disconnect,
    DropKind::TlsAlert,
];
const HARM: [(SystemSource, &str); 6] = [
    (SystemSource::Network, "wlan0: roamed to 02:00:5e:00:53:#"),
    (SystemSource::Network, "eth0: address changed to 192.0.2.#"),
    (SystemSource::Dhcp, "lease renewed, 10.0.0.# for 3600 s"),
    (SystemSource::Cron, "backup.sh started (pid #)"),
    (SystemSource::Service, "vpn.service restarted"),
    (SystemSource::Resource, "memory pressure, killed worker #"),
];

/// The world of one recording.
pub(super) fn plan(class: &'static str, draw: &mut Draw) -> Plan {
    if class == "undetermined" {
        return shapeless(draw);
    }
    let drops = draw.count(3, 200);
    let mut plan = plan_for_class(class, drops, draw);
    if class != "client_id_takeover" && draw.chance(0.08) {
        background_activity::second_cause(&mut plan, draw);
    }
    plan
}

fn shapeless(draw: &mut Draw) -> Plan {
    if draw.chance(0.5) {
        let drops = if draw.chance(0.5) { 3 } else { 4 };
        return plan_for_class("random", drops, draw);
    }
    let class = draw.pick(&crate::verdicts::case::CLASSES[..13]);
    let drops = if draw.chance(0.5) { 1 } else { 2 };
    plan_for_class(class, drops, draw)
}

fn plan_for_class(class: &'static str, drops: u32, draw: &mut Draw) -> Plan {
    let mut plan = background_activity::empty_plan(drops, draw);
    match class {
        "fixed_lifetime" => fixed_lifetime(&mut plan, draw),
        "scheduled" => scheduled(&mut plan, draw),
        "idle_timeout" => idle_timeout(&mut plan, draw),
        "random" => random(&mut plan, draw),
        "bursty" => bursty(&mut plan, draw),
        "message_count" => message_count(&mut plan, draw),
        "message_rate" => message_rate(&mut plan, draw),
        "publish_triggered" => publish_triggered(&mut plan, draw),
        "system_event" => system_event(&mut plan, draw),
        "credential_expiry" => credential_expiry(&mut plan, draw),
        "client_id_takeover" => takeover(&mut plan, draw),
        "outage" => outage(&mut plan, draw),
        _ => keep_alive_timeout(&mut plan, draw),
    }
    background_activity::add_background_activity(&mut plan, class, draw);
    plan
}

pub(super) fn close(draw: &mut Draw) -> Death {
    Death::Close(draw.pick(&CLOSES))
}

fn end(draw: &mut Draw, lost: f64) -> Death {
    match draw.unit() {
        x if x < lost => Death::Lost,
        x if x < lost + 0.15 => Death::Reset,
        _ => close(draw),
    }
}

fn fault(plan: &mut Plan, cause: &'static str, death: Death, kind: FaultKind) {
    plan.faults.push(Fault { cause, death, kind });
}

fn fixed_lifetime(plan: &mut Plan, draw: &mut Draw) {
    let length = draw.scale(45.0, 90_000.0);
    let limit = draw.round_to_human_value(length);
    let size = draw.scale(0.02, (0.01 * limit).clamp(0.05, 20.0));
    let (jitter, share) = (draw.jitter(size), draw.between(0.85, 1.0));
    let death = end(draw, 0.1);
    plan.scale = limit;
    fault(plan, "fixed_lifetime", death, FaultKind::Age { limit, jitter, share });
}

fn scheduled(plan: &mut Plan, draw: &mut Draw) {
    let period = match draw.unit() {
        x if x < 0.3 => draw.pick(&[86_400.0, 86_400.0, 43_200.0, 3_600.0, 1_800.0, 7_200.0]),
        x if x < 0.4 => draw.pick(&[43_217.0, 3_607.0, 12_030.0, 1_013.0]),
        _ => {
            let drawn = draw.scale(300.0, 90_000.0);
            draw.round_to_human_value(drawn)
        }
    };
    let size = draw.scale(0.05, (0.008 * period).clamp(0.1, 60.0));
    let share = draw.between(0.7, 1.0);
    let daily = period >= 43_200.0;
    let ticks = f64::from(plan.drops) / share;
    let shift_at =
        if daily && draw.chance(0.3) { draw.between(0.3, 0.7) * ticks * period } else { f64::INFINITY };
    let kind =
        FaultKind::Clock { period, phase: draw.unit() * period, jitter: draw.jitter(size), share, shift_at };
    let death = end(draw, 0.35);
    plan.scale = period / share;
    // Activity that makes the ages less constant than the ticks.
    if plan.back.1 < 4.0 * size {
        plan.back.1 = draw.between(4.0, 10.0) * size;
    }
    fault(plan, "scheduled", death, kind);
}

fn idle_timeout(plan: &mut Plan, draw: &mut Draw) {
    let length = draw.scale(25.0, 1_000.0);
    let limit = draw.round_to_human_value(length);
    let jitter = draw.jitter(draw_size(limit));
    let death = match draw.unit() {
        x if x < 0.4 => Death::Lost,
        x if x < 0.65 => Death::Reset,
        _ => close(draw),
    };
    let gap = if draw.chance(0.5) {
        Gap::Exponential(limit / draw.between(1.2, 4.0))
    } else {
        let (short, long) = (limit * draw.between(0.1, 0.5), limit * draw.between(1.4, 4.0));
        Gap::Mixed(short, long, draw.between(0.03, 0.3))
    };
    // Without a packet of the broker the time of death is not known.
    let answer = (death != Death::Close(DropKind::Fin) || draw.chance(0.6)).then_some(0.2);
    plan.message_flows.push(MessageFlow {
        topic: "dev/1/status",
        gap,
        burst: 1,
        answer,
        inbound: false,
        companion: None,
    });
    plan.keep_alive = draw.scale(1.3 * limit, (4.0 * limit).clamp(600.0, 1_800.0)).round();
    plan.scale = 8.0 * limit;
    if draw.chance(0.4) {
        plan.keep_alives = vec![plan.keep_alive, (limit * draw.between(0.3, 0.8)).round().max(5.0)];
    }
    fault(plan, "idle_timeout", death, FaultKind::Silence { limit, jitter });
}

fn draw_size(limit: f64) -> f64 {
    (0.002 * limit).clamp(0.05, 3.0)
}

fn random(plan: &mut Plan, draw: &mut Draw) {
    plan.scale = draw.scale(90.0, 100_000.0);
    random_loss(plan, draw, "random", plan.scale);
}

/// Memoryless losses, of one kind or of several.
pub(super) fn random_loss(plan: &mut Plan, draw: &mut Draw, cause: &'static str, mean: f64) {
    let kinds = if draw.chance(0.5) { 1.0 } else { 2.0 };
    let (first, other) = (end(draw, 0.45), end(draw, 0.45));
    fault(plan, cause, first, FaultKind::Chance { mean: mean * kinds });
    if kinds > 1.0 {
        fault(plan, cause, other, FaultKind::Chance { mean: mean * kinds });
    }
}

fn bursty(plan: &mut Plan, draw: &mut Draw) {
    let apart = draw.scale(1.0, 60.0);
    let mixed = draw.chance(0.5);
    // A peer that closes repeatedly looks like a takeover; a path fails in other ways.
    let death = match draw.unit() {
        x if x < 0.6 => Death::Lost,
        x if x < 0.75 => Death::Local,
        x if x < 0.9 => Death::Reset,
        _ => close(draw),
    };
    let noticed_late = mixed || matches!(death, Death::Lost | Death::Reset);
    if noticed_late {
        plan.keep_alive = draw.scale(5.0, 40.0).round();
        plan.deadline = draw.scale(0.5, 10.0);
        plan.rtt = plan.rtt.min(0.2);
        plan.resend = plan.resend.min(60.0);
    }
    let cycle = apart + plan.back.0 + plan.back.1 + if noticed_late { plan.keep_alive } else { 0.0 };
    let in_a_row = draw.scale(3.0, 10.0);
    let length = cycle * in_a_row;
    if draw.chance(0.8) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 40")]
        let some_bursts = (4.0 * in_a_row) as u32;
        plan.drops = plan.drops.max(some_bursts);
    }
    let quiet = cycle.max(30.0) * draw.scale(40.0, 600.0);
    plan.scale = quiet * cycle / length;
    let kind = FaultKind::Spells {
        quiet,
        length,
        apart,
        rough: draw.between(0.1, 0.7),
        mixed,
        from: -1.0,
        until: -1.0,
    };
    fault(plan, "bursty", death, kind);
}

fn message_count(plan: &mut Plan, draw: &mut Draw) {
    let most = 4_000.0 / f64::from(plan.drops);
    let limit = draw.scale(12.0, most.clamp(40.0, 800.0));
    let limit = draw.round_to_human_value(limit).round();
    let both = draw.chance(0.5);
    let mean = draw.scale(0.5, 120.0);
    let gap = if draw.chance(0.5) { Gap::Exponential(mean) } else { Gap::Mixed(0.3 * mean, 4.0 * mean, 0.2) };
    let answer = (both || draw.chance(0.5)).then_some(0.1);
    plan.message_flows.push(MessageFlow {
        topic: "dev/1/data",
        gap,
        burst: draw.count(1, 4),
        answer,
        inbound: false,
        companion: None,
    });
    if both {
        plan.message_flows.push(MessageFlow {
            topic: "dev/1/in",
            gap: Gap::Exponential(mean * draw.scale(0.5, 10.0)),
            burst: 1,
            answer: None,
            inbound: true,
            companion: None,
        });
    }
    let spread = if draw.chance(0.6) { 0.0 } else { 0.015 * limit };
    plan.scale = limit * gap.mean() / if both { 2.0 } else { 1.0 };
    let death = close(draw);
    fault(plan, "message_count", death, FaultKind::Messages { limit, spread, both });
}

fn message_rate(plan: &mut Plan, draw: &mut Draw) {
    let size = draw.count(8, 40);
    let most = size * draw.count(2, 4);
    let spacing = draw.scale(60.0, 3_600.0);
    let answer = draw.chance(0.4).then_some(0.3);
    let gap = Gap::Exponential(spacing);
    plan.message_flows.push(MessageFlow {
        topic: "dev/1/burst",
        gap,
        burst: most,
        answer,
        inbound: false,
        companion: None,
    });
    let above = 1.0 - f64::from(size).ln() / f64::from(most + 1).ln();
    plan.scale = spacing / above;
    plan.drops = plan.drops.min(40);
    let death = close(draw);
    let kind = FaultKind::Burst { size, delay: draw.scale(0.03, 1.0), share: draw.between(0.85, 1.0) };
    fault(plan, "message_rate", death, kind);
}

fn publish_triggered(plan: &mut Plan, draw: &mut Draw) {
    let topic = draw.pick(&["cmd/7f/get", "$aws/things/heater/shadow/get", "dev/1/secret"]);
    plan.scale = draw.scale(120.0, 40_000.0);
    let companion = draw.chance(0.3).then_some("dev/1/hello");
    let gap = if draw.chance(0.7) {
        Gap::Exponential(plan.scale)
    } else {
        Gap::Mixed(0.5 * plan.scale, 3.0 * plan.scale, 0.2)
    };
    plan.message_flows.push(MessageFlow { topic, gap, burst: 1, answer: None, inbound: false, companion });
    if companion.is_some() {
        let gap = Gap::Exponential(plan.scale * draw.scale(0.2, 1.0));
        plan.message_flows.push(MessageFlow {
            topic: "dev/1/hello",
            gap,
            burst: 1,
            answer: None,
            inbound: false,
            companion: None,
        });
    }
    let death = close(draw);
    let kind = FaultKind::Topic { topic, delay: draw.scale(0.02, 0.6), share: draw.between(0.85, 1.0) };
    fault(plan, "publish_triggered", death, kind);
}

fn system_event(plan: &mut Plan, draw: &mut Draw) {
    let share = draw.between(0.6, 1.0);
    let mean = draw.scale(300.0, 50_000.0);
    plan.scale = mean / share;
    if draw.chance(0.2) {
        plan.keep_alive = draw.scale(10.0, 300.0).round();
        let (low, high) =
            (plan.keep_alive * draw.between(0.8, 2.0), plan.keep_alive * draw.between(5.0, 60.0));
        plan.streams.push(SideEvents { gap: Gap::Exponential(mean), what: SideEvent::Sleep { low, high } });
        return;
    }
    let (source, words) = draw.pick(&HARM);
    let size = draw.scale(0.05, 3.0);
    let (jitter, death) = (draw.jitter(size), if draw.chance(0.4) { Death::Local } else { end(draw, 0.5) });
    let harm = Some((share, jitter, death));
    plan.streams
        .push(SideEvents { gap: Gap::Exponential(mean), what: SideEvent::System { source, words, harm } });
}

fn credential_expiry(plan: &mut Plan, draw: &mut Draw) {
    let length = draw.scale(300.0, 43_200.0);
    let life = draw.round_to_human_value(length);
    let late = draw.jitter(draw_size(life) * 2.0);
    if draw.chance(0.5) {
        plan.fetch = Some(life);
        plan.scale = life;
    } else {
        let ahead = draw.between(0.3, 0.9);
        let what = SideEvent::Refresh { life };
        plan.streams.push(SideEvents { gap: Gap::Every(life * ahead, Jitter::Late(0.02 * life)), what });
        plan.scale = 0.8 * life;
    }
    let death = close(draw);
    fault(plan, "credential_expiry", death, FaultKind::Credentials { late, share: draw.between(0.85, 1.0) });
}

fn takeover(plan: &mut Plan, draw: &mut Draw) {
    let median = draw.scale(0.3, 25.0);
    let spread = draw.between(0.2, 0.8);
    let (rest, fight) = if draw.chance(0.5) {
        (1.0, 1e9)
    } else {
        (draw.scale(1_200.0, 60_000.0), (median + plan.back.0) * draw.scale(5.0, 40.0))
    };
    plan.scale = if rest > 1.0 { rest * (median + plan.back.0) / fight + median } else { median };
    let death = if draw.chance(0.1) { Death::Close(DropKind::Rst) } else { close(draw) };
    let kind = FaultKind::Rival {
        median,
        spread,
        rest,
        fight,
        from: 0.0,
        until: if rest > 1.0 { -1.0 } else { 1e9 },
    };
    fault(plan, "client_id_takeover", death, kind);
}

fn outage(plan: &mut Plan, draw: &mut Draw) {
    let mean = draw.scale(1_800.0, 100_000.0);
    let low = draw.scale(150.0, 900.0);
    let high = low * draw.scale(1.5, 30.0);
    plan.drops = plan.drops.min(60);
    plan.scale = mean;
    let death = end(draw, 0.4);
    let flaps = if draw.chance(0.3) { 0.4 } else { 0.0 };
    fault(plan, "outage", death, FaultKind::Outage { mean, low, high, flaps });
}

fn keep_alive_timeout(plan: &mut Plan, draw: &mut Draw) {
    plan.keep_alive = draw.scale(5.0, 600.0).round();
    let mean = plan.keep_alive * draw.scale(4.0, 80.0);
    let (low, high) = (draw.between(0.1, 1.4), draw.between(2.0, 6.0));
    plan.scale = mean * (high - low) / (high - 1.5);
    let what = SideEvent::Stall { low, high, reads: draw.chance(0.5) };
    plan.streams.push(SideEvents { gap: Gap::Exponential(mean), what });
    if draw.chance(0.4) {
        plan.keep_alives =
            vec![plan.keep_alive, (plan.keep_alive * draw.pick(&[0.25, 0.5, 2.0, 3.0])).round().max(5.0)];
    }
    plan.pings = if draw.chance(0.5) { Pings::Always } else { Pings::WhenIdle };
    plan.reconnects_at_once = draw.chance(0.3);
}
