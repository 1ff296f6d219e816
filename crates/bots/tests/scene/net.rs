//! What stands between a bot and the world: a socket that can be cut, a gate before a node, and a webhook.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::prelude::{Engine, BASE64_STANDARD};
use novate_client::rpc::{from_packet, Signature, VersionedTransaction};
use novate_client::Instruction;
use serde_json::{json, Value};

/// Passes connections on, until it is told to cut them.
pub struct Proxy {
    at: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn start(to: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(vec![]));
        let kept = open.clone();
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(to) else { continue };
                for (mut from, mut to) in [
                    (here.try_clone().unwrap(), there.try_clone().unwrap()),
                    (there.try_clone().unwrap(), here.try_clone().unwrap()),
                ] {
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                kept.lock().unwrap().extend([here, there]);
            }
        });
        Proxy { at, open }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.at)
    }

    /// Every connection that is open ends.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// What becomes of a request.
pub enum Fate {
    Passes,
    /// It waits, and is judged again.
    Waits,
    /// The node does not get it, and the connection breaks.
    IsLost,
    /// The node gets it, and the connection breaks before the answer.
    IsUnanswered,
    /// It is answered without the node: a result.
    IsAnswered(Value),
    /// The same with an error: its number.
    IsRefused(i64),
}

type Rule = Box<dyn FnMut(&Value) -> Fate + Send>;

/// Stands before a node's JSON-RPC, and decides of each request what becomes of it.
#[derive(Clone)]
pub struct Gate {
    at: SocketAddr,
    node: SocketAddr,
    rule: Arc<Mutex<Rule>>,
    sent: Arc<Mutex<Vec<VersionedTransaction>>>,
}

impl Gate {
    /// Everything passes at first.
    pub fn start(node: SocketAddr) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let gate = Gate { at, node, rule: Arc::new(Mutex::new(Box::new(|_| Fate::Passes))), sent: Arc::default() };
        let kept = gate.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let gate = kept.clone();
                thread::spawn(move || gate.serve(stream));
            }
        });
        gate
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    pub fn rule(&self, rule: impl FnMut(&Value) -> Fate + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// Rules over sent transactions that carry such an instruction, the same bytes as often as they come; all else passes.
    pub fn rule_sent(&self, like: Instruction, mut rule: impl FnMut(&VersionedTransaction) -> Fate + Send + 'static) {
        self.rule(move |request| match transaction(request) {
            Some(transaction) if carries(&transaction, &like) => rule(&transaction),
            _ => Fate::Passes,
        });
    }

    /// Signatures of transactions with such an instruction that were sent, each once.
    pub fn signed(&self, like: &Instruction) -> Vec<Signature> {
        let mut signatures = vec![];
        for transaction in self.sent.lock().unwrap().iter().filter(|transaction| carries(transaction, like)) {
            if !signatures.contains(&transaction.signatures[0]) {
                signatures.push(transaction.signatures[0]);
            }
        }
        signatures
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(body) = body(&mut stream) else { return };
        let request: Value = serde_json::from_slice(&body).unwrap();
        self.sent.lock().unwrap().extend(transaction(&request));
        let answer = |what: &str, value: Value| json!({ "jsonrpc": "2.0", "id": request["id"], what: value });
        let answer = loop {
            let fate = (self.rule.lock().unwrap())(&request);
            match fate {
                Fate::Waits => thread::sleep(Duration::from_millis(10)),
                Fate::IsLost => return,
                Fate::IsUnanswered => {
                    self.ask(&body);
                    return;
                }
                Fate::Passes => {
                    let _ = stream.write_all(&self.ask(&body));
                    return;
                }
                Fate::IsAnswered(result) => break answer("result", result),
                Fate::IsRefused(code) => break answer("error", json!({ "code": code, "message": "refused" })),
            }
        };
        let text = answer.to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
        let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    }

    /// The node's answer as it comes; nothing where there is none.
    fn ask(&self, body: &[u8]) -> Vec<u8> {
        let mut answer = vec![];
        let Ok(mut node) = TcpStream::connect(self.node) else { return answer };
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close";
        let _ = write!(node, "{head}\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = node.write_all(body);
        let _ = node.read_to_end(&mut answer);
        answer
    }
}

/// Of `sendTransaction`.
fn transaction(request: &Value) -> Option<VersionedTransaction> {
    let packet = request["params"][0].as_str().filter(|_| request["method"] == "sendTransaction")?;
    from_packet(&BASE64_STANDARD.decode(packet).unwrap())
}

/// Whether it has an instruction of the same kind.
fn carries(transaction: &VersionedTransaction, like: &Instruction) -> bool {
    transaction.message.instructions().iter().any(|i| i.data.len() >= 8 && i.data.get(..8) == like.data.get(..8))
}

/// The body of a request.
fn body(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// A webhook that refuses the first request and keeps what it takes.
pub struct Hook {
    at: SocketAddr,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(vec![]));
        let kept = taken.clone();
        thread::spawn(move || {
            for (at, mut stream) in listener.incoming().flatten().enumerate() {
                let body = body(&mut stream).unwrap();
                let status = if at == 0 { "503 Service Unavailable" } else { "200 OK" };
                if at > 0 {
                    kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                }
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Hook { at, taken }
    }

    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.at)
    }

    pub fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }
}
