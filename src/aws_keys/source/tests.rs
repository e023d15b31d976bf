//! Keys from prepared environments.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;

const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = fromfile\n\
                           [temporary]\naws_access_key_id = ASIATEMP\naws_secret_access_key = s/+=\n\
                           aws_session_token = token\nx_security_token_expires = 2026-11-20T12:00:00+01:00\n\
                           [half]\naws_access_key_id = AKIAHALF\n";
const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile process]\ncredential_process = /bin/keys\n\
                      [profile sso]\nsso_session = work\n[profile role]\nrole_arn = arn:x\nsource_profile = default\n\
                      [profile bare]\nregion = us-west-2\n";

fn home() -> TempDir {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join(".aws")).expect("a directory");
    fs::write(home.path().join(".aws/credentials"), CREDENTIALS).expect("a file");
    fs::write(home.path().join(".aws/config"), CONFIG).expect("a file");
    home
}

fn source(home: &TempDir, variables: &[(&str, &str)], profile: Option<&str>) -> KeySource {
    let mut known: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    known.insert("HOME".to_owned(), home.path().display().to_string());
    KeySource::new(Arc::new(move |name| known.get(name).cloned()), profile.map(str::to_owned))
}

fn id(source: &KeySource) -> String {
    source.read().expect("keys").credentials.access_key_id
}

const ENVIRONMENT: [(&str, &str); 5] = [
    ("AWS_ACCESS_KEY_ID", "ASIAENV"),
    ("AWS_SECRET_ACCESS_KEY", "fromenv"),
    ("AWS_SESSION_TOKEN", "envtoken"),
    ("AWS_CREDENTIAL_EXPIRATION", "2026-11-20T13:00:00Z"),
    ("AWS_PROFILE", "temporary"),
];

#[test]
fn the_environment_precedes_the_profile_unless_one_is_requested() {
    let home = home();
    let found = source(&home, &ENVIRONMENT, None).read().expect("keys");
    assert_eq!(found.credentials.access_key_id, "ASIAENV");
    assert_eq!(found.credentials.secret_key.expose_secret(), "fromenv");
    assert!(found.credentials.session_token.is_some());
    assert_eq!(found.expires_at, "2026-11-20T13:00:00Z".parse().ok());
    assert_eq!(id(&source(&home, &ENVIRONMENT, Some("default"))), "AKIADEFAULT");
    assert_eq!(id(&source(&home, &ENVIRONMENT[4..], None)), "ASIATEMP");
    assert_eq!(id(&source(&home, &[("AWS_ACCESS_KEY_ID", " ")], None)), "AKIADEFAULT");
}

#[test]
fn temporary_keys_have_token_and_expiry_and_file_paths_are_configurable() {
    let home = home();
    let found = source(&home, &[], Some("temporary")).read().expect("keys");
    assert_eq!(found.credentials.session_token.expect("a token").expose_secret(), "token");
    assert_eq!(found.expires_at, "2026-11-20T11:00:00Z".parse().ok());
    let other = home.path().join("other");
    fs::write(&other, "[default]\naws_access_key_id=AKIAOTHER\naws_secret_access_key=x\n").expect("a file");
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", other.to_str().expect("text"))];
    assert_eq!(id(&source(&home, &variables, None)), "AKIAOTHER");
}

#[test]
fn unsupported_profiles_are_errors_with_a_remedy() {
    let home = home();
    let refusal = |variables: &[(&str, &str)], profile| {
        source(&home, variables, profile).read().expect_err("no keys").to_string()
    };
    for (profile, method) in
        [("process", "credential_process"), ("sso", "single sign-on"), ("role", "role_arn")]
    {
        let text = refusal(&[], Some(profile));
        let remedy = format!("aws configure export-credentials --profile {profile} --format env");
        assert!(text.contains(method) && text.contains(&remedy), "{text}");
    }
    assert!(refusal(&[], Some("nobody")).starts_with("There is no profile `nobody`"));
    assert!(refusal(&[("AWS_PROFILE", "nobody")], None).starts_with("There is no profile `nobody`"));
    assert!(refusal(&[], Some("bare")).starts_with("There are no AWS credentials"));
    let half = "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY; a key needs both.";
    assert_eq!(refusal(&ENVIRONMENT[..1], None), half);
    let half = "aws_access_key_id is set without aws_secret_access_key; a key needs both.";
    assert_eq!(refusal(&[], Some("half")), half);
    let nowhere = KeySource::new(Arc::new(|_| None), None);
    assert_eq!(nowhere.read().expect_err("no keys"), KeyError::NoCredentials);
}

#[test]
fn the_region_comes_from_the_endpoint_name_or_the_environment() {
    assert_eq!(region_of("a1t3-ats.iot.us-east-1.amazonaws.com").as_deref(), Some("us-east-1"));
    assert_eq!(region_of("A1.ats.iot.cn-north-1.amazonaws.com.cn").as_deref(), Some("cn-north-1"));
    for host in ["iot.example.com", "x.s3.us-east-1.amazonaws.com", "x.iot..amazonaws.com", ""] {
        assert_eq!(region_of(host), None, "{host}");
    }
    let home = home();
    assert_eq!(source(&home, &[], None).region().as_deref(), Some("eu-west-1"));
    let variables = [("AWS_REGION", "us-east-2"), ("AWS_DEFAULT_REGION", "us-east-1")];
    assert_eq!(source(&home, &variables, None).region().as_deref(), Some("us-east-2"));
    assert_eq!(source(&home, &variables[1..], None).region().as_deref(), Some("us-east-1"));
    assert_eq!(source(&home, &[], Some("bare")).region().as_deref(), Some("us-west-2"));
}

#[test]
fn no_debug_shows_a_secret() {
    let home = home();
    let source = source(&home, &ENVIRONMENT, None);
    let text = format!("{source:?} {:?}", source.read());
    assert!(!text.contains("fromenv") && !text.contains("envtoken"), "{text}");
}
