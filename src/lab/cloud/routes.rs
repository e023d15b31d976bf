//! Which answer does a request to the cloud get?

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::account::Account;
use super::device_list::Listed;
use super::{Mishap, Served};
use crate::lab::broker::lock;

/// What all paths begin with.
pub(super) const BASE: &str = "/api/v2.1";
/// Devices on one page of the list.
const PAGE: u64 = 20;
/// Requests remembered.
const MOST_SERVED: usize = 1000;

const BAD_REQUEST: Reply = Reply::failure(400, "BAD_REQUEST");
const UNAUTHORIZED: Reply = Reply::failure(401, "Unauthorized");
const FORBIDDEN: Reply = Reply::failure(403, "FORBIDDEN");
const NOT_FOUND: Reply = Reply::failure(404, "NOT_FOUND");

/// A request as far as it matters.
pub(super) struct Ask<'a> {
    pub(super) is_post: bool,
    pub(super) path: &'a str,
    /// The `authorization` header as it came.
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// The cloud's own answer: the envelope's code, message and data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) code: u16,
    message: std::borrow::Cow<'static, str>,
    data: Value,
}

impl Reply {
    const fn failure(code: u16, message: &'static str) -> Self {
        Self { code, message: std::borrow::Cow::Borrowed(message), data: Value::Null }
    }

    pub(super) fn failing(code: u16, message: String) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    pub(super) fn success(data: Value) -> Self {
        Self { code: 200, message: "SUCCESS".into(), data }
    }

    pub(super) fn envelope(&self) -> Value {
        json!({ "code": self.code, "msg": self.message, "data": self.data })
    }
}

/// Everything behind the paths.
pub(super) struct Site {
    pub(super) account: Account,
    pub(super) mishaps: Mutex<VecDeque<Mishap>>,
    pub(super) served: Mutex<VecDeque<Served>>,
    devices: Vec<Listed>,
}

impl Site {
    pub(super) fn new(account: Account, devices: Vec<Listed>) -> Self {
        Self { account, mishaps: Mutex::default(), served: Mutex::default(), devices }
    }

    /// The mishap that takes the place of the next answer.
    pub(super) fn next_mishap(&self) -> Option<Mishap> {
        lock(&self.mishaps).pop_front()
    }

    pub(super) fn remember(&self, path: &str, code: u16) {
        let mut served = lock(&self.served);
        if served.len() == MOST_SERVED {
            served.pop_front();
        }
        let path = path.strip_prefix(BASE).unwrap_or(path).chars().take(200).collect();
        served.push_back(Served { path, code });
    }

    pub(super) fn answer(&self, ask: &Ask<'_>) -> Reply {
        self.try_answer(ask).unwrap_or_else(|refusal| refusal)
    }

    fn try_answer(&self, ask: &Ask<'_>) -> Result<Reply, Reply> {
        let path = ask.path.strip_prefix(BASE).ok_or(NOT_FOUND)?;
        let is_open = matches!(path, "/user/sign-in" | "/auth/refresh");
        if !is_open && !matches!(path, "/device/list" | "/device/info") {
            return Err(NOT_FOUND);
        }
        if !ask.is_post {
            return Err(Reply::failure(405, "METHOD_NOT_ALLOWED"));
        }
        // The token as it is: with "Bearer " before it, it is another token.
        if !is_open && !ask.authorization.is_some_and(|token| self.account.admits(token)) {
            return Err(UNAUTHORIZED);
        }
        let body: Value = serde_json::from_slice(ask.body).map_err(|_| BAD_REQUEST)?;
        let text = |name: &str| body[name].as_str().ok_or(BAD_REQUEST);
        if !is_open && text("userId")? != self.account.email() {
            return Err(FORBIDDEN);
        }
        let data = match path {
            "/user/sign-in" => {
                let signed_in = self.account.sign_in(text("userId")?, text("password")?);
                signed_in.ok_or(Reply::failure(401, "Invalid email or password"))?
            }
            "/auth/refresh" => {
                let refreshed = self.account.refresh(text("refreshToken")?);
                refreshed.ok_or(Reply::failure(401, "Invalid refresh token"))?
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
        Ok(Reply::success(data))
    }

    /// A part of the device list, at most twenty long.
    fn page(&self, body: &Value) -> Result<Value, Reply> {
        let offset = body["offset"].as_u64().ok_or(BAD_REQUEST)?;
        let count = body["count"].as_u64().ok_or(BAD_REQUEST)?.min(PAGE);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(0);
        Ok(self.devices.iter().skip(offset).take(count).map(Listed::describe).collect())
    }
}
