//! The part that is drawn for every class: keep-alive, policies, contamination, censoring, clocks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dropscope::diagnostics::event::{ProbeResult, SystemSource};
use dropscope::diagnostics::{Event, Transport, VersionChoice};
use dropscope::lab::{BrokerOptions, PathFault};
use dropscope::mqtt::settings::{BackoffSettings, BrokerAddress, LinkSettings, PhaseTimeouts, PingPolicy};

use super::dice::Dice;
use super::net::{NatSettings, PathConditions};
use super::run::Setup;
use super::traffic::{COMMAND, Traffic};
use super::world::{ClientCommand, LineCut, ScriptedAction, World, scripted_action};

/// Approximate packets of a run at most.
const MAX_PACKETS: f64 = 4_000.0;
/// Timer ticks of the link at most: every 5 s of simulated time.
const LOOKS: f64 = 25_000.0;

/// The requirements of a class; everything else is drawn.
pub(crate) struct CaseRecipe {
    /// Mean field seconds from one drop by the mechanism to the next.
    pub(crate) gap: f64,
    pub(crate) drops: u64,
    /// Keep-alives to choose from.
    pub(crate) keep_alives: Vec<u16>,
    /// `None`: any.
    pub(crate) traffic: Option<Traffic>,
    pub(crate) nat: Option<NatSettings>,
    pub(crate) faults: Vec<PathFault>,
    pub(crate) actions: Vec<ScriptedAction>,
    pub(crate) also: Vec<&'static str>,
    /// Field seconds per simulated second; `None`: by the length of the run.
    pub(crate) scale: Option<f64>,
    /// Whether losses of another kind may be among them.
    pub(crate) may_stray: bool,
    /// Whether nothing in it follows the wall clock, so that the computer may sleep.
    pub(crate) may_suspend: bool,
    pub(crate) version: Option<VersionChoice>,
    /// Time to the PINGRESP, at most.
    pub(crate) ping_timeout: Option<f64>,
}

impl CaseRecipe {
    pub(crate) fn new(gap: f64, drops: u64) -> Self {
        Self {
            gap,
            drops,
            keep_alives: vec![10, 30, 60, 60, 120, 300, 600, 1200],
            traffic: None,
            nat: None,
            faults: Vec::new(),
            actions: Vec::new(),
            also: Vec::new(),
            scale: None,
            may_stray: true,
            may_suspend: true,
            version: None,
            ping_timeout: None,
        }
    }
}

/// Builds the run.
pub(crate) fn prepare(recipe: CaseRecipe, dice: &mut Dice) -> Setup {
    let CaseRecipe { gap, drops, keep_alives, traffic, nat, faults, mut actions, may_stray, .. } = recipe;
    #[expect(clippy::cast_precision_loss, reason = "some hundred drops")]
    let span = gap * drops as f64 * dice.between(1.2, 1.8);
    let scale = recipe.scale.unwrap_or_else(|| scale_of(span));
    let mut usable: Vec<u16> = keep_alives.clone();
    usable.retain(|secs| {
        *secs == 0 || (f64::from(*secs) * MAX_PACKETS >= span && (f64::from(*secs) / scale).fract() == 0.0)
    });
    let slowest = keep_alives.iter().copied().max().unwrap_or(1200);
    let keep_alive = if usable.is_empty() { slowest } else { dice.pick(&usable) };
    let ping_timeout = recipe.ping_timeout.unwrap_or_else(|| dice.pick(&[3.0, 5.0, 10.0, 10.0, 20.0, 30.0]));
    let settings = settings(keep_alive, ping_timeout, scale, recipe.version, dice);
    actions.push(traffic.unwrap_or_else(|| Traffic::any(dice, span / MAX_PACKETS * 2.0)).deed());
    if may_stray && dice.chance(0.6) {
        let share = dice.between(0.02, 0.3);
        let cuts: &[LineCut] = if keep_alive == 0 {
            &[LineCut::Fin, LineCut::Reset]
        } else {
            &[LineCut::Fin, LineCut::Reset, LineCut::BlackHole, LineCut::BlackHole, LineCut::Disconnect(0x8B)]
        };
        let mean = gap * (1.0 - share) / share;
        let cuts = cuts.to_vec();
        actions.push(scripted_action(move |world, dice| cut_randomly(mean, cuts, world, dice)));
    }
    actions.extend(interruptions(span, keep_alive, &usable, dice));
    if recipe.may_suspend && may_stray && keep_alive > 0 && dice.chance(0.12) {
        actions.push(suspends(span, f64::from(keep_alive), dice));
    }
    actions.extend(background_events(span, dice));
    let latency = dice.log(0.008, 0.15);
    let connect = dice.log(0.03, 0.4);
    Setup {
        start: start(dice),
        scale,
        span,
        drops,
        link: settings,
        broker: BrokerOptions::default(),
        conditions: PathConditions {
            latency: (latency, latency * 2.5),
            connect: (connect, connect * 4.0),
            nat,
        },
        faults,
        actions,
    }
}

/// A run of more than some hours is simulated faster, to save time.
fn scale_of(span: f64) -> f64 {
    [1.0, 10.0, 60.0].into_iter().find(|scale| span / scale / 5.0 < LOOKS).unwrap_or(600.0)
}

fn start(dice: &mut Dice) -> DateTime<Utc> {
    let year = DateTime::from_timestamp(1_767_225_600, 0).expect("2026");
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of one year")]
    let into = TimeDelta::milliseconds(dice.between(0.0, 365.0 * 86_400_000.0) as i64);
    year + into
}

