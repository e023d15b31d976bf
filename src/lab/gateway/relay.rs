//! What happens on one connection, from its first packet to its end?

mod alarm;
mod chart;
mod ending;
mod lane;
mod strike;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::alarm::Alarm;
use self::chart::Chart;
use self::lane::Lane;
use super::ailment::{AilmentId, Manner};
use super::blow::Blow;
use super::gate::{Order, Shared};
use super::symptom::Way;
use crate::lab::pipe::{Pipe, Turn};
use crate::lab::server_stream::Ending;

const PINGRESP: &[u8] = &[0xD0, 0];

/// Whether packets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Open,
    /// Nothing passes any more. With an ailment's number: the client's next packet is answered with RST.
    Dark(Option<AilmentId>),
}

/// How the connection is over.
enum Over {
    /// The gateway or the server ends it in this manner.
    End(Ending),
    /// The client has gone, properly or not.
    ClientGone { is_reset: bool },
}

/// One connection between a client and the server.
pub(super) struct Relay {
    shared: Arc<Shared>,
    number: u64,
    /// Keeps the gateway from being over; for whom the relay spawns.
    task: mpsc::Sender<()>,
    client: Pipe,
    /// `None` once the server's side is closed.
    server: Option<Pipe>,
    lanes: [Lane; 2],
    chart: Chart,
    path: Path,
    /// The server has gone in this manner; the client gets to know after what is still under way.
    farewell: Option<Ending>,
    alarm: Alarm,
}

impl Relay {
    pub(super) fn new(
        shared: Arc<Shared>,
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
            lanes: [Lane::new(Way::ToServer), Lane::new(Way::ToClient)],
            chart: Chart::new(Arc::clone(&shared), number),
            path: Path::Open,
            farewell: None,
            alarm: Alarm::new(),
            shared,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let (enlisted, mut orders) = shared.enlist(self.number);
        let mut armed = shared.armed.subscribe();
        let mut blackouts = shared.blackouts.subscribe();
        let now = Instant::now();
        self.chart.update(&armed.borrow_and_update().clone(), now);
        let over = loop {
            let is_blackout = *blackouts.borrow_and_update() > 0;
            self.alarm.set(self.due());
            let reads = self.reads();
            // In order: what was ordered or is due before a packet comes acts before the packet.
            let over = tokio::select! {
                biased;
                () = shared.shutdown.cancelled() => Some(Over::End(Ending::Abandon)),
                order = orders.recv() => match order {
                    Some(Order { ailment, blow }) => self.strike(ailment, blow),
                    None => Some(Over::End(Ending::Abandon)),
                },
                _ = armed.changed() => {
                    let all = Arc::clone(&armed.borrow_and_update());
                    self.chart.update(&all, Instant::now());
                    None
                }
                _ = blackouts.changed() => None,
                () = self.alarm.ring() => self.wake(Instant::now()),
                turns = both(&mut self.client, self.server.as_mut(), reads), if !is_blackout => {
                    self.exchange(turns)
                }
            };
            if let Some(over) = over.or_else(|| self.is_done()) {
                break over;
            }
        };
        drop(enlisted);
        self.end(over).await;
    }

    fn due(&self) -> Option<Instant> {
        if self.path != Path::Open {
            return None;
        }
        let may_insert = self.lanes[Way::ToClient as usize].is_between_packets();
        let late_ping = self.chart.late_ping_due().filter(|_| may_insert);
        let lines = self.lanes.iter().filter_map(|lane| lane.line.due());
        lines.chain(late_ping).chain(self.chart.due()).min()
    }

    /// Whether to read from the client, and from the server.
    fn reads(&self) -> [bool; 2] {
        if self.path != Path::Open {
            return [true, true];
        }
        let server_has_room = self.server.as_ref().is_some_and(Pipe::has_room);
        [
            server_has_room && self.lanes[0].line.has_room() && self.farewell.is_none(),
            self.client.has_room() && self.lanes[1].line.has_room(),
        ]
    }

    /// The server has gone, and the client has got everything.
    fn is_done(&mut self) -> Option<Over> {
        let is_empty = self.lanes[Way::ToClient as usize].line.is_empty();
        if is_empty && self.path == Path::Open { self.farewell.take().map(Over::End) } else { None }
    }

