//! Certificates of the server: valid, or expired.

use std::fs;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::netns::SERVER;
use crate::world::World;

/// Writes `ca.pem`, and `server.pem` with certificate and key of the server's address.
pub(crate) fn write(world: &World, is_expired: bool) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "field trials");
    let issuer =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let mut params = CertificateParams::new(vec![SERVER.to_owned()]).expect("an address");
    params.distinguished_name.push(DnType::CommonName, "broker");
    if is_expired {
        let year = chrono::Datelike::year(&SystemClock::new().read().stamp.wall);
        params.not_before = date_time_ymd(year - 2, 1, 1);
        params.not_after = date_time_ymd(year - 1, 3, 1);
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    fs::write(world.path("ca.pem"), issuer.as_ref().pem()).expect("a file");
    fs::write(world.path("server.pem"), format!("{}{}", certificate.pem(), key.serialize_pem()))
        .expect("a file");
}
