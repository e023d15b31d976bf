//! One attempt to open the wire: which phases ran, how long each took, where it failed.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::certificate::CertificateInfo;
use super::close_reason::TransportLayers;
use super::connect_failure;
use super::dial::dial;
use super::progress::Progress;
use super::proxy::Proxy;
use super::resolve::resolve;
use super::stream::{WireConnection, WireStream};
use super::tap::WireTap;
use super::tapped_socket::TappedSocket;
use super::tls::{TlsContext, TlsSession, tls_handshake};
use super::websocket::upgrade;
use super::ws_stream::WsStream;
use crate::diagnostics::event::{Phase, PhaseTiming};
use crate::diagnostics::{Clock, Transport};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::LinkSettings;

/// The result of one attempt.
#[derive(Debug)]
pub struct OpenOutcome {
    /// The phases reached, in order; the last one carries the error if the attempt failed.
    pub phases: Vec<PhaseTiming>,
    /// The wire, or why there is none.
    pub result: Result<WireConnection, OpenFailure>,
}

/// Why no wire could be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenFailure {
    /// Where it failed.
    pub phase: Phase,
    /// What happened there.
    pub failure: Failure,
}

/// Opens the wire once: name resolution, TCP, then TLS and WebSocket if the transport has them, each within
/// its own deadline.
///
/// If the environment names an HTTP proxy for the broker, `dns` and `tcp` are those of the proxy, and `tcp`
/// includes opening the tunnel.
///
/// Dropping the future closes everything it opened. It does not log and does not retry.
pub async fn open(
    settings: &LinkSettings,
    tls: &TlsContext,
    clock: &Arc<dyn Clock>,
    progress: &Progress,
) -> OpenOutcome {
    let proxy = Proxy::from_environment(&settings.broker, |variable| std::env::var(variable).ok());
    Box::pin(open_with_proxy(proxy, settings, tls, clock, progress)).await
}

/// [`open`] with the proxy already looked up.
pub(super) async fn open_with_proxy(
    proxy: Result<Option<Proxy>, Failure>,
    settings: &LinkSettings,
    tls: &TlsContext,
    clock: &Arc<dyn Clock>,
    progress: &Progress,
) -> OpenOutcome {
    let mut attempt = OpenAttempt { clock, progress, phases: Vec::new() };
    let result = attempt.run(proxy, settings, tls).await;
    progress.clear();
    OpenOutcome { phases: attempt.phases, result }
}

/// The bookkeeping of one attempt.
struct OpenAttempt<'a> {
    clock: &'a Arc<dyn Clock>,
    progress: &'a Progress,
    phases: Vec<PhaseTiming>,
}

