//! Serving of accepted connections: planned faults of the first moment, TLS, WebSocket, then MQTT.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connect;
use super::fault::{Fault, GARBAGE, PlannedFaults};
use super::state::BrokerState;
use crate::lab::aws::AwsRules;
use crate::lab::transport::{
    self, CloseMode, CloseSignal, ConnectionHandler, HANDSHAKE_LIMIT, ListenerEndpoint, MemoryStream,
    ServerStream,
};

impl ConnectionHandler for Arc<BrokerState> {
    fn shutdown(&self) -> &CancellationToken {
        BrokerState::shutdown(self)
    }

    fn handle_connection(&self, tcp: TcpStream, endpoint: &ListenerEndpoint, task: mpsc::Sender<()>) {
        let (number, planned_faults) = self.register_connection();
        let (state, endpoint) = (Self::clone(self), endpoint.clone());
        tokio::spawn(async move {
            let _task = task;
            let stream = tokio::select! {
                () = BrokerState::shutdown(&state).cancelled() => return,
                stream = open_stream(tcp, &endpoint, &planned_faults, state.options().aws.as_deref()) => stream,
            };
            if let Some(client) = stream {
                connect::serve(state, client, number, planned_faults).await;
            }
        });
    }
}

/// Serves an in-memory stream and records in `close_signal` how it ends.
pub(super) fn attach(
    state: &Arc<BrokerState>,
    stream: Box<dyn MemoryStream>,
    close_signal: CloseSignal,
    task: mpsc::Sender<()>,
) {
    let (number, planned_faults) = state.register_connection();
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let _task = task;
        connect::serve(state, ServerStream::Memory(stream, close_signal), number, planned_faults).await;
    });
}

/// Applies the faults planned for the accept, then does TLS and the WebSocket upgrade.
async fn open_stream(
    mut tcp: TcpStream,
    endpoint: &ListenerEndpoint,
    planned_faults: &PlannedFaults,
    rules: Option<&AwsRules>,
) -> Option<ServerStream> {
    for fault in &planned_faults.on_accept {
        let mode = match fault {
            Fault::UpgradeStatus(_) | Fault::NoSubprotocol | Fault::TlsRefusal(_) => continue,
            Fault::Reset => CloseMode::Reset,
            Fault::BlackHole { .. } | Fault::HoldConnack | Fault::HalfPacket => {
                let _held_open = tcp;
                return std::future::pending().await;
            }
            Fault::Garbage | Fault::MalformedPacket => {
                tcp.write_all(GARBAGE).await.ok()?;
                CloseMode::BareFin
            }
            Fault::Bytes(bytes) => {
                tcp.write_all(bytes).await.ok()?;
                CloseMode::BareFin
            }
            _ => CloseMode::BareFin,
        };
        ServerStream::Tcp(tcp).close(mode).await;
        return None;
    }
    let handshake = transport::accept(tcp, endpoint, planned_faults.in_handshake(), rules);
    tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await.ok()?.ok()
}
