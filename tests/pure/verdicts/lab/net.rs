//! The network between the link and the lab's gateway: latency, outages, NAT tables, cut paths, closed ports.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dropscope::diagnostics::error_name::{
    AWS_IO_DNS_QUERY_AGAIN, AWS_IO_SOCKET_CONNECTION_REFUSED, AWS_IO_SOCKET_TIMEOUT,
};
use dropscope::diagnostics::event::{DropKind, Layer, Phase, PhaseTiming};
use dropscope::diagnostics::failure::Failure;
use dropscope::diagnostics::{Clock, ErrorName};
use dropscope::lab::Gateway;
use dropscope::mqtt::connector::{BoxFuture, Connector};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::wire::{OpenFailure, OpenOutcome, Progress, WireConnection};
use tokio::sync::watch;
use tokio::time::sleep;

use super::dice::Dice;
use super::line::{ClientEnd, LineState, SimulatedLine};

/// Whether packets and connects get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathState {
    Open,
    /// The path is down; sent data arrives when it is back, because TCP retransmits it.
    Down,
    /// Established connections go on, connects are refused.
    RefusesConnects,
    /// Established connections go on, the name does not resolve.
    NoDns,
}

/// A router's table of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NatSettings {
    /// Idle timeout of a mapping, in field seconds.
    pub(crate) limit: f64,
    /// Variation of the limit in both directions, from one mapping to the next.
    pub(crate) pressure: f64,
    /// Whether packets from the server refresh a mapping.
    pub(crate) inbound_refreshes: bool,
    /// Whether later packets of the client are answered with RST.
    pub(crate) resets: bool,
}

/// Parameters of a whole run; times in field seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NetworkConditions {
    pub(crate) latency: (f64, f64),
    pub(crate) connect: (f64, f64),
    pub(crate) nat: Option<NatSettings>,
}

/// The network. Clones are the same network.
#[derive(Clone)]
pub(crate) struct SimulatedNetwork(Arc<NetworkInner>);

pub(super) struct NetworkInner {
    gateway: Gateway,
    pub(super) scale: f64,
    pub(super) conditions: NetworkConditions,
    pub(super) path: watch::Sender<PathState>,
    dice: Mutex<Dice>,
    newest: Mutex<Option<watch::Sender<LineState>>>,
}

impl std::fmt::Debug for SimulatedNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl SimulatedNetwork {
    pub(crate) fn new(gateway: Gateway, scale: f64, conditions: NetworkConditions, dice: Dice) -> Self {
        Self(Arc::new(NetworkInner {
            gateway,
            scale,
            conditions,
            path: watch::Sender::new(PathState::Open),
            dice: Mutex::new(dice),
            newest: Mutex::default(),
        }))
    }

    /// Changes the state of the path.
    pub(crate) fn set_path(&self, path: PathState) {
        self.0.path.send_replace(path);
    }

    /// Changes the path of the newest connection of the link.
    pub(crate) fn set_line(&self, line: LineState) {
        if let Some(newest) = &*self.0.newest.lock().expect("no holder panicked") {
            newest.send_replace(line);
        }
    }

    /// Whether a probe of the first hop would be answered.
    pub(crate) fn is_down(&self) -> bool {
        *self.0.path.borrow() == PathState::Down
    }

    /// The path of another client to the same server, without a NAT and without cuts.
    pub(crate) fn other_connector(&self) -> OtherConnector {
        OtherConnector(self.clone())
    }

    fn attach(&self, settings: &LinkSettings, own: bool) -> ClientEnd {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let parting = self.0.gateway.attach(far);
        let (orders, line) = watch::channel(LineState::Fine);
        if own {
            *self.0.newest.lock().expect("no holder panicked") = Some(orders);
        }
        // The link sets it on its socket (TCP_USER_TIMEOUT).
        let keep_alive = self.0.real(f64::from(settings.keep_alive_secs));
        let patience = (keep_alive + settings.ping_timeout).max(self.0.real(20.0));
        SimulatedLine { net: Arc::clone(&self.0), line, peer_end: parting, own, patience }.spawn(near)
    }

    async fn open(&self, settings: &LinkSettings, clock: &Arc<dyn Clock>, own: bool) -> OpenOutcome {
        let mut phases = Vec::new();
        for phase in [Phase::Dns, Phase::Tcp] {
            let began = clock.now();
            sleep(self.0.connect_time(phase)).await;
            let failure = if own { self.connect_failure(settings, phase).await } else { None };
            phases.push(PhaseTiming {
                phase,
                ms: clock.now().since(began).as_secs_f64() * 1_000.0,
                ok: failure.is_none(),
                error: failure.as_ref().map(Failure::message),
                detail: None,
            });
            if let Some(failure) = failure {
                return OpenOutcome { phases, result: Err(OpenFailure { phase, failure }) };
            }
        }
        OpenOutcome {
            phases,
            result: Ok(WireConnection::from_stream(self.attach(settings, own), Arc::clone(clock))),
        }
    }

    async fn connect_failure(&self, settings: &LinkSettings, phase: Phase) -> Option<Failure> {
        let fail = |name: ErrorName, layer, how, words: &str| Some(Failure::new(name, layer, how, words));
        let path = *self.0.path.borrow();
        match (path, phase) {
            (PathState::NoDns, Phase::Dns) => {
                fail(AWS_IO_DNS_QUERY_AGAIN, Layer::Dns, DropKind::Io, "try again")
            }
            (PathState::RefusesConnects, Phase::Tcp) => {
                let words = "192.0.2.10:8883 refused the connection: nothing listens on that port";
                fail(AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Rst, words)
            }
            (PathState::Down, Phase::Tcp) => {
                let mut path = self.0.path.subscribe();
                let light = path.wait_for(|path| *path != PathState::Down);
                let is_dark = tokio::time::timeout(settings.timeouts.tcp, light).await.is_err();
                let words = "192.0.2.10:8883 did not answer";
                is_dark.then(|| Failure::new(AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, words))
            }
            _ => None,
        }
    }
}

impl NetworkInner {
    pub(super) fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().expect("no holder panicked")
    }

    pub(super) fn real(&self, field_secs: f64) -> Duration {
        Duration::from_secs_f64((field_secs / self.scale).max(0.0))
    }

    pub(super) fn latency(&self) -> Duration {
        let (least, most) = self.conditions.latency;
        let secs = self.dice().log(least, most);
        self.real(secs)
    }

    fn connect_time(&self, phase: Phase) -> Duration {
        let (least, most) = self.conditions.connect;
        let secs = self.dice().log(least, most);
        self.real(if phase == Phase::Dns { secs / 4.0 } else { secs })
    }
}

impl Connector for SimulatedNetwork {
    fn open<'a>(
        &'a self,
        settings: &'a LinkSettings,
        clock: &'a Arc<dyn Clock>,
        _: &'a Progress,
        _: bool,
    ) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(self.open(settings, clock, true))
    }
}

/// The connector of another client.
#[derive(Debug)]
pub(crate) struct OtherConnector(SimulatedNetwork);

impl Connector for OtherConnector {
    fn open<'a>(
        &'a self,
        settings: &'a LinkSettings,
        clock: &'a Arc<dyn Clock>,
        _: &'a Progress,
        _: bool,
    ) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(self.0.open(settings, clock, false))
    }
}
