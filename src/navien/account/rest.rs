//! Requests and answers of the cloud's REST interface.
//!
//! Every answer is JSON in the envelope `{"code", "msg", "data"}`; success is code 200 and an HTTP status
//! below 400. Without a `code` the HTTP status is used.

use std::fmt;

use bytes::Bytes;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::AccountError;
use super::fields;
use crate::mqtt::connector::BoxFuture;

/// Capacity for any request, so that a growing buffer leaves no partial copy in memory.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Sends one request to the cloud. A port, so that tests can replace it.
pub trait CloudTransport: Send + Sync + fmt::Debug {
    /// Posts `body` as JSON to `path` below the cloud's base URL; `token` goes into the `authorization`
    /// header unchanged. The caller sets the timeout.
    ///
    /// # Errors
    /// When there is no complete answer.
    fn post<'a>(
        &'a self,
        path: &'a str,
        token: Option<&'a SecretString>,
        body: RequestBody,
    ) -> BoxFuture<'a, Result<RestResponse, AccountError>>;
}

/// The body of a request; zeroized when its last owner is dropped, and not shown by `Debug`.
pub struct RequestBody(Zeroizing<Vec<u8>>);

impl RequestBody {
    /// The JSON form of a value. A value without one gives an empty body, which the cloud refuses.
    pub(super) fn json(value: &impl Serialize) -> Self {
        let mut buffer = Zeroizing::new(Vec::with_capacity(MAX_REQUEST_BYTES));
        if serde_json::to_writer(&mut *buffer, value).is_err() {
            buffer.clear();
        }
        Self(buffer)
    }

    /// The body as HTTP bytes.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.0)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("bytes", &self.0.len()).finish()
    }
}

/// An answer as received; zeroized when dropped, and not shown by `Debug`.
pub struct RestResponse {
    /// HTTP status.
    pub status: u16,
    /// The raw body.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for RestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestResponse").field("status", &self.status).field("bytes", &self.body.len()).finish()
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
    /// When it is not an envelope.
    fn envelope_head(&self) -> Result<(i64, String), AccountError> {
        let head: EnvelopeHead = serde_json::from_slice(&self.body).map_err(|_| self.unparsable())?;
        let code = match head.code {
            Some(200) | None if self.status >= 400 => i64::from(self.status),
            Some(code) => code,
            None => i64::from(self.status),
        };
        Ok((code, head.msg.unwrap_or_default()))
    }

    /// The data of a successful answer.
    ///
    /// # Errors
    /// When it is a refusal or malformed; `private` is removed from the error message.
    pub(super) fn data<T: DeserializeOwned>(&self, private: &str) -> Result<T, AccountError> {
        match self.envelope_head()? {
            (200, _) => {}
            (code, message) => return Err(AccountError::refused(code, &message, private)),
        }
        let envelope: EnvelopeData<T> =
            serde_json::from_slice(&self.body).map_err(|error| self.malformed(&error))?;
        Ok(envelope.data)
    }

    /// Gives only the position of the error: serde's messages quote values, which may be secret.
    fn malformed(&self, error: &serde_json::Error) -> AccountError {
        let why = format!("its data cannot be read (line {}, column {})", error.line(), error.column());
        AccountError::Malformed { status: self.status, why }
    }

    fn unparsable(&self) -> AccountError {
        let begins_with = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        let why = match begins_with {
            None => "it is empty",
            Some(b'<') => "it is an HTML page (proxy or captive portal)",
            Some(b'{') => "its JSON is broken",
            Some(_) => "it is not a JSON object",
        };
        AccountError::Malformed { status: self.status, why: why.to_owned() }
    }
}
