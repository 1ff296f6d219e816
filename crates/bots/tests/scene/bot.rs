//! A bot as a process, and what it says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::{fs, thread};

/// A bot as a process.
pub struct Bot {
    pub(super) process: Option<Child>,
    pub(super) port: u16,
    pub(super) log: PathBuf,
}

impl Bot {
    /// What its port answers; nothing where it does not.
    pub fn ask(&self, path: &str) -> String {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return answer };
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// Sum over all labels of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.ask("/metrics");
        let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        text.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGKILL: it ends wherever it is.
    pub fn kill(mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().unwrap();
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        process.wait().unwrap()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}
