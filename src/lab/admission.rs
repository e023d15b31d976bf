//! May this client come in? From the first byte to the CONNACK, and out again at the end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::sync::mpsc;

use super::aws::Limits;
use super::broker::{Shared, Versions};
use super::codec::{Connect, Greeting, Inbound, Version, decode, greeting, put_connack};
use super::connection::Connection;
use super::fault::{Fault, Schedule};
use super::pipe::{Pipe, Turn};
use super::router::Live;
use super::server_stream::{Ending, ServerStream};

/// How long a client may take to send its CONNECT.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a last packet may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Serves one connection from its first MQTT byte to its end.
pub(super) async fn serve(shared: Arc<Shared>, stream: ServerStream, number: u64, schedule: Schedule) {
    let mut pipe = Pipe::new(stream);
    let admitted = tokio::select! {
        () = shared.shutdown.cancelled() => return,
        admitted = tokio::time::timeout(CONNECT_LIMIT, read_connect(&mut pipe, &shared)) => admitted,
    };
    let Ok(Some(mut connect)) = admitted else {
        let _ = pipe.flush(FLUSH_LIMIT).await;
        return pipe.end(Ending::Goodbye).await;
    };
    let assigned = connect.client_id.is_empty();
    if assigned {
        connect.client_id = format!("lab-{number}");
    }
    shared.saw_connect(&connect);
    let mut connection = Connection::new(Arc::clone(&shared), pipe, *connect, schedule);
    if let Some(ending) = refuse(&mut connection, &shared, assigned).await {
        return connection.into_pipe().end(ending).await;
    }
    establish(connection, &shared, number, assigned).await;
}

/// Reads up to and including the CONNECT. `None`: refused or gone (a refusal waits in the pipe).
async fn read_connect(pipe: &mut Pipe, shared: &Shared) -> Option<Box<Connect>> {
    loop {
        let version = match greeting(&pipe.inbox) {
            Greeting::NotConnect => return None,
            Greeting::Incomplete => None,
            Greeting::Level(level) => match (level, shared.options.versions) {
                (4, Versions::Both | Versions::OnlyV311) => Some(Version::V311),
                (5, Versions::Both | Versions::OnlyV5) => Some(Version::V5),
                _ => {
                    // Brokers answer an unknown level in the format that every client knows.
                    put_connack(Version::V311, false, 1, &[], &mut pipe.out);
                    return None;
                }
            },
        };
        if let Some(version) = version {
            match decode(version, &mut pipe.inbox, shared.options.max_packet) {
                Ok(Some(Inbound::Connect(connect))) => return Some(connect),
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => return None,
            }
        }
        if !matches!(pipe.turn().await, Ok(Turn::Read | Turn::Room)) {
            return None;
        }
    }
}

/// Acts out what is planned in place of the CONNACK, and checks the credentials.
async fn refuse(connection: &mut Connection, shared: &Shared, assigned: bool) -> Option<Ending> {
    let planned = std::mem::take(&mut connection.schedule.connect_received);
    let holds = !planned.is_empty();
    for fault in planned {
        if let Some(ending) = connection.strike(fault).await {
            return Some(ending);
        }
    }
    if holds {
        return Some(connection.hold().await);
    }
    let wanted = shared.options.login.as_ref();
    let connect = &connection.connect;
    let known = wanted.is_none_or(|(username, password)| {
        connect.username.as_ref() == Some(username) && connect.password.as_ref() == Some(password)
    });
    if let Some(rules) = &shared.options.aws
        && let Err(turnaway) = rules.admit_connect(connect)
    {
        return match turnaway.code {
            Some(code) => connection.strike(Fault::RefuseConnect(code)).await,
            None => Some(Ending::Goodbye),
        };
    }
    let no_session_without_id = assigned && !connect.clean;
    let code = match connect.version {
        Version::V311 if !known => 5,
        Version::V5 if !known => 0x87,
        Version::V311 if no_session_without_id => 2,
        _ => return None,
    };
    connection.strike(Fault::RefuseConnect(code)).await
}

/// Sends the CONNACK, serves the client, and publishes its last will if it left without goodbye.
async fn establish(mut connection: Connection, shared: &Shared, number: u64, assigned: bool) {
    let (outbox, delivered) = mpsc::channel(shared.options.outbox);
    let (orders, ordered) = mpsc::channel(16);
    let live = Live { connection: number, outbox, orders };
    let limits = shared.options.aws.as_ref().map(|rules| rules.limits());
    let outlives = limits.map(|limits| limits.session_life(connection.connect.session_expiry_secs));
    let attached = shared.router().attach(&connection.connect, live, outlives);
    let properties = connack_properties(&connection.connect, shared, assigned);
    connection.welcome(attached, &properties);
    shared.count(|census| census.connections += 1);

    let (ending, with_will) = connection.run(delivered, ordered).await;

    let undelivered = connection.take_undelivered();
    {
        let mut router = shared.router();
        router.detach(&connection.connect.client_id, number, undelivered);
        if let Some(will) = connection.connect.will.take().filter(|_| with_will) {
            router.publish(will);
        }
    }
    shared.count(|census| census.connections -= 1);
    connection.into_pipe().end(ending).await;
}

/// MQTT 5 CONNACK properties: the limits that the broker was told to announce.
fn connack_properties(connect: &Connect, shared: &Shared, assigned: bool) -> BytesMut {
    let mut properties = BytesMut::new();
    let options = &shared.options;
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
    if assigned {
        properties.put_u8(0x12);
        properties.put_u16(u16::try_from(connect.client_id.len()).unwrap_or(u16::MAX));
        properties.put_slice(connect.client_id.as_bytes());
    }
    properties
}

/// What AWS was seen to announce.
fn put_aws_limits(limits: &Limits, connect: &Connect, properties: &mut BytesMut) {
    let asked = connect.session_expiry_secs.unwrap_or(0);
    let granted = limits.session_life(connect.session_expiry_secs).as_secs();
    if u64::from(asked) > granted {
        properties.put_u8(0x11);
        properties.put_u32(u32::try_from(granted).unwrap_or(u32::MAX));
    }
    properties.put_u8(0x21);
    properties.put_u16(limits.receive_maximum);
    // Maximum QoS 1; retained messages and wildcards yes; subscription ids and shared ones no.
    properties.put_slice(&[0x24, 1, 0x25, 1, 0x28, 1, 0x29, 0, 0x2A, 0]);
    properties.put_u8(0x27);
    properties.put_u32(limits.packet);
    properties.put_u8(0x22);
    properties.put_u16(limits.topic_aliases);
    properties.put_u8(0x13);
    let keep_alive = limits.keep_alive(connect.keep_alive_secs).as_secs().max(1);
    properties.put_u16(u16::try_from(keep_alive).unwrap_or(u16::MAX));
}
