//! Stable names for every error, in the vocabulary users already search for.
//!
//! The AWS Common Runtime is what most AWS IoT users see errors from, and its names separate the layers
//! well, so dropscope uses them for every broker. Codes and texts are those of `aws-c-common`,
//! `aws-c-io`, `aws-c-http` and `aws-c-mqtt`.

/// A name, its numeric code and its official text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorName {
    /// For example `AWS_ERROR_MQTT_UNEXPECTED_HANGUP`.
    pub name: &'static str,
    /// For example 5134.
    pub code: u32,
    /// For example "The connection was closed unexpectedly."
    pub text: &'static str,
}

impl ErrorName {
    /// Finds a name in the table.
    pub fn by_name(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|known| known.name == name)
    }

    /// The name without its vendor prefix, for narrow columns: `MQTT_UNEXPECTED_HANGUP`.
    pub fn short(name: &str) -> &str {
        let name = name.strip_prefix("AWS_ERROR_").or_else(|| name.strip_prefix("AWS_")).unwrap_or(name);
        name.strip_prefix("MQTT_").filter(|rest| *rest == "UNEXPECTED_HANGUP").unwrap_or(name)
    }

    /// `NAME: text`, the form the SDKs print.
    pub fn message(self) -> String {
        format!("{}: {}", self.name, self.text)
    }
}

macro_rules! names {
    ($($ident:ident = $code:literal $text:literal;)*) => {
        $(
            #[doc = $text]
            pub const $ident: ErrorName = ErrorName { name: stringify!($ident), code: $code, text: $text };
        )*
        /// Every name dropscope uses.
        pub const ALL: &[ErrorName] = &[$($ident),*];
    };
}

