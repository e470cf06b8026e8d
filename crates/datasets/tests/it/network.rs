//! Fetching from servers that fail in every way.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use datasets::download::{FetchOptions, Limits};
use datasets::{Error, Set, load};

use super::download::{LENGTH, assert_failed, child, fetch, options};
use super::server::{Reply, Server, Then};
use super::support::{Folder, mirror, noise};

fn good() -> Server {
    Server::new(|_, _| Reply::ok(noise(LENGTH)))
}

#[test]
fn a_file_is_asked_for_once_and_never_again() {
    let (dir, server) = (Folder::new(), good());
    let fetched = fetch(&dir, &options(&[&server.url()])).unwrap();
    assert_eq!(fetched.from.unwrap(), format!("{}/data.bin", server.url()));
    assert_eq!(fs::read(&fetched.path).unwrap(), noise(LENGTH));
    assert!(fetch(&dir, &options(&[&server.url()])).unwrap().from.is_none());
    assert_eq!(server.requests(), ["GET /data.bin"], "the second run used no network");
    assert_eq!(dir.names(), ["data.bin"]);
}

#[test]
fn a_server_may_have_a_folder_for_the_set() {
    let server = Server::new(|_, request| match request {
        "GET /base/set/data.bin" => Reply::ok(noise(LENGTH)),
        _ => Reply::status("404 Not Found"),
    });
    let dir = Folder::new();
    assert!(fetch(&dir, &options(&[&format!("{}/base/", server.url())])).is_ok());
    assert_eq!(server.requests(), ["GET /base/data.bin", "GET /base/set/data.bin"]);
}

/// A fault, how often it is asked for the file, and what the error says.
fn faults() -> Vec<(&'static str, Reply, usize, &'static str)> {
    let html = b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec();
    let mut forged = noise(LENGTH);
    forged[7] ^= 1;
    let half = || noise(LENGTH)[..LENGTH / 2].to_vec();
    let broken = |then| Reply { body: half(), announced: Some(LENGTH), then, ..Reply::ok(vec![]) };
    let redirect = |to: &str| Reply::status("302 Found").header("Location", to);
    let busy = || Reply::status("429 Too Many Requests");
    let endless = Reply { announced: None, body: noise(2 * LENGTH), then: Then::Drip, ..Reply::ok(vec![]) };
    vec![
        ("403", Reply::status("403 Forbidden"), 2, "status 403 Forbidden"),
        ("404", Reply::status("404 Not Found"), 2, "status 404 Not Found"),
        ("a status that means nothing here", Reply::status("206 Partial Content"), 1, "status 206"),
        (
            "500 for ever",
            Reply::status("500 Internal Server Error"),
            3,
            "status 500 Internal Server Error, 3 times",
        ),
        (
            "busy for an hour",
            busy().header("Retry-After", "3600"),
            1,
            "429 Too Many Requests, and 3600 s to wait",
        ),
        ("busy until a date", busy().header("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"), 3, "3 times"),
        ("a page", Reply::ok(html), 1, "expected 200000 bytes, got 48, which looks like an HTML or XML page"),
        ("a short body", Reply::ok(half()), 1, "expected 200000 bytes, got 100000"),
        ("no body", Reply::ok(vec![]), 1, "expected 200000 bytes, got 0"),
        ("a long body", Reply::ok(noise(LENGTH + 1)), 1, "expected 200000 bytes, got more"),
        ("a body without end", endless, 1, "expected 200000 bytes, got more"),
        ("wrong bytes", Reply::ok(forged), 1, "expected md5 "),
        ("a drop in the middle", broken(Then::Close), 3, ", 3 times"),
        ("a stall in the middle", broken(Then::Stall), 3, "timeout"),
        ("a redirect to itself", redirect("/data.bin"), 6, "expected at most 5 redirects, got more"),
        ("a redirect without aim", Reply::status("302 Found"), 1, "expected a location, got none"),
        (
            "a redirect off this machine",
            redirect("http://192.0.2.1/data.bin"),
            1,
            "expected https, or http on this machine",
        ),
        ("a redirect to a file", redirect("file:///etc/passwd"), 1, "expected "),
    ]
}

