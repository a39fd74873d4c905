//! Proxies in the test process: HTTP (plain requests and `CONNECT`) and SOCKS5, with a login or without. They note what
//! they were asked, and know hosts that no resolver knows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A running proxy; it stops when it is dropped.
pub(crate) struct TestProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Socks5,
    /// Reads once, says this and closes; with nothing to say, it waits for ever.
    Broken(Option<&'static [u8]>),
}

struct Shared {
    kind: Kind,
    /// `user:password`
    login: Option<String>,
    hosts: HashMap<String, SocketAddr>,
    asked: Mutex<Vec<String>>,
}

impl TestProxy {
    /// `login` is `user:password`; `hosts` are names that lead somewhere here.
    pub(crate) fn start(kind: Kind, login: Option<&str>, hosts: &[(&str, SocketAddr)]) -> Self {
        let hosts = hosts.iter().map(|(name, addr)| ((*name).to_owned(), *addr)).collect();
        let shared = Arc::new(Shared { kind, login: login.map(str::to_owned), hosts, asked: Mutex::default() });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let served = shared.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = served.clone();
                // Clients hang up when they like.
                tokio::spawn(async move { serve(&shared, stream).await.ok() });
            }
        });
        Self { addr, shared, runtime: Some(runtime) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was asked since the last call, with the login that was shown: `CONNECT git.test:443 user:password`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.asked.lock().expect("the list"))
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn note(&self, what: &str, login: Option<&str>) {
        self.asked.lock().expect("the list").push(format!("{what} {}", login.unwrap_or("-")));
    }

    fn admits(&self, login: Option<&str>) -> bool {
        self.login.is_none() || self.login.as_deref() == login
    }

    async fn connect(&self, place: &str) -> std::io::Result<TcpStream> {
        let (host, _) = place.rsplit_once(':').unwrap_or((place, ""));
        match self.hosts.get(host) {
            Some(addr) => TcpStream::connect(addr).await,
            None => TcpStream::connect(place).await,
        }
    }
}

async fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    match shared.kind {
        Kind::Http => serve_http(shared, stream).await,
        Kind::Socks5 => serve_socks(shared, stream).await,
        Kind::Broken(answer) => {
            let read = stream.read(&mut [0; 4096]).await?;
            shared.note(&format!("{} bytes", read.min(1)), None);
            match answer {
                Some(bytes) => stream.write_all(bytes).await,
                None => std::future::pending().await,
            }
        }
    }
}

async fn serve_http(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    let head = read_head(&mut stream).await?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let login = headers.lines().find_map(|header| {
        let (name, value) = header.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| decoded(value))
    });
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    shared.note(&format!("{method} {target}"), login.as_deref());
    if !shared.admits(login.as_deref()) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
                       Content-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(refusal.as_bytes()).await;
    }
    if method == "CONNECT" {
        let mut server = shared.connect(target).await?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        return relay(&mut stream, &mut server).await;
    }
    let rest = target.strip_prefix("http://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut server = shared.connect(&place).await?;
    let kept = headers.lines().filter(|header| {
        let header = header.to_ascii_lowercase();
        !header.is_empty() && !header.starts_with("proxy-") && !header.starts_with("connection:")
    });
    let kept: String = kept.map(|header| format!("{header}\r\n")).collect();
    server.write_all(format!("{method} /{path} HTTP/1.1\r\n{kept}Connection: close\r\n\r\n").as_bytes()).await?;
    relay(&mut stream, &mut server).await
}

/// RFC 1928 and 1929, as far as clients go that connect.
async fn serve_socks(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    let [_, count] = read_bytes::<2>(&mut stream).await?;
    let mut methods = vec![0; count.into()];
    stream.read_exact(&mut methods).await?;
    let wanted = if shared.login.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        shared.note("no method", None);
        return stream.write_all(&[5, 0xff]).await;
    }
    stream.write_all(&[5, wanted]).await?;
    let mut login = None;
    if wanted == 2 {
        read_bytes::<1>(&mut stream).await?;
        let shown = format!("{}:{}", read_text(&mut stream).await?, read_text(&mut stream).await?);
        if !shared.admits(Some(&shown)) {
            shared.note("login", Some(&shown));
            return stream.write_all(&[1, 1]).await;
        }
        stream.write_all(&[1, 0]).await?;
        login = Some(shown);
    }
    let [_, _, _, kind] = read_bytes::<4>(&mut stream).await?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read_bytes::<4>(&mut stream).await?).to_string(),
        3 => read_text(&mut stream).await?,
        _ => format!("[{}]", std::net::Ipv6Addr::from(read_bytes::<16>(&mut stream).await?)),
    };
    let place = format!("{host}:{}", u16::from_be_bytes(read_bytes::<2>(&mut stream).await?));
    shared.note(&format!("SOCKS {place}"), login.as_deref());
    match shared.connect(&place).await {
        Ok(mut server) => {
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            relay(&mut stream, &mut server).await
        }
        Err(_) => stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await,
    }
}

async fn relay<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, server: &mut TcpStream) -> std::io::Result<()> {
    tokio::io::copy_bidirectional(client, server).await.map(drop)
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn read_bytes<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map(|_| bytes)
}

async fn read_text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A Basic login in clear.
fn decoded(header: &str) -> String {
    use base64::Engine as _;
    let text = header.strip_prefix("Basic ").unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
