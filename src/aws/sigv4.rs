//! AWS Signature Version 4, query form, for AWS IoT: signing a URL and verifying it.
//!
//! One thing differs from every other AWS service: the session token is in the query but not covered by the
//! signature.

use std::fmt::Write;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "iotdevicegateway";
const TERMINATION: &str = "aws4_request";
/// SHA-256 of the empty body of an upgrade.
const EMPTY_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// Largest difference between the clocks of signer and verifier, and the lifetime of a URL without
/// `X-Amz-Expires`.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// The longest lifetime of a signed URL: seven days.
const LONGEST_LIFE_SECS: u32 = 604_800;
/// Everything except RFC 3986's unreserved characters is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Keys to sign with. `Debug` shows neither the secret nor the token.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Public half of the key; AWS's temporary ones begin with `ASIA`.
    pub access_key_id: String,
    /// Secret half.
    pub secret_key: SecretString,
    /// Token of temporary keys; permanent keys have none.
    pub session_token: Option<SecretString>,
}

/// The endpoint that a signature is for.
#[derive(Debug, Clone, Copy)]
pub struct SigningTarget<'a> {
    /// The Host header exactly as it is sent: with the port unless it is the scheme's default.
    pub host: &'a str,
    /// Path of the URL, `/mqtt` at AWS.
    pub path: &'a str,
    /// AWS region, such as `us-east-1`.
    pub region: &'a str,
}

/// Signs; gives path and query for the request line. `expires_secs` (1–604800) is left out of the
/// query for `None`, as the AWS device SDKs do: the URL is then valid for five minutes.
pub fn presign(
    target: SigningTarget<'_>,
    credentials: &Credentials,
    at: DateTime<Utc>,
    expires_secs: Option<u32>,
) -> String {
    let date = at.format(DATE_FORMAT).to_string();
    let scope = format!("{}/{}/{SERVICE}/{TERMINATION}", &date[..8], target.region);
    let credential = format!("{}/{scope}", credentials.access_key_id);
    let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}", escape(&credential));
    let _ = write!(query, "&X-Amz-Date={date}");
    if let Some(secs) = expires_secs {
        let _ = write!(query, "&X-Amz-Expires={secs}");
    }
    query.push_str("&X-Amz-SignedHeaders=host");
    let request = canonical_request(target.path, &query, &[("host", target.host.to_owned())]);
    let mac = signature(&credentials.secret_key, &date, target.region, &scope, &request);
    let signature = hex(&mac.finalize().into_bytes());
    let mut signed = format!("{}?{query}&X-Amz-Signature={signature}", target.path);
    if let Some(token) = &credentials.session_token {
        let _ = write!(signed, "&X-Amz-Security-Token={}", escape(token.expose_secret()));
    }
    signed
}

/// Why a signed URL is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A parameter is missing.
    #[error("the query has no {0}")]
    Missing(&'static str),
    /// A parameter cannot be parsed, or occurs twice.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The Host header must be signed, and each signed header must be sent.
    #[error("the signed headers do not cover what was sent")]
    UnsignedHeaders,
    /// The signature's date is in the verifier's future.
    #[error("the signature is not yet current: the signer's clock is ahead")]
    ClockAhead,
    /// The signature is too old.
    #[error("the signature has expired, or the signer's clock is behind")]
    Expired,
    /// Another key or another request was signed.
    #[error("the signature does not match the request")]
    Mismatch,
}

/// A signed request as it was received, not yet verified.
pub struct PresignedUrl {
    path: String,
    query: String,
    date: String,
    at: DateTime<Utc>,
    lifetime: TimeDelta,
    access_key_id: String,
    region: String,
    scope: String,
    signed_headers: Vec<String>,
    signature: [u8; 32],
    session_token: Option<SecretString>,
}

