//! Runs the real link in a simulated world.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use dropscope::diagnostics::event::{FORMAT, Initiator, StartedEvent};
use dropscope::diagnostics::{Clock, Event, StampedEvent};
use dropscope::lab::{Broker, BrokerOptions, Gateway, GatewayOptions, PathFault, Upstream};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::{Link, Publish};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::dice::Dice;
use super::net::{GatewayNetwork, PathConditions};
use super::world::{ClientCommand, Counts, ScriptedAction, World};
use crate::simulated::clock::SimClock;

/// All parameters of a run.
pub(crate) struct Setup {
    pub(crate) start: DateTime<Utc>,
    /// Field seconds per simulated second.
    pub(crate) scale: f64,
    /// Field seconds.
    pub(crate) span: f64,
    /// The run ends some time after this many drops.
    pub(crate) drops: u64,
    pub(crate) link: LinkSettings,
    pub(crate) broker: BrokerOptions,
    pub(crate) conditions: PathConditions,
    pub(crate) faults: Vec<PathFault>,
    pub(crate) actions: Vec<ScriptedAction>,
}

/// The result of a run.
pub(crate) struct RunResult {
    pub(crate) events: Vec<StampedEvent>,
    /// Sessions that ended by another cause than the mechanism.
    pub(crate) strays: u64,
}

struct Run {
    settings: LinkSettings,
    net: GatewayNetwork,
    clock: Arc<SimClock>,
    link: Link,
    seed: u64,
    scale: f64,
    events: Vec<StampedEvent>,
    counts: watch::Sender<Counts>,
    /// When a user who disconnected connects again.
    reconnect_at: Option<Instant>,
}

/// Runs it to the end, in simulated time.
pub(crate) fn run_simulation(setup: Setup, dice: &mut Dice) -> RunResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let dice = dice.fork();
    runtime.block_on(simulate(setup, dice))
}

async fn simulate(setup: Setup, mut dice: Dice) -> RunResult {
    let Setup { start, scale, span, drops, link: settings, broker, conditions, faults, actions } = setup;
    let broker = Broker::start(broker);
    let wall_secs = start.timestamp_millis() as f64 / 1000.0;
    let options = GatewayOptions { seed: dice.seed(), scale, wall_secs };
    let gateway = Gateway::start(Upstream::Broker(broker.control()), options);
    for fault in faults {
        gateway.control().arm(fault);
    }
    let clock = SimClock::starting(start);
    let net = GatewayNetwork::new(gateway, scale, conditions, dice.fork());
    let seed = dice.seed();
    let (counts, counted) = watch::channel(Counts::default());
    let (commands, mut commands_rx) = mpsc::unbounded_channel();
    let strays = Arc::<AtomicU64>::default();
    let world = World {
        net: net.clone(),
        broker: broker.control(),
        clock: Arc::clone(&clock),
        scale,
        start,
        counts: counted,
        commands,
        strays: Arc::clone(&strays),
        last_stray: Arc::default(),
    };
    let link = link(&settings, &clock, &net, seed);
    let mut run =
        Run { settings, net, clock, link, seed, scale, events: Vec::new(), counts, reconnect_at: None };
    run.begin();
    let mut doing = JoinSet::new();
    for action in actions {
        doing.spawn(action(world.clone(), dice.fork()));
    }
    let end = Instant::now() + Duration::from_secs_f64(span / scale);
    let rest = Duration::from_secs_f64(dice.between(0.02, 0.15) * span / scale);
    run.drive(end, drops, rest, &mut commands_rx).await;
    run.finish(&mut dice).await;
    RunResult { events: run.events, strays: strays.load(Ordering::Relaxed) }
}

fn link(settings: &LinkSettings, clock: &Arc<SimClock>, net: &GatewayNetwork, seed: u64) -> Link {
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(clock);
    Link::with_connector(settings.clone(), clock, Arc::new(net.connector()), seed).expect("usable settings")
}

impl Run {
    fn begin(&mut self) {
        let settings = &self.settings;
        let started = StartedEvent {
            format: Some(FORMAT.to_owned()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            keep_alive_secs: f64::from(settings.keep_alive_secs) / self.scale,
            client_id: settings.client_id.clone(),
            endpoint: format!("{}:{}", settings.broker.host, settings.broker.port),
            mqtt_version: Some(settings.version.into()),
            transport: Some(settings.broker.transport.into()),
            clean_session: Some(settings.clean_session),
            time_scale: Some(self.scale),
        };
        self.record(Event::Started(started));
        self.link.connect();
    }

    fn record(&mut self, event: Event) {
        self.events.push(StampedEvent { at: self.clock.now(), event });
    }

    async fn drive(
        &mut self,
        mut end: Instant,
        drops: u64,
        rest: Duration,
        commands_rx: &mut mpsc::UnboundedReceiver<ClientCommand>,
    ) {
        let mut is_enough = false;
        loop {
            let back = self.reconnect_at;
            tokio::select! {
                biased;
                () = sleep_until(end) => return,
                () = async { sleep_until(back.unwrap_or(end)).await }, if back.is_some() => {
                    self.reconnect_at = None;
                    self.link.connect();
                }
                observed = self.link.next() => self.take(observed),
                Some(command) = commands_rx.recv() => self.execute(command, end).await,
            }
            let counts = *self.counts.borrow();
            if !is_enough && counts.drops >= drops {
                is_enough = true;
                end = end.min(Instant::now() + rest);
            }
            if counts.drops > drops || (is_enough && drops < 3) {
                return;
            }
        }
    }

    fn take(&mut self, observed: StampedEvent) {
        match &observed.event {
            Event::Connected(_) => self.counts.send_modify(|counts| {
                counts.sessions += 1;
                counts.is_up = true;
            }),
            Event::Dropped(_) => self.counts.send_modify(|counts| {
                counts.drops += 1;
                counts.is_up = false;
            }),
            Event::Disconnected { .. } => self.counts.send_modify(|counts| counts.is_up = false),
            _ => {}
        }
        self.events.push(observed);
    }

    async fn execute(&mut self, command: ClientCommand, end: Instant) {
        match command {
            ClientCommand::Publish { topic, qos, bytes } => self.link.publish(Publish {
                name: topic.clone(),
                topic,
                payload: Bytes::from(vec![b' '; bytes]),
                qos,
                retain: false,
                correlation_id: None,
            }),
            ClientCommand::KeepAlive(secs) => self.link.set_keep_alive(secs),
            ClientCommand::Disconnect(secs) => {
                self.link.disconnect(Initiator::User);
                self.reconnect_at = Some(Instant::now() + Duration::from_secs_f64(secs / self.scale));
            }
            ClientCommand::Stall(secs) => {
                let until = Instant::now() + Duration::from_secs_f64(secs / self.scale);
                sleep_until(until.min(end)).await;
            }
            ClientCommand::Restart(secs) => {
                self.stop("signal").await;
                sleep(Duration::from_secs_f64(secs / self.scale)).await;
                self.seed = self.seed.wrapping_add(1);
                self.link = link(&self.settings, &self.clock, &self.net, self.seed);
                self.begin();
            }
            ClientCommand::Record(event) => self.record(event),
        }
    }

    async fn stop(&mut self, by: &str) {
        let last = self.link.shutdown(Duration::from_millis(200)).await;
        for observed in last {
            self.take(observed);
        }
        self.record(Event::Stopped { by: Some(by.to_owned()) });
    }

    /// Some recordings are read while they are being written, or their writer was killed.
    async fn finish(&mut self, dice: &mut Dice) {
        if dice.chance(0.5) {
            self.stop("user").await;
        }
    }
}
