//! How does an accepted connection become one that packets pass through?

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::gate::Shared;
use super::relay::Relay;
use crate::lab::fault::Fault;
use crate::lab::handshake::{self, Endpoint, HANDSHAKE_LIMIT};
use crate::lab::pipe::Pipe;
use crate::lab::server_stream::{Ending, MemoryStream, Parting, ServerStream};

/// How long the server may take to accept.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// Something that was accepted.
pub(super) enum Incoming {
    Tcp(TcpStream, Endpoint),
    Memory(Box<dyn MemoryStream>, Parting),
}

/// Serves a connection in a task of its own until its end or the gateway's.
pub(super) fn spawn(shared: &Arc<Shared>, incoming: Incoming, task: mpsc::Sender<()>) {
    let number = shared.ledger.accepted.add(1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let prepared = tokio::select! {
            () = shared.shutdown.cancelled() => return,
            prepared = prepare(&shared, incoming, number) => prepared,
        };
        if let Some((client, server)) = prepared {
            Relay::new(shared, number, task, client, server).run().await;
        }
    });
}

/// Both ends of the connection, or `None` if it is over already.
async fn prepare(shared: &Shared, incoming: Incoming, number: u64) -> Option<(Pipe, Pipe)> {
    if matches!(incoming, Incoming::Memory(..)) && shared.ports.lock().await.are_closed() {
        return None;
    }
    shared.blackouts.subscribe().wait_for(|count| *count == 0).await.ok()?;
    let client = match incoming {
        Incoming::Memory(stream, parting) => ServerStream::Memory(stream, parting),
        Incoming::Tcp(tcp, endpoint) => {
            timeout(HANDSHAKE_LIMIT, accept(shared, tcp, &endpoint, number)).await.ok()?.ok()?
        }
    };
    let Ok(Ok(server)) = timeout(UPSTREAM_LIMIT, shared.connect_upstream()).await else {
        client.end(Ending::Fin).await;
        return None;
    };
    Some((Pipe::new(client), Pipe::new(server)))
}

/// TLS and WebSocket, where expired credentials show in the upgrade.
async fn accept(
    shared: &Shared,
    tcp: TcpStream,
    endpoint: &Endpoint,
    number: u64,
) -> io::Result<ServerStream> {
    let is_websocket = matches!(endpoint, Endpoint::Ws | Endpoint::Wss(_));
    let expired = shared.expired().filter(|_| is_websocket);
    let planned: &[Fault] = if let Some(ailment) = expired {
        shared.log(ailment, Some(number), "upgrade refused: 403");
        &[Fault::UpgradeStatus(403)]
    } else {
        &[]
    };
    handshake::accept(tcp, endpoint, planned, shared.rules()).await
}
