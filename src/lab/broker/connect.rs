//! One connection from its first MQTT byte to its end: CONNECT, checks, CONNACK, session, last will.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::sync::mpsc;

use super::connection::ClientConnection;
use super::fault::{Fault, PlannedFaults};
use super::options::AcceptedVersions;
use super::router::ClientHandle;
use super::state::BrokerState;
use crate::diagnostics::MqttVersion;
use crate::lab::aws::AwsLimits;
use crate::lab::packet::{ClientPacket, Connect, ProtocolProbe, decode, probe_protocol, put_connack};
use crate::lab::transport::{CloseMode, Pipe, PipeEvent, ServerStream};

/// How long a client may take to send its CONNECT.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long the last packet may take to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Serves one connection from its first MQTT byte to its end.
pub(super) async fn serve(
    state: Arc<BrokerState>,
    stream: ServerStream,
    number: u64,
    planned_faults: PlannedFaults,
) {
    let mut pipe = Pipe::new(stream);
    let connect_result = tokio::select! {
        () = state.shutdown().cancelled() => return,
        connect_result = tokio::time::timeout(CONNECT_LIMIT, read_connect(&mut pipe, &state)) => connect_result,
    };
    let Ok(Some(mut connect)) = connect_result else {
        let _ = pipe.flush(FLUSH_LIMIT).await;
        return pipe.close(CloseMode::Graceful).await;
    };
    let is_id_assigned = connect.client_id.is_empty();
    if is_id_assigned {
        connect.client_id = format!("lab-{number}");
    }
    state.record_connect(&connect);
    let mut connection = ClientConnection::new(Arc::clone(&state), pipe, *connect, planned_faults);
    if let Some(mode) = check_connect(&mut connection, &state, is_id_assigned).await {
        return connection.into_pipe().close(mode).await;
    }
    run_session(connection, &state, number, is_id_assigned).await;
}

/// Reads up to and including the CONNECT. `None`: refused or closed (a refusal is in the outbox of the pipe).
async fn read_connect(pipe: &mut Pipe, state: &BrokerState) -> Option<Box<Connect>> {
    loop {
        let version = match probe_protocol(&pipe.read_buffer) {
            ProtocolProbe::NotConnect => return None,
            ProtocolProbe::Incomplete => None,
            ProtocolProbe::ProtocolLevel(level) => match (level, state.options().versions) {
                (4, AcceptedVersions::Both | AcceptedVersions::OnlyV311) => Some(MqttVersion::V311),
                (5, AcceptedVersions::Both | AcceptedVersions::OnlyV5) => Some(MqttVersion::V5),
                _ => {
                    // Brokers answer an unknown protocol level in the format that every client can read.
                    put_connack(MqttVersion::V311, false, 1, &[], &mut pipe.write_buffer);
                    return None;
                }
            },
        };
        if let Some(version) = version {
            match decode(version, &mut pipe.read_buffer, state.options().max_packet) {
                Ok(Some(ClientPacket::Connect(connect))) => return Some(connect),
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => return None,
            }
        }
        if !matches!(pipe.drive().await, Ok(PipeEvent::Read | PipeEvent::Writable)) {
            return None;
        }
    }
}

/// Applies the faults planned in place of the CONNACK, then checks the credentials.
async fn check_connect(
    connection: &mut ClientConnection,
    state: &BrokerState,
    is_id_assigned: bool,
) -> Option<CloseMode> {
    let planned_faults = std::mem::take(&mut connection.planned_faults.on_connect);
    let has_planned_faults = !planned_faults.is_empty();
    for fault in planned_faults {
        if let Some(mode) = connection.apply_fault(fault).await {
            return Some(mode);
        }
    }
    if has_planned_faults {
        return Some(connection.drain_until_closed().await);
    }
    let required_login = state.options().login.as_ref();
    let connect = &connection.connect;
    let is_authorized = required_login.is_none_or(|(username, password)| {
        connect.username.as_ref() == Some(username) && connect.password.as_ref() == Some(password)
    });
    if let Some(rules) = &state.options().aws
        && let Err(rejection) = rules.check_connect(connect)
    {
        return match rejection.code {
            Some(code) => connection.apply_fault(Fault::RefuseConnect(code)).await,
            None => Some(CloseMode::Graceful),
        };
    }
    let needs_client_id = is_id_assigned && !connect.clean;
    let code = match connect.version {
        MqttVersion::V311 if !is_authorized => 5,
        MqttVersion::V5 if !is_authorized => 0x87,
        MqttVersion::V311 if needs_client_id => 2,
        _ => return None,
    };
    connection.apply_fault(Fault::RefuseConnect(code)).await
}

