//! `dropscope aws` as a process: exit codes, output, and files without secrets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use dropscope::aws::Credentials;
use dropscope::lab::AwsLimits;
use secrecy::ExposeSecret;

use crate::aws::fixture::{AwsFixture, KEY_LIFETIME};
use crate::child;
use crate::navien::leaks::files_below;

fn environment(keys: &Credentials) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_key.expose_secret().to_owned()),
        ("AWS_SESSION_TOKEN", keys.session_token.as_ref().unwrap().expose_secret().to_owned()),
    ]
}

/// Runs the program with a home of its own and an otherwise empty environment. Its output is written to the home,
/// too, so that the fixture searches it for secrets.
pub(crate) async fn aws(home: &Path, variables: Vec<(&'static str, String)>, arguments: &[&str]) -> Output {
    let mut command = child::command(home, &["aws"]);
    command.args(arguments).envs(variables);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    fs::write(home.join("stdout.txt"), &output.stdout).unwrap();
    fs::write(home.join("stderr.txt"), &output.stderr).unwrap();
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every file below a folder, as text.
fn everything_below(folder: &Path) -> String {
    let read = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    files_below(folder).iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_environment_connect_and_are_written_nowhere() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    let keys = fixture.rules.credential_store().issue(KEY_LIFETIME);
    let mut variables = environment(&keys);
    let expiry =
        dropscope::diagnostics::Clock::now(&dropscope::clock::SystemClock::new()).wall + KEY_LIFETIME;
    variables.push(("AWS_CREDENTIAL_EXPIRATION", expiry.to_rfc3339()));
    let url = format!("ws://127.0.0.1:{}", fixture.port);
    let arguments =
        [&url, "--region", "us-east-1", "--duration", "3s", "--json", "-vv", "--export-dir", "exports"];
    let output = aws(fixture.home.path(), variables, &arguments).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(out.contains(r#""kind":"credentials""#) && out.contains(r#""kind":"connected""#), "{out}");
    assert!(err.contains("Credentials           expire in 59 min"), "{err}");
    let written = everything_below(fixture.home.path());
    assert!(
        written.contains(r#""kind":"connected""#) && written.contains("credentials_expire_at"),
        "{written}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_keys_end_with_exit_code_4_and_are_written_nowhere() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    let keys = fixture.rules.credential_store().issue(Duration::from_secs(60));
    fixture.rules.credential_store().expire_all();
    let url = format!("ws://127.0.0.1:{}", fixture.port);
    let arguments = [&url, "--region", "us-east-1", "--max-reconnect-attempts", "1", "-vv"];
    let output = aws(fixture.home.path(), environment(&keys), &arguments).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{out}{err}");
    assert!(err.contains("Connect failed at websocket") && err.contains("HTTP 403"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_end_with_exit_code_2_and_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), "[profile work]\nsso_session = x\n").unwrap();
    let host = "a1-ats.iot.us-east-1.amazonaws.com";
    let cases: [(&[&str], &str); 6] = [
        (&[host], "There are no AWS credentials; set AWS_ACCESS_KEY_ID"),
        (&[host, "--profile", "work"], "export-credentials --profile work --format env"),
        (&[host, "-k", "20"], "AWS IoT accepts a keep-alive of 30 to 1200 s, not 20 s"),
        (&["ws://broker.example"], "use wss://"),
        (&["mqtts://broker.example"], "AWS credentials sign WebSocket URLs"),
        (&[host, "--planned-margin", "2d"], "--planned-margin must be above 0 and below 1d."),
    ];
    for (arguments, sentence) in cases {
        let output = aws(home.path(), Vec::new(), arguments).await;
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.starts_with("error: ") && err.contains(sentence) && err.lines().count() == 1, "{err}");
    }
}
