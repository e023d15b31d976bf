//! What is wrong, by the words of an error: own names of errors, and the messages of other programs.

use super::PresentFaultKind;

/// What an error says, by the words in its name or message; own names, and those of other programs.
pub(super) struct ErrorWords {
    /// Each of them alone is enough; in lower case.
    pub(super) any: &'static [&'static str],
    pub(super) kind: PresentFaultKind,
    pub(super) sentence: &'static str,
    pub(super) advice: &'static str,
    /// Whether the rest of the message adds to the sentence.
    pub(super) shows_detail: bool,
}

/// The most specific first.
pub(super) const ERROR_WORDS: [ErrorWords; 8] = [
    ErrorWords {
        any: &["certificate_expired", "certificate has expired", "certificate expired", "certificateexpired"],
        kind: PresentFaultKind::Certificate,
        sentence: "the server's certificate has expired",
        advice: "have the certificate renewed, or set the clock of this computer",
        shows_detail: true,
    },
    ErrorWords {
        any: &["not_yet_valid", "not yet valid", "notvalidyet"],
        kind: PresentFaultKind::Certificate,
        sentence: "the server's certificate is not valid yet",
        advice: "set the clock of this computer or of the server",
        shows_detail: true,
    },
    ErrorWords {
        any: &["host_name_mismatch", "hostname mismatch", "does not match the host", "doesn't match"],
        kind: PresentFaultKind::Certificate,
        sentence: "the server's certificate is made for another host",
        advice: "connect to a name that the certificate contains",
        shows_detail: true,
    },
    ErrorWords {
        any: &[
            "unknown_root_certificate",
            "invalid_certificate_chain",
            "certificate verify failed",
            "self signed",
            "self-signed",
            "unknown ca",
        ],
        kind: PresentFaultKind::Certificate,
        sentence: "the server's certificate is not trusted here",
        advice: "give the certificate authority of this broker with --cafile",
        shows_detail: true,
    },
    ErrorWords {
        any: &[
            "not authorized",
            "not authorised",
            "bad user name",
            "bad username",
            "unauthorized",
            "forbidden",
        ],
        kind: PresentFaultKind::Login,
        sentence: "the login is refused",
        advice: "check user name, password and the broker's access rules",
        shows_detail: true,
    },
    ErrorWords {
        any: &["_dns_", "enotfound", "eai_again", "getaddrinfo", "name or service not known", "no such host"],
        kind: PresentFaultKind::Dns,
        sentence: "the host name has no address",
        advice: "check the spelling of the host, and the DNS of this computer",
        shows_detail: false,
    },
    ErrorWords {
        any: &["connection_refused", "connection refused", "econnrefused"],
        kind: PresentFaultKind::Refused,
        sentence: "the host refuses the connection: nothing listens on this port",
        advice: "check the port, and whether the broker runs",
        shows_detail: false,
    },
    ErrorWords {
        any: &[
            "no_route",
            "no route to host",
            "unreach",
            "network_down",
            "network is down",
            "socket_invalid_address",
        ],
        kind: PresentFaultKind::Route,
        sentence: "this computer has no route to the broker",
        advice: "check the network of this computer: cable, Wi-Fi, gateway, VPN",
        shows_detail: false,
    },
];
