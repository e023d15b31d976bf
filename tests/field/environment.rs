//! What the trials need of this computer: root, namespaces, connection tracking, programs.

use std::path::Path;
use std::process::Command;

use crate::netns::{Network, Side, UnknownPacket};
use crate::peers::nginx::STREAM_MODULE;

/// Programs, and the Debian packages that provide them.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("sysctl", "procps"),
    ("setpriv", "util-linux"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx"),
    ("stunnel4", "stunnel4"),
    ("mosquitto", "mosquitto"),
    ("mosquitto_passwd", "mosquitto"),
    ("mosquitto_pub", "mosquitto-clients"),
    ("mosquitto_sub", "mosquitto-clients"),
];

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs this test again as root; `None` if sudo asks for a password or is missing.
pub(crate) fn run_as_root(test: &str) -> Option<bool> {
    let is_allowed =
        Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|output| output.status.success());
    if !is_allowed {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let variables = "--preserve-env=DROPSCOPE_FIELD,DROPSCOPE_FIELD_ONLY,DROPSCOPE_FIELD_KEEP,PATH";
    let mut command = Command::new("sudo");
    command.args(["-n", variables]).arg(program).args(["--ignored", "--exact", "--nocapture", test]);
    Some(command.status().is_ok_and(|status| status.success()))
}

/// What is missing; `None` if the trials can run.
pub(crate) fn missing() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    for (program, package) in PROGRAMS {
        if !folders.iter().any(|folder| folder.join(program).is_file()) {
            return Some(format!("the program {program} (Debian: {package})"));
        }
    }
    if !Path::new(STREAM_MODULE).is_file() {
        return Some(format!("{STREAM_MODULE} (Debian: libnginx-mod-stream)"));
    }
    missing_in_kernel()
}

/// Tries the namespaces, the connection tracking and the rules once.
fn missing_in_kernel() -> Option<String> {
    let result = std::panic::catch_unwind(|| {
        let network = Network::create();
        network.translate(10, UnknownPacket::Reset);
        network.nft(
            Side::Router,
            "table ip loss {\n chain f {\n type filter hook forward priority 0\n numgen random mod 100 < 50 drop\n }\n }\n",
        );
    });
    let error = result.err()?;
    let text = error.downcast_ref::<String>().map_or("unknown", String::as_str);
    Some(format!("network namespaces or connection tracking in the kernel ({text})"))
}
