//! The content of the broker's certificate.

use chrono::{DateTime, Utc};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::sanitize::sanitize_text;

/// The leaf certificate the broker presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Distinguished name of the holder; empty if it has none.
    pub subject: String,
    /// Distinguished name of the authority.
    pub issuer: String,
    /// Start of validity.
    pub not_before: DateTime<Utc>,
    /// End of validity.
    pub not_after: DateTime<Utc>,
    /// DNS names and addresses it is valid for.
    pub names: Vec<String>,
}

impl CertificateInfo {
    /// Reads a DER certificate; `None` if it cannot be parsed.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => {
                extension.value.general_names.iter().filter_map(general_name_text).collect()
            }
            _ => Vec::new(),
        };
        Some(Self {
            subject: sanitize_text(&certificate.subject().to_string()),
            issuer: sanitize_text(&certificate.issuer().to_string()),
            not_before: to_utc(validity.not_before)?,
            not_after: to_utc(validity.not_after)?,
            names,
        })
    }
}

fn to_utc(time: ASN1Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp(), 0)
}

fn general_name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(sanitize_text(name)),
        GeneralName::IPAddress(bytes) => address_text(bytes),
        _ => None,
    }
}

fn address_text(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(der in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = CertificateInfo::from_der(&der);
        }

        #[test]
        fn a_damaged_certificate_is_read_or_refused(place in 0..400_usize, byte in any::<u8>()) {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec!["::1".to_owned(), "a.example".to_owned()]).unwrap();
            let mut der = params.self_signed(&key).unwrap().der().to_vec();
            prop_assert!(CertificateInfo::from_der(&der).is_some_and(|info| info.names == ["::1", "a.example"]));
            let place = place % der.len();
            der[place] = byte;
            let _ = CertificateInfo::from_der(&der);
        }
    }
}
