//! A registry that is fast enough to measure its clients, and the least that a client of it can do.
//!
//! `registry serve TAGS PAGE MILLISECONDS` prints its port and serves any repository with so many tags, at most so many
//! on a page (to give fewer than a client asks for is a registry's right), each answer after a wait. `GET /requests`
//! gives, and forgets, what was asked: a line `CONNECTIONS BYTES_IN BYTES_OUT`, then `START END METHOD PATH` in
//! microseconds for each request.
//!
//! `registry list raw|client|tagwright IMAGE` lists all tags and prints the seconds that it took, without the start of
//! the process: by a loop over a bare socket that throws the pages away; by the same loop through the HTTP client that
//! Tagwright uses; and by Tagwright, from nothing to the sorted list.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use tagwright::image::Repository;
use tagwright::net::{Http, Settings};
use tagwright::registry;
use tokio::runtime::Runtime;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[allow(clippy::print_stdout, reason = "what it prints is read by the script that starts it")]
fn main() -> Outcome {
    let words: Vec<String> = env::args().skip(1).collect();
    let list: fn(&Repository) -> Outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", tags, page, wait] => {
            return serve(tags.parse()?, page.parse()?, Duration::from_millis(wait.parse()?));
        }
        ["list", "raw", _] => list_raw,
        ["list", "client", _] => list_client,
        ["list", "tagwright", _] => list_tagwright,
        _ => {
            println!("usage: registry serve TAGS PAGE MILLISECONDS | registry list raw|client|tagwright IMAGE");
            return Ok(());
        }
    };
    let image = words[2].parse()?;
    let start = Instant::now();
    list(&image)?;
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

// The registry.

struct Registry {
    pages: Vec<Page>,
    /// From the last tag of a page to the place of the next.
    after: HashMap<String, usize>,
    wait: Duration,
    began: Instant,
    log: Mutex<Log>,
}

struct Page {
    /// `["1.0.0","1.0.1"]`
    json: String,
    /// The last tag, when there are more.
    last: Option<String>,
}

const TLS_HANDSHAKE: u8 = 0x16;

#[derive(Default)]
struct Log {
    connections: usize,
    bytes_in: usize,
    bytes_out: usize,
    requests: String,
}