/// Sends the CONNACK, serves the client, and publishes its last will unless it sent a DISCONNECT.
async fn run_session(
    mut connection: ClientConnection,
    state: &BrokerState,
    number: u64,
    is_id_assigned: bool,
) {
    let (outbox, deliveries) = mpsc::channel(state.options().outbox);
    let (commands_tx, commands_rx) = mpsc::channel(16);
    let client = ClientHandle { connection: number, outbox, commands: commands_tx };
    let limits = state.options().aws.as_ref().map(|rules| rules.limits());
    let expiry = limits.map(|limits| limits.session_lifetime(connection.connect.session_expiry_secs));
    let session = state.router().attach(&connection.connect, client, expiry);
    let properties = connack_properties(&connection.connect, state, is_id_assigned);
    connection.send_connack(session, &properties);
    state.update_counts(|counts| counts.connections += 1);

    let (mode, with_will) = connection.run(deliveries, commands_rx).await;

    let undelivered = connection.take_undelivered();
    {
        let mut router = state.router();
        router.detach(&connection.connect.client_id, number, undelivered);
        if let Some(will) = connection.connect.will.take().filter(|_| with_will) {
            router.publish(will);
        }
    }
    state.update_counts(|counts| counts.connections -= 1);
    connection.into_pipe().close(mode).await;
}

/// MQTT 5 CONNACK properties: the limits that the options announce.
fn connack_properties(connect: &Connect, state: &BrokerState, is_id_assigned: bool) -> BytesMut {
    let mut properties = BytesMut::new();
    let options = state.options();
    if let Some(rules) = &options.aws {
        put_aws_limits(rules.limits(), connect, &mut properties);
    }
    if let Some(secs) = options.server_keep_alive_secs {
        properties.put_u8(0x13);
        properties.put_u16(secs);
    }
    if let Some(receive_maximum) = options.receive_maximum {
        properties.put_u8(0x21);
        properties.put_u16(receive_maximum);
    }
    if let Some(bytes) = options.announced_max_packet {
        properties.put_u8(0x27);
        properties.put_u32(bytes);
    }
    if is_id_assigned {
        properties.put_u8(0x12);
        properties.put_u16(u16::try_from(connect.client_id.len()).unwrap_or(u16::MAX));
        properties.put_slice(connect.client_id.as_bytes());
    }
    properties
}

/// The properties that AWS IoT Core was observed to announce.
fn put_aws_limits(limits: &AwsLimits, connect: &Connect, properties: &mut BytesMut) {
    let requested = connect.session_expiry_secs.unwrap_or(0);
    let granted = limits.session_lifetime(connect.session_expiry_secs).as_secs();
    if u64::from(requested) > granted {
        properties.put_u8(0x11);
        properties.put_u32(u32::try_from(granted).unwrap_or(u32::MAX));
    }
    properties.put_u8(0x21);
    properties.put_u16(limits.receive_maximum);
    // Maximum QoS 1; retained messages and wildcards yes; subscription ids and state ones no.
    properties.put_slice(&[0x24, 1, 0x25, 1, 0x28, 1, 0x29, 0, 0x2A, 0]);
    properties.put_u8(0x27);
    properties.put_u32(limits.packet);
    properties.put_u8(0x22);
    properties.put_u16(limits.topic_aliases);
    properties.put_u8(0x13);
    let keep_alive = limits.keep_alive(connect.keep_alive_secs).as_secs().max(1);
    properties.put_u16(u16::try_from(keep_alive).unwrap_or(u16::MAX));
}
