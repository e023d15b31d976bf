//! The routes of the cloud and their answers.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::account::CloudAccount;
use super::device_list::ListedDevice;
use super::{CloudFault, ServedRequest};
use crate::lab::sync::lock;

/// The prefix of all paths.
pub(super) const BASE: &str = "/api/v2.1";
/// Devices on one page of the list.
const MAX_PAGE_SIZE: u64 = 20;
/// Requests remembered.
const MAX_SERVED: usize = 1000;

const BAD_REQUEST: CloudReply = CloudReply::failure(400, "BAD_REQUEST");
const UNAUTHORIZED: CloudReply = CloudReply::failure(401, "Unauthorized");
const FORBIDDEN: CloudReply = CloudReply::failure(403, "FORBIDDEN");
const NOT_FOUND: CloudReply = CloudReply::failure(404, "NOT_FOUND");

/// The relevant parts of a request.
pub(super) struct CloudRequest<'a> {
    pub(super) is_post: bool,
    pub(super) path: &'a str,
    /// The `authorization` header as received.
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// The cloud's own answer: the envelope's code, message and data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CloudReply {
    pub(super) code: u16,
    message: std::borrow::Cow<'static, str>,
    data: Value,
}

impl CloudReply {
    const fn failure(code: u16, message: &'static str) -> Self {
        Self { code, message: std::borrow::Cow::Borrowed(message), data: Value::Null }
    }

    pub(super) fn failure_with(code: u16, message: String) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    pub(super) fn success(data: Value) -> Self {
        Self { code: 200, message: "SUCCESS".into(), data }
    }

    pub(super) fn envelope(&self) -> Value {
        json!({ "code": self.code, "msg": self.message, "data": self.data })
    }
}

/// The state behind the routes.
pub(super) struct CloudState {
    pub(super) account: CloudAccount,
    pub(super) faults: Mutex<VecDeque<CloudFault>>,
    pub(super) served: Mutex<VecDeque<ServedRequest>>,
    devices: Vec<ListedDevice>,
}

impl CloudState {
    pub(super) fn new(account: CloudAccount, devices: Vec<ListedDevice>) -> Self {
        Self { account, faults: Mutex::default(), served: Mutex::default(), devices }
    }

    /// The fault that replaces the next answer.
    pub(super) fn next_fault(&self) -> Option<CloudFault> {
        lock(&self.faults).pop_front()
    }

    pub(super) fn record_request(&self, path: &str, code: u16) {
        let mut served = lock(&self.served);
        if served.len() == MAX_SERVED {
            served.pop_front();
        }
        let path = path.strip_prefix(BASE).unwrap_or(path).chars().take(200).collect();
        served.push_back(ServedRequest { path, code });
    }

    pub(super) fn answer(&self, request: &CloudRequest<'_>) -> CloudReply {
        self.try_answer(request).unwrap_or_else(|refusal| refusal)
    }

    fn try_answer(&self, request: &CloudRequest<'_>) -> Result<CloudReply, CloudReply> {
        let path = request.path.strip_prefix(BASE).ok_or(NOT_FOUND)?;
        let is_open = matches!(path, "/user/sign-in" | "/auth/refresh");
        if !is_open && !matches!(path, "/device/list" | "/device/info") {
            return Err(NOT_FOUND);
        }
        if !request.is_post {
            return Err(CloudReply::failure(405, "METHOD_NOT_ALLOWED"));
        }
        // The raw token: with the prefix "Bearer " it is invalid.
        if !is_open && !request.authorization.is_some_and(|token| self.account.is_valid_token(token)) {
            return Err(UNAUTHORIZED);
        }
        let body: Value = serde_json::from_slice(request.body).map_err(|_| BAD_REQUEST)?;
        let text = |name: &str| body[name].as_str().ok_or(BAD_REQUEST);
        if !is_open && text("userId")? != self.account.email() {
            return Err(FORBIDDEN);
        }
        let data = match path {
            "/user/sign-in" => {
                let signed_in = self.account.sign_in(text("userId")?, text("password")?);
                signed_in.ok_or(CloudReply::failure(401, "Invalid email or password"))?
            }
            "/auth/refresh" => {
                let refreshed = self.account.refresh(text("refreshToken")?);
                refreshed.ok_or(CloudReply::failure(401, "Invalid refresh token"))?
            }
            "/device/list" => self.page(&body)?,
            _ => {
                let (mac_address, additional) = (text("macAddress")?, text("additionalValue")?);
                let mut devices = self.devices.iter();
                let device = devices.find(|device| {
                    let identity = &device.identity;
                    identity.mac_address == mac_address && identity.additional_value == additional
                });
                device.ok_or(NOT_FOUND)?.describe()
            }
        };
        Ok(CloudReply::success(data))
    }

    /// One page of the device list, at most 20 devices.
    fn page(&self, body: &Value) -> Result<Value, CloudReply> {
        let offset = body["offset"].as_u64().ok_or(BAD_REQUEST)?;
        let count = body["count"].as_u64().ok_or(BAD_REQUEST)?.min(MAX_PAGE_SIZE);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(0);
        Ok(self.devices.iter().skip(offset).take(count).map(ListedDevice::describe).collect())
    }
}
