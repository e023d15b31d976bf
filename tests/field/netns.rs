//! Three network namespaces in a row: the client, a router, the server. They exist as long as the value.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Address of the client, in the network of a home router.
pub(crate) const CLIENT: &str = "192.168.1.20";
/// The router as the client sees it.
pub(crate) const GATEWAY: &str = "192.168.1.1";
/// Address of the server, in a documentation network (RFC 5737).
pub(crate) const SERVER: &str = "203.0.113.10";

static CREATED: AtomicU32 = AtomicU32::new(0);

/// One of the three namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Router,
    Server,
}

const SIDES: [(Side, &str); 3] =
    [(Side::Client, "client"), (Side::Router, "router"), (Side::Server, "server")];

/// What the router does with a packet of a connection that its table does not contain.
#[derive(Clone, Copy)]
pub(crate) enum UnknownPacket {
    /// It is dropped without an answer.
    Ignored,
    /// It is answered with RST.
    Reset,
}

/// The namespaces of one run.
pub(crate) struct Network {
    prefix: String,
}

impl Network {
    /// Creates the namespaces and their links. The router forwards and translates nothing.
    pub(crate) fn create() -> Self {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let network = Self { prefix: format!("dsf{}-{number}", std::process::id()) };
        for (side, _) in SIDES {
            ip(&["netns", "add", &network.name(side)]);
            network.ip(side, "link set lo up");
        }
        network.connect(Side::Client, "lan", &format!("{GATEWAY}/24"), &format!("{CLIENT}/24"));
        network.connect(Side::Server, "wan", "203.0.113.1/24", &format!("{SERVER}/24"));
        network.ip(Side::Client, &format!("route add default via {GATEWAY}"));
        network.ip(Side::Server, "route add default via 203.0.113.1");
        network.sysctl(Side::Router, "net.ipv4.ip_forward", 1);
        network
    }

    /// The name of a namespace.
    pub(crate) fn name(&self, side: Side) -> String {
        let word = SIDES.iter().find(|(known, _)| *known == side).map_or("", |(_, word)| word);
        format!("{}-{word}", self.prefix)
    }

    /// A program inside a namespace; it is killed when the thread that starts it ends.
    pub(crate) fn command(&self, side: Side, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(side), "setpriv", "--pdeathsig", "KILL", program]);
        command.stdin(Stdio::null());
        command
    }

    /// `ip` with these words inside a namespace.
    pub(crate) fn ip(&self, side: Side, words: &str) {
        let name = self.name(side);
        let arguments: Vec<&str> = ["-n", &name].into_iter().chain(words.split_whitespace()).collect();
        ip(&arguments);
    }

    /// The same for a change that may find the work done, or whose reverse does.
    pub(crate) fn try_ip(&self, side: Side, words: &str) {
        let _ = Command::new("ip").args(["-n", &self.name(side)]).args(words.split_whitespace()).output();
    }

    /// Sets one value below `/proc/sys`.
    pub(crate) fn sysctl(&self, side: Side, key: &str, value: u32) {
        let output = self.command(side, "sysctl").args(["-qw", &format!("{key}={value}")]).output();
        let output = output.expect("sysctl starts");
        assert!(output.status.success(), "{key}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Loads rules of nftables.
    pub(crate) fn nft(&self, side: Side, rules: &str) {
        let mut child = self
            .command(side, "nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nft starts");
        child.stdin.take().expect("a pipe").write_all(rules.as_bytes()).expect("nft reads");
        let output = child.wait_with_output().expect("nft ends");
        assert!(output.status.success(), "{rules}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Lets the router translate addresses and forget an established connection after `timeout_secs` of silence.
    ///
    /// With `tcp_loose` = 0 a packet of a forgotten connection makes no new entry, as behind most home routers.
    pub(crate) fn translate(&self, timeout_secs: u32, unknown: UnknownPacket) {
        for (key, value) in
            [("tcp_timeout_established", timeout_secs), ("tcp_loose", 0), ("tcp_be_liberal", 0)]
        {
            self.sysctl(Side::Router, &format!("net.netfilter.nf_conntrack_{key}"), value);
        }
        let action = match unknown {
            UnknownPacket::Ignored => "drop",
            UnknownPacket::Reset => "reject with tcp reset",
        };
        self.nft(
            Side::Router,
            &format!(
                "table ip nat {{\n chain post {{\n type nat hook postrouting priority 100\n oifname \"wan\" masquerade\n }}\n }}\n\
                 table ip invalid {{\n chain pre {{\n type filter hook prerouting priority -100\n meta l4proto tcp ct state invalid {action}\n }}\n }}\n"
            ),
        );
    }

    /// Moves this thread, and the threads it starts from now on, into a namespace.
    pub(crate) fn enter(name: &str) {
        let file = File::open(format!("/run/netns/{name}")).expect("the namespace exists");
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("setns succeeds");
    }

    fn connect(&self, side: Side, router_link: &str, router_address: &str, address: &str) {
        let (router, end) = (self.name(Side::Router), self.name(side));
        ip(&[
            "link",
            "add",
            router_link,
            "netns",
            &router,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            &end,
        ]);
        self.ip(side, &format!("addr add {address} dev eth0"));
        self.ip(side, "link set eth0 up");
        self.ip(Side::Router, &format!("addr add {router_address} dev {router_link}"));
        self.ip(Side::Router, &format!("link set {router_link} up"));
    }

    /// Ends what still runs inside: every process in these namespaces descends from this test.
    fn end_processes(&self, side: Side) {
        let Ok(output) = Command::new("ip").args(["netns", "pids", &self.name(side)]).output() else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        for pid in text.lines().filter_map(|line| line.trim().parse().ok()).filter_map(Pid::from_raw) {
            // A thread of the test itself may still be on its way out of the namespace.
            if pid.as_raw_nonzero().get().unsigned_abs() != std::process::id() {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for (side, _) in SIDES {
            self.end_processes(side);
            let _ = Command::new("ip").args(["netns", "del", &self.name(side)]).output();
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("ip starts");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
