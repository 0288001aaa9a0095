//! A proxy and a web server on a peer, of which a test can ask who came.
//!
//! The proxy answers every request itself: what matters is that it was asked, and how.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::Peer;

/// What stands in the body of each answer.
const PROXY: &str = "from the proxy\n";
const WEB: &str = "from the server\n";

/// A server that keeps what it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    /// The requests until now: the first line of each, and what it says of who is asking.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}

impl Peer<'_> {
    /// A proxy on this peer, for `http` and for what is tunnelled.
    pub(crate) fn serve_proxy(&self, address: &str) -> Asked {
        self.serve_http(address, PROXY)
    }

    /// A web server on this peer.
    pub(crate) fn serve_web(&self, address: &str) -> Asked {
        self.serve_http(address, WEB)
    }

    fn serve_http(&self, address: &str, body: &'static str) -> Asked {
        let asked = Asked::default();
        let kept = asked.clone();
        self.serve(address, move |stream| {
            let lines = request(&stream);
            kept.0.lock().expect("nobody panics with it").push(lines);
            let length = body.len();
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        });
        asked
    }
}

/// The first line, and the line of credentials if there is one.
fn request(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let says_who = |line: &&String| line.starts_with("Proxy-Authorization: ");
    let first = head.first().cloned().unwrap_or_default();
    let who = head.iter().find(says_who).map(|line| format!(" {line}"));
    first + &who.unwrap_or_default()
}
