//! A file from an address: `https://`, or `http://` on this machine.

use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{Response, Uri, header};
use ureq::{Agent, Body, Error, Proxy};

use super::{FetchOptions, Limits, Trouble, check_cancel};

const MAX_REDIRECTS: usize = 5;
const TICK: Duration = Duration::from_millis(50);

/// Gives the bytes at `url` to `write`, until `deadline`.
///
/// Another thread waits for the network, so that this one can be cancelled at once, whatever a server does. If it is,
/// the other ends with its own time limits.
pub(super) fn get(
    url: &str,
    options: &FetchOptions<'_>,
    deadline: Instant,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let (send, receive) = mpsc::sync_channel(4);
    let (url, limits) = (url.to_owned(), options.limits.clone());
    let download = move || {
        let result = body(&url, &limits).and_then(|body| read(body, &send));
        let _ = send.send(Err(result.err())); // nobody listens if cancelled
    };
    let spawned = thread::Builder::new().name("download".to_owned()).spawn(download);
    spawned.map_err(|error| Trouble::Ours(error.into()))?;
    loop {
        match receive.recv_timeout(TICK) {
            Ok(Ok(bytes)) => write(&bytes)?,
            Ok(Err(None)) => return Ok(()),
            Ok(Err(Some(trouble))) => return Err(trouble),
            Err(RecvTimeoutError::Timeout) => check_cancel(options).map_err(Trouble::Ours)?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Trouble::Lasting(
                    "expected an answer, got none: the download ended early".to_owned(),
                ));
            }
        }
        if Instant::now() > deadline {
            let seconds = options.limits.whole.as_secs_f64();
            return Err(Trouble::Lasting(format!("expected the whole file in {seconds} s, got a part")));
        }
    }
}

/// A part of the body, or how it ended.
type Message = Result<Vec<u8>, Option<Trouble>>;

fn read(mut body: Body, send: &SyncSender<Message>) -> Result<(), Trouble> {
    let mut reader = body.as_reader();
    loop {
        let mut block = vec![0; 1 << 16];
        match reader.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                block.truncate(n);
                if send.send(Ok(block)).is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Whatever breaks a body off may pass: a time limit, a reset, an end too soon.
            Err(error) => return Err(Trouble::Transient(error.to_string(), None)),
        }
    }
}

/// The answer at the end of the redirects, if it is a success.
fn body(url: &str, limits: &Limits) -> Result<Body, Trouble> {
    let mut url = parse(url)?;
    for _ in 0..=MAX_REDIRECTS {
        check_scheme(&url)?;
        let proxy = proxy(&url);
        let agent = agent(&url, limits, proxy.clone());
        let response = agent.get(&url).call().map_err(|error| trouble(&error, proxy.as_ref()))?;
        if !response.status().is_redirection() {
            return check_status(response);
        }
        url = target(&url, &response)?;
    }
    Err(Trouble::Lasting(format!("expected at most {MAX_REDIRECTS} redirects, got more")))
}

/// The proxy of the environment, if this address is to be reached through it.
fn proxy(url: &Uri) -> Option<Proxy> {
    if is_loopback(url) { None } else { Proxy::try_from_env().filter(|proxy| !proxy.is_no_proxy(url)) }
}

fn agent(url: &Uri, limits: &Limits, proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .https_only(!is_loopback(url))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.stall))
        .timeout_per_read(Some(limits.stall))
        .timeout_global(Some(limits.whole))
        .build()
        .new_agent()
}

fn parse(url: &str) -> Result<Uri, Trouble> {
    url.parse().map_err(|error| Trouble::Lasting(format!("expected an address, got {url:?}: {error}")))
}

fn check_scheme(url: &Uri) -> Result<(), Trouble> {
    match url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(url) => Ok(()),
        _ => Err(Trouble::Lasting(format!("expected https, or http on this machine, got {url}"))),
    }
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Where a redirect leads.
fn target<B>(url: &Uri, response: &Response<B>) -> Result<Uri, Trouble> {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(location) = location else {
        return Err(Trouble::Lasting(format!("status {}: expected a location, got none", response.status())));
    };
    let next = join(url, location)?;
    if url.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
        return Err(Trouble::Lasting(format!("expected a redirect to https, got {next}")));
    }
    Ok(next)
}

