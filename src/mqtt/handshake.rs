//! One connect attempt: credentials, transport, CONNECT, CONNACK, each phase timed.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio_util::codec::Framed;

use super::connector::{Connector, OpenRequest};
use super::engine::{
    AcceptedConnack, CodecError, ConnectRequest, Engine, InboundPacket, OutboundPacket, mqtt_failure,
    violation,
};
use super::failure::Failure;
use super::settings::LinkSettings;
use super::signer::{SignFailure, SignedTarget, Signer, upgrade_refusal_reason};
use super::wire::{CertificateInfo, OpenFailure, Progress, WireConnection, WireStream, WireTap};
use crate::diagnostics::error_name::AWS_ERROR_MQTT_TIMEOUT;
use crate::diagnostics::event::{DropKind, Layer, Phase, PhaseTiming};
use crate::diagnostics::{Clock, MqttVersion, Stamp};

/// Read buffer: large, so that a flood costs few system calls.
const READ_BUFFER: usize = 64 * 1024;

/// Everything one attempt needs; owned, so that the attempt is one owned future.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) settings: Arc<LinkSettings>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Arc<Progress>,
    pub(super) connect_sent_at: Arc<ConnectSentAt>,
    pub(super) keep_alive: u16,
    pub(super) protocol: MqttVersion,
    pub(super) deep: bool,
}

/// When the last CONNECT was sent, known even if the attempt was dropped half-way.
#[derive(Debug, Default)]
pub(super) struct ConnectSentAt(Mutex<Option<Stamp>>);

