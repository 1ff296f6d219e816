//! The matcher as a process, and how it is spoken to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use novate_client::instrument;
use novate_matcher::admission::Submission;
use novate_matcher::order::Key;
use novate_matcher::view::{Instrument, Roster};
use serde_json::Value;
use solana_signer::Signer;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{connect, Message, WebSocket};

use crate::signing::{Trader, UNIT};

pub struct Matcher {
    pub process: Child,
    pub url: String,
    pub folder: PathBuf,
}

/// A folder of a test's own, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matcher").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn perpetual(symbol: &str, market: u16) -> Instrument {
    Instrument {
        id: instrument::perpetual(market),
        symbol: symbol.into(),
        market,
        underlying: market + 1,
        tick: UNIT / 10,
        lot: UNIT / 100,
        minimum: UNIT / 10,
    }
}

/// Two perpetuals, and these traders.
pub fn roster(folder: &Path, traders: &[&Trader]) -> PathBuf {
    let roster = Roster {
        cluster: "localnet".into(),
        instruments: vec![perpetual("BTC-PERP", 0), perpetual("ETH-PERP", 1)],
        portfolios: traders.iter().map(|trader| (Key(trader.portfolio), Key(trader.key.pubkey()))).collect(),
    };
    let path = folder.join("roster.json");
    fs::write(&path, serde_json::to_string(&roster).unwrap()).unwrap();
    path
}

impl Matcher {
    /// Without a chain.
    pub fn start(folder: &Path, traders: &[&Trader], more: &[&str]) -> Matcher {
        let roster = roster(folder, traders);
        let roster = roster.display().to_string();
        let mut all = vec!["--roster", &roster];
        if !more.contains(&"--key-rate") {
            all.extend(["--address-rate", "100000/100000", "--key-rate", "100000/100000"]);
        }
        all.extend(more);
        Self::run(folder, &all)
    }

    pub fn run(folder: &Path, more: &[&str]) -> Matcher {
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_novate-matcher"))
            .args(["--listen", "127.0.0.1:0", "--journal", &folder.join("journal").display().to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("matcher ")
            .unwrap_or_else(|| panic!("{line:?}: {}", fs::read_to_string(folder.join("log")).unwrap()));
        Matcher { process, url: url.into(), folder: folder.into() }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        request(&self.url, "GET", path, None, &[])
    }

    pub fn get_with(&self, path: &str, header: (&str, &str)) -> (u16, Value) {
        request(&self.url, "GET", path, None, &[header])
    }

    pub fn post(&self, path: &str, body: &Submission) -> (u16, Value) {
        self.post_text(path, &serde_json::to_string(body).unwrap())
    }

    pub fn post_text(&self, path: &str, body: &str) -> (u16, Value) {
        request(&self.url, "POST", path, Some(body), &[])
    }

    /// A body that has to be taken.
    #[track_caller]
    pub fn sends(&self, path: &str, body: &Submission) -> Value {
        let (status, answer) = self.post(path, body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A body that has to be refused by this name.
    #[track_caller]
    pub fn refuses(&self, path: &str, body: &Submission, name: &str) {
        let (status, answer) = self.post(path, body);
        assert_eq!(answer["error"], name, "{status} {answer}");
    }

    pub fn stream(&self) -> Stream {
        let url = self.url.replace("http://", "ws://") + "/stream";
        let (socket, _) = connect(url).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        }
        Stream(socket)
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for Matcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A request on a connection of its own, and its status and JSON; no status where there was no answer.
pub fn request(url: &str, method: &str, path: &str, body: Option<&str>, headers: &[(&str, &str)]) -> (u16, Value) {
    use std::io::{Read, Write};
    let address = url.strip_prefix("http://").unwrap();
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, Value::Null) };
    let body = body.unwrap_or_default();
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = vec![];
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.into())))
}

pub struct Stream(WebSocket<MaybeTlsStream<TcpStream>>);

impl Stream {
    pub fn say(&mut self, value: Value) {
        self.0.send(Message::text(value.to_string())).unwrap();
    }

    /// The next message, none when it was closed.
    pub fn hear(&mut self) -> Option<Value> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Hears until a message has a field, and returns what it holds.
    #[track_caller]
    pub fn hear_of(&mut self, field: &str) -> Value {
        loop {
            let message = self.hear().expect("the websocket goes on");
            if let Some(value) = message.get(field) {
                return value.clone();
            }
        }
    }
}