#[test]
fn each_fault_leads_to_the_next_mirror_with_its_own_reason() {
    // Each waits for the network and not for the processor: all at once.
    thread::scope(|scope| {
        for (name, reply, asked, reason) in faults() {
            scope.spawn(move || {
                let (dir, bad, good) = (Folder::new(), Server::new(move |_, _| reply.clone()), good());
                let options = |mirrors: &[&str]| {
                    let mut options = options(mirrors);
                    if name.contains("stall") {
                        options.limits.stall = Duration::from_millis(500);
                    }
                    options
                };
                let error = fetch(&dir, &options(&[&bad.url()])).unwrap_err();
                assert!(matches!(error, Error::NoMirror { .. }), "{name}: {error}");
                assert!(error.to_string().contains(reason), "{name}: {error}");
                assert_eq!(bad.requests().len(), asked, "{name}: {:?}", bad.requests());
                assert!(dir.names().is_empty(), "{name}: nothing is left behind");

                let old = dir.file("data.bin", b"old");
                assert!(fetch(&dir, &options(&[&bad.url()])).is_err());
                assert_eq!(fs::read(&old).unwrap(), b"old", "{name}: a failure touches nothing");

                let both = options(&[&bad.url(), &good.url()]);
                assert!(fetch(&dir, &both).unwrap().from.unwrap().starts_with(&good.url()), "{name}");
                assert_eq!(fs::read(&old).unwrap(), noise(LENGTH));
                assert_eq!(dir.names(), ["data.bin"]);
            });
        }
    });
}

#[test]
fn a_server_that_recovers_is_asked_again() {
    let replies = [
        Reply::status("503 Service Unavailable").header("Retry-After", "0"),
        Reply { announced: Some(LENGTH), ..Reply::ok(noise(LENGTH / 3)) },
        Reply::ok(noise(LENGTH)),
    ];
    let server = Server::new(move |n, _| replies[n].clone());
    let fetched = fetch(&Folder::new(), &options(&[&server.url()])).unwrap();
    assert_eq!((fetched.bytes, server.requests().len()), (LENGTH as u64, 3));
}

#[test]
fn a_server_is_given_the_time_that_it_asks_for() {
    let replies =
        [Reply::status("429 Too Many Requests").header("Retry-After", "1"), Reply::ok(noise(LENGTH))];
    let server = Server::new(move |n, _| replies[n].clone());
    let start = Instant::now();
    assert!(fetch(&Folder::new(), &options(&[&server.url()])).is_ok());
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "and not the 10 ms of the options: {:?}",
        start.elapsed()
    );
}

#[test]
fn a_server_that_never_says_hello_is_ended_by_the_limit_for_connecting() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // the system accepts, and nobody answers
    let mut options = options(&[&format!("https://{}", silent.local_addr().unwrap())]);
    let minute = Duration::from_secs(60);
    options.limits =
        Limits { connect: Duration::from_millis(300), stall: minute, whole: minute, ..options.limits };
    let start = Instant::now();
    let error = fetch(&Folder::new(), &options).unwrap_err().to_string();
    assert!(error.contains("timeout") && error.contains("3 times"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn redirects_on_the_same_host_and_to_another_are_followed() {
    let other = good();
    let elsewhere = format!("{}/x", other.url());
    let server = Server::new(move |_, request| match request {
        "GET /data.bin" => Reply::status("301 Moved Permanently").header("Location", "/there?x=1"),
        "GET /there?x=1" => Reply::status("302 Found").header("Location", "a/../b/c"),
        "GET /b/c" => Reply::status("303 See Other").header("Location", "../d"),
        _ => Reply::status("307 Temporary Redirect").header("Location", &elsewhere),
    });
    assert!(fetch(&Folder::new(), &options(&[&server.url()])).is_ok());
    assert_eq!(
        (server.requests(), other.requests()),
        (
            ["GET /data.bin", "GET /there?x=1", "GET /b/c", "GET /d"].map(String::from).to_vec(),
            vec!["GET /x".to_owned()]
        )
    );
}

#[test]
fn a_body_that_drips_is_ended_by_the_limit_for_the_whole() {
    let drip = Reply { announced: Some(LENGTH), then: Then::Drip, ..Reply::ok(vec![]) };
    let server = Server::new(move |_, _| drip.clone());
    let mut options = options(&[&server.url()]);
    options.limits = Limits { whole: Duration::from_millis(600), ..options.limits };
    let start = Instant::now();
    let dir = Folder::new();
    assert!(fetch(&dir, &options).is_err());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(dir.names().is_empty());
}

#[test]
fn a_stalled_fetch_is_cancelled_at_once() {
    let stall = Reply { announced: Some(LENGTH), then: Then::Stall, ..Reply::ok(vec![1]) };
    let server = Server::new(move |_, _| stall.clone());
    let cancel = AtomicBool::new(false);
    let mut options = FetchOptions { cancel: Some(&cancel), ..options(&[&server.url()]) };
    options.limits.stall = Duration::from_secs(30);
    let dir = Folder::new();
    let start = Instant::now();
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            cancel.store(true, Ordering::Relaxed);
        });
        fetch(&dir, &options)
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(dir.names().is_empty());
}