impl OpenAttempt<'_> {
    async fn run(
        &mut self,
        proxy: Result<Option<Proxy>, Failure>,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<WireConnection, OpenFailure> {
        let broker = &settings.broker;
        let layers =
            TransportLayers { tls: broker.transport.is_tls(), websocket: broker.transport.is_websocket() };
        if layers.tls {
            // Reading the platform's authorities is slow; done here, once, it delays no handshake. A failure
            // is reported by the TLS phase, which prepares again.
            let _ = tls.prepare().await;
        }
        let proxy = match proxy {
            Ok(proxy) => proxy,
            Err(failure) => return self.run_phase(Phase::Tcp, async { Err(failure) }).await,
        };
        let (host, port) =
            proxy.as_ref().map_or((&broker.host, broker.port), |proxy| (&proxy.host, proxy.port));
        let limit = settings.timeouts.dns;
        let addresses = self
            .run_phase(Phase::Dns, async {
                tokio::time::timeout(limit, resolve(host, port, settings.family, settings.resolver.as_ref()))
                    .await
                    .unwrap_or_else(|_| Err(connect_failure::dns_timed_out(settings.to_field_time(limit))))
            })
            .await?;
        let tap = WireTap::new(Arc::clone(self.clock), layers);
        let connecting = connect_tcp(&addresses, proxy.as_ref(), settings, &tap);
        let BrokerSocket { socket, remote, local } = self.run_phase(Phase::Tcp, connecting).await?;
        let (stream, certificate) = self.open_layers(socket, &tap, settings, tls).await?;
        Ok(WireConnection { stream, tap, remote, local, certificate })
    }

    /// Puts TLS and WebSocket on the socket, if the transport has them.
    async fn open_layers(
        &mut self,
        socket: TappedSocket<TcpStream>,
        tap: &WireTap,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<(WireStream, Option<CertificateInfo>), OpenFailure> {
        let (stream, certificate) = match settings.broker.transport {
            Transport::Tcp => (WireStream::new(socket), None),
            Transport::Ws => (WireStream::new(self.open_websocket(socket, tap, settings).await?), None),
            Transport::Tls => {
                let session = self.open_tls(socket, tap, settings, tls).await?;
                (WireStream::new(session.stream), session.certificate)
            }
            Transport::Wss => {
                let session = self.open_tls(socket, tap, settings, tls).await?;
                let stream = self.open_websocket(session.stream, tap, settings).await?;
                (WireStream::new(stream), session.certificate)
            }
        };
        Ok((stream, certificate))
    }

    async fn open_websocket<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        tap: &WireTap,
        settings: &LinkSettings,
    ) -> Result<WsStream<S>, OpenFailure> {
        let limit = settings.timeouts.websocket;
        self.run_phase(Phase::Websocket, async {
            tokio::time::timeout(limit, Box::pin(upgrade(stream, settings, tap.clone())))
                .await
                .unwrap_or_else(|_| Err(connect_failure::upgrade_timed_out(settings.to_field_time(limit))))
        })
        .await
    }

    async fn open_tls(
        &mut self,
        socket: TappedSocket<TcpStream>,
        tap: &WireTap,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<TlsSession<TappedSocket<TcpStream>>, OpenFailure> {
        let limit = settings.timeouts.tls;
        let prepared = tls.prepare().await;
        self.run_phase(Phase::Tls, async {
            let handshake = tls_handshake(socket, tls, prepared?, &settings.broker.host, tap.clone());
            tokio::time::timeout(limit, Box::pin(handshake))
                .await
                .unwrap_or_else(|_| Err(connect_failure::tls_timed_out(settings.to_field_time(limit))))
        })
        .await
    }

    /// Runs one phase and records its time and result.
    async fn run_phase<T>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, OpenFailure> {
        let started_at = self.clock.now();
        self.progress.enter(phase, started_at);
        let outcome = work.await;
        let ms = self.clock.now().since(started_at).as_secs_f64() * 1_000.0;
        match outcome {
            Ok((value, detail)) => {
                self.phases.push(PhaseTiming { phase, ms, ok: true, error: None, detail: Some(detail) });
                Ok(value)
            }
            Err(failure) => {
                let error = Some(failure.message());
                self.phases.push(PhaseTiming { phase, ms, ok: false, error, detail: None });
                Err(OpenFailure { phase, failure })
            }
        }
    }
}

/// A socket whose other end is the broker, possibly through a proxy.
struct BrokerSocket {
    socket: TappedSocket<TcpStream>,
    remote: SocketAddr,
    local: SocketAddr,
}

async fn connect_tcp(
    addresses: &[SocketAddr],
    proxy: Option<&Proxy>,
    settings: &LinkSettings,
    tap: &WireTap,
) -> Result<(BrokerSocket, String), Failure> {
    let (connection, mut detail) = dial(addresses, settings).await?;
    let mut socket = TappedSocket::new(connection.stream, tap.clone());
    if let Some(proxy) = proxy {
        let limit = settings.timeouts.tcp;
        tokio::time::timeout(limit, proxy.tunnel(&mut socket, &settings.broker))
            .await
            .unwrap_or_else(|_| Err(connect_failure::proxy_timed_out(limit)))?;
        detail = format!("through the proxy {detail}");
    }
    Ok((BrokerSocket { socket, remote: connection.remote, local: connection.local }, detail))
}
