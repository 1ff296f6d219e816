//! The processes of a local cluster: all end when one of them fails, and in turn.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use rustix::process::{kill_process, Pid, Signal};

/// How long a process may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one may take until it is ready.
const READY: Duration = Duration::from_secs(60);

struct Member {
    name: &'static str,
    process: Child,
}

/// Processes beside this one, each with a log of its own. They end with this value, the last one first.
pub struct Tree {
    folder: PathBuf,
    members: Vec<Member>,
}

impl Tree {
    /// Logs go to `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), members: vec![] }
    }

    /// Runs a program that was built beside this one.
    pub fn start(&mut self, name: &'static str, program: &str, arguments: &[String]) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let log = File::create(&log).with_context(|| log.display().to_string())?;
        let program = std::env::current_exe()?.with_file_name(program);
        let process = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Who interrupts at a terminal interrupts this process, which ends the others in turn.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{}: `make localnet` builds it", program.display()))?;
        self.members.push(Member { name, process });
        Ok(())
    }

    /// Waits for a line that a process is to say when it is ready, and returns what follows `words` in it.
    pub fn said(&mut self, name: &str, words: &str) -> Result<String> {
        let log = self.folder.join(format!("{name}.log"));
        let until = Instant::now() + READY;
        loop {
            let said = std::fs::read_to_string(&log)?;
            // A line that is not at its end may be half of one.
            let lines = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some(rest) = lines.filter_map(|line| line.strip_prefix(words)).next() {
                return Ok(rest.into());
            }
            self.check()?;
            ensure!(Instant::now() < until, "{name} was not ready within {} s: see {}", READY.as_secs(), log.display());
            sleep(Duration::from_millis(20));
        }
    }

    /// Fails where a process has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        for member in &mut self.members {
            if let Some(status) = member.process.try_wait()? {
                let (name, log) = (member.name, self.folder.join(format!("{}.log", member.name)));
                bail!("{name} ended ({status}): see {}", log.display());
            }
        }
        Ok(())
    }

    /// Ends all, the last one first.
    pub fn stop_all(&mut self) -> Result<()> {
        while let Some(mut member) = self.members.pop() {
            end(&mut member)?;
        }
        Ok(())
    }
}

fn end(member: &mut Member) -> Result<()> {
    let id = Pid::from_child(&member.process);
    // It may have ended by itself: then there is nobody to tell.
    let _ = kill_process(id, Signal::TERM);
    let until = Instant::now() + PATIENCE;
    while member.process.try_wait()?.is_none() {
        if Instant::now() > until {
            member.process.kill()?;
            member.process.wait()?;
            bail!("{} did not end within {} s and was killed", member.name, PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

impl Drop for Tree {
    fn drop(&mut self) {
        while let Some(mut member) = self.members.pop() {
            let _ = end(&mut member);
        }
    }
}
