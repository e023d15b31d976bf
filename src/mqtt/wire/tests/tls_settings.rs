//! TLS settings that cannot work are refused before anything is tried, in a sentence.

use std::path::PathBuf;

use super::authority::Authority;
use crate::mqtt::settings::TlsSettings;
use crate::mqtt::wire::TlsContext;

fn settings_error(settings: &TlsSettings) -> String {
    TlsContext::load(settings).unwrap_err().to_string()
}

#[test]
fn files_that_are_missing_empty_or_something_else_are_named() {
    let authority = Authority::new();
    for (path, expected) in [
        (PathBuf::from("/nowhere/ca.pem"), "No such file"),
        (authority.file("empty.pem", ""), "no PEM"),
        (authority.file("text.pem", "hello\nworld\n"), "no PEM"),
        (
            authority.file("torn.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
            "cannot be used",
        ),
        (
            authority.file("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "not usable",
        ),
    ] {
        let settings = TlsSettings { ca_file: Some(path.clone()), ..TlsSettings::default() };
        let complaint = settings_error(&settings);
        assert!(complaint.contains(expected) || cfg!(windows), "{path:?}: {complaint}");
        assert!(complaint.contains(path.file_name().unwrap().to_str().unwrap()), "{complaint}");
    }
}

#[test]
fn certificate_and_key_come_together_and_belong_together() {
    let authority = Authority::new();
    let (one, other) = (authority.leaf(), authority.leaf());
    let certificate = authority.file("client.pem", &one.certificate_pem);
    let key = authority.file("other.key", &other.key.serialize_pem());
    let only_certificate = TlsSettings { certificate: Some(certificate.clone()), ..TlsSettings::default() };
    assert!(settings_error(&only_certificate).contains("key"));
    let only_key = TlsSettings { private_key: Some(key.clone()), ..TlsSettings::default() };
    assert!(settings_error(&only_key).contains("certificate"));
    let strangers =
        TlsSettings { certificate: Some(certificate), private_key: Some(key), ..TlsSettings::default() };
    assert!(settings_error(&strangers).contains("does not belong"), "{}", settings_error(&strangers));
}

#[test]
fn names_and_protocols_are_checked() {
    let name = TlsSettings { server_name: Some("not a name".into()), ..TlsSettings::default() };
    assert!(settings_error(&name).contains("not a name"));
    for protocol in [String::new(), "x".repeat(256)] {
        let settings = TlsSettings { alpn: vec![protocol], ..TlsSettings::default() };
        assert!(settings_error(&settings).contains("255"));
    }
}

#[test]
fn keys_never_show_in_debug_output() {
    let authority = Authority::new();
    let leaf = authority.leaf();
    let pem = leaf.key.serialize_pem();
    let settings = TlsSettings {
        certificate: Some(authority.file("client.pem", &leaf.certificate_pem)),
        private_key: Some(authority.file("client.key", &pem)),
        ..authority.trusted()
    };
    let debug = format!("{:?}", TlsContext::load(&settings).unwrap());
    let secret = leaf.key.serialize_der();
    assert!(!debug.contains(&format!("{:?}", &secret[secret.len() - 16..])));
    assert!(!debug.contains(pem.lines().nth(1).unwrap()));
}
