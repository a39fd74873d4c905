//! A server below HTTP: takes connections, reads a request's head, says the bytes it was given.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Answers the nth connection with the nth reply, and all later ones with the last.
pub(crate) struct RawServer {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// The same, once the client has had time to ask.
    BytesLater(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// These bytes, then silence on the open connection.
    BytesThenSilence(Vec<u8>),
}

impl Reply {
    pub(crate) fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl RawServer {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        Self::start_at("127.0.0.1", replies)
    }

    /// At another loopback address, which is another host to a client.
    pub(crate) fn start_at(address: &str, replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound address");
        let connections = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let server = Self { addr, connections: connections.clone(), heads: heads.clone(), stopped: stopped.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let reply = replies[number.min(replies.len() - 1)].clone();
                let (heads, stopped) = (heads.clone(), stopped.clone());
                thread::spawn(move || serve(stream, &reply, &heads, &stopped));
            }
        });
        server
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The heads of the requests, line ends as `\n`.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no poisoned lock").clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.addr));
    }
}

fn serve(mut stream: TcpStream, reply: &Reply, heads: &Mutex<Vec<String>>, stopped: &AtomicBool) {
    heads.lock().expect("no poisoned lock").push(read_head(&mut stream));
    match reply {
        Reply::Bytes(bytes) => drop(stream.write_all(bytes)),
        Reply::BytesLater(bytes) => {
            thread::sleep(std::time::Duration::from_millis(100));
            drop(stream.write_all(bytes));
        }
        Reply::Silence => keep_open(stopped),
        Reply::BytesThenSilence(bytes) => {
            drop(stream.write_all(bytes));
            keep_open(stopped);
        }
    }
}

/// Up to the empty line; a client that starts TLS sends none, and is read until it waits for an answer.
fn read_head(stream: &mut TcpStream) -> String {
    const TLS_HANDSHAKE: u8 = 0x16;
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        head.extend_from_slice(&piece[..read]);
        if head[0] == TLS_HANDSHAKE || head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&head).replace("\r\n", "\n")
}

fn keep_open(stopped: &AtomicBool) {
    while !stopped.load(Ordering::SeqCst) {
        thread::sleep(std::time::Duration::from_millis(5));
    }
}
