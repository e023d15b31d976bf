//! The server behind a gateway: the embedded broker or an address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::duplex;
use tokio::net::TcpStream;

use crate::lab::aws::AwsRules;
use crate::lab::broker::BrokerControl;
use crate::lab::transport::{CloseSignal, ServerStream};

/// Bytes between the gateway and the embedded broker, each way.
const UPSTREAM_BUFFER: usize = 256 * 1024;

/// The server behind a gateway.
#[derive(Clone)]
pub enum Upstream {
    /// The embedded broker, without sockets. The gateway applies its rules for a WebSocket upgrade, and a
    /// client sees the broker's close as if it were connected directly.
    Broker(BrokerControl),
    /// A broker with MQTT over plain TCP.
    Address(SocketAddr),
}

impl Upstream {
    /// The rules for a WebSocket upgrade.
    pub(super) fn rules(&self) -> Option<&AwsRules> {
        match self {
            Upstream::Broker(broker) => broker.rules().map(Arc::as_ref),
            Upstream::Address(_) => None,
        }
    }

    /// A new connection to the server.
    pub(super) async fn connect(&self) -> io::Result<ServerStream> {
        match self {
            Upstream::Broker(broker) => {
                let (near, far) = duplex(UPSTREAM_BUFFER);
                let close_signal = CloseSignal::default();
                if !broker.attach_with_signal(far, close_signal.clone()) {
                    return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the broker has stopped"));
                }
                Ok(ServerStream::Memory(Box::new(near), close_signal))
            }
            Upstream::Address(address) => {
                let tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                Ok(ServerStream::Tcp(tcp))
            }
        }
    }
}
