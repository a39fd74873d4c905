//! Which requests share a pool of connections: those that reach a server in the same way, and no others.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tagwright::net::{ClientCertificate, Connection, Http, Proxy, Settings};
use tagwright::registry::{Access, Client, Limits};
use tagwright::secret::Secret;
use tokio::runtime::Runtime;

use super::{login, repository};
use crate::program::wait_for;
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::proxy::{Kind, TestProxy};
use crate::servers::tls::{Authority, TlsFront};

/// A registry behind TLS, where each connection that a client makes is counted.
struct Lab {
    authority: Authority,
    front: TlsFront,
    _registry: FakeRegistry,
    client: Client,
    /// Connections live as long as what drives them.
    runtime: Runtime,
}

impl Lab {
    fn new() -> Self {
        let (authority, registry) = (Authority::new(), FakeRegistry::start());
        registry.push("acme/web", "v1");
        let front = TlsFront::start(&authority, registry.addr(), None);
        let runtime = Runtime::new().expect("a runtime");
        Self { authority, front, _registry: registry, client: client(), runtime }
    }

    /// How many connections were made for a listing by this way.
    fn made(&self, access: &Access) -> usize {
        let before = self.front.handshakes();
        let name = repository(&format!("git.test:{}/acme/web", self.front.addr().port()));
        self.runtime.block_on(self.client.tags(&name, access)).expect("a listing");
        self.front.handshakes() - before
    }

    /// A connection is free again a moment after its answer; who asks before that makes another one.
    fn shares(&self, access: &Access) {
        wait_for(|| self.made(access) == 0);
    }
}

/// A client that knows where `git.test` is.
fn client() -> Client {
    let names = |_: &str| vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let settings = Settings { names: Some(Arc::new(names)), ..Settings::default() };
    Client::new(Http::new(settings).expect("plain settings"), Limits::default())
}

fn through(connection: Connection) -> Access {
    Access { connection, ..Access::default() }
}

#[test]
fn equal_ways_share_connections_and_others_have_their_own() {
    let lab = Lab::new();
    let (ca, other) = (lab.authority.certificate(), Authority::new());
    let (one, two) = (other.client("one"), other.client("two"));
    let proxy = TestProxy::start(Kind::Http, None, &[("git.test", lab.front.addr())]);
    let plain = || Connection { ca: Some(ca.clone()), ..Connection::default() };
    let shown = |(certificate, key): &(Vec<u8>, Vec<u8>)| {
        let (certificate, key) = (certificate.clone(), Secret::new(key.clone()));
        Connection { client_certificate: Some(ClientCertificate { certificate, key }), ..plain() }
    };
    let by = |login: &str| {
        let login = Some((login.to_owned(), Secret::new("x")));
        let proxy = Proxy::new(&format!("http://{}", proxy.addr()), login).expect("a proxy");
        Connection { proxy: Some(proxy), ..plain() }
    };
    let both = Connection { ca: Some([ca.clone(), other.certificate()].concat()), ..Connection::default() };
    let ways = [plain(), both, shown(&one), shown(&two), by("one"), by("two")];
    for (at, way) in ways.iter().enumerate() {
        assert_ne!(lab.made(&through(way.clone())), 0, "way {at} has a pool of its own");
    }
    for way in &ways {
        lab.shares(&through(way.clone()));
    }
    // Who asks, and how patiently, is no part of the way.
    let hurried = Access { connection: plain(), ..login("alice", "s3cret") };
    lab.shares(&hurried);
}
