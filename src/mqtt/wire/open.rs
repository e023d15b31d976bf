//! One attempt to open the wire: which phases ran, how long each took, where it failed.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::certificate::CertificateInfo;
use super::connect_failure;
use super::dial::dial;
use super::progress::Progress;
use super::proxy::Proxy;
use super::resolve::resolve;
use super::stream::{Wire, WireStream};
use super::tap::{Layers, Tapped, WireTap};
use super::tls::{Handshaken, TlsContext, secure};
use super::websocket::upgrade;
use super::ws_stream::WsStream;
use crate::diagnostics::Clock;
use crate::diagnostics::event::{Phase, PhaseTiming};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::{LinkSettings, Transport};

/// What one attempt gave.
#[derive(Debug)]
pub struct Opened {
    /// The phases reached, in order; the last one carries the error if the attempt failed.
    pub phases: Vec<PhaseTiming>,
    /// The wire, or why there is none.
    pub result: Result<Wire, OpenFailure>,
}

/// Why no wire could be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenFailure {
    /// Where it failed.
    pub phase: Phase,
    /// What happened there.
    pub failure: Failure,
}

/// Opens the wire once: name, TCP, then TLS and WebSocket as the transport asks, each within its own
/// deadline.
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
) -> Opened {
    let proxy = Proxy::choose(&settings.broker, |variable| std::env::var(variable).ok());
    Box::pin(open_through(proxy, settings, tls, clock, progress)).await
}

/// [`open`] with the proxy already looked up.
pub(super) async fn open_through(
    proxy: Result<Option<Proxy>, Failure>,
    settings: &LinkSettings,
    tls: &TlsContext,
    clock: &Arc<dyn Clock>,
    progress: &Progress,
) -> Opened {
    let mut attempt = Attempt { clock, progress, phases: Vec::new() };
    let result = attempt.run(proxy, settings, tls).await;
    progress.clear();
    Opened { phases: attempt.phases, result }
}

/// The bookkeeping of one attempt.
struct Attempt<'a> {
    clock: &'a Arc<dyn Clock>,
    progress: &'a Progress,
    phases: Vec<PhaseTiming>,
}

impl Attempt<'_> {
    async fn run(
        &mut self,
        proxy: Result<Option<Proxy>, Failure>,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<Wire, OpenFailure> {
        let broker = &settings.broker;
        let layers = Layers { tls: broker.transport.is_tls(), websocket: broker.transport.is_websocket() };
        if layers.tls {
            // Reading the platform's authorities takes long; done here, once, it delays no handshake. A
            // failure comes back when the TLS phase asks again.
            let _ = tls.prepare().await;
        }
        let proxy = match proxy {
            Ok(proxy) => proxy,
            Err(failure) => return self.timed(Phase::Tcp, async { Err(failure) }).await,
        };
        let (host, port) =
            proxy.as_ref().map_or((&broker.host, broker.port), |proxy| (&proxy.host, proxy.port));
        let limit = settings.timeouts.dns;
        let addresses = self
            .timed(Phase::Dns, async {
                tokio::time::timeout(limit, resolve(host, port, settings.family, settings.resolver.as_ref()))
                    .await
                    .unwrap_or_else(|_| Err(connect_failure::dns_timed_out(settings.field(limit))))
            })
            .await?;
        let tap = WireTap::new(Arc::clone(self.clock), layers);
        let reach = reach(&addresses, proxy.as_ref(), settings, &tap);
        let Reached { socket, remote, local } = self.timed(Phase::Tcp, reach).await?;
        let (stream, certificate) = self.layered(socket, &tap, settings, tls).await?;
        Ok(Wire { stream, tap, remote, local, certificate })
    }

    /// Puts TLS and WebSocket on the socket, as the transport asks.
    async fn layered(
        &mut self,
        socket: Tapped<TcpStream>,
        tap: &WireTap,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<(WireStream, Option<CertificateInfo>), OpenFailure> {
        let (stream, certificate) = match settings.broker.transport {
            Transport::Tcp => (WireStream::new(socket), None),
            Transport::Ws => (WireStream::new(self.upgraded(socket, tap, settings).await?), None),
            Transport::Tls => {
                let secured = self.secured(socket, tap, settings, tls).await?;
                (WireStream::new(secured.stream), secured.certificate)
            }
            Transport::Wss => {
                let secured = self.secured(socket, tap, settings, tls).await?;
                let stream = self.upgraded(secured.stream, tap, settings).await?;
                (WireStream::new(stream), secured.certificate)
            }
        };
        Ok((stream, certificate))
    }

    async fn upgraded<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        tap: &WireTap,
        settings: &LinkSettings,
    ) -> Result<WsStream<S>, OpenFailure> {
        let limit = settings.timeouts.websocket;
        self.timed(Phase::Websocket, async {
            tokio::time::timeout(limit, Box::pin(upgrade(stream, settings, tap.clone())))
                .await
                .unwrap_or_else(|_| Err(connect_failure::upgrade_timed_out(settings.field(limit))))
        })
        .await
    }

    async fn secured(
        &mut self,
        socket: Tapped<TcpStream>,
        tap: &WireTap,
        settings: &LinkSettings,
        tls: &TlsContext,
    ) -> Result<Handshaken<Tapped<TcpStream>>, OpenFailure> {
        let limit = settings.timeouts.tls;
        let prepared = tls.prepare().await;
        self.timed(Phase::Tls, async {
            let handshake = secure(socket, tls, prepared?, &settings.broker.host, tap.clone());
            tokio::time::timeout(limit, Box::pin(handshake))
                .await
                .unwrap_or_else(|_| Err(connect_failure::tls_timed_out(settings.field(limit))))
        })
        .await
    }

    /// Runs one phase and writes down how it went.
    async fn timed<T>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, OpenFailure> {
        let began = self.clock.now();
        self.progress.enter(phase, began);
        let outcome = work.await;
        let ms = self.clock.now().since(began).as_secs_f64() * 1_000.0;
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
struct Reached {
    socket: Tapped<TcpStream>,
    remote: SocketAddr,
    local: SocketAddr,
}

async fn reach(
    addresses: &[SocketAddr],
    proxy: Option<&Proxy>,
    settings: &LinkSettings,
    tap: &WireTap,
) -> Result<(Reached, String), Failure> {
    let (dialled, mut story) = dial(addresses, settings).await?;
    let mut socket = Tapped::new(dialled.stream, tap.clone());
    if let Some(proxy) = proxy {
        let limit = settings.timeouts.tcp;
        tokio::time::timeout(limit, proxy.tunnel(&mut socket, &settings.broker))
            .await
            .unwrap_or_else(|_| Err(connect_failure::proxy_timed_out(limit)))?;
        story = format!("through the proxy {story}");
    }
    Ok((Reached { socket, remote: dialled.remote, local: dialled.local }, story))
}
