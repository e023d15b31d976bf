//! The signature against the output of AWS's own tools, and against forgeries.

use serde_json::Value;

use super::*;

fn vectors() -> Vec<Value> {
    let file = include_str!("../../../tests/fixtures/sigv4-vectors.json");
    let file: Value = serde_json::from_str(file).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn date(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, DATE_FORMAT).unwrap().and_utc()
}

fn credentials(inputs: &Value) -> Credentials {
    Credentials {
        access_key_id: text(&inputs["access_key"]).to_owned(),
        secret_key: text(&inputs["secret_key"]).into(),
        session_token: inputs["session_token"].as_str().map(SecretString::from),
    }
}

/// Path and query of a URL.
fn target_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest[rest.find('/').unwrap()..].to_owned()
}

fn sorted(target: &str) -> Vec<(String, String)> {
    let mut all = parameters(target.split_once('?').unwrap().1).unwrap();
    all.sort();
    all
}

#[test]
fn all_eight_reference_urls_are_made_byte_for_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        let inputs = &vector["inputs"];
        let (host, path) = (text(&vector["signed_host_header"]), text(&inputs["path"]));
        let target = SigningTarget { host, path, region: text(&inputs["region"]) };
        let expires = inputs["expires_s"].as_u64().map(|secs| u32::try_from(secs).unwrap());
        let signed = presign(target, &credentials(inputs), date(text(&inputs["amz_date"])), expires);
        assert_eq!(signed, target_of(text(&vector["expected_url"])), "{}", inputs["name"]);
    }
}

/// The reference tools order the query differently, and one of them signs one more header.
#[test]
fn signatures_of_every_reference_tool_verify() {
    let mut believed = 0;
    for vector in vectors() {
        let inputs = &vector["inputs"];
        let secret = credentials(inputs).secret_key;
        for (tool, url) in vector["produced"].as_object().unwrap() {
            let Some(url) = url.as_str() else { continue };
            // This tool signs a host without its port.
            let foreign = tool.starts_with("AWSIoTPythonSDK") && inputs["port"] != 443;
            let header = |name: &str| match name {
                "host" => vector["signed_host_header"].as_str().map(str::to_owned),
                "connection" => Some("Upgrade".to_owned()),
                _ => None,
            };
            let presigned = PresignedUrl::parse(&target_of(url)).unwrap();
            let verdict = presigned.verify(header, &secret, date(text(&inputs["amz_date"])));
            let expected = if foreign { Err(SignatureError::Mismatch) } else { Ok(()) };
            assert_eq!(verdict, expected, "{tool} on {}", inputs["name"]);
            let token = presigned.session_token().map(|token| token.expose_secret().to_owned());
            assert_eq!(token.as_deref(), inputs["session_token"].as_str(), "{tool}");
            believed += usize::from(verdict.is_ok());
        }
    }
    assert!(believed >= 8 * 3, "{believed}");
}

#[test]
fn the_device_sdk_signs_the_same() {
    let file = include_str!("../../../tests/fixtures/sigv4-iot-vector.json");
    let vector: Value = serde_json::from_str(file).unwrap();
    let target = SigningTarget {
        host: text(&vector["host"]),
        path: text(&vector["path"]),
        region: text(&vector["region"]),
    };
    let mut keys = Credentials {
        access_key_id: text(&vector["access_key_id"]).to_owned(),
        secret_key: text(&vector["secret_key"]).into(),
        session_token: Some(text(&vector["session_token"]).into()),
    };
    let at = date(text(&vector["date"]));
    let signed = presign(target, &keys, at, None);
    assert_eq!(sorted(&signed), sorted(text(&vector["request_target_with_token"])));
    keys.session_token = None;
    let signed = presign(target, &keys, at, None);
    assert_eq!(sorted(&signed), sorted(text(&vector["request_target_without_token"])));
}

const HOST: &str = "127.0.0.1:8443";

fn keys() -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_key: "a secret longer than one block of SHA-256, which is sixty-four bytes long".into(),
        session_token: Some("to/ken+=".into()),
    }
}

fn noon() -> DateTime<Utc> {
    date("20260803T120000Z")
}

fn signed(expires_secs: Option<u32>) -> String {
    let target = SigningTarget { host: HOST, path: "/mqtt", region: "us-east-1" };
    presign(target, &keys(), noon(), expires_secs)
}

fn verify_at(target: &str, now: DateTime<Utc>) -> Result<(), SignatureError> {
    let header = |name: &str| (name == "host").then(|| HOST.to_owned());
    PresignedUrl::parse(target)?.verify(header, &keys().secret_key, now)
}

