//! Every command of the guides, in the order in which they stand there, on a local cluster of the guide's own. The bots have to be built
//! beside it, as `cargo test --workspace` does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use common::{localnet, until_ready};

/// Seconds that a guide may take: what it waits for did not come then.
const PATIENCE: &str = "400";

/// A local cluster whose folder is where a guide looks for it; it ends with the test.
struct Cluster {
    process: Child,
    folder: PathBuf,
}

impl Cluster {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut process = localnet(&folder.join("target/localnet"), arguments).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        until_ready(&mut lines);
        // Nobody reads what it says at its end.
        std::thread::spawn(move || lines.read_to_string(&mut String::new()));
        Self { process, folder }
    }

    /// Runs the commands of a guide as one script, in which the first that fails ends it.
    fn follow(&self, guide: &str) {
        let path = format!("{}/../../docs/{guide}", env!("CARGO_MANIFEST_DIR"));
        let commands = commands(&fs::read_to_string(path).unwrap());
        assert!(commands.lines().count() > 5, "{guide} has no commands");
        let programs = Path::new(env!("CARGO_BIN_EXE_novate")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let output = Command::new("timeout")
            .args([PATIENCE, "bash", "-euxo", "pipefail", "-c", &commands])
            .current_dir(&self.folder)
            .env("PATH", path)
            .output()
            .unwrap();
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{guide}: {}\n{said}\n{why}", output.status);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// What stands in the blocks of a page that are for a shell.
fn commands(page: &str) -> String {
    let mut found = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => {
                found.push_str(line);
                found.push('\n');
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_integrators_guide() {
    Cluster::start("integrators", &["--turn-ms", "500"]).follow("integrators-guide.md");
}

#[test]
fn the_liquidators_guide() {
    let crash = ["--replay", "ftx", "--from-day", "4", "--days", "2", "--leap", "1800", "--no-liquidator"];
    Cluster::start("liquidators", &crash).follow("liquidators-guide.md");
}

#[test]
fn the_runbook() {
    Cluster::start("operators", &["--turn-ms", "500"]).follow("runbook.md");
}