impl PresignedUrl {
    /// Parses a request target (path and query).
    ///
    /// # Errors
    /// [`SignatureError::Missing`] or [`SignatureError::Malformed`].
    pub fn parse(target: &str) -> Result<Self, SignatureError> {
        let (path, query) = target.split_once('?').ok_or(SignatureError::Missing("X-Amz-Algorithm"))?;
        let parameters = parameters(query)?;
        let get =
            |name: &'static str| single_parameter(&parameters, name)?.ok_or(SignatureError::Missing(name));
        if get("X-Amz-Algorithm")? != ALGORITHM {
            return Err(SignatureError::Malformed("X-Amz-Algorithm"));
        }
        let date = get("X-Amz-Date")?.to_owned();
        let parsed = NaiveDateTime::parse_from_str(&date, DATE_FORMAT);
        let at = parsed.map_err(|_| SignatureError::Malformed("X-Amz-Date"))?.and_utc();
        // The parser is lenient about digits; a valid date begins with exactly eight of them.
        if at.format(DATE_FORMAT).to_string() != date {
            return Err(SignatureError::Malformed("X-Amz-Date"));
        }
        let credential = get("X-Amz-Credential")?;
        let (access_key_id, scope) =
            credential.split_once('/').ok_or(SignatureError::Malformed("X-Amz-Credential"))?;
        let region = match scope.split('/').collect::<Vec<_>>()[..] {
            [day, region, SERVICE, TERMINATION] if day == &date[..8] => region.to_owned(),
            _ => return Err(SignatureError::Malformed("X-Amz-Credential")),
        };
        let lifetime = match single_parameter(&parameters, "X-Amz-Expires")? {
            None => CLOCK_TOLERANCE,
            Some(text) => match text.parse::<u32>() {
                Ok(secs @ 1..=LONGEST_LIFE_SECS) => TimeDelta::seconds(i64::from(secs)),
                _ => return Err(SignatureError::Malformed("X-Amz-Expires")),
            },
        };
        let signed_headers = get("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect();
        let signature = unhex(get("X-Amz-Signature")?).ok_or(SignatureError::Malformed("X-Amz-Signature"))?;
        let session_token = single_parameter(&parameters, "X-Amz-Security-Token")?.map(SecretString::from);
        let (access_key_id, scope) = (access_key_id.to_owned(), scope.to_owned());
        let query = canonical_query(&parameters);
        let path = path.to_owned();
        Ok(Self {
            path,
            query,
            date,
            at,
            lifetime,
            access_key_id,
            region,
            scope,
            signed_headers,
            signature,
            session_token,
        })
    }

    /// The key id in the URL.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token in the URL, which the signature does not cover.
    pub fn session_token(&self) -> Option<&SecretString> {
        self.session_token.as_ref()
    }

    /// The region in the URL.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Checks date and signature. `header` gives the value of a header that was sent, by its
    /// lower-case name. The comparison takes the same time wherever the signatures differ.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] before [`SignatureError::ClockAhead`] and [`SignatureError::Expired`]: only
    /// the holder of the key gets the information that its clock is wrong.
    pub fn verify(
        &self,
        header: impl Fn(&str) -> Option<String>,
        secret_key: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), SignatureError> {
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err(SignatureError::UnsignedHeaders);
        }
        let mut headers = Vec::new();
        for name in &self.signed_headers {
            headers.push((name.as_str(), header(name).ok_or(SignatureError::UnsignedHeaders)?));
        }
        let request = canonical_request(&self.path, &self.query, &headers);
        let mac = signature(secret_key, &self.date, &self.region, &self.scope, &request);
        mac.verify_slice(&self.signature).map_err(|_| SignatureError::Mismatch)?;
        if self.at.signed_duration_since(now) > CLOCK_TOLERANCE {
            return Err(SignatureError::ClockAhead);
        }
        if now.signed_duration_since(self.at) > self.lifetime {
            return Err(SignatureError::Expired);
        }
        Ok(())
    }
}

impl std::fmt::Debug for PresignedUrl {
    /// Omits signature and token: during its lifetime the URL works like a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresignedUrl")
            .field("path", &self.path)
            .field("date", &self.date)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Names and values of a query, unescaped.
fn parameters(query: &str) -> Result<Vec<(String, String)>, SignatureError> {
    let unescape = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| SignatureError::Malformed("the query"))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((unescape(name)?, unescape(value)?))
        })
        .collect()
}

/// The value of a parameter that may occur once.
fn single_parameter<'a>(
    parameters: &'a [(String, String)],
    name: &'static str,
) -> Result<Option<&'a str>, SignatureError> {
    let mut values = parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(SignatureError::Malformed(name)),
    }
}

/// The signed part of the query: all but the signature and the token, sorted.
fn canonical_query(parameters: &[(String, String)]) -> String {
    let signed = parameters
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "X-Amz-Signature" | "X-Amz-Security-Token"));
    let mut pairs: Vec<_> = signed.map(|(name, value)| (escape(name), escape(value))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn canonical_request(path: &str, query: &str, headers: &[(&str, String)]) -> String {
    let mut request = format!("GET\n{path}\n{query}\n");
    for (name, value) in headers {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(request, "{name}:{value}");
    }
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let _ = write!(request, "\n{}\n{EMPTY_BODY}", names.join(";"));
    request
}

/// The last HMAC of the chain, ready to be read or compared.
fn signature(
    secret_key: &SecretString,
    date: &str,
    region: &str,
    scope: &str,
    request: &str,
) -> Hmac<Sha256> {
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
    let secret = format!("AWS4{}", secret_key.expose_secret());
    let mut key = hmac(secret.as_bytes(), &date[..8]);
    for part in [region, SERVICE, TERMINATION, &text] {
        key = hmac(&key.finalize().into_bytes(), part);
    }
    key
}

fn hmac(key: &[u8], text: &str) -> Hmac<Sha256> {
    // RFC 2104: a key longer than a block is hashed, a shorter one padded with zeros.
    let mut block = Key::<Hmac<Sha256>>::default();
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    Hmac::<Sha256>::new(&block).chain_update(text)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 lower-case hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
