//! libgit2's fetch over our own connections.
//!
//! libgit2 is built without its network code. It asks for a transport by the scheme of the URL; ours is
//! `tagwright://ID/`, where ID names a connection in a table. The listing that libgit2 gets is one that was
//! read and filtered before; only its `git-upload-pack` requests travel. Over http each request stands alone, over ssh
//! all are one conversation with the command that showed the listing.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError, Weak};

use git2::transport::{self, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ErrorClass, ErrorCode};

use super::error::{Fault, printable};
use super::link::{Body, Link, Service};

/// A fetch asks for one branch and names at most 256 commits that are here.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// A connection that libgit2 can be pointed at, as long as this value lives.
pub(super) struct Route {
    id: u64,
    /// The table holds it weakly.
    end: Arc<End>,
}

/// What libgit2 finds behind a URL: the listing to show, and where requests go.
struct End {
    link: Arc<Link>,
    listing: Vec<u8>,
}

static ROUTES: LazyLock<Mutex<HashMap<u64, Weak<End>>>> = LazyLock::new(Mutex::default);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Route {
    pub(super) fn new(link: Arc<Link>, listing: Vec<u8>) -> Self {
        register();
        let end = Arc::new(End { link, listing });
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        routes().insert(id, Arc::downgrade(&end));
        Self { id, end }
    }

    pub(super) fn url(&self) -> String {
        format!("tagwright://{}/", self.id)
    }

    /// False, with the fault kept, when the time of the operation is over.
    pub(super) fn is_in_time(&self) -> bool {
        self.end.link.is_in_time()
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        routes().remove(&self.id);
    }
}

fn routes() -> MutexGuard<'static, HashMap<u64, Weak<End>>> {
    ROUTES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let factory = |remote: &git2::Remote<'_>| Transport::smart(remote, !is_stateful(remote), Subtransport);
        // libgit2 wants registrations ordered against each other and against the making of transports:
        // `Once` does the first, and no URL with our scheme exists before it is through.
        #[expect(unsafe_code, reason = "git2 marks it so because the caller must synchronise")]
        let done = unsafe { transport::register("tagwright", factory) };
        done.expect("the scheme is registered once, and libgit2 refuses only doubles");
    });
}

/// Knows nothing but the table: the errors of a factory lose their text, so everything happens in `action`.
struct Subtransport;

impl SmartSubtransport for Subtransport {
    fn action(&self, url: &str, service: transport::Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let end = end_of(url).ok_or_else(|| net_error("no connection with this id"))?;
        match service {
            transport::Service::UploadPackLs => Ok(Box::new(Exchange::new(Arc::clone(&end.link), end.listing.clone()))),
            transport::Service::UploadPack => Ok(Box::new(Exchange::new(Arc::clone(&end.link), Vec::new()))),
            _ => Err(net_error("pushes do not go through libgit2")),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// An unknown id is an error of `action`, which has a text for it.
fn is_stateful(remote: &git2::Remote<'_>) -> bool {
    remote.url().ok().and_then(end_of).is_some_and(|end| end.link.is_stateful())
}

fn end_of(url: &str) -> Option<Arc<End>> {
    let id = url.strip_prefix("tagwright://")?.trim_end_matches('/').parse().ok()?;
    routes().get(&id)?.upgrade()
}

fn net_error(text: &str) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Net, text)
}

/// The filtered listing, then requests and their answers: what libgit2 writes is collected, and sent when it next
/// reads. A stateless wire has a stream for the listing and one for each request, a stateful wire one for all.
struct Exchange {
    link: Arc<Link>,
    listing: Cursor<Vec<u8>>,
    request: Vec<u8>,
    answer: Option<Body>,
}

impl Exchange {
    fn new(link: Arc<Link>, listing: Vec<u8>) -> Self {
        Self { link, listing: Cursor::new(listing), request: Vec::new(), answer: None }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let listed = self.listing.read(buffer)?;
        if listed > 0 {
            return Ok(listed);
        }
        if !self.request.is_empty() {
            self.send().map_err(|fault| self.link.keep(fault))?;
        }
        self.answer.as_mut().map_or(Ok(0), |answer| answer.read(buffer))
    }

    fn send(&mut self) -> Result<(), Fault> {
        let request = std::mem::take(&mut self.request);
        let mut answer = match self.answer.take() {
            Some(mut answer) => {
                answer.say(request)?;
                answer
            }
            None => self.link.post(Service::UploadPack, request)?,
        };
        // libgit2 waits for an acknowledgement and would pass over this.
        if let Some([b'E', b'R', b'R', b' ', text @ ..]) = answer.peek()?.get(4..) {
            return Err(Fault::Says { text: printable(text, 1000) });
        }
        self.answer = Some(answer);
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer)
    }
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.request.len() + data.len() > REQUEST_BYTES_MAX {
            return Err(self.link.keep(Fault::TooLarge { limit: REQUEST_BYTES_MAX as u64 }));
        }
        self.request.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