#[test]
fn a_signature_is_good_around_its_date_and_no_longer() {
    for (offset, expected) in [
        (-301, Err(SignatureError::ClockAhead)),
        (-300, Ok(())),
        (0, Ok(())),
        (300, Ok(())),
        (301, Err(SignatureError::Expired)),
    ] {
        assert_eq!(verify_at(&signed(None), noon() + TimeDelta::seconds(offset)), expected, "{offset} s");
    }
    assert_eq!(verify_at(&signed(Some(900)), noon() + TimeDelta::seconds(900)), Ok(()));
    assert_eq!(verify_at(&signed(Some(900)), noon() + TimeDelta::seconds(901)), Err(SignatureError::Expired));
    assert_eq!(verify_at(&signed(Some(60)), noon() + TimeDelta::seconds(61)), Err(SignatureError::Expired));
}

#[test]
fn every_changed_part_invalidates_the_signature() {
    let good = signed(Some(900));
    assert_eq!(verify_at(&good, noon()), Ok(()));
    let other_signature = {
        let at = good.find("Signature=").unwrap() + "Signature=".len();
        let digit = if &good[at..=at] == "0" { "1" } else { "0" };
        format!("{}{digit}{}", &good[..at], &good[at + 1..])
    };
    for (changed, expected) in [
        (other_signature, SignatureError::Mismatch),
        (good.replace("/mqtt?", "/other?"), SignatureError::Mismatch),
        (good.replace("Expires=900", "Expires=901"), SignatureError::Mismatch),
        (good.replace("us-east-1", "eu-west-1"), SignatureError::Mismatch),
        (good.replace("T120000Z", "T120001Z"), SignatureError::Mismatch),
        (format!("{good}&extra=1"), SignatureError::Mismatch),
        (format!("{good}&X-Amz-Date=20260803T120000Z"), SignatureError::Malformed("X-Amz-Date")),
        (good.replace("SignedHeaders=host", "SignedHeaders=date"), SignatureError::UnsignedHeaders),
        (good.replace("SignedHeaders=host", "SignedHeaders=host%3Bx"), SignatureError::UnsignedHeaders),
        (good.replace("Expires=900", "Expires=0"), SignatureError::Malformed("X-Amz-Expires")),
        (good.replace("Expires=900", "Expires=604801"), SignatureError::Malformed("X-Amz-Expires")),
        (good.replace("SHA256", "SHA512"), SignatureError::Malformed("X-Amz-Algorithm")),
        (good.replace("T120000Z", "T1200Z"), SignatureError::Malformed("X-Amz-Date")),
        (good.replace("iotdevicegateway", "s3"), SignatureError::Malformed("X-Amz-Credential")),
        (good.replace("20260803T", "20260804T"), SignatureError::Malformed("X-Amz-Credential")),
        (good.replace("Signature=", "Signature=0"), SignatureError::Malformed("X-Amz-Signature")),
        (good.replace("X-Amz-Signature", "X-Amz-Sign"), SignatureError::Missing("X-Amz-Signature")),
        ("/mqtt".to_owned(), SignatureError::Missing("X-Amz-Algorithm")),
        ("/mqtt?%ff=1".to_owned(), SignatureError::Malformed("the query")),
    ] {
        assert_eq!(verify_at(&changed, noon()), Err(expected), "{changed}");
    }
}

#[test]
fn the_token_and_the_order_of_the_query_are_not_signed() {
    let good = signed(None);
    assert_eq!(verify_at(&good.replace("to%2Fken%2B%3D", "another"), noon()), Ok(()));
    let mut pairs: Vec<_> = good.split_once('?').unwrap().1.split('&').collect();
    pairs.reverse();
    assert_eq!(verify_at(&format!("/mqtt?{}", pairs.join("&")), noon()), Ok(()));
}

#[test]
fn strange_requests_are_refused_without_panic() {
    for target in ["", "?", "/mqtt?&&&=&", "/mqtt?X-Amz-Algorithm", "日本?日=本&X-Amz-Date=%"] {
        assert!(PresignedUrl::parse(target).is_err(), "{target}");
    }
    let strange = signed(None).replace("20260803T120000Z", "2026日本803T120000Z");
    assert!(PresignedUrl::parse(&strange).is_err());
}

#[test]
fn debug_output_contains_neither_secret_nor_signature() {
    let (keys, good) = (keys(), signed(None));
    let debug = format!("{keys:?} {:?}", PresignedUrl::parse(&good).unwrap());
    let signature = good.split("Signature=").nth(1).unwrap().split('&').next().unwrap();
    for secret in ["a secret longer", "to/ken", signature] {
        assert!(!debug.contains(secret), "{debug}");
    }
}
