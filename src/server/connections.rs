//! The connections of the server: how many there may be, and how long each of them.
//!
//! A connection carries one request and lives for a bounded time, so that neither a slow sender nor a slow reader holds
//! it; who needs more of them makes new ones. Where there are too many, the oldest one that is owed no answer gives way:
//! a stranger who holds connections and says nothing does not keep a probe out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// From the connection to the end of the request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// From the connection to the last byte of the answer.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: usize = 512;
/// An ingress is one address to us, so this is not much less than all.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How much of what a sender still has to say is heard, so that it can hear our answer.
const LINGER_BYTES_MAX: usize = 256 << 10;
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers connections until it is dropped, which ends those in hand. `routes` gives what serves an address.
pub(super) async fn accept(listener: &TcpListener, routes: impl Fn(IpAddr) -> Router) {
    let places = Places::default();
    let mut tasks = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let address = owner(peer.ip());
                if let Some((place, evicted)) = places.take(address) {
                    let routes = routes(address);
                    tasks.spawn(async move {
                        let whole = tokio::time::timeout(WHOLE_TIMEOUT, answer(stream, routes, &place));
                        // Both close the connection: there is nobody to tell.
                        tokio::select! {
                            _ = whole => {}
                            _ = evicted => {}
                        }
                    });
                }
            }
            // Out of descriptors, mostly: some of them come back when connections end.
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
}

/// One request and its answer, then an orderly end.
async fn answer(stream: TcpStream, routes: Router, place: &Place) {
    let routes = TowerToHyperService::new(routes);
    let routes = service_fn(move |request| {
        place.owe(true);
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), routes);
    if let Ok(parts) = connection.without_shutdown().await {
        place.owe(false);
        let _ = tokio::time::timeout(LINGER_TIMEOUT, linger(parts.io.into_inner())).await;
    }
}

/// A connection that is closed with unread bytes in it is reset, and a sender that is still busy with a body that we
/// refused would not see why.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let (mut piece, mut heard) = (vec![0; 16 << 10], 0);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        heard += read;
        if heard > LINGER_BYTES_MAX {
            return;
        }
    }
}

/// The connections there are.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Taken>>);

/// By their numbers, the oldest first.
#[derive(Default)]
struct Taken {
    last: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    address: IpAddr,
    /// Its request has come, and the answer has not gone yet.
    is_owed: bool,
    /// Whoever has the other end is told when this is dropped.
    _stay: oneshot::Sender<()>,
}

/// One connection's place, free again when dropped.
struct Place {
    places: Places,
    number: u64,
}

impl Places {
    /// A place for a connection, and what is heard when it is given to another one.
    fn take(&self, address: IpAddr) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.make_way(address)?;
        taken.last += 1;
        let (number, (stay, evicted)) = (taken.last, oneshot::channel());
        taken.open.insert(number, Open { address, is_owed: false, _stay: stay });
        Some((Place { places: self.clone(), number }, evicted))
    }
}

impl Taken {
    /// Sees to it that there is room for one more; `None` when everybody is owed an answer.
    fn make_way(&mut self, address: IpAddr) -> Option<()> {
        let own = self.open.values().filter(|open| open.address == address).count();
        let is_crowded = own >= CONNECTIONS_PER_ADDRESS_MAX;
        if is_crowded || self.open.len() >= CONNECTIONS_MAX {
            let gives_way = |open: &Open| !open.is_owed && (!is_crowded || open.address == address);
            let (oldest, _) = self.open.iter().find(|(_, open)| gives_way(open))?;
            let oldest = *oldest;
            self.open.remove(&oldest);
        }
        Some(())
    }
}

impl Place {
    /// Notes whether the connection is owed an answer.
    fn owe(&self, is_owed: bool) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = taken.open.get_mut(&self.number) {
            open.is_owed = is_owed;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.number);
    }
}

/// Who is behind an address: one owner has a whole network of IPv6 addresses.
fn owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}
