//! How does an accepted connection become one that packets pass through?

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::relay::Relay;
use super::server::GatewayState;
use crate::lab::fault::Fault;
use crate::lab::handshake::{self, HANDSHAKE_LIMIT, ListenerEndpoint};
use crate::lab::pipe::Pipe;
use crate::lab::server_stream::{CloseMode, CloseSignal, MemoryStream, ServerStream};

/// How long the server may take to accept.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// Something that was accepted.
pub(super) enum AcceptedStream {
    Tcp(TcpStream, ListenerEndpoint),
    Memory(Box<dyn MemoryStream>, CloseSignal),
}

/// Serves a connection in a task of its own until its end or the gateway's.
pub(super) fn spawn(shared: &Arc<GatewayState>, incoming: AcceptedStream, task: mpsc::Sender<()>) {
    let number = shared.metrics.accepted.add(1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let pipes = tokio::select! {
            () = shared.shutdown.cancelled() => return,
            pipes = prepare(&shared, incoming, number) => pipes,
        };
        if let Some((client, server)) = pipes {
            Relay::new(shared, number, task, client, server).run().await;
        }
    });
}

/// Both ends of the connection, or `None` if it is over already.
async fn prepare(shared: &GatewayState, incoming: AcceptedStream, number: u64) -> Option<(Pipe, Pipe)> {
    if matches!(incoming, AcceptedStream::Memory(..)) && shared.ports.lock().await.are_closed() {
        return None;
    }
    shared.blackouts.subscribe().wait_for(|count| *count == 0).await.ok()?;
    let client = match incoming {
        AcceptedStream::Memory(stream, close_signal) => ServerStream::Memory(stream, close_signal),
        AcceptedStream::Tcp(tcp, endpoint) => {
            timeout(HANDSHAKE_LIMIT, accept(shared, tcp, &endpoint, number)).await.ok()?.ok()?
        }
    };
    let Ok(Ok(server)) = timeout(UPSTREAM_LIMIT, shared.connect_upstream()).await else {
        client.close(CloseMode::Fin).await;
        return None;
    };
    Some((Pipe::new(client), Pipe::new(server)))
}

/// TLS and WebSocket, where expired credentials show in the upgrade.
async fn accept(
    shared: &GatewayState,
    tcp: TcpStream,
    endpoint: &ListenerEndpoint,
    number: u64,
) -> io::Result<ServerStream> {
    let is_websocket = matches!(endpoint, ListenerEndpoint::Ws | ListenerEndpoint::Wss(_));
    let credential_fault = shared.credential_fault().filter(|_| is_websocket);
    let planned_faults: &[Fault] = if let Some(fault_id) = credential_fault {
        shared.log_injection(fault_id, Some(number), "upgrade refused: 403");
        &[Fault::UpgradeStatus(403)]
    } else {
        &[]
    };
    handshake::accept(tcp, endpoint, planned_faults, shared.rules()).await
}
