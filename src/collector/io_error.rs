//! The errors of the operating system as a [`Failure`], for clients that report a `std::io::Error`.

use std::io;

use crate::diagnostics::error_name as name;
use crate::diagnostics::event::{DropKind, Layer};
use crate::diagnostics::failure::Failure;

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let (name, layer, how) = match error.kind() {
            Kind::ConnectionRefused => (name::AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Io),
            Kind::ConnectionReset => (name::AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Rst),
            Kind::ConnectionAborted | Kind::UnexpectedEof => {
                (name::AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Fin)
            }
            Kind::BrokenPipe => (name::AWS_IO_BROKEN_PIPE, Layer::Tcp, DropKind::Rst),
            Kind::NotConnected => (name::AWS_IO_SOCKET_NOT_CONNECTED, Layer::Local, DropKind::Local),
            Kind::TimedOut => (name::AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io),
            Kind::HostUnreachable => (name::AWS_IO_SOCKET_NO_ROUTE_TO_HOST, Layer::Local, DropKind::Local),
            Kind::NetworkUnreachable | Kind::NetworkDown => {
                (name::AWS_IO_SOCKET_NETWORK_DOWN, Layer::Local, DropKind::Local)
            }
            _ if error.to_string().contains("failed to lookup address") => {
                (name::AWS_IO_DNS_QUERY_FAILED, Layer::Dns, DropKind::Io)
            }
            _ => (name::AWS_ERROR_UNKNOWN, Layer::Tcp, DropKind::Io),
        };
        Self::new(name, layer, how, error.to_string())
    }
}
