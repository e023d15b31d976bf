//! A private mosquitto: started, stopped and killed.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use dropscope::diagnostics::Transport;
use dropscope::mqtt::settings::BrokerAddress;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

use crate::loopback::loopback_address;

/// The only user of the broker.
pub(crate) const USER: &str = "observer";
/// Its password.
pub(crate) const PASSWORD: &str = "open sesame";

/// A running mosquitto with one listener per transport on loopback; killed at the end of its scope.
pub(crate) struct Mosquitto {
    program: PathBuf,
    folder: TempDir,
    ports: Ports,
    child: Option<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    tcp: u16,
    tls: u16,
    ws: u16,
    wss: u16,
}

impl Mosquitto {
    /// A fresh broker; `None` if mosquitto is not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = installed("mosquitto")?;
        let folder = TempDir::new().expect("a folder");
        write_certificates(folder.path());
        write_password(folder.path());
        let mut broker = Self { program, folder, ports: free_ports(), child: None };
        // Another program may take a port between the choice and the start.
        for _ in 0..5 {
            if broker.launch() {
                return Some(broker);
            }
            broker.ports = free_ports();
        }
        panic!("mosquitto does not start: {}", broker.log());
    }

    /// Starts it again on the same ports.
    pub(crate) fn restart(&mut self) {
        for _ in 0..20 {
            if self.launch() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("mosquitto does not start again: {}", self.log());
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(&mut self) {
        let child = self.child.as_mut().expect("a running broker");
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        self.wait();
    }

    /// Kills it, so that it cannot send anything.
    pub(crate) fn kill(&mut self) {
        self.child.as_mut().expect("a running broker").kill().expect("a signal");
        self.wait();
    }

    /// The address of a transport.
    pub(crate) fn address(&self, transport: Transport) -> BrokerAddress {
        let port = match transport {
            Transport::Tcp => self.ports.tcp,
            Transport::Tls => self.ports.tls,
            Transport::Ws => self.ports.ws,
            Transport::Wss => self.ports.wss,
        };
        loopback_address(transport, port)
    }

    /// The authority of the broker's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Another authority.
    pub(crate) fn foreign_authority(&self) -> PathBuf {
        self.folder.path().join("foreign-ca.pem")
    }

    /// Starts it; `true`: every listener accepts connections, and the process runs.
    fn launch(&mut self) -> bool {
        let folder = self.folder.path();
        fs::write(folder.join("mosquitto.conf"), self.configuration()).expect("a file");
        let log = fs::File::create(folder.join("log")).expect("a file");
        let mut child = Command::new(&self.program)
            .arg("-c")
            .arg(folder.join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a process");
        let ports = [self.ports.tcp, self.ports.tls, self.ports.ws, self.ports.wss];
        let is_listening = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        for _ in 0..100 {
            if child.try_wait().expect("a state").is_some() {
                return false;
            }
            if ports.into_iter().all(is_listening) {
                // If another program took the last port, mosquitto is about to exit.
                thread::sleep(Duration::from_millis(50));
                if child.try_wait().expect("a state").is_some() {
                    return false;
                }
                self.child = Some(child);
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn configuration(&self) -> String {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut text = format!(
            "persistence false\nallow_anonymous false\npassword_file {}\nlog_dest stderr\nlog_type all\n",
            path("passwords")
        );
        if rustix::process::geteuid().is_root() {
            // Otherwise it changes to a user that cannot read the test's folder.
            text.push_str("user root\n");
        }
        let listeners = [
            (self.ports.tcp, false, false),
            (self.ports.tls, true, false),
            (self.ports.ws, false, true),
            (self.ports.wss, true, true),
        ];
        for (port, is_tls, is_websocket) in listeners {
            let _ = writeln!(text, "listener {port} 127.0.0.1");
            if is_websocket {
                text.push_str("protocol websockets\n");
            }
            if is_tls {
                let _ = writeln!(text, "certfile {}\nkeyfile {}", path("broker.pem"), path("broker.key"));
            }
        }
        text
    }

    fn wait(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.wait().expect("an end");
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program in the search path, or in the usual folders for daemons.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Free ports outside the ephemeral range: while the broker is down, neither a listener of another test nor the
/// local end of any connection may take them (a connect to a free port of that range can even connect to
/// itself).
fn free_ports() -> Ports {
    let [tcp, tls, ws, wss] = [(); 4].map(|()| {
        let mut tries = (0..1_000).map(|_| rand::random_range(12_000..30_000));
        tries.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
    });
    Ports { tcp, tls, ws, wss }
}

fn write_password(folder: &Path) {
    let file = folder.join("passwords");
    let tool = installed("mosquitto_passwd").expect("mosquitto_passwd beside mosquitto");
    let output =
        Command::new(tool).args(["-b", "-c"]).arg(&file).args([USER, PASSWORD]).output().expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn write_certificates(folder: &Path) {
    let issuer = authority("dropscope interop");
    let mut params =
        CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("names");
    params.distinguished_name.push(DnType::CommonName, "mosquitto");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let files = [
        ("ca.pem", issuer.as_ref().pem()),
        ("foreign-ca.pem", authority("another authority").as_ref().pem()),
        ("broker.pem", certificate.pem()),
        ("broker.key", key.serialize_pem()),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}