#[allow(clippy::print_stdout, reason = "the script that starts it reads the port")]
fn serve(tags: usize, page: usize, wait: Duration) -> Outcome {
    let pages = pages((0..tags).map(name).collect(), page);
    let after = pages.iter().enumerate().filter_map(|(n, page)| Some((page.last.clone()?, n + 1))).collect();
    let registry = Arc::new(Registry { pages, after, wait, began: Instant::now(), log: Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let (registry, stream) = (registry.clone(), stream?);
        // An error is a client that went away.
        thread::spawn(move || registry.converse(&stream));
    }
    Ok(())
}

/// Releases and builds in turn.
fn name(n: usize) -> String {
    match n % 2 {
        0 => format!("1.{}.{}", n / 200, n / 2 % 100),
        _ => format!("main-{:07x}-{}", n * 7919 % 0x1000_0000, 1_600_000_000 + n),
    }
}

/// In the order of the specification, which is that of the bytes.
fn pages(mut names: Vec<String>, size: usize) -> Vec<Page> {
    names.sort_unstable();
    let pages = names.chunks(size);
    let (count, json) = (pages.len(), |page: &[String]| format!("[\"{}\"]", page.join("\",\"")));
    pages
        .enumerate()
        .map(|(n, page)| Page { json: json(page), last: page.last().filter(|_| n + 1 < count).cloned() })
        .collect()
}

impl Registry {
    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut reader, mut writer, mut head, mut is_new) = (BufReader::new(stream), stream, Vec::new(), true);
        if reader.fill_buf()?.first() == Some(&TLS_HANDSHAKE) {
            // As servers of plain HTTP do, so that a client which tries TLS first goes on at once.
            return writer.write_all(&answer("400 Bad Request", "", ""));
        }
        while read_head(&mut reader, &mut head)? {
            let start = self.began.elapsed();
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let what = line.trim_end_matches(" HTTP/1.1");
            if what == "GET /requests" {
                writer.write_all(&answer("200 OK", "", &self.told()))?;
                continue;
            }
            thread::sleep(self.wait);
            let answer = self.answer(what);
            writer.write_all(&answer)?;
            self.note(what, (head.len(), answer.len()), start, is_new);
            is_new = false;
        }
        Ok(())
    }

    fn answer(&self, what: &str) -> Vec<u8> {
        let (path, query) = what.split_once('?').unwrap_or((what, ""));
        if path == "GET /v2/" {
            return answer("200 OK", "", "{}");
        }
        let name = path.strip_prefix("GET /v2/").and_then(|path| path.strip_suffix("/tags/list"));
        let last = query.split('&').find_map(|pair| pair.strip_prefix("last="));
        let place = last.map_or(Some(0), |last| self.after.get(last).copied());
        match name.zip(place.and_then(|place| self.pages.get(place))) {
            None => answer("404 Not Found", "", r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
            Some((name, page)) => {
                let next = |last| format!("Link: </v2/{name}/tags/list?last={last}&n=1000>; rel=\"next\"\r\n");
                let link = page.last.as_ref().map(next).unwrap_or_default();
                answer("200 OK", &link, &format!(r#"{{"name":"{name}","tags":{}}}"#, page.json))
            }
        }
    }

    fn note(&self, what: &str, (bytes_in, bytes_out): (usize, usize), start: Duration, is_new: bool) {
        let end = self.began.elapsed();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.connections += usize::from(is_new);
        log.bytes_in += bytes_in;
        log.bytes_out += bytes_out;
        log.requests.push_str(&format!("{} {} {what}\n", start.as_micros(), end.as_micros()));
    }

    fn told(&self) -> String {
        let log = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        format!("{} {} {}\n{}", log.connections, log.bytes_in, log.bytes_out, log.requests)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

// The least that a client can do.

fn list_raw(image: &Repository) -> Outcome {
    let stream = TcpStream::connect(image.host())?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::with_capacity(1 << 16, &stream), &stream);
    let (mut head, mut body, mut next) = (Vec::new(), Vec::new(), Some(first_page(image)));
    while let Some(path) = next {
        writer.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", image.host()).as_bytes())?;
        read_head(&mut reader, &mut head)?;
        let text = std::str::from_utf8(&head)?;
        if !text.starts_with("HTTP/1.1 200") {
            return Err(text.into());
        }
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        body.resize(value("Content-Length: ").ok_or("expected a length")?.parse()?, 0);
        next = value("Link: ").and_then(target);
        reader.read_exact(&mut body)?;
    }
    Ok(())
}

fn list_client(image: &Repository) -> Outcome {
    // Plain HTTP needs no authorities, which take their time to load.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    runtime()?.block_on(async {
        let mut next = Some(first_page(image));
        while let Some(path) = next {
            let response = client.get(format!("http://{}{path}", image.host())).send().await?.error_for_status()?;
            next = response.headers().get("link").and_then(|value| target(value.to_str().ok()?));
            response.bytes().await?;
        }
        Ok(())
    })
}

fn list_tagwright(image: &Repository) -> Outcome {
    let client = registry::Client::new(Http::new(Settings::default())?, registry::Limits::default());
    let access = registry::Access { timeout: Some(Duration::from_secs(600)), ..Default::default() };
    let list = runtime()?.block_on(client.tags(image, &access))?;
    if list.tags.is_empty() { Err("no tags".into()) } else { Ok(()) }
}

/// As the command line has it.
fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn first_page(image: &Repository) -> String {
    format!("/v2/{}/tags/list?n=1000", image.path())
}

fn target(link: &str) -> Option<String> {
    Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned())
}

/// The bytes up to the empty line that ends a head; false where the peer has nothing more to say.
fn read_head(reader: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<bool> {
    head.clear();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', head)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
