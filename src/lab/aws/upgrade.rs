//! The check of a WebSocket upgrade request.

use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};

use super::credential_store::UpgradeDenial;
use super::rules::AwsRules;
use crate::aws::PresignedUrl;

/// The only path that AWS serves.
const PATH: &str = "/mqtt";
/// The region of the endpoint.
pub(in crate::lab) const REGION: &str = "us-east-1";
/// The date format of HTTP (RFC 9110 §5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

impl AwsRules {
    /// Checks path and signature of an upgrade. Every refusal carries `Date`, from which a client can
    /// see that its own clock is wrong.
    pub(in crate::lab) fn check_upgrade(&self, request: &Request) -> Result<(), Box<ErrorResponse>> {
        if request.uri().path() != PATH {
            return Err(self.refusal(StatusCode::NOT_FOUND, "Not Found"));
        }
        let checked = self.check_signature(request);
        self.record_denial(checked.err());
        checked.map_err(|_| self.refusal(StatusCode::FORBIDDEN, "Forbidden"))
    }

    fn check_signature(&self, request: &Request) -> Result<(), UpgradeDenial> {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let presigned = PresignedUrl::parse(target)?;
        if presigned.region() != REGION {
            return Err(UpgradeDenial::WrongRegion);
        }
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        self.credential_store().check(&presigned, header)
    }

    /// The time in the format of HTTP.
    pub(in crate::lab) fn http_date(&self) -> String {
        self.now().wall.format(HTTP_DATE).to_string()
    }

    /// Like AWS, the lab does not name the reason: see [`AwsRules::last_denial`].
    fn refusal(&self, status: StatusCode, message: &str) -> Box<ErrorResponse> {
        let mut refusal = ErrorResponse::new(Some(format!("{{\"message\":\"{message}\"}}")));
        *refusal.status_mut() = status;
        let headers = refusal.headers_mut();
        if let Ok(date) = HeaderValue::try_from(self.http_date()) {
            headers.insert(header::DATE, date);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Box::new(refusal)
    }
}
