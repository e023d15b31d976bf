//! Name resolution: the addresses of the broker.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::sanitize::sanitize_text;
use crate::diagnostics::ErrorName;
use crate::diagnostics::error_name::{
    AWS_IO_DNS_INVALID_NAME, AWS_IO_DNS_NO_ADDRESS_FOR_HOST, AWS_IO_DNS_QUERY_AGAIN, AWS_IO_DNS_QUERY_FAILED,
};
use crate::diagnostics::event::{DropKind, Layer};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::{AddressFamily, Resolver};

/// Resolves through the operating system, or the resolver that replaces it, and keeps the order. Never
/// returns an empty list.
pub(super) async fn resolve(
    host: &str,
    port: u16,
    family: AddressFamily,
    resolver: Option<&Arc<dyn Resolver>>,
) -> Result<(Vec<SocketAddr>, String), Failure> {
    let found: Vec<SocketAddr> = if let Ok(literal) = host.parse::<IpAddr>() {
        vec![SocketAddr::new(literal, port)]
    } else if let Some(resolver) = resolver {
        let addresses = resolver.addresses(host).map_err(|error| lookup_failure(host, &error))?;
        addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
    } else {
        tokio::net::lookup_host((host, port)).await.map_err(|error| lookup_failure(host, &error))?.collect()
    };
    let mut usable: Vec<SocketAddr> = Vec::with_capacity(found.len());
    for address in found.iter().copied().filter(|address| belongs_to(*address, family)) {
        if !usable.contains(&address) {
            usable.push(address);
        }
    }
    if usable.is_empty() {
        return Err(no_address(host, family, found.len()));
    }
    let detail = usable.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    Ok((usable, detail))
}

fn belongs_to(address: SocketAddr, family: AddressFamily) -> bool {
    match family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    }
}

fn no_address(host: &str, family: AddressFamily, others: usize) -> Failure {
    let host = sanitize_text(host);
    let detail = match family {
        AddressFamily::Any => format!("{host} exists but has no address"),
        AddressFamily::V4 => format!("{host} has no IPv4 address ({others} of the other kind)"),
        AddressFamily::V6 => format!("{host} has no IPv6 address ({others} of the other kind)"),
    };
    Failure::new(AWS_IO_DNS_NO_ADDRESS_FOR_HOST, Layer::Dns, DropKind::Io, detail)
}

fn lookup_failure(host: &str, error: &io::Error) -> Failure {
    let (name, meaning) = classify_lookup_error(error);
    let detail = format!("{}: {meaning}: {}", sanitize_text(host), sanitize_text(&error.to_string()));
    Failure::new(name, Layer::Dns, DropKind::Io, detail)
}

/// Classifies the error of the resolver by its text: the errors of `getaddrinfo` have no `ErrorKind`.
fn classify_lookup_error(error: &io::Error) -> (ErrorName, &'static str) {
    const UNKNOWN_NAME: [&str; 4] = [
        "name or service not known",
        "nodename nor servname",
        "name does not resolve",
        "no such host is known",
    ];
    const NO_ADDRESS: [&str; 3] =
        ["no address associated", "name has no usable address", "requested name is valid, but no data"];
    const AGAIN: [&str; 3] = ["temporary failure", "try again", "temporary error during hostname resolution"];
    if error.kind() == ErrorKind::InvalidInput {
        return (AWS_IO_DNS_INVALID_NAME, "this is not a host name");
    }
    let text = error.to_string().to_lowercase();
    let contains_any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if contains_any(&UNKNOWN_NAME) {
        (AWS_IO_DNS_INVALID_NAME, "no such name")
    } else if contains_any(&NO_ADDRESS) {
        (AWS_IO_DNS_NO_ADDRESS_FOR_HOST, "the name has no address")
    } else if contains_any(&AGAIN) {
        (AWS_IO_DNS_QUERY_AGAIN, "the name server did not answer")
    } else {
        (AWS_IO_DNS_QUERY_FAILED, "the lookup failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolver_errors_map_to_error_names() {
        for (text, name) in [
            ("failed to lookup address information: Name or service not known", AWS_IO_DNS_INVALID_NAME),
            (
                "failed to lookup address information: nodename nor servname provided, or not known",
                AWS_IO_DNS_INVALID_NAME,
            ),
            ("No such host is known. (os error 11001)", AWS_IO_DNS_INVALID_NAME),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                AWS_IO_DNS_QUERY_AGAIN,
            ),
            (
                "failed to lookup address information: No address associated with hostname",
                AWS_IO_DNS_NO_ADDRESS_FOR_HOST,
            ),
            (
                "failed to lookup address information: Non-recoverable failure in name resolution",
                AWS_IO_DNS_QUERY_FAILED,
            ),
        ] {
            assert_eq!(classify_lookup_error(&io::Error::other(text)).0, name, "{text}");
        }
    }

    #[tokio::test]
    async fn literals_need_no_lookup_and_keep_to_the_family() {
        let (addresses, _) = resolve("::1", 1883, AddressFamily::Any, None).await.unwrap();
        assert_eq!(addresses, ["[::1]:1883".parse().unwrap()]);
        let failure = resolve("127.0.0.1", 1883, AddressFamily::V6, None).await.unwrap_err();
        assert_eq!(failure.name, AWS_IO_DNS_NO_ADDRESS_FOR_HOST);
        assert_eq!(failure.layer, Layer::Dns);
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_is_an_invalid_name() {
        let failure = resolve("host\0name", 1883, AddressFamily::Any, None).await.unwrap_err();
        assert_eq!(failure.name, AWS_IO_DNS_INVALID_NAME);
        assert!(!failure.detail.contains('\0'));
    }
}