    /// Does what is due.
    fn wake(&mut self, now: Instant) -> Option<Over> {
        let [to_server, to_client] = &mut self.lanes;
        if to_client.is_between_packets() {
            for _ in 0..self.chart.take_late_pings(now) {
                to_client.forward(now, PINGRESP, &mut self.client.out);
            }
        }
        if let Some(server) = &mut self.server {
            to_server.line.receive(now, &mut server.out);
        }
        to_client.line.receive(now, &mut self.client.out);
        let (ailment, blow) = self.chart.strike(now)?;
        self.strike(ailment, blow)
    }

    /// Takes what came from both sides.
    fn exchange(&mut self, [from_client, from_server]: [Option<io::Result<Turn>>; 2]) -> Option<Over> {
        let now = Instant::now();
        let mut over = None;
        match from_client {
            Some(Ok(Turn::Read)) => over = self.take(Way::ToServer, now),
            Some(Ok(Turn::Ended)) => over = Some(Over::ClientGone { is_reset: false }),
            Some(Err(_)) => over = Some(Over::ClientGone { is_reset: true }),
            Some(Ok(Turn::Room)) | None => {}
        }
        if over.is_some() {
            return over;
        }
        match from_server {
            Some(Ok(Turn::Read)) => over = self.take(Way::ToClient, now),
            Some(Ok(Turn::Ended)) => self.lose_server(false),
            Some(Err(_)) => self.lose_server(true),
            Some(Ok(Turn::Room)) | None => {}
        }
        over
    }

    /// Takes what has come in one direction.
    fn take(&mut self, way: Way, now: Instant) -> Option<Over> {
        if let Path::Dark(resets) = self.path {
            self.client.inbox.clear();
            if let Some(server) = &mut self.server {
                server.inbox.clear();
            }
            let ailment = resets.filter(|_| way == Way::ToServer)?;
            self.shared.log(ailment, Some(self.number), Blow::End(Manner::Reset).words());
            return Some(Over::End(Ending::Reset));
        }
        let lane = &mut self.lanes[way as usize];
        let server = self.server.as_mut()?;
        let (from, to) = match way {
            Way::ToServer => (&mut self.client, &mut server.out),
            Way::ToClient => (server, &mut self.client.out),
        };
        let (bytes, packets) = (from.inbox.len(), lane.packets);
        let chart = &mut self.chart;
        let blow = lane.pass(now, &mut from.inbox, to, |packet| chart.judge(packet, now));
        let rest = from.inbox.len();
        self.shared.ledger.bytes[way as usize].add((bytes - rest) as u64);
        self.shared.ledger.packets[way as usize].add(lane.packets - packets);
        let (ailment, blow) = blow?;
        self.strike(ailment, blow)
    }

    /// The server has closed its side.
    fn lose_server(&mut self, is_reset: bool) {
        if self.path == Path::Open {
            // A server elsewhere cannot say how it ends the layers below MQTT. Servers end orderly; who wants
            // something else has ailments for it.
            let unsaid = if is_reset { Ending::Reset } else { Ending::Goodbye };
            self.farewell = Some(self.server.as_ref().and_then(Pipe::parting).unwrap_or(unsaid));
            let lane = &mut self.lanes[Way::ToClient as usize];
            let now = Instant::now();
            if let Some(server) = &mut self.server {
                lane.forward(now, &server.inbox.split(), &mut self.client.out);
            }
        }
        self.server = None;
    }
}

/// Writes and reads on both sides until something came, without preferring either.
async fn both(
    client: &mut Pipe,
    mut server: Option<&mut Pipe>,
    reads: [bool; 2],
) -> [Option<io::Result<Turn>>; 2] {
    poll_fn(|cx| {
        let from_client = client.poll_turn(cx, reads[0]);
        let from_server = match &mut server {
            Some(server) => server.poll_turn(cx, reads[1]),
            None => Poll::Pending,
        };
        let found = |turn: Poll<io::Result<Turn>>| match turn {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        };
        match (found(from_client), found(from_server)) {
            (None, None) => Poll::Pending,
            found => Poll::Ready(found.into()),
        }
    })
    .await
}
