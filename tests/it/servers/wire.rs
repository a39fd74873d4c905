//! A wire that breaks: a TCP proxy in front of an HTTP server. One message of the exchange, found by its request
//! line, is cut, stalled, slowed or spoilt at one place, in the middle of a byte stream that is otherwise the server's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A running proxy; every exchange is a connection of its own.
pub(crate) struct Wire {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

/// What happens from the place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// The connection ends.
    Close,
    /// The connection stays open and silent.
    Stall,
    /// A byte every 100 ms.
    Slow,
    /// HTTP says that the answer is whole, and it is not.
    Short,
    /// All further bytes are others.
    Garbage,
    /// One byte is another.
    Flip,
    /// The connection ends, and there is no server any more.
    Vanish,
}

/// Where in a message.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// After this part of the request; nothing more of it is read, and the server does not see it.
    Request(f64),
    /// In the answer, head and body: where this function says.
    Answer(fn(&[u8]) -> usize),
}

#[derive(Clone)]
struct Plan {
    /// A part of the request line.
    on: &'static str,
    place: Place,
    harm: Harm,
}

struct Shared {
    server: SocketAddr,
    plan: Mutex<Option<Plan>>,
    vanished: AtomicBool,
    stopped: AtomicBool,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound address");
        let (plan, vanished, stopped) = (Mutex::new(None), AtomicBool::new(false), AtomicBool::new(false));
        let shared = Arc::new(Shared { server, plan, vanished, stopped });
        let wire = Self { addr, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A client that has gone away ends its exchange, nothing else.
                thread::spawn(move || drop(carry(client, &shared)));
            }
        });
        wire
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn break_at(&self, on: &'static str, place: Place, harm: Harm) {
        *self.shared.plan.lock().expect("the plan") = Some(Plan { on, place, harm });
    }

    pub(crate) fn mend(&self) {
        *self.shared.plan.lock().expect("the plan") = None;
        self.shared.vanished.store(false, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.addr));
    }
}

/// One request and its answer.
fn carry(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    if shared.vanished.load(Ordering::SeqCst) {
        return Ok(());
    }
    client.set_nodelay(true)?;
    let mut request = Vec::new();
    while head_length(&request).is_none() {
        read_some(&mut client, &mut request)?;
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let plan = shared.plan.lock().expect("the plan").clone().filter(|plan| line.contains(plan.on));
    if let Some(Plan { place: Place::Request(part), harm, .. }) = plan {
        return harm_request(client, request, part, harm, shared);
    }
    while !is_whole(&request) {
        read_some(&mut client, &mut request)?;
    }
    let answer = ask(shared.server, &request)?;
    match plan {
        Some(Plan { place: Place::Answer(place), harm, .. }) => {
            let at = place(&answer);
            harm_answer(client, answer, at, harm, shared)
        }
        _ => client.write_all(&answer),
    }
}

fn read_some(stream: &mut TcpStream, into: &mut Vec<u8>) -> std::io::Result<()> {
    let mut piece = [0; 1 << 16];
    match stream.read(&mut piece)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        length => {
            into.extend_from_slice(&piece[..length]);
            Ok(())
        }
    }
}

/// The answer as the server sends it; the connection is for this exchange alone.
fn ask(server: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server)?;
    let line_end = request.iter().position(|byte| *byte == b'\n').expect("a request line") + 1;
    upstream.write_all(&request[..line_end])?;
    upstream.write_all(b"connection: close\r\n")?;
    upstream.write_all(&request[line_end..])?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn harm_request(
    mut client: TcpStream,
    mut got: Vec<u8>,
    part: f64,
    harm: Harm,
    shared: &Shared,
) -> std::io::Result<()> {
    let wanted = (length_of(&got).unwrap_or(0) as f64 * part) as usize;
    while got.len() < wanted {
        read_some(&mut client, &mut got)?;
    }
    match harm {
        Harm::Stall => wait(shared),
        Harm::Slow => slowly(shared, || client.read(&mut [0]).map(drop))?,
        _ => {}
    }
    Ok(())
}

fn harm_answer(
    mut client: TcpStream,
    mut answer: Vec<u8>,
    at: usize,
    harm: Harm,
    shared: &Shared,
) -> std::io::Result<()> {
    match harm {
        Harm::Garbage => answer[at..].iter_mut().enumerate().for_each(|(place, byte)| *byte = garbage(place)),
        Harm::Flip => answer[at] ^= 0x55,
        Harm::Short => answer = shortened(&answer, at),
        Harm::Vanish => shared.vanished.store(true, Ordering::SeqCst),
        Harm::Close | Harm::Stall | Harm::Slow => {}
    }
    match harm {
        Harm::Garbage | Harm::Flip | Harm::Short => return client.write_all(&answer),
        _ => client.write_all(&answer[..at])?,
    }
    match harm {
        Harm::Stall => wait(shared),
        Harm::Slow => {
            let mut rest = answer[at..].iter();
            slowly(shared, || match rest.next() {
                Some(byte) => client.write_all(&[*byte]),
                None => Err(std::io::ErrorKind::UnexpectedEof.into()),
            })?;
        }
        _ => {}
    }
    Ok(())
}

fn wait(shared: &Shared) {
    while !shared.stopped.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
}

fn slowly(shared: &Shared, mut one: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    while !shared.stopped.load(Ordering::SeqCst) {
        one()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// No digit, no letter, no line end.
fn garbage(place: usize) -> u8 {
    0x80 | (place.wrapping_mul(2_654_435_761) >> 7) as u8
}

/// A head that tells the new length, and the body up to `at`.
fn shortened(answer: &[u8], at: usize) -> Vec<u8> {
    let body = head_length(answer).expect("an answer with a head");
    let head: String = String::from_utf8_lossy(&answer[..body - 2])
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"))
        .collect();
    let head = format!("{head}content-length: {}\r\n\r\n", at - body);
    [head.as_bytes(), &answer[body..at]].concat()
}

/// Up to and with the empty line.
pub(crate) fn head_length(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// The length of a whole request, head and body, where its head tells it.
fn length_of(request: &[u8]) -> Option<usize> {
    let head = head_length(request)?;
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match length {
        None if text.contains("transfer-encoding: chunked") => None,
        length => Some(head + length.unwrap_or(0)),
    }
}

fn is_whole(request: &[u8]) -> bool {
    length_of(request).map_or_else(|| request.ends_with(b"\r\n0\r\n\r\n"), |length| request.len() >= length)
}
