//! The relay between one client and the server, from the first packet to the end.

mod close;
mod connection_faults;
mod fault_injection;
mod forwarder;
mod wakeup;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::connection_faults::ConnectionFaults;
use self::forwarder::PacketForwarder;
use self::wakeup::WakeupTimer;
use super::fault_action::FaultAction;
use super::path_fault::{DropManner, PathFaultId};
use super::session_fault::PacketDirection;
use super::state::{FaultCommand, GatewayState};
use crate::lab::transport::{CloseMode, Pipe, PipeEvent};

const PINGRESP: &[u8] = &[0xD0, 0];

/// Whether packets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RelayState {
    Open,
    /// Nothing passes. With the number of a fault: the client's next packet is answered with RST.
    BlackHole(Option<PathFaultId>),
}

/// How the connection has ended.
enum RelayEnd {
    /// The gateway or the server closes it in this mode.
    Close(CloseMode),
    /// The client has closed it.
    ClientGone { is_reset: bool },
}

/// One connection between a client and the server.
pub(super) struct Relay {
    state: Arc<GatewayState>,
    number: u64,
    /// Held until the relay ends; cloned for every task that it spawns.
    task: mpsc::Sender<()>,
    client: Pipe,
    /// `None` once the server's side is closed.
    server: Option<Pipe>,
    forwarders: [PacketForwarder; 2],
    faults: ConnectionFaults,
    phase: RelayState,
    /// The server has closed its side in this mode; the client gets the close after the data in transit.
    server_close: Option<CloseMode>,
    wakeup: WakeupTimer,
}

