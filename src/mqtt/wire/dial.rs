//! TCP connect: tries one address after the other.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use super::connect_failure;
use crate::diagnostics::error_name::{AWS_IO_SOCKET_CONNECTION_REFUSED, AWS_IO_SOCKET_TIMEOUT};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::LinkSettings;

/// Shortest time sent data may stay unacknowledged before TCP gives the connection up.
const SHORTEST_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// A TCP connection.
pub(super) struct TcpConnection {
    pub(super) stream: TcpStream,
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Tries the addresses in order, each with the TCP deadline of its own. Also returns the address that
/// answered and why the ones before it failed.
///
/// If none answers, the failure is that of the address that got farthest ("refused" is more specific than
/// no answer, no answer more than a missing route); its detail lists all.
pub(super) async fn dial(
    addresses: &[SocketAddr],
    settings: &LinkSettings,
) -> Result<(TcpConnection, String), Failure> {
    let mut failed: Vec<(SocketAddr, Failure)> = Vec::new();
    for &remote in addresses {
        let limit = settings.timeouts.tcp;
        let failure = match tokio::time::timeout(limit, connect(remote, settings)).await {
            Ok(Ok((stream, local))) => {
                return Ok((TcpConnection { stream, remote, local }, connect_summary(remote, &failed)));
            }
            Ok(Err(error)) => connect_failure::tcp_failure(remote, &error),
            Err(_) => connect_failure::tcp_timed_out(remote, settings.to_field_time(limit)),
        };
        failed.push((remote, failure));
    }
    Err(most_advanced_failure(failed))
}

async fn connect(remote: SocketAddr, settings: &LinkSettings) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let stream = socket.connect(remote).await?;
    let local = stream.local_addr()?;
    if local == remote {
        // A closed port of this computer's ephemeral range can become our own port: TCP's simultaneous open
        // then connects the socket to itself. No server listens there.
        return Err(ErrorKind::ConnectionRefused.into());
    }
    // Without this a PINGREQ after a PUBACK waits 40 ms for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    set_keep_alive(&stream, settings.tcp_keep_alive)?;
    set_user_timeout(&stream, settings);
    Ok((stream, local))
}

fn set_keep_alive(stream: &TcpStream, interval: Option<Duration>) -> io::Result<()> {
    let Some(interval) = interval else { return Ok(()) };
    let keep_alive = TcpKeepalive::new().with_time(interval).with_interval(interval);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_user_timeout(stream: &TcpStream, settings: &LinkSettings) {
    // Some sandboxes do not support the option; a connection without it is better than none.
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(user_timeout(settings)));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_user_timeout(_stream: &TcpStream, _settings: &LinkSettings) {}

/// How long sent data may stay unacknowledged: keep-alive plus ping deadline, at least 20 s.
///
/// That is the longest detection time of a missing PINGRESP, so MQTT's own timeout comes first. TCP's
/// (otherwise about 15 minutes on Linux) ends the connection where pings are off.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android")),
    expect(dead_code, reason = "the option exists on Linux only")
)]
fn user_timeout(settings: &LinkSettings) -> Duration {
    let silence = settings.keep_alive(settings.keep_alive_secs) + settings.ping_timeout;
    silence.max(SHORTEST_USER_TIMEOUT)
}

fn connect_summary(winner: SocketAddr, failed: &[(SocketAddr, Failure)]) -> String {
    if failed.is_empty() {
        return winner.to_string();
    }
    let failures: Vec<&str> = failed.iter().map(|(_, failure)| failure.detail.as_str()).collect();
    format!("{winner} (failed before: {})", failures.join("; "))
}

fn most_advanced_failure(failed: Vec<(SocketAddr, Failure)>) -> Failure {
    let details = failed.iter().map(|(_, failure)| failure.detail.as_str()).collect::<Vec<_>>().join("; ");
    let rank = |failure: &Failure| match failure.name {
        name if name == AWS_IO_SOCKET_CONNECTION_REFUSED => 2,
        name if name == AWS_IO_SOCKET_TIMEOUT => 1,
        _ => 0,
    };
    match failed.into_iter().map(|(_, failure)| failure).max_by_key(rank) {
        Some(failure) => Failure { detail: details, ..failure },
        None => connect_failure::no_address_left(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Transport;
    use crate::mqtt::settings::BrokerAddress;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn nodelay_is_set_and_tcp_keep_alive_only_when_configured() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broker =
            BrokerAddress { transport: Transport::Tcp, host: "h".into(), port: 1883, path: String::new() };
        let mut settings = LinkSettings::new(broker, "id");
        for interval in [None, Some(Duration::from_secs(30))] {
            settings.tcp_keep_alive = interval;
            let (connection, _) = dial(&[address], &settings).await.unwrap();
            let socket = SockRef::from(&connection.stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.keepalive().unwrap(), interval.is_some());
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(70)));
        }
    }

    #[test]
    fn tcp_user_timeout_is_longer_than_the_ping_timeout_and_at_least_twenty_seconds() {
        let broker =
            BrokerAddress { transport: Transport::Tcp, host: "h".into(), port: 1883, path: String::new() };
        let mut settings = LinkSettings::new(broker, "id");
        assert_eq!(user_timeout(&settings), Duration::from_secs(70));
        settings.keep_alive_secs = 0;
        settings.ping_timeout = Duration::from_secs(5);
        assert_eq!(user_timeout(&settings), Duration::from_secs(20));
    }
}
