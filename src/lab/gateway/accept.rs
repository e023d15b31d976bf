//! Accepted connections: handshake with the client, connect to the server, then the relay.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use tokio_util::sync::CancellationToken;

use super::relay::Relay;
use super::state::GatewayState;
use crate::lab::transport::{
    self, CloseMode, CloseSignal, ConnectionHandler, HANDSHAKE_LIMIT, HandshakeFaults, ListenerEndpoint,
    MemoryStream, Pipe, ServerStream,
};

/// How long the server may take to accept.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// An accepted stream.
pub(super) enum AcceptedStream {
    Tcp(TcpStream, ListenerEndpoint),
    Memory(Box<dyn MemoryStream>, CloseSignal),
}

impl ConnectionHandler for Arc<GatewayState> {
    fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    fn handle_connection(&self, tcp: TcpStream, endpoint: &ListenerEndpoint, task: mpsc::Sender<()>) {
        spawn(self, AcceptedStream::Tcp(tcp, endpoint.clone()), task);
    }
}

/// Serves a connection in a task of its own until it or the gateway ends.
pub(super) fn spawn(state: &Arc<GatewayState>, incoming: AcceptedStream, task: mpsc::Sender<()>) {
    let number = state.metrics.accepted.add(1);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let pipes = tokio::select! {
            () = state.shutdown.cancelled() => return,
            pipes = prepare(&state, incoming, number) => pipes,
        };
        if let Some((client, server)) = pipes {
            Relay::new(state, number, task, client, server).run().await;
        }
    });
}

/// Both sides of the connection, or `None` if it has ended already.
async fn prepare(state: &GatewayState, incoming: AcceptedStream, number: u64) -> Option<(Pipe, Pipe)> {
    if matches!(incoming, AcceptedStream::Memory(..)) && state.ports.lock().await.are_closed() {
        return None;
    }
    state.blackouts.subscribe().wait_for(|count| *count == 0).await.ok()?;
    let client = match incoming {
        AcceptedStream::Memory(stream, close_signal) => ServerStream::Memory(stream, close_signal),
        AcceptedStream::Tcp(tcp, endpoint) => {
            timeout(HANDSHAKE_LIMIT, accept(state, tcp, &endpoint, number)).await.ok()?.ok()?
        }
    };
    let Ok(Ok(server)) = timeout(UPSTREAM_LIMIT, state.upstream.connect()).await else {
        client.close(CloseMode::Fin).await;
        return None;
    };
    Some((Pipe::new(client), Pipe::new(server)))
}

/// Does TLS and the WebSocket upgrade. Expired credentials refuse the upgrade.
async fn accept(
    state: &GatewayState,
    tcp: TcpStream,
    endpoint: &ListenerEndpoint,
    number: u64,
) -> io::Result<ServerStream> {
    let is_websocket = matches!(endpoint, ListenerEndpoint::Ws | ListenerEndpoint::Wss(_));
    let credential_fault = state.credential_fault().filter(|_| is_websocket);
    let mut faults = HandshakeFaults::default();
    if let Some(fault_id) = credential_fault {
        state.log_injection(fault_id, Some(number), "upgrade refused: 403");
        faults.upgrade_status = Some(403);
    }
    transport::accept(tcp, endpoint, faults, state.upstream.rules()).await
}