fn settings(
    keep_alive: u16,
    ping_timeout: f64,
    scale: f64,
    version: Option<VersionChoice>,
    dice: &mut Dice,
) -> LinkSettings {
    let transport = dice.pick(&[Transport::Tcp, Transport::Tls, Transport::Tls, Transport::Wss]);
    let broker = BrokerAddress {
        transport,
        host: "broker.example".to_owned(),
        port: if transport == Transport::Tcp { 1883 } else { 8883 },
        path: "/mqtt".to_owned(),
    };
    let real = |secs: f64| Duration::from_secs_f64(secs / scale);
    let mut settings = LinkSettings::new(broker, format!("client-{:06x}", dice.whole(0, 0xff_ffff)));
    settings.keep_alive_secs = keep_alive;
    settings.time_scale = scale;
    settings.ping_timeout = real(ping_timeout);
    settings.ping_policy = dice.pick(&[PingPolicy::Always, PingPolicy::WhenIdle]);
    settings.version =
        version.unwrap_or_else(|| dice.pick(&[VersionChoice::V311, VersionChoice::V311, VersionChoice::V5]));
    settings.subscriptions.push((COMMAND.to_owned(), 0));
    settings.timeouts = PhaseTimeouts {
        credentials: real(60.0),
        dns: real(10.0),
        tcp: real(10.0),
        tls: real(15.0),
        websocket: real(15.0),
        connack: real(15.0),
    };
    settings.backoff = BackoffSettings {
        initial: real(dice.pick(&[0.5, 1.0, 1.0, 5.0])),
        max: real(dice.pick(&[30.0, 60.0, 128.0, 600.0])),
        min_connect_interval: real(1.0),
        stable_after: real(30.0),
        ..BackoffSettings::default()
    };
    settings.queue.max_age = real(300.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 to 12,000")]
    let limit = (20.0 * scale) as u32;
    settings.traffic_limit = limit;
    settings
}

/// Losses with another cause than the mechanism.
async fn cut_randomly(mean: f64, cuts: Vec<LineCut>, world: World, mut dice: Dice) {
    loop {
        world.wait(dice.wait(mean)).await;
        world.stray(dice.pick(&cuts));
    }
}

/// Ends of sessions that are no drops.
fn interruptions(span: f64, keep_alive: u16, usable: &[u16], dice: &mut Dice) -> Vec<ScriptedAction> {
    let mut actions = Vec::new();
    if dice.chance(0.25) {
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            loop {
                world.wait(dice.wait(span / 4.0)).await;
                world.send_command(ClientCommand::Disconnect(dice.log(3.0, span / 50.0 + 4.0)));
            }
        }));
    }
    let others: Vec<u16> = usable.iter().copied().filter(|secs| *secs != keep_alive && *secs > 0).collect();
    if dice.chance(0.2) && keep_alive > 0 && !others.is_empty() {
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            world.wait(span * dice.between(0.2, 0.7)).await;
            world.send_command(ClientCommand::KeepAlive(dice.pick(&others)));
        }));
    }
    if dice.chance(0.12) {
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            world.wait(span * dice.between(0.1, 0.9)).await;
            world.send_command(ClientCommand::Restart(dice.log(1.0, 600.0)));
        }));
    }
    if dice.chance(0.12) {
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            world.wait(span * dice.between(0.1, 0.9)).await;
            let secs = dice.pick(&[-3600.0, 3600.0, 2.4, -7.5, 86.0, -1.6]);
            #[expect(clippy::cast_possible_truncation, reason = "an hour at most")]
            let step = TimeDelta::milliseconds((secs * 1000.0 / world.scale) as i64);
            world.clock.step(step);
            world.system(SystemSource::Clock, format!("wall clock stepped by {secs:+.1} s"));
        }));
    }
    actions
}

/// The computer sleeps now and then.
fn suspends(span: f64, keep_alive: f64, dice: &mut Dice) -> ScriptedAction {
    let (every, cut) = (span / dice.between(2.0, 5.0), dice.pick(&[LineCut::Fin, LineCut::BlackHole]));
    scripted_action(move |world, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(every)).await;
            let secs = dice.log(20.0, 20_000.0);
            world.suspend(secs, false, (secs > 1.5 * keep_alive).then_some(cut));
        }
    })
}

/// Recorded events without an effect.
fn background_events(span: f64, dice: &mut Dice) -> Vec<ScriptedAction> {
    let mut actions = Vec::new();
    if dice.chance(0.3) {
        let lines = [
            (SystemSource::Dhcp, "lease renewed for 192.168.1.23, 43200 s"),
            (SystemSource::Network, "wlan0: signal -67 dBm"),
            (SystemSource::Service, "systemd: Started Daily apt download activities"),
            (SystemSource::Resource, "load average 2.4"),
        ];
        let (source, message) = dice.pick(&lines);
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            let every = span / dice.between(5.0, 60.0);
            loop {
                world.wait(dice.wait(every)).await;
                world.system(source, message);
            }
        }));
    }
    if dice.chance(0.25) {
        actions.push(scripted_action(move |world, mut dice: Dice| async move {
            let every = (span / 200.0).max(30.0);
            loop {
                world.wait(every).await;
                let ok = !world.net.is_down() && !dice.chance(0.01);
                let (rtt_ms, error) =
                    if ok { (Some(4.2), None) } else { (None, Some("no answer".to_owned())) };
                let probe = ProbeResult { probe: "gateway".to_owned(), ok, rtt_ms, error, target: None };
                world.send_command(ClientCommand::Record(Event::Probe(probe)));
            }
        }));
    }
    actions
}
