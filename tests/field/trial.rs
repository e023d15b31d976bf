//! A trial: a world, what its client does, and what is true about it.

use crate::script::Script;
use crate::world::World;

/// Builds the peers of a run and returns what happens during it.
pub(crate) type Build = Box<dyn Fn(&World) -> Script + Send + Sync>;

/// How the client is started.
#[derive(Clone)]
pub(crate) struct ClientOptions {
    /// URL of the broker.
    pub(crate) url: String,
    /// Keep-alive, s.
    pub(crate) keep_alive_secs: u32,
    /// Wait for a PINGRESP, s.
    pub(crate) ping_timeout_secs: u32,
    /// `None` = the random id of dropscope.
    pub(crate) client_id: Option<String>,
    /// Topics that it subscribes to.
    pub(crate) topics: Vec<String>,
    /// It publishes with quality of service 0 this often, s; 0 = never.
    pub(crate) publish_every_secs: u32,
    /// Length of each payload.
    pub(crate) payload_bytes: usize,
    /// Further arguments; `{folder}` is the folder of the run.
    pub(crate) arguments: Vec<String>,
    /// User name and password.
    pub(crate) login: Option<(String, String)>,
    /// How long it runs, s.
    pub(crate) duration_secs: u32,
}

/// A figure of the verdict with the range that is right.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) key: &'static str,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What is true about a world.
#[derive(Clone)]
pub(crate) enum Truth {
    /// Its drops have a cause that can be found.
    Drops { patterns: Vec<&'static str>, causes: Vec<&'static str>, parameter: Option<Parameter>, least: u64 },
    /// Nothing may be called sure: no drops, or too few of them.
    Nothing { most_drops: u64 },
    /// It never connects; the explanation contains one of these words.
    NeverConnects { words: Vec<&'static str>, exit_code: i32 },
}

/// One world and its truth.
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    pub(crate) client: ClientOptions,
    pub(crate) truth: Truth,
    pub(crate) build: Build,
}

impl Trial {
    /// A trial of a client at this URL, with the truth that nothing is to be found.
    pub(crate) fn new(
        name: &'static str,
        url: &str,
        build: impl Fn(&World) -> Script + Send + Sync + 'static,
    ) -> Self {
        let client = ClientOptions {
            url: url.to_owned(),
            keep_alive_secs: 60,
            ping_timeout_secs: 5,
            client_id: None,
            topics: Vec::new(),
            publish_every_secs: 0,
            payload_bytes: 2,
            arguments: Vec::new(),
            login: None,
            duration_secs: 330,
        };
        Self { name, client, truth: Truth::Nothing { most_drops: 0 }, build: Box::new(build) }
    }

    /// Sets the keep-alive, s.
    pub(crate) fn keep_alive(mut self, secs: u32) -> Self {
        self.client.keep_alive_secs = secs;
        self
    }

    /// Sets how long it runs, s.
    pub(crate) fn lasts(mut self, secs: u32) -> Self {
        self.client.duration_secs = secs;
        self
    }

    /// Sets the client id.
    pub(crate) fn client_id(mut self, id: &str) -> Self {
        self.client.client_id = Some(id.to_owned());
        self
    }

    /// Lets it subscribe.
    pub(crate) fn topic(mut self, filter: &str) -> Self {
        self.client.topics.push(filter.to_owned());
        self
    }

    /// Lets it publish, each so many seconds.
    pub(crate) fn publishes_every(mut self, secs: u32) -> Self {
        self.client.publish_every_secs = secs;
        self
    }

    /// Sets the length of the payload that it publishes.
    pub(crate) fn payload_bytes(mut self, bytes: usize) -> Self {
        self.client.payload_bytes = bytes;
        self
    }

    /// Adds arguments of the command line.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.client.arguments.extend(arguments.iter().map(|text| (*text).to_owned()));
        self
    }

    /// Sets user name and password.
    pub(crate) fn login(mut self, user: &str, password: &str) -> Self {
        self.client.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Drops with these accepted patterns and causes.
    pub(crate) fn drops(mut self, patterns: &[&'static str], causes: &[&'static str]) -> Self {
        self.truth =
            Truth::Drops { patterns: patterns.to_vec(), causes: causes.to_vec(), parameter: None, least: 4 };
        self
    }

    /// The world has at least this many drops.
    pub(crate) fn at_least(mut self, drops: u64) -> Self {
        if let Truth::Drops { least, .. } = &mut self.truth {
            *least = drops;
        }
        self
    }

    /// The parameter of the accepted pattern, and the range that is right.
    pub(crate) fn parameter(mut self, key: &'static str, low: f64, high: f64) -> Self {
        if let Truth::Drops { parameter, .. } = &mut self.truth {
            *parameter = Some(Parameter { key, low, high });
        }
        self
    }

    /// Few drops at most, and nothing to be sure of.
    pub(crate) fn nothing_sure(mut self, most_drops: u64) -> Self {
        self.truth = Truth::Nothing { most_drops };
        self
    }

    /// It never connects; the explanation contains one of these words.
    pub(crate) fn never_connects(mut self, exit_code: i32, words: &[&'static str]) -> Self {
        self.truth = Truth::NeverConnects { words: words.to_vec(), exit_code };
        self.lasts(40)
    }
}