names! {
    AWS_ERROR_SUCCESS = 0 "Success.";
    AWS_ERROR_UNKNOWN = 3 "Unknown error.";
    AWS_ERROR_INVALID_ARGUMENT = 34 "An invalid argument was passed to a function.";
    AWS_ERROR_NO_PERMISSION = 43 "User does not have permission to perform the requested action.";
    AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE = 1029 "TLS (SSL) negotiation failed";
    AWS_IO_TLS_ERROR_NOT_NEGOTIATED = 1030 "Attempt to read/write, but TLS (SSL) hasn't been negotiated";
    AWS_IO_TLS_ERROR_WRITE_FAILURE = 1031 "Failed to write to TLS handler";
    AWS_IO_TLS_ERROR_ALERT_RECEIVED = 1032 "Fatal TLS Alert was received";
    AWS_IO_TLS_CTX_ERROR = 1033 "Failed to create tls context";
    AWS_IO_FILE_VALIDATION_FAILURE = 1038 "A file was read and the input did not match the expected value";
    AWS_ERROR_IO_OPERATION_CANCELLED = 1042 "Operation cancelled before it could complete";
    AWS_IO_BROKEN_PIPE = 1044 "Attempt to read or write to io handle that has already been closed.";
    AWS_IO_SOCKET_CONNECTION_REFUSED = 1047 "socket connection refused.";
    AWS_IO_SOCKET_TIMEOUT = 1048 "socket operation timed out.";
    AWS_IO_SOCKET_NO_ROUTE_TO_HOST = 1049 "socket connect failure, no route to host.";
    AWS_IO_SOCKET_NETWORK_DOWN = 1050 "network is down.";
    AWS_IO_SOCKET_CLOSED = 1051 "socket is closed.";
    AWS_IO_SOCKET_NOT_CONNECTED = 1052 "socket not connected.";
    AWS_IO_SOCKET_INVALID_ADDRESS = 1055 "Invalid socket address.";
    AWS_IO_SOCKET_CONNECT_ABORTED = 1057 "Incoming connection was aborted.";
    AWS_IO_DNS_QUERY_FAILED = 1058 "A nonrecoverable failure when query to dns occurred.";
    AWS_IO_DNS_INVALID_NAME = 1059 "Host name was invalid for dns resolution.";
    AWS_IO_DNS_NO_ADDRESS_FOR_HOST = 1060 "No address was found for the supplied host name.";
    AWS_IO_TLS_NEGOTIATION_TIMEOUT = 1067 "Channel shutdown due to tls negotiation timeout";
    AWS_IO_TLS_ALERT_NOT_GRACEFUL = 1068 "Channel shutdown due to tls alert. The alert was not for a graceful shutdown.";
    AWS_IO_MAX_RETRIES_EXCEEDED = 1069 "Retry cannot be attempted because the maximum number of retries has been exceeded.";
    AWS_IO_TLS_DIGEST_ALGORITHM_UNSUPPORTED = 1071 "TLS digest was created with an unsupported algorithm";
    AWS_IO_TLS_SIGNATURE_ALGORITHM_UNSUPPORTED = 1072 "TLS signature algorithm is currently unsupported.";
    AWS_IO_TLS_ERROR_READ_FAILURE = 1178 "Failure during TLS read.";
    AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE = 1181 "Channel shutdown due to tls unknown root certificate.";
    AWS_IO_TLS_CERTIFICATE_EXPIRED = 1183 "Channel shutdown due to tls certificate expired.";
    AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID = 1184 "Channel shutdown due to tls certificate not yet valid.";
    AWS_IO_TLS_CLOSED_GRACEFUL = 1191 "Channel shutdown due to connection closed gracefully.";
    AWS_IO_TLS_CLOSED_ABORT = 1192 "Channel shutdown due to connection closed due to an error.";
    AWS_IO_TLS_INVALID_CERTIFICATE_CHAIN = 1193 "Channel shutdown due to invalid certificate chain.";
    AWS_IO_TLS_HOST_NAME_MISMATCH = 1194 "Channel shutdown due to certificate's host name does not match the endpoint host name.";
    AWS_IO_DNS_QUERY_AGAIN = 1195 "A temporary failure in name resolution occurred, please try again.";
    AWS_ERROR_HTTP_CONNECTION_CLOSED = 2058 "The connection has closed or is closing.";
    AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE = 2065 "Failed to upgrade HTTP connection to Websocket.";
    AWS_ERROR_HTTP_WEBSOCKET_CLOSE_FRAME_SENT = 2066 "Websocket has sent CLOSE frame, no more data will be sent.";
    AWS_ERROR_HTTP_SERVER_CLOSED = 2070 "The http server is closed, no more connections will be accepted";
    AWS_ERROR_HTTP_PROXY_CONNECT_FAILED = 2071 "Proxy-based connection establishment failed because the CONNECT call failed";
    AWS_ERROR_HTTP_PROTOCOL_ERROR = 2074 "Protocol rules violated by peer";
    AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR = 2089 "Websocket protocol rules violated by peer";
    AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT = 2092 "Timed out waiting for first byte of HTTP response, after sending the full request.";
    AWS_AUTH_SIGNING_NO_CREDENTIALS = 6146 "Attempt to sign an http request without credentials";
    AWS_ERROR_MQTT_INVALID_RESERVED_BITS = 5120 "Bits marked as reserved in the MQTT spec were incorrectly set.";
    AWS_ERROR_MQTT_INVALID_REMAINING_LENGTH = 5122 "[MQTT-2.2.3] Encoded remaining length field is malformed.";
    AWS_ERROR_MQTT_UNSUPPORTED_PROTOCOL_NAME = 5123 "[MQTT-3.1.2-1] Protocol name specified is unsupported.";
    AWS_ERROR_MQTT_INVALID_CREDENTIALS = 5125 "[MQTT-3.1.2-21] Connect packet may not include password when no username is present.";
    AWS_ERROR_MQTT_INVALID_PACKET_TYPE = 5127 "Packet type in packet fixed header is invalid.";
    AWS_ERROR_MQTT_INVALID_TOPIC = 5128 "Topic or filter is invalid.";
    AWS_ERROR_MQTT_TIMEOUT = 5129 "Time limit between request and response has been exceeded.";
    AWS_ERROR_MQTT_PROTOCOL_ERROR = 5130 "Protocol error occurred.";
    AWS_ERROR_MQTT_NOT_CONNECTED = 5131 "The requested operation is invalid as the connection is not open.";
    AWS_ERROR_MQTT_ALREADY_CONNECTED = 5132 "The requested operation is invalid as the connection is already open.";
    AWS_ERROR_MQTT_UNEXPECTED_HANGUP = 5134 "The connection was closed unexpectedly.";
    AWS_ERROR_MQTT_CONNECTION_SHUTDOWN = 5135 "MQTT operation interrupted by connection shutdown.";
    AWS_ERROR_MQTT_CONNECTION_DESTROYED = 5136 "Connection has started destroying process, all uncompleted requests will fail.";
    AWS_ERROR_MQTT_CONNECTION_DISCONNECTING = 5137 "Connection is disconnecting, it's not safe to do this operation until the connection finishes shutdown.";
    AWS_ERROR_MQTT_CANCELLED_FOR_CLEAN_SESSION = 5138 "Old requests from the previous session are cancelled, and offline request will not be accept.";
    AWS_ERROR_MQTT_QUEUE_FULL = 5139 "MQTT request queue is full.";
    AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE = 5164 "MQTT subscribe operation failed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_found() {
        for (index, known) in ALL.iter().enumerate() {
            assert_eq!(ErrorName::by_name(known.name), Some(*known));
            assert!(ALL[index + 1..].iter().all(|other| other.code != known.code), "{}", known.name);
        }
        assert_eq!(ErrorName::short("AWS_ERROR_MQTT_UNEXPECTED_HANGUP"), "UNEXPECTED_HANGUP");
        assert_eq!(ErrorName::short("AWS_IO_SOCKET_CLOSED"), "IO_SOCKET_CLOSED");
        assert_eq!(ErrorName::by_name("x"), None);
    }
}