/// The address that `location` means at `url`, by RFC 3986: a whole one, or what differs from this one.
fn join(url: &Uri, location: &str) -> Result<Uri, Trouble> {
    let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.authority().map_or("", |a| a.as_str()));
    let location = location.split('#').next().unwrap_or_default();
    if location.is_empty() {
        return Ok(url.clone());
    }
    let before_path = location.split(['/', '?']).next().unwrap_or_default();
    if before_path.contains(':') {
        return parse(location);
    }
    if location.starts_with("//") {
        return parse(&format!("{scheme}:{location}"));
    }
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (location, String::new()),
    };
    let path = match path {
        "" => url.path().to_owned(),
        whole if whole.starts_with('/') => whole.to_owned(),
        // Beside what was asked for.
        beside => url.path().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned() + "/" + beside,
    };
    parse(&format!("{scheme}://{host}{}{query}", without_dots(&path)))
}

/// A path without `.` and `..`, which lead no further up than the host.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let is_folder = ["/.", "/.."].iter().any(|end| path.ends_with(end));
    format!("/{}{}", kept.join("/"), if is_folder && !kept.is_empty() { "/" } else { "" })
}

fn check_status(response: Response<Body>) -> Result<Body, Trouble> {
    let status = response.status();
    let reason = format!("status {status}");
    match status.as_u16() {
        200 => Ok(response.into_body()),
        401 | 403 | 404 | 410 => Err(Trouble::NotFound(reason)),
        408 | 429 | 500..=599 => {
            let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            Err(Trouble::Transient(reason, seconds))
        }
        _ => Err(Trouble::Lasting(reason)),
    }
}

/// Which failures to get an answer may pass. A proxy is named, for it may be what failed; its password is not.
fn trouble(error: &Error, proxy: Option<&Proxy>) -> Trouble {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let through = |proxy: &Proxy| format!(", through the proxy {}:{}", proxy.host(), proxy.port());
    let text = format!("{error}{}", proxy.map(through).unwrap_or_default());
    match error {
        Error::Timeout(_) => Trouble::Transient(text, None),
        Error::Io(error) => match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof => {
                Trouble::Transient(text, None)
            }
            _ => Trouble::Lasting(text),
        },
        _ => Trouble::Lasting(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_do_without_tls() {
        for url in ["https://example.org/x", "http://127.0.0.1:80/x", "http://[::1]/x", "http://LOCALHOST/x"]
        {
            assert!(check_scheme(&parse(url).unwrap()).is_ok(), "{url}");
        }
        for url in [
            "http://example.org/x",
            "http://127.0.0.1@example.org/x",
            "http://localhost.example.org/x",
            "http://127.0.0.1.example.org/x",
            "http://128.0.0.1/x",
            "ftp://localhost/x",
        ] {
            assert!(check_scheme(&parse(url).unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn redirects_join_paths_and_never_leave_tls() {
        let follow = |from: &str, location: &str| {
            let response =
                Response::builder().status(302).header(header::LOCATION, location).body(()).unwrap();
            target(&parse(from).unwrap(), &response).map(|url| url.to_string()).ok()
        };
        let secure = "https://example.org:444/a/b?c";
        assert_eq!(follow(secure, "/x/y").as_deref(), Some("https://example.org:444/x/y"));
        assert_eq!(follow(secure, "https://other.example/x").as_deref(), Some("https://other.example/x"));
        assert_eq!(
            follow("http://127.0.0.1/a", "https://example.org/").as_deref(),
            Some("https://example.org/")
        );
        for location in
            ["http://example.org/x", "http://127.0.0.1/x", "HTTP://localhost/x", "ftp:x", "https:x"]
        {
            assert_eq!(follow(secure, location), None, "{location}");
        }
    }

    #[test]
    fn addresses_join_as_the_standard_says() {
        // RFC 3986, 5.4, as far as it is about what redirects are made of.
        let url = parse("http://localhost/b/c/d;p?q").unwrap();
        for (location, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("//localhost:1/g", ":1/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/../g", "/g"),
            ("g/./h/../i", "/b/c/g/i"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("g?a:b", "/b/c/g?a:b"),
        ] {
            assert_eq!(join(&url, location).unwrap(), *format!("http://localhost{expected}"), "{location}");
        }
        assert_eq!(join(&parse("http://localhost").unwrap(), "g").unwrap(), *"http://localhost/g");
    }
}