impl ConnectSentAt {
    fn set(&self, at: Stamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    pub(super) fn get(&self) -> Option<Stamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct HandshakeOutcome {
    /// When the credentials in use expire, if the upgrade was signed and that is known.
    pub(super) credentials_expire: Option<DateTime<Utc>>,
    pub(super) phases: Vec<PhaseTiming>,
    pub(super) result: Result<EstablishedSession, OpenFailure>,
}

/// A session the broker accepted.
#[derive(Debug)]
pub(super) struct EstablishedSession {
    pub(super) framed: Framed<WireStream, Engine>,
    pub(super) tap: WireTap,
    pub(super) connack: AcceptedConnack,
    pub(super) remote: std::net::SocketAddr,
    pub(super) local: std::net::SocketAddr,
    pub(super) certificate: Option<CertificateInfo>,
    pub(super) at: Stamp,
}

impl Handshake {
    /// Makes the attempt.
    pub(super) async fn run(self) -> HandshakeOutcome {
        let Some(signer) = &self.settings.signer else {
            return self.open_and_connect(&self.settings, None).await;
        };
        let (timing, result) = self.request_signed_target(&**signer).await;
        let target = match result {
            Ok(target) => target,
            Err(failure) => {
                let failure = OpenFailure { phase: Phase::Credentials, failure };
                return HandshakeOutcome {
                    credentials_expire: None,
                    phases: vec![timing],
                    result: Err(failure),
                };
            }
        };
        let mut settings = LinkSettings::clone(&self.settings);
        target.path_and_query.expose_secret().clone_into(&mut settings.broker.path);
        let mut outcome = self.open_and_connect(&settings, target.expires_at).await;
        outcome.phases.insert(0, timing);
        if let Err(OpenFailure { phase: Phase::Websocket, failure }) = &mut outcome.result
            && let Some(status @ 400..500) = failure.http_status
        {
            signer.on_refused(status, failure.server_date);
            let field = |time| self.settings.to_field_time(time);
            let now = self.clock.now();
            if let Some(why) =
                upgrade_refusal_reason(status, failure.server_date, target.expires_at, now, field)
            {
                // In front, because long lines are shortened at the end.
                failure.detail = format!("{why}; {}", failure.detail);
                if let Some(last) = outcome.phases.last_mut() {
                    last.error = Some(failure.message());
                }
            }
        }
        outcome
    }

    /// Requests a signed request target, as a phase of its own.
    async fn request_signed_target(
        &self,
        signer: &dyn Signer,
    ) -> (PhaseTiming, Result<SignedTarget, Failure>) {
        let start = self.clock.now();
        self.progress.enter(Phase::Credentials, start);
        let limit = self.settings.timeouts.credentials;
        let target = tokio::time::timeout(limit, signer.sign(self.deep)).await.unwrap_or_else(|_| {
            let secs = self.settings.to_field_time(limit).as_secs_f64();
            Err(SignFailure::unavailable(Layer::Local, format!("no credentials came within {secs} s")))
        });
        let result = target.map_err(Failure::from);
        let timing = PhaseTiming {
            phase: Phase::Credentials,
            ms: self.clock.now().since(start).as_secs_f64() * 1000.0,
            ok: result.is_ok(),
            error: result.as_ref().err().map(Failure::message),
            detail: None,
        };
        (timing, result)
    }

    /// Transport and MQTT, once the request target is known.
    async fn open_and_connect(
        &self,
        settings: &LinkSettings,
        credentials_expire: Option<DateTime<Utc>>,
    ) -> HandshakeOutcome {
        let (clock, progress) = (&self.clock, &*self.progress);
        let request = OpenRequest { settings, clock, progress, rebuild_all: self.deep };
        let open_outcome = self.connector.open(request).await;
        let mut phases = open_outcome.phases;
        let wire = match open_outcome.result {
            Ok(wire) => wire,
            Err(failure) => return HandshakeOutcome { credentials_expire, phases, result: Err(failure) },
        };
        let start = self.clock.now();
        self.progress.enter(Phase::Connack, start);
        let result = self.connect(wire).await;
        let end = result.as_ref().map_or_else(|_| self.clock.now(), |established| established.at);
        phases.push(PhaseTiming {
            phase: Phase::Connack,
            ms: end.since(start).as_secs_f64() * 1000.0,
            ok: result.is_ok(),
            error: result.as_ref().err().map(Failure::message),
            detail: Some(format!("MQTT {}", self.protocol.name())),
        });
        let result = result.map_err(|failure| OpenFailure { phase: Phase::Connack, failure });
        HandshakeOutcome { credentials_expire, phases, result }
    }

    async fn connect(&self, wire: WireConnection) -> Result<EstablishedSession, Failure> {
        let WireConnection { stream, tap, remote, local, certificate } = wire;
        let engine = Engine::new(self.protocol, self.settings.max_packet);
        let mut framed = Framed::with_capacity(stream, engine, READ_BUFFER);
        let limit = self.settings.timeouts.connack;
        let exchange = self.exchange(&mut framed, &tap);
        let accepted = tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            let words = format!(
                "the broker did not answer CONNECT within {} s",
                self.settings.to_field_time(limit).as_secs_f64()
            );
            Err(mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, DropKind::Io, words))
        })?;
        Ok(EstablishedSession {
            framed,
            tap,
            connack: accepted,
            remote,
            local,
            certificate,
            at: self.clock.now(),
        })
    }

    async fn exchange(
        &self,
        framed: &mut Framed<WireStream, Engine>,
        tap: &WireTap,
    ) -> Result<AcceptedConnack, Failure> {
        self.connect_sent_at.set(self.clock.now());
        let sent = framed.send(OutboundPacket::Connect(self.request())).await;
        if let Err(CodecError::Failed(failure)) = sent {
            return Err(failure);
        }
        // After a failed write, what the broker sent before is still read: it may contain the reason.
        match (framed.next().await, sent) {
            (Some(Ok(packet)), _) => match packet.inbound {
                InboundPacket::ConnAck(accepted) => Ok(accepted),
                _ => Err(violation("the broker's first packet was not CONNACK")),
            },
            (Some(Err(CodecError::Failed(failure))), _) => Err(failure),
            (Some(Err(CodecError::Io(error))), _) | (None, Err(CodecError::Io(error))) => {
                Err(tap.failure_from_error(&error))
            }
            (None, _) => {
                let mut failure = tap.failure_at_eof();
                failure.detail = format!("before CONNACK: {}", failure.detail);
                Err(failure)
            }
        }
    }

    fn request(&self) -> ConnectRequest {
        let settings = &self.settings;
        let login = match (settings.username.clone(), settings.password.clone()) {
            (None, None) => None,
            (name, password) => Some((name.unwrap_or_default(), password.unwrap_or_default())),
        };
        ConnectRequest {
            client_id: settings.client_id.clone(),
            keep_alive: self.keep_alive,
            clean: settings.clean_session,
            login,
        }
    }
}