#[test]
fn limits_without_end_are_limits() {
    let server =
        Server::new(|n, _| if n < 30 { Reply::status("503 Busy") } else { Reply::ok(noise(LENGTH)) });
    let mut options = options(&[&server.url()]);
    options.limits = Limits {
        connect: Duration::MAX,
        stall: Duration::MAX,
        whole: Duration::MAX,
        retries: u32::MAX,
        backoff: Duration::ZERO,
        longest_wait: Duration::MAX,
    };
    assert!(fetch(&Folder::new(), &options).is_ok());
}

#[test]
fn http_is_refused_off_this_machine_and_a_closed_port_is_an_error() {
    let closed = good().url(); // the server is gone
    let error =
        fetch(&Folder::new(), &options(&["http://example.org/mnist", &closed])).unwrap_err().to_string();
    assert!(error.contains("expected https, or http on this machine"), "{error}");
    assert!(error.contains(&format!("{closed}: ")), "{error}");
}

#[test]
fn several_processes_at_once_are_all_right() {
    let (dir, server) = (Folder::new(), good());
    let mut children: Vec<_> = (0..3).map(|_| child(&dir.0, &server.url()).spawn().unwrap()).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), noise(LENGTH));
    assert_eq!(dir.names(), ["data.bin"]);
}

/// Kills fetches that replace a good file, and then fetches where there is none, at 50 moments spread over the time
/// that one takes.
#[cfg(unix)]
#[test]
fn a_killed_fetch_leaves_a_good_file_or_none() {
    let slow = Server::new(|_, _| Reply { pause: Duration::from_millis(4), ..Reply::ok(noise(LENGTH)) });
    let dir = Folder::new();
    let target = dir.0.join("data.bin");
    let start = Instant::now();
    assert!(child(&dir.0, &slow.url()).status().unwrap().success());
    let whole = start.elapsed();
    let mut midway = 0;
    for round in 0..50 {
        if round == 25 {
            fs::remove_file(&target).unwrap(); // from here on there is no file, until one process got through
        }
        let parts = dir.names().len();
        let mut child = child(&dir.0, &slow.url()).spawn().unwrap();
        thread::sleep(whole * (round % 25 + 1) / 25);
        child.kill().unwrap();
        child.wait().unwrap();
        midway += u32::from(dir.names().len() > parts);
        match fs::read(&target) {
            Ok(bytes) => assert!(bytes == noise(LENGTH), "round {round}: the file is whole"),
            Err(_) => assert!(round >= 25, "round {round}: the good file was lost"),
        }
    }
    assert!(midway >= 5, "{midway} of 50 kills came between the first byte and the last");
    assert!(fetch(&dir, &options(&[&slow.url()])).is_ok());
}

#[test]
fn https_goes_through_the_proxy_of_the_environment_and_this_machine_does_not() {
    let proxy = Server::new(|_, _| Reply::status("403 Forbidden"));
    let dir = Folder::new();
    let through = |mirror: &str| {
        let mut child = child(&dir.0, mirror);
        for name in
            ["ALL_PROXY", "all_proxy", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"]
        {
            child.env_remove(name);
        }
        child.env("HTTPS_PROXY", proxy.url().replace("//", "//name:secret@")).output().unwrap()
    };
    let refused = through("https://example.org/mnist");
    assert_failed(refused.status);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("through the proxy 127.0.0.1:") && !text.contains("secret"), "{text}");
    assert!(
        proxy.requests().iter().all(|request| request == "CONNECT example.org:443"),
        "{:?}",
        proxy.requests()
    );
    let asked = proxy.requests().len();
    assert!(asked > 0);
    let local = good();
    assert!(through(&local.url()).status.success());
    assert_eq!(proxy.requests().len(), asked);
    let mut direct = child(&dir.0, "https://nowhere.invalid/mnist");
    direct.env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "nowhere.invalid");
    assert_failed(direct.output().unwrap().status);
    assert_eq!(proxy.requests().len(), asked, "NO_PROXY holds");
}

#[test]
fn the_published_files_are_fetched_from_a_server_and_loaded() {
    let Some(mirror) = mirror("the_published_files_are_fetched_from_a_server_and_loaded") else { return };
    let server = Server::new(move |_, request| {
        let path = mirror.join(request.trim_start_matches("GET /"));
        fs::read(path).map_or_else(|_| Reply::status("404 Not Found"), Reply::ok)
    });
    let dir = Folder::new();
    let fetch =
        || datasets::download::fetch(Set::Mnist, &dir.0, &options(&[&server.url()]), &mut |_| ()).unwrap();
    assert!(fetch().iter().all(|file| file.from.is_some()));
    let asked = server.requests().len();
    assert_eq!(asked, 8, "each beside the others and in the folder of the set: {:?}", server.requests());
    assert!(fetch().iter().all(|file| file.from.is_none()));
    assert_eq!(server.requests().len(), asked);
    let (train, test) = load(Set::Mnist, &dir.0).unwrap();
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
}
