//! The network between the link and the lab's gateway: latency, outages, NAT tables, cut paths, closed ports.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dropscope::diagnostics::error_name::{AWS_IO_DNS_QUERY_AGAIN, AWS_IO_SOCKET_TIMEOUT};
use dropscope::diagnostics::event::{DropKind, Layer, Phase};
use dropscope::diagnostics::failure::Failure;
use dropscope::lab::Gateway;
use dropscope::mqtt::connector::{BoxFuture, Connector, OpenRequest};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::wire::{OpenFailure, OpenOutcome, WireConnection};
use tokio::sync::watch;
use tokio::time::sleep;

use super::dice::Dice;
use super::line::SimulatedLine;
use crate::in_memory::{
    ClientStream, ConnectPhases, LineState, NewestLine, connection_refused, duplex, line, server_address,
};

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
pub(crate) struct PathConditions {
    pub(crate) latency: (f64, f64),
    pub(crate) connect: (f64, f64),
    pub(crate) nat: Option<NatSettings>,
}

/// The network. Clones are the same network.
#[derive(Clone)]
pub(crate) struct GatewayNetwork(Arc<NetworkCore>);

pub(super) struct NetworkCore {
    gateway: Gateway,
    pub(super) scale: f64,
    pub(super) conditions: PathConditions,
    pub(super) path: watch::Sender<PathState>,
    dice: Mutex<Dice>,
    newest: NewestLine,
}

impl std::fmt::Debug for GatewayNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatewayNetwork")
    }
}

impl GatewayNetwork {
    pub(crate) fn new(gateway: Gateway, scale: f64, conditions: PathConditions, dice: Dice) -> Self {
        Self(Arc::new(NetworkCore {
            gateway,
            scale,
            conditions,
            path: watch::Sender::new(PathState::Open),
            dice: Mutex::new(dice),
            newest: NewestLine::default(),
        }))
    }

    /// Changes the state of the path.
    pub(crate) fn set_path(&self, path: PathState) {
        self.0.path.send_replace(path);
    }

    /// Changes the path of the newest connection of the link.
    pub(crate) fn set_line(&self, line: LineState) {
        self.0.newest.set(line);
    }

    /// Whether a probe of the first hop would be answered.
    pub(crate) fn is_down(&self) -> bool {
        *self.0.path.borrow() == PathState::Down
    }

    /// The connector of the recording link.
    pub(crate) fn connector(&self) -> NetworkConnector {
        NetworkConnector { net: self.clone(), own: true }
    }

    /// The connector of another client of the same server, without a NAT and without cuts.
    pub(crate) fn other_connector(&self) -> NetworkConnector {
        NetworkConnector { net: self.clone(), own: false }
    }

    fn attach(&self, settings: &LinkSettings, own: bool) -> ClientStream {
        let (near, far) = duplex();
        let peer_end = self.0.gateway.attach(far);
        let line = if own { self.0.newest.connect() } else { line().1 };
        // The link sets it on its socket (TCP_USER_TIMEOUT).
        let keep_alive = self.0.real(f64::from(settings.keep_alive_secs));
        let patience = (keep_alive + settings.ping_timeout).max(self.0.real(20.0));
        SimulatedLine { net: Arc::clone(&self.0), line, peer_end, own, patience }.spawn(near)
    }

    async fn phases(
        &self,
        request: OpenRequest<'_>,
        own: bool,
        timings: &mut ConnectPhases<'_>,
    ) -> Result<WireConnection, OpenFailure> {
        for phase in [Phase::Dns, Phase::Tcp] {
            let work = async {
                sleep(self.0.connect_time(phase)).await;
                let failure = if own { self.connect_failure(request.settings, phase).await } else { None };
                failure.map_or(Ok(None), Err)
            };
            timings.run(phase, work).await?;
        }
        let stream = self.attach(request.settings, own);
        Ok(WireConnection::from_stream(stream, Arc::clone(request.clock)))
    }

    async fn connect_failure(&self, settings: &LinkSettings, phase: Phase) -> Option<Failure> {
        let path = *self.0.path.borrow();
        // The port that the recordings show, whatever the transport.
        let remote = server_address(8883);
        match (path, phase) {
            (PathState::NoDns, Phase::Dns) => {
                Some(Failure::new(AWS_IO_DNS_QUERY_AGAIN, Layer::Dns, DropKind::Io, "try again"))
            }
            (PathState::RefusesConnects, Phase::Tcp) => Some(connection_refused(remote)),
            (PathState::Down, Phase::Tcp) => {
                let mut path = self.0.path.subscribe();
                let back = path.wait_for(|path| *path != PathState::Down);
                let is_down = tokio::time::timeout(settings.timeouts.tcp, back).await.is_err();
                let detail = format!("{remote} did not answer");
                is_down.then(|| Failure::new(AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, detail))
            }
            _ => None,
        }
    }
}

impl NetworkCore {
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

/// Opens connections through the network, for the recording link or for another client.
#[derive(Debug)]
pub(crate) struct NetworkConnector {
    net: GatewayNetwork,
    /// Whether it is the recording link's.
    own: bool,
}

impl Connector for NetworkConnector {
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(async move {
            let mut timings = ConnectPhases::new(request.clock);
            let result = self.net.phases(request, self.own, &mut timings).await;
            timings.finish(result)
        })
    }
}
