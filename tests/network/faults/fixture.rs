//! A broker and the settings of links to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, Transport, VersionChoice};
use dropscope::lab::{Broker, BrokerControl, BrokerOptions, ListenerEndpoint};
use dropscope::mqtt::Link;
use dropscope::mqtt::connector::OpenRequest;
use dropscope::mqtt::settings::{AddressFamily, BackoffSettings, BrokerAddress, LinkSettings};

use crate::faults::certificates::{CERTIFICATES, CertificateResolver};
use crate::faults::watched_link::WatchedLink;
use crate::rewriting_connector::RewritingConnector;

/// A running broker and the settings of links to it.
pub(crate) struct Fixture {
    pub(crate) broker: Option<Broker>,
    pub(crate) control: BrokerControl,
    pub(crate) settings: LinkSettings,
    pub(crate) clock: Arc<dyn Clock>,
    /// The certificate the broker presents, over TLS.
    pub(crate) certificates: Arc<CertificateResolver>,
    /// While set, the broker's name cannot be resolved.
    pub(crate) is_unresolvable: Arc<AtomicBool>,
    options: BrokerOptions,
    endpoint: ListenerEndpoint,
    address: SocketAddr,
}

impl Fixture {
    pub(crate) async fn start(transport: Transport, version: VersionChoice, options: BrokerOptions) -> Self {
        let (certificates, tls) = CertificateResolver::with_server_config();
        let endpoint = match transport {
            Transport::Tcp => ListenerEndpoint::Tcp,
            Transport::Tls => ListenerEndpoint::Tls(tls),
            Transport::Ws => ListenerEndpoint::Ws,
            Transport::Wss => ListenerEndpoint::Wss(tls),
        };
        let broker = Broker::start(options.clone());
        let address = broker.listen(endpoint.clone()).await.unwrap();
        Self {
            control: broker.control(),
            broker: Some(broker),
            settings: settings(transport, version, address.port()),
            clock: Arc::new(SystemClock::new()),
            certificates,
            is_unresolvable: Arc::default(),
            options,
            endpoint,
            address,
        }
    }

    /// A link that starts to connect.
    pub(crate) fn watched_link(&self) -> WatchedLink {
        let is_unresolvable = Arc::clone(&self.is_unresolvable);
        let rewrite = move |request: OpenRequest<'_>| {
            let mut settings = request.settings.clone();
            if is_unresolvable.load(Ordering::Relaxed) {
                settings.broker.host = "no-such-broker.invalid".into();
            }
            settings
        };
        let connector = Arc::new(RewritingConnector::new(&self.settings, rewrite).unwrap());
        let (settings, clock) = (self.settings.clone(), Arc::clone(&self.clock));
        WatchedLink::new(Link::with_connector(settings, clock, connector, 7).unwrap())
    }

    /// Starts another broker in place of the stopped one.
    pub(crate) async fn restart_broker(&self) -> Broker {
        let broker = Broker::start(self.options.clone());
        broker.listen_at(self.address, self.endpoint.clone()).await.unwrap();
        broker
    }
}

fn settings(transport: Transport, version: VersionChoice, port: u16) -> LinkSettings {
    let broker = BrokerAddress { transport, host: "localhost".into(), port, path: "/mqtt".into() };
    let mut settings = LinkSettings::new(broker, "under-test");
    settings.version = version;
    settings.family = AddressFamily::V4;
    settings.tls.ca_file = transport.is_tls().then(|| CERTIFICATES.ca_file());
    settings.subscriptions = vec![("test/#".to_owned(), 1)];
    settings.max_packet = 64 * 1024;
    settings.traffic_limit = u32::MAX;
    // If no name server is reachable, the resolver itself tries longer than a test waits.
    settings.timeouts.dns = Duration::from_secs(3);
    settings.backoff = BackoffSettings {
        initial: Duration::from_millis(10),
        max: Duration::from_millis(50),
        min_connect_interval: Duration::from_millis(5),
        deep_threshold: 1000,
        ..BackoffSettings::default()
    };
    settings
}