impl Relay {
    pub(super) fn new(
        state: Arc<GatewayState>,
        number: u64,
        task: mpsc::Sender<()>,
        client: Pipe,
        server: Pipe,
    ) -> Self {
        Self {
            number,
            task,
            client,
            server: Some(server),
            forwarders: [
                PacketForwarder::new(PacketDirection::ToServer),
                PacketForwarder::new(PacketDirection::ToClient),
            ],
            faults: ConnectionFaults::new(Arc::clone(&state), number),
            phase: RelayState::Open,
            server_close: None,
            wakeup: WakeupTimer::new(),
            state,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn run(mut self) {
        let state = Arc::clone(&self.state);
        let (guard, mut commands) = state.register_connection(self.number);
        let mut armed = state.watch_armed();
        let mut blackouts = state.blackouts.subscribe();
        let now = Instant::now();
        self.faults.update(&armed.borrow_and_update().clone(), now);
        let end = loop {
            let is_blackout = *blackouts.borrow_and_update() > 0;
            self.wakeup.set(self.due());
            let should_read = self.read_interest();
            // Biased: a command or a timer that precedes a packet acts before the packet.
            let end = tokio::select! {
                biased;
                () = state.shutdown.cancelled() => Some(RelayEnd::Close(CloseMode::Abort)),
                command = commands.recv() => match command {
                    Some(FaultCommand { fault_id, action }) => self.apply(fault_id, action),
                    None => Some(RelayEnd::Close(CloseMode::Abort)),
                },
                _ = armed.changed() => {
                    let faults = Arc::clone(&armed.borrow_and_update());
                    self.faults.update(&faults, Instant::now());
                    None
                }
                _ = blackouts.changed() => None,
                () = self.wakeup.wait() => self.handle_due(Instant::now()),
                events = drive_both(&mut self.client, self.server.as_mut(), should_read), if !is_blackout => {
                    self.handle_io(events)
                }
            };
            if let Some(end) = end.or_else(|| self.take_end()) {
                break end;
            }
        };
        drop(guard);
        self.close(end).await;
    }

    fn due(&self) -> Option<Instant> {
        if self.phase != RelayState::Open {
            return None;
        }
        let may_insert = self.forwarders[PacketDirection::ToClient as usize].is_between_packets();
        let late_ping = self.faults.late_ping_due().filter(|_| may_insert);
        let delay_lines = self.forwarders.iter().filter_map(|forwarder| forwarder.delay_line.next_arrival());
        delay_lines.chain(late_ping).chain(self.faults.due()).min()
    }

    /// Whether to read from the client, and from the server.
    fn read_interest(&self) -> [bool; 2] {
        if self.phase != RelayState::Open {
            return [true, true];
        }
        let server_has_room = self.server.as_ref().is_some_and(Pipe::has_room);
        [
            server_has_room && self.forwarders[0].delay_line.has_room() && self.server_close.is_none(),
            self.client.has_room() && self.forwarders[1].delay_line.has_room(),
        ]
    }

    /// The end, when the server has closed its side and the client has got all its data.
    fn take_end(&mut self) -> Option<RelayEnd> {
        let is_empty = self.forwarders[PacketDirection::ToClient as usize].delay_line.is_empty();
        if is_empty && self.phase == RelayState::Open {
            self.server_close.take().map(RelayEnd::Close)
        } else {
            None
        }
    }

    /// Does everything that is due by now.
    fn handle_due(&mut self, now: Instant) -> Option<RelayEnd> {
        let [to_server, to_client] = &mut self.forwarders;
        if to_client.is_between_packets() {
            for _ in 0..self.faults.take_late_pings(now) {
                to_client.forward(now, PINGRESP, &mut self.client.write_buffer);
            }
        }
        if let Some(server) = &mut self.server {
            to_server.delay_line.receive(now, &mut server.write_buffer);
        }
        to_client.delay_line.receive(now, &mut self.client.write_buffer);
        let (fault_id, action) = self.faults.take_due_action(now)?;
        self.apply(fault_id, action)
    }

    /// Handles the events of both sides.
    fn handle_io(
        &mut self,
        [from_client, from_server]: [Option<io::Result<PipeEvent>>; 2],
    ) -> Option<RelayEnd> {
        let now = Instant::now();
        let mut end = None;
        match from_client {
            Some(Ok(PipeEvent::Read)) => end = self.relay_direction(PacketDirection::ToServer, now),
            Some(Ok(PipeEvent::Eof)) => end = Some(RelayEnd::ClientGone { is_reset: false }),
            Some(Err(_)) => end = Some(RelayEnd::ClientGone { is_reset: true }),
            Some(Ok(PipeEvent::Writable)) | None => {}
        }
        if end.is_some() {
            return end;
        }
        match from_server {
            Some(Ok(PipeEvent::Read)) => end = self.relay_direction(PacketDirection::ToClient, now),
            Some(Ok(PipeEvent::Eof)) => self.handle_server_close(false),
            Some(Err(_)) => self.handle_server_close(true),
            Some(Ok(PipeEvent::Writable)) | None => {}
        }
        end
    }

    /// Forwards the received bytes of one direction.
    fn relay_direction(&mut self, direction: PacketDirection, now: Instant) -> Option<RelayEnd> {
        if let RelayState::BlackHole(reset_by) = self.phase {
            self.client.read_buffer.clear();
            if let Some(server) = &mut self.server {
                server.read_buffer.clear();
            }
            let fault_id = reset_by.filter(|_| direction == PacketDirection::ToServer)?;
            self.state.log_injection(
                fault_id,
                Some(self.number),
                FaultAction::DropConnection(DropManner::Reset).description(),
            );
            return Some(RelayEnd::Close(CloseMode::Reset));
        }
        let forwarder = &mut self.forwarders[direction as usize];
        let server = self.server.as_mut()?;
        let (from, to) = match direction {
            PacketDirection::ToServer => (&mut self.client, &mut server.write_buffer),
            PacketDirection::ToClient => (server, &mut self.client.write_buffer),
        };
        let (bytes_before, packets_before) = (from.read_buffer.len(), forwarder.packets);
        let faults = &mut self.faults;
        let action =
            forwarder.forward_packets(now, &mut from.read_buffer, to, |packet| faults.decide(packet, now));
        let rest = from.read_buffer.len();
        self.state.metrics.bytes[direction as usize].add((bytes_before - rest) as u64);
        self.state.metrics.packets[direction as usize].add(forwarder.packets - packets_before);
        let (fault_id, action) = action?;
        self.apply(fault_id, action)
    }

    /// The server has closed its side.
    fn handle_server_close(&mut self, is_reset: bool) {
        if self.phase == RelayState::Open {
            // A server behind a TCP address cannot signal how it closes the layers below MQTT. The default is an
            // orderly close; faults exist for every other close.
            let default_mode = if is_reset { CloseMode::Reset } else { CloseMode::Graceful };
            self.server_close = Some(self.server.as_ref().and_then(Pipe::peer_close).unwrap_or(default_mode));
            let forwarder = &mut self.forwarders[PacketDirection::ToClient as usize];
            let now = Instant::now();
            if let Some(server) = &mut self.server {
                forwarder.forward(now, &server.read_buffer.split(), &mut self.client.write_buffer);
            }
        }
        self.server = None;
    }
}

/// Writes and reads on both sides until one of them has an event; neither side has priority.
async fn drive_both(
    client: &mut Pipe,
    mut server: Option<&mut Pipe>,
    should_read: [bool; 2],
) -> [Option<io::Result<PipeEvent>>; 2] {
    poll_fn(|cx| {
        let from_client = client.poll_drive(cx, should_read[0]);
        let from_server = match &mut server {
            Some(server) => server.poll_drive(cx, should_read[1]),
            None => Poll::Pending,
        };
        let ready = |poll: Poll<io::Result<PipeEvent>>| match poll {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        };
        match (ready(from_client), ready(from_server)) {
            (None, None) => Poll::Pending,
            events => Poll::Ready(events.into()),
        }
    })
    .await
}
