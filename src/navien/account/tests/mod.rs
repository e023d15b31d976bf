//! The account against documented and undocumented answers.

mod cloud;
mod scripted;

use std::path::PathBuf;

use super::AccountSettings;

const EMAIL: &str = "owner@example.invalid";
const PASSWORD: &str = "correct-horse-battery";

fn settings(cache: Option<PathBuf>) -> AccountSettings {
    AccountSettings {
        email: EMAIL.to_owned(),
        password: PASSWORD.into(),
        cloud: "https://cloud.example/api".to_owned(),
        cache,
    }
}
