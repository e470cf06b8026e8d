//! A small HTTP server on this machine that misbehaves as told.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to answer to a request.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: &'static str,
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
    /// The length that is announced, which may be a lie.
    pub(super) announced: Option<usize>,
    /// How long to wait after each twentieth of the body.
    pub(super) pause: Duration,
    pub(super) then: Then,
}

/// What to do after the body.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    Close,
    /// Keep the connection and say no more.
    Stall,
    /// Send what is left of the announced length byte by byte, slowly.
    Drip,
}

impl Reply {
    pub(super) fn status(status: &'static str) -> Self {
        let pause = Duration::ZERO;
        Self { status, headers: String::new(), body: vec![], announced: Some(0), pause, then: Then::Close }
    }

    pub(super) fn ok(body: Vec<u8>) -> Self {
        let announced = Some(body.len());
        Self { body, announced, ..Self::status("200 OK") }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }
}

pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Server {
    /// Answers the n-th request, counted from 0, for a method and a path by `reply`.
    pub(super) fn new(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(vec![]));
        let ended = Arc::new(AtomicBool::new(false));
        let (reply, log, end) = (Arc::new(reply), requests.clone(), ended.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                let (reply, log, end) = (reply.clone(), log.clone(), end.clone());
                // A client that goes away is no fault of the server's.
                thread::spawn(move || drop(serve(stream, &*reply, &log, &end)));
            }
        });
        Self { address, requests, ended }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The methods and paths that were asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

fn serve(
    mut stream: TcpStream,
    reply: &dyn Fn(usize, &str) -> Reply,
    log: &Mutex<Vec<String>>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let request = first.trim_end_matches(" HTTP/1.1").to_owned();
    let n = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let reply = reply(n, &request);
    let length = reply.announced.map_or(String::new(), |n| format!("Content-Length: {n}\r\n"));
    let head = format!("HTTP/1.1 {}\r\nConnection: close\r\n{}{length}\r\n", reply.status, reply.headers);
    stream.write_all(head.as_bytes())?;
    for block in reply.body.chunks(reply.body.len().div_ceil(20).max(1)) {
        stream.write_all(block)?;
        thread::sleep(reply.pause);
    }
    match reply.then {
        Then::Close => {}
        Then::Stall => {
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Then::Drip => {
            while !ended.load(Ordering::Relaxed) {
                stream.write_all(b"x")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
    stream.shutdown(Shutdown::Both)
}
