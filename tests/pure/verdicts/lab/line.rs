//! The network path of one connection.

use std::sync::Arc;
use std::time::Duration;

use dropscope::lab::CloseSignal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::net::{NatSettings, NetworkCore, PathState};
use crate::in_memory::{ClientStream, LineState, StreamEnd};

/// The parameters of the path of one connection.
pub(super) struct SimulatedLine {
    pub(super) net: Arc<NetworkCore>,
    pub(super) line: watch::Receiver<LineState>,
    pub(super) peer_end: CloseSignal,
    pub(super) own: bool,
    /// How long the client's computer retransmits unacknowledged data.
    pub(super) patience: Duration,
}

/// Input at one of the ends.
enum LineEvent {
    StateChange,
    PathChange,
    Up(usize),
    Down(usize),
}

impl SimulatedLine {
    /// Starts it at the server's end; returns the client's end.
    pub(super) fn spawn(self, mut server: DuplexStream) -> ClientStream {
        let (stream, mut client, end) = ClientStream::new();
        tokio::spawn(async move {
            end.set(self.run(&mut client, &mut server).await);
        });
        stream
    }

    async fn run(mut self, client: &mut DuplexStream, server: &mut DuplexStream) -> StreamEnd {
        let (mut up, mut down) = (vec![0; 8 * 1024], vec![0; 8 * 1024]);
        let mut mapping =
            self.net.conditions.nat.filter(|_| self.own).map(|nat| NatMapping::new(nat, &self.net));
        let (mut path, mut orders_open) = (self.net.path.subscribe(), true);
        loop {
            let is_down = self.own && *path.borrow_and_update() == PathState::Down;
            let event = tokio::select! {
                biased;
                changed = self.line.changed(), if orders_open => {
                    orders_open = changed.is_ok();
                    LineEvent::StateChange
                }
                _ = path.changed() => LineEvent::PathChange,
                count = client.read(&mut up) => LineEvent::Up(count.unwrap_or(0)),
                count = server.read(&mut down), if !is_down => LineEvent::Down(count.unwrap_or(0)),
            };
            if is_down
                && !matches!(event, LineEvent::PathChange)
                && !self.wait_for_path(matches!(event, LineEvent::Up(1..))).await
            {
                return StreamEnd::TimedOut;
            }
            let line = *self.line.borrow_and_update();
            let is_up = matches!(event, LineEvent::Up(_));
            match (line, &event) {
                (LineState::Fin, _) => return StreamEnd::Fin,
                (LineState::Reset, _) => return StreamEnd::Reset,
                (LineState::BlackHole, _) => return self.black_hole(client, server, is_up).await,
                (LineState::Fine, LineEvent::StateChange | LineEvent::PathChange) => continue,
                (LineState::Fine, _) => {}
            }
            let is_mapped = mapping.as_mut().is_none_or(|mapping| mapping.passes(is_up, &self.net));
            if !is_mapped {
                if is_up && self.net.conditions.nat.is_some_and(|nat| nat.resets) {
                    return StreamEnd::Reset;
                }
                return self.black_hole(client, server, is_up).await;
            }
            sleep(self.net.latency()).await;
            let written = match event {
                // The client is gone, and the server gets a FIN.
                LineEvent::Up(0) | LineEvent::StateChange | LineEvent::PathChange => return StreamEnd::Fin,
                LineEvent::Down(0) => return self.server_end(),
                LineEvent::Up(count) => server.write_all(&up[..count]).await,
                LineEvent::Down(count) => client.write_all(&down[..count]).await,
            };
            if written.is_err() {
                return self.server_end();
            }
        }
    }

    fn server_end(&self) -> StreamEnd {
        if self.peer_end.is_reset() { StreamEnd::Reset } else { StreamEnd::Fin }
    }

    /// Waits for a path that forwards; `false`: too long for data of the client.
    async fn wait_for_path(&self, is_data: bool) -> bool {
        let mut path = self.net.path.subscribe();
        let since = Instant::now();
        let patience = if is_data { self.patience } else { Duration::from_secs(30 * 86_400) };
        if timeout(patience, path.wait_for(|path| *path != PathState::Down)).await.is_err() {
            return false;
        }
        // TCP retransmits at growing intervals.
        let late = self.net.dice().between(0.0, 0.5) * since.elapsed().as_secs_f64() * self.net.scale;
        sleep(self.net.real(late)).await;
        true
    }

    /// Discards everything; ends when the client is gone, or its computer gives up.
    async fn black_hole(
        &self,
        client: &mut DuplexStream,
        server: &mut DuplexStream,
        is_data: bool,
    ) -> StreamEnd {
        let (mut up, mut down) = (vec![0; 1024], vec![0; 1024]);
        let mut is_serving = true;
        let mut deadline = is_data.then(|| Instant::now() + self.patience);
        loop {
            let due = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = sleep_until(due), if deadline.is_some() => return StreamEnd::TimedOut,
                read = client.read(&mut up) => {
                    if read.unwrap_or(0) == 0 {
                        return StreamEnd::Fin;
                    }
                    deadline = deadline.or_else(|| Some(Instant::now() + self.patience));
                }
                read = server.read(&mut down), if is_serving => is_serving = read.unwrap_or(0) > 0,
            }
        }
    }
}

/// One entry of the router's table.
struct NatMapping {
    nat: NatSettings,
    last: Instant,
    limit: f64,
}

impl NatMapping {
    fn new(nat: NatSettings, net: &NetworkCore) -> Self {
        Self { nat, last: Instant::now(), limit: Self::limit(&nat, net) }
    }

    fn limit(nat: &NatSettings, net: &NetworkCore) -> f64 {
        nat.limit + net.dice().between(-nat.pressure, nat.pressure)
    }

    /// Whether the entry of a packet still exists.
    fn passes(&mut self, is_up: bool, net: &NetworkCore) -> bool {
        let silent = self.last.elapsed().as_secs_f64() * net.scale;
        if silent > self.limit {
            return false;
        }
        if is_up || self.nat.inbound_refreshes {
            self.last = Instant::now();
            self.limit = Self::limit(&self.nat, net);
        }
        true
    }
}
