//! A way to a server that breaks: passes bytes on, until so many have come back from the server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What happens at the breaking point.
#[derive(Clone, Debug)]
pub(crate) enum Break {
    /// The connection ends.
    Close,
    /// Nothing passes any more, in either direction.
    Stall,
    /// Bytes are changed from there on.
    Garble,
    /// There is no server: this is said at once, and the connection ends.
    Say(Vec<u8>),
    /// Likewise, and the connection stays.
    SayAndStall(Vec<u8>),
}

pub(crate) struct FaultyTcp {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl FaultyTcp {
    /// Breaks each connection to `server` after `at` bytes from there.
    pub(crate) fn start(server: SocketAddr, how: Break, at: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (how, ended) = (how.clone(), Arc::clone(&ended));
                thread::spawn(move || serve(client, server, how, at, &ended));
            }
        });
        Self { address, over }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FaultyTcp {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut client: TcpStream, server: SocketAddr, how: Break, at: usize, over: &AtomicBool) {
    if let Break::Say(text) | Break::SayAndStall(text) = &how {
        drop(client.write_all(text));
        if matches!(how, Break::SayAndStall(_)) {
            wait_for(over);
        }
        return;
    }
    let Ok(server) = TcpStream::connect(server) else { return };
    let came = Arc::new(AtomicUsize::new(0));
    let up = {
        let (from, to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
        let (came, stalls) = (Arc::clone(&came), matches!(how, Break::Stall));
        thread::spawn(move || pass_up(from, to, &came, stalls.then_some(at)))
    };
    pass_down(&server, &mut client, &how, at, &came);
    if matches!(how, Break::Stall) && came.load(Ordering::SeqCst) >= at {
        wait_for(over);
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
    drop(up.join());
}

fn pass_up(mut from: TcpStream, mut to: TcpStream, came: &AtomicUsize, stall_at: Option<usize>) {
    let mut piece = [0; 16384];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let is_stalled = stall_at.is_some_and(|at| came.load(Ordering::SeqCst) >= at);
        if !is_stalled && to.write_all(&piece[..read]).is_err() {
            return;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

fn pass_down(mut from: &TcpStream, to: &mut TcpStream, how: &Break, at: usize, came: &AtomicUsize) {
    let mut piece = [0; 16384];
    loop {
        let before = came.load(Ordering::SeqCst);
        if before >= at && !matches!(how, Break::Garble) {
            return;
        }
        let Ok(read @ 1..) = from.read(&mut piece) else { return };
        let whole = at.saturating_sub(before).min(read);
        let passed = if matches!(how, Break::Garble) { read } else { whole };
        piece[whole..passed].iter_mut().for_each(|byte| *byte ^= 0x55);
        came.fetch_add(read, Ordering::SeqCst);
        if to.write_all(&piece[..passed]).is_err() {
            return;
        }
    }
}

fn wait_for(over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(5));
    }
}
