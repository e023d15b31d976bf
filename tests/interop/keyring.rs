//! `dropscope navien` stores its password in a real keyring (GNOME's, on a private bus) and finds it there.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::lab::{NavienLab, NavienLabOptions};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::mosquitto::installed;

/// This bus starts no services.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=FOLDER</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

/// A child process that is killed on drop.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A D-Bus session with private folders, so that nothing of the user is touched.
struct DbusSession {
    home: TempDir,
    address: String,
    lab: NavienLab,
    /// Dropped before the bus.
    keyring: Option<KilledOnDrop>,
    _bus: KilledOnDrop,
}

impl DbusSession {
    async fn start() -> Option<Self> {
        let (Some(bus), Some(_)) = (installed("dbus-daemon"), installed("gnome-keyring-daemon")) else {
            let is_required = std::env::var("DROPSCOPE_INTEROP").is_ok_and(|value| value == "required");
            assert!(!is_required, "gnome-keyring or dbus-daemon is missing, and DROPSCOPE_INTEROP=required");
            eprintln!("gnome-keyring or dbus-daemon is missing: nothing was tested");
            return None;
        };
        let home = tempfile::tempdir().expect("a folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).expect("a private folder");
        let configuration = home.path().join("bus.conf");
        fs::write(&configuration, BUS.replace("FOLDER", &home.path().display().to_string())).expect("a file");
        let mut command = Command::new(bus);
        command.arg("--config-file").arg(&configuration).args([
            "--nofork",
            "--nopidfile",
            "--print-address=1",
        ]);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut bus = KilledOnDrop(command.spawn().expect("a bus"));
        let mut address = String::new();
        BufReader::new(bus.0.stdout.take().expect("a pipe")).read_line(&mut address).expect("an address");
        let lab = NavienLab::start(NavienLabOptions::default(), Arc::new(SystemClock::new())).await;
        let lab = lab.expect("a lab");
        fs::write(home.path().join("ca.pem"), &lab.ca_pem).expect("a file");
        Some(Self { address: address.trim().to_owned(), lab, home, keyring: None, _bus: bus })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.home.path()).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(name, self.home.path());
        }
        command
    }

    /// Starts the keyring again and waits until it answers.
    fn start_keyring(&mut self, is_unlocked: bool) {
        self.keyring = None;
        let mut command = self.command(&installed("gnome-keyring-daemon").expect("a keyring"));
        command.args(["--foreground", "--components=secrets"]).args(is_unlocked.then_some("--unlock"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a keyring");
        child.stdin.take().expect("a pipe").write_all(b"of the keyring").expect("a password");
        self.keyring = Some(KilledOnDrop(child));
        // The command succeeds without an entry, but only once the keyring answers.
        let answers =
            || self.run("empty", &["--forget-password", "--username", "nobody@example.org"], None).0;
        let is_running = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(100));
            answers() == Some(0)
        });
        assert!(is_running, "the keyring does not answer");
    }

    /// Exit code and standard error of a run with the state of that name.
    fn run(&self, state: &str, more: &[&str], password: Option<&str>) -> (Option<i32>, String) {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_dropscope")));
        command.env("XDG_STATE_HOME", self.home.path().join(state)).env("NAVIEN_EMAIL", &self.lab.email);
        command.env("DROPSCOPE_API_URL", &self.lab.rest_url);
        command.env("DROPSCOPE_IOT_ENDPOINT", &self.lab.iot_endpoint);
        if let Some(password) = password {
            command.env("NAVIEN_PASSWORD", password);
        }
        command.args(["navien", "--headless", "-vv", "--duration", "3", "--cafile", "ca.pem"]).args(more);
        let output = command.stdin(Stdio::null()).output().expect("a process");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    }

    fn assert_run(&self, state: &str, more: &[&str], password: Option<&str>, code: i32, sentence: &str) {
        let (exit_code, stderr) = self.run(state, more, password);
        assert!(exit_code == Some(code) && stderr.contains(sentence), "{exit_code:?}, not {code}: {stderr}");
        for secret in password.into_iter().chain([self.lab.password.expose_secret()]) {
            assert!(!stderr.contains(secret), "a password in {stderr}");
        }
    }

    fn sign_ins(&self) -> usize {
        let served = self.lab.control().cloud.served();
        served.iter().filter(|served| served.path == "/user/sign-in").count()
    }
}

/// No file except the keyring's own, which is encrypted, contains the password, and the log names its source.
fn assert_nothing_is_written(folder: &Path, secret: &str, logged: &mut bool) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_nothing_is_written(&path, secret, logged);
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(secret), "a password in {}", path.display());
            *logged |= text.contains("password of the account source=Keyring");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs dbus-daemon and gnome-keyring-daemon"]
async fn a_password_is_remembered_found_replaced_and_forgotten() {
    let Some(mut session) = DbusSession::start().await else { return };
    let password = session.lab.password.expose_secret().to_owned();
    let remember = ["--remember-password"];

    // A session without a keyring: with a password given, none is needed.
    let missing = "no program provides the Secret Service";
    session.assert_run("a", &[], None, 2, missing);
    session.assert_run("a", &remember, Some(&password), 0, missing);
    session.assert_run("a", &["--forget-password"], None, 1, missing);

    session.start_keyring(true);
    session.assert_run("b", &[], None, 2, "the keyring has no entry for this account");
    session.assert_run("b", &remember, Some("wrong-password"), 4, "does not accept");
    session.assert_run("b", &[], None, 2, "the keyring has no entry for this account");
    // Tokens of the first run are still valid; the password is tried all the same.
    session.assert_run("a", &remember, Some("wrong-password"), 4, "does not accept");
    session.assert_run("b", &remember, Some(&password), 0, "stored the password in the keyring");

    let before = session.sign_ins();
    session.assert_run("c", &[], None, 0, "");
    assert_eq!(session.sign_ins(), before + 1);
    session.assert_run("d", &remember, None, 0, "already");
    // Another name of the same cloud counts as another cloud.
    let elsewhere = session.lab.rest_url.replace("127.0.0.1", "localhost");
    session.assert_run("d", &["--api-url", &elsewhere], None, 2, "the keyring has no entry for this account");

    // No user is present to unlock it.
    session.start_keyring(false);
    session.assert_run("e", &[], None, 2, "the keyring is locked");
    session.assert_run(
        "e",
        &remember,
        Some(&password),
        0,
        "warning: the password is not stored: the keyring is locked",
    );
    session.assert_run("e", &["--forget-password"], None, 1, "the keyring is locked");

    // A changed password replaces the old one.
    session.start_keyring(true);
    session.lab.control().cloud.change_password("another");
    session.assert_run("f", &[], None, 4, "--forget-password");
    session.assert_run("f", &remember, Some("another"), 0, "stored the password in the keyring");
    session.assert_run("g", &[], None, 0, "");

    let email = session.lab.email.to_uppercase();
    session.assert_run(
        "g",
        &["--forget-password", "--username", &email],
        None,
        0,
        "deleted the password of this account from the keyring",
    );
    session.assert_run("g", &["--forget-password"], None, 0, "the keyring holds no password");
    session.assert_run("g", &[], None, 2, "the keyring has no entry for this account");

    let mut is_logged = false;
    assert_nothing_is_written(session.home.path(), &password, &mut is_logged);
    assert!(is_logged, "the log does not name the keyring as the source of the password");
    session.lab.stop().await;
}
