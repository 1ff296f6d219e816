//! What was accepted, on disk before anyone is told.
//!
//! A journal is a folder with one file, `journal.N`. A file is a row of frames: a mark, the length and the CRC-32 of what follows, and
//! that: the first frame an [`Image`] of the state, each further one the commands of one [`Journal::append`], which returns once they are
//! on the disk. When a file grows beyond its bound, the next one begins with an image of then, and the old one is deleted
//! once the new one is there whole.
//!
//! Whatever a crash tears is the last frame, of which nobody was told: it is cut off. A broken frame with a whole one behind it is no torn
//! end but a broken disk, and is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use serde::{Deserialize, Serialize};

use crate::engine::{Command, Engine, Image};

/// A frame begins with it.
const MARK: [u8; 4] = *b"NVMJ";
/// Mark, length, checksum.
const HEAD: usize = 12;
/// Of what is written.
const VERSION: u16 = 1;

/// What a file begins with.
#[derive(Serialize, Deserialize)]
struct Beginning {
    version: u16,
    /// What the orders are for: the pool, or the roster.
    subject: String,
    image: Image,
}

/// The file that is written.
pub struct Journal {
    folder: PathBuf,
    subject: String,
    number: u64,
    file: File,
    length: u64,
    /// Bytes of the file with nothing but its image.
    first: u64,
    bound: u64,
    /// Held for as long as the journal is: nobody else may write in its folder.
    _lock: File,
}

/// What was found.
pub struct Opened {
    pub journal: Journal,
    pub engine: Engine,
    /// Bytes of a torn end that were cut off.
    pub torn: u64,
}

impl Journal {
    /// Opens the journal of a folder, or begins one, and brings the state back that it is of. `bound` is how many bytes of commands a file may
    /// have. Fails where another process has it open, where it is of another subject, and where it is broken before its end.
    pub fn open(folder: &Path, subject: &str, bound: u64) -> Result<Opened> {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let lock = File::create(folder.join("lock"))?;
        let taken = || format!("{} is in use by another matcher", folder.display());
        lock.try_lock().with_context(taken)?;
        let mut found = files(folder)?;
        found.sort_unstable();
        let mut engine = Engine::default();
        let Some(number) = found.pop() else {
            let (file, first) = begin(folder, 0, subject, &engine)?;
            let journal = Self::of(folder, subject, (0, file, first), (first, bound), lock);
            return Ok(Opened { journal, engine, torn: 0 });
        };
        let path = path(folder, number);
        let bytes = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        let broken = |at: usize| format!("{}: broken at byte {at}", path.display());
        let (frame, mut at) = frame(&bytes, 0).with_context(|| broken(0))?;
        let beginning: Beginning = serde_json::from_slice(frame).with_context(|| broken(0))?;
        ensure!(beginning.version == VERSION, "{} is of version {}", path.display(), beginning.version);
        ensure!(beginning.subject == subject, "{} is of {}, not of {subject}", path.display(), beginning.subject);
        engine = Engine::of_image(beginning.image);
        let first = at;
        while let Some((frame, next)) = self::frame(&bytes, at) {
            let commands: Vec<Command> = serde_json::from_slice(frame).with_context(|| broken(at))?;
            for command in commands {
                engine.apply(command);
            }
            at = next;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if let Some(whole) = (1..rest.len()).find(|from| self::frame(rest, *from).is_some()) {
            bail!("{}, and whole again at byte {}: restore the disk", broken(at), at + whole);
        }
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(at as u64)?;
        file.sync_all()?;
        for old in found {
            fs::remove_file(self::path(folder, old))?;
        }
        let sizes = (first as u64, bound);
        let journal = Self::of(folder, subject, (number, file, at as u64), sizes, lock);
        Ok(Opened { journal, engine, torn: rest.len() as u64 })
    }

    fn of(
        folder: &Path,
        subject: &str,
        (number, file, length): (u64, File, u64),
        (first, bound): (u64, u64),
        lock: File,
    ) -> Self {
        Self { folder: folder.into(), subject: subject.into(), number, file, length, first, bound, _lock: lock }
    }

    /// Writes commands, and returns once they are on the disk. After an error nothing may be told to anyone any more.
    pub fn append(&mut self, commands: &[Command]) -> Result<()> {
        let frame = framed(&serde_json::to_vec(commands)?)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Begins the next file with the state of now, if this one has become too long. Whether it did.
    pub fn shorten(&mut self, engine: &Engine) -> Result<bool> {
        if self.length.saturating_sub(self.first) < self.bound {
            return Ok(false);
        }
        let (file, length) = begin(&self.folder, self.number + 1, &self.subject, engine)?;
        let old = path(&self.folder, self.number);
        (self.number, self.file, self.length, self.first) = (self.number + 1, file, length, length);
        fs::remove_file(old)?;
        Ok(true)
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal.{number}"))
}

/// Numbers of the files that are there.
fn files(folder: &Path) -> Result<Vec<u64>> {
    let mut found = vec![];
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("journal."));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(found)
}

/// A file with an image, there whole or not at all.
fn begin(folder: &Path, number: u64, subject: &str, engine: &Engine) -> Result<(File, u64)> {
    let beginning = Beginning { version: VERSION, subject: subject.into(), image: engine.image() };
    let bytes = framed(&serde_json::to_vec(&beginning)?)?;
    let draft = folder.join("draft");
    let mut file = File::create(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path(folder, number))?;
    File::open(folder)?.sync_all()?;
    Ok((file, bytes.len() as u64))
}

fn framed(content: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(content.len()).context("a frame is too long")?;
    let mut frame = Vec::with_capacity(HEAD + content.len());
    frame.extend(MARK);
    frame.extend(length.to_le_bytes());
    frame.extend(crc32fast::hash(content).to_le_bytes());
    frame.extend(content);
    Ok(frame)
}

/// What a frame at a place holds, and where the next begins. None where there is no whole one.
fn frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let (head, rest) = rest.split_at_checked(HEAD)?;
    let (mark, sizes) = head.split_first_chunk::<4>()?;
    let (length, checksum) = sizes.split_first_chunk::<4>()?;
    let content = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let sound = *mark == MARK && checksum == crc32fast::hash(content).to_le_bytes();
    sound.then(|| (content, at + HEAD + content.len()))
}
