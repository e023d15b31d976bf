//! The sources of AWS keys: environment and profile files.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::profile::AwsProfile;
use crate::aws::Credentials;

/// Looks up an environment variable.
pub type EnvLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Settings in which tools that write profile files store the expiry of temporary keys.
const EXPIRY_SETTINGS: [&str; 4] =
    ["expiration", "aws_expiration", "aws_session_expiration", "x_security_token_expires"];

/// Keys with their expiry.
#[derive(Debug, Clone)]
pub struct ExpiringCredentials {
    /// The keys.
    pub credentials: Credentials,
    /// When they expire, if the source contains it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why there are no keys. Each message is one sentence that states what to do; none repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was found anywhere.
    #[error(
        "There are no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for \
         temporary keys), fill ~/.aws/credentials, or give --cert and --key of a device."
    )]
    NoCredentials,
    /// One half of a key alone.
    #[error("{present} is set without {missing}; a key needs both.")]
    IncompletePair {
        /// The setting that exists.
        present: String,
        /// The setting that does not.
        missing: String,
    },
    /// The requested profile is in neither file.
    #[error(
        "There is no profile `{0}` in ~/.aws/credentials or ~/.aws/config; `aws configure list-profiles` lists them."
    )]
    NoProfile(String),
    /// The profile gets its keys by a method that is not supported.
    #[error(
        "The profile `{profile}` uses {method}, which dropscope does not support; export its keys first: \
         eval \"$(aws configure export-credentials --profile {profile} --format env)\""
    )]
    UnsupportedProfile {
        /// Its name.
        profile: String,
        /// How it gets its keys, in words.
        method: &'static str,
    },
    /// A file exists and cannot be read.
    #[error("The file {} cannot be read: {why}.", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The error of the operating system.
        why: String,
    },
}

/// The place to search for keys.
#[derive(Clone)]
pub struct KeySource {
    env: EnvLookup,
    profile: Option<String>,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySource").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl KeySource {
    /// Keys of this environment. An explicit `profile` precedes keys in the environment, as with AWS's own
    /// tools; `AWS_PROFILE` does not.
    pub fn new(env: EnvLookup, profile: Option<String>) -> Self {
        Self { env, profile }
    }

    /// The keys as they are now; reads files.
    ///
    /// # Errors
    /// If there are none.
    pub fn read(&self) -> Result<ExpiringCredentials, KeyError> {
        match self.environment_keys()? {
            Some(found) if self.profile.is_none() => Ok(found),
            _ => self.profile_keys(),
        }
    }

    /// The configured region, for endpoints whose names contain none.
    pub fn region(&self) -> Option<String> {
        let from_environment = self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"));
        from_environment.or_else(|| self.profile().ok()?.1.get("region").map(str::to_owned))
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.env)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn environment_keys(&self) -> Result<Option<ExpiringCredentials>, KeyError> {
        let get = |name: &str| self.get(name);
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let Some((access_key_id, secret_key)) = key_pair(names, get, self.profile.is_some())? else {
            return Ok(None);
        };
        let expiry = self.get("AWS_CREDENTIAL_EXPIRATION");
        let session_token = self.get("AWS_SESSION_TOKEN");
        Ok(Some(expiring_credentials(access_key_id, secret_key, session_token, expiry.as_deref())))
    }

    fn profile_keys(&self) -> Result<ExpiringCredentials, KeyError> {
        let (name, profile) = self.profile()?;
        let get = |name: &str| profile.get(name).map(str::to_owned);
        if let Some((id, secret)) = key_pair(["aws_access_key_id", "aws_secret_access_key"], get, false)? {
            let expiry = EXPIRY_SETTINGS.into_iter().find_map(|name| profile.get(name));
            return Ok(expiring_credentials(id, secret, get("aws_session_token"), expiry));
        }
        let unsupported = [
            ("credential_process", "a command (credential_process)"),
            ("sso_session", "single sign-on"),
            ("sso_start_url", "single sign-on"),
            ("login_session", "a browser sign-in"),
            ("role_arn", "an assumed role (role_arn)"),
        ];
        match unsupported.into_iter().find(|(setting, _)| profile.get(setting).is_some()) {
            Some((_, method)) => Err(KeyError::UnsupportedProfile { profile: name, method }),
            None => Err(KeyError::NoCredentials),
        }
    }

    /// The profile in force and its name.
    fn profile(&self) -> Result<(String, AwsProfile), KeyError> {
        let requested = self.profile.clone().or_else(|| self.get("AWS_PROFILE"));
        let name = requested.clone().unwrap_or_else(|| "default".to_owned());
        let mut profile = AwsProfile::default();
        let mut exists = false;
        for (variable, file, heading) in [
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name.clone()),
            ("AWS_CONFIG_FILE", "config", format!("profile {name}")),
            // The heading of the default profile has no `profile` in either file.
            ("AWS_CONFIG_FILE", "config", "default".to_owned()),
        ] {
            if heading == "default" && name != "default" {
                continue;
            }
            if let Some(text) = self.file(variable, file)? {
                exists |= profile.merge_section(&text, &heading);
            }
        }
        match requested {
            Some(requested) if !exists => Err(KeyError::NoProfile(requested)),
            _ => Ok((name, profile)),
        }
    }

    /// The text of a file, if there is one.
    fn file(&self, variable: &str, name: &str) -> Result<Option<String>, KeyError> {
        let usual = || {
            let home = self.get("HOME").or_else(|| self.get("USERPROFILE"))?;
            Some(PathBuf::from(home).join(".aws").join(name))
        };
        let Some(path) = self.get(variable).map(PathBuf::from).or_else(usual) else { return Ok(None) };
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(KeyError::Unreadable { path, why: error.to_string() }),
        }
    }
}

/// Both halves of a key, or none. One half alone is an error unless `ignore_incomplete`.
fn key_pair(
    names: [&str; 2],
    get: impl Fn(&str) -> Option<String>,
    ignore_incomplete: bool,
) -> Result<Option<(String, String)>, KeyError> {
    let incomplete = |present: &str, missing: &str| {
        if ignore_incomplete {
            Ok(None)
        } else {
            Err(KeyError::IncompletePair { present: present.to_owned(), missing: missing.to_owned() })
        }
    };
    match (get(names[0]), get(names[1])) {
        (Some(id), Some(secret)) => Ok(Some((id, secret))),
        (None, None) => Ok(None),
        (Some(_), None) => incomplete(names[0], names[1]),
        (None, Some(_)) => incomplete(names[1], names[0]),
    }
}

fn expiring_credentials(
    access_key_id: String,
    secret: String,
    token: Option<String>,
    expiry: Option<&str>,
) -> ExpiringCredentials {
    let expiry = expiry.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    ExpiringCredentials {
        credentials: Credentials {
            access_key_id,
            secret_key: secret.into(),
            session_token: token.map(Into::into),
        },
        expires_at: expiry.map(|expiry| expiry.to_utc()),
    }
}

/// The region in the name of an AWS IoT endpoint: `….iot.REGION.amazonaws.com`.
pub fn region_of(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let name = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let (_, region) = name.rsplit_once(".iot.")?;
    (!region.is_empty() && !region.contains('.')).then(|| region.to_owned())
}

#[cfg(test)]
mod tests;
