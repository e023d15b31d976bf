//! How is the cloud asked, and was that a yes?
//!
//! Every answer is JSON in the envelope `{"code", "msg", "data"}`; success is code 200 and an HTTP status
//! below 400. Where `code` is missing the HTTP status takes its place.

use std::fmt;

use bytes::Bytes;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::AccountError;
use super::fields;
use crate::mqtt::connector::BoxFuture;

/// Room for any request, so that no half-written copy is left behind when the buffer grows.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Carries one request to the cloud. A port, so that tests can answer in its place.
pub trait CloudTransport: Send + Sync + fmt::Debug {
    /// Posts `body` as JSON to `path` below the cloud's base URL; `token` goes into the `authorization`
    /// header as it is. Limits in time are the caller's.
    ///
    /// # Errors
    /// When there is no whole answer.
    fn post<'a>(
        &'a self,
        path: &'a str,
        token: Option<&'a SecretString>,
        body: RequestBody,
    ) -> BoxFuture<'a, Result<RestResponse, AccountError>>;
}

/// The body of a request; zeroized when the last one who holds it lets go, and not shown by `Debug`.
pub struct RequestBody(Zeroizing<Vec<u8>>);

impl RequestBody {
    /// The JSON form of a value. A value without one gives an empty body, which the cloud will refuse.
    pub(super) fn json(value: &impl Serialize) -> Self {
        let mut buffer = Zeroizing::new(Vec::with_capacity(MAX_REQUEST_BYTES));
        if serde_json::to_writer(&mut *buffer, value).is_err() {
            buffer.clear();
        }
        Self(buffer)
    }

    /// As HTTP carries it.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.0)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("bytes", &self.0.len()).finish()
    }
}

/// An answer as it came; zeroized when dropped, and not shown by `Debug`.
pub struct RestResponse {
    /// HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for RestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

#[derive(Deserialize)]
struct EnvelopeHead {
    #[serde(default, deserialize_with = "fields::integer")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    msg: Option<String>,
}

#[derive(Deserialize)]
struct EnvelopeData<T> {
    data: T,
}

impl RestResponse {
    /// The answer's code: success is 200.
    ///
    /// # Errors
    /// When it is no envelope at all.
    fn envelope_head(&self) -> Result<(i64, String), AccountError> {
        let head: EnvelopeHead = serde_json::from_slice(&self.body).map_err(|_| self.unparsable())?;
        let code = match head.code {
            Some(200) | None if self.status >= 400 => i64::from(self.status),
            Some(code) => code,
            None => i64::from(self.status),
        };
        Ok((code, head.msg.unwrap_or_default()))
    }

    /// What is in the envelope of a success.
    ///
    /// # Errors
    /// When it is a refusal or makes no sense; `private` is kept out of the error's words.
    pub(super) fn data<T: DeserializeOwned>(&self, private: &str) -> Result<T, AccountError> {
        match self.envelope_head()? {
            (200, _) => {}
            (code, message) => return Err(AccountError::refused(code, &message, private)),
        }
        let envelope: EnvelopeData<T> =
            serde_json::from_slice(&self.body).map_err(|error| self.malformed(&error))?;
        Ok(envelope.data)
    }

    /// Only the place of the mistake: serde's words quote values, and those may be secret.
    fn malformed(&self, error: &serde_json::Error) -> AccountError {
        let why = format!("its data cannot be read (line {}, column {})", error.line(), error.column());
        AccountError::Malformed { status: self.status, why }
    }

    fn unparsable(&self) -> AccountError {
        let begins_with = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        let why = match begins_with {
            None => "it is empty",
            Some(b'<') => "it is a web page, perhaps of a proxy or a hotspot",
            Some(b'{') => "its JSON is broken",
            Some(_) => "it is no JSON object",
        };
        AccountError::Malformed { status: self.status, why: why.to_owned() }
    }
}
