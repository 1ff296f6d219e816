//! Turns the object file that LLVM emits for `bpfel` into the dynamic ELF that the sBPF v0 loader takes.
//!
//! [`image`] gathers sections and applies relocations, [`code`] checks stack frames and mends indirect calls,
//! [`write`] lays the file out. Every address is also the file's offset.
mod code;
mod image;
mod write;

use std::collections::BTreeMap;

/// The finished program and what its maker wants to know of it.
pub struct Program {
    pub bytes: Vec<u8>,
    /// Functions whose stack frame exceeds the limit, with the bytes they use.
    pub large_frames: Vec<(String, i32)>,
    /// First instruction (index) and name of every function.
    pub functions: Vec<(u64, String)>,
}

/// Links one object file; `entry` is the function that the loader calls.
pub fn link(object: &[u8], entry: &str) -> Result<Program, String> {
    let mut image = image::read(object)?;
    let start = *image.functions.iter().find(|(_, name)| *name == entry).ok_or("no entry point")?.0;
    let text = image.base[image::TEXT];
    let named: BTreeMap<u64, String> =
        image.functions.iter().map(|(address, name)| (address - text, name.clone())).collect();
    let frames = code::frames(&image.out[image::TEXT], &named);
    code::mend_indirect_calls(&mut image.out[image::TEXT]);
    Ok(Program {
        bytes: write::file(&image, start),
        large_frames: frames.into_iter().filter(|(_, bytes)| *bytes > crate::link::FRAME).collect(),
        functions: named.into_iter().map(|(at, name)| (at / 8, name)).collect(),
    })
}

fn read_u32(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn read_u64(b: &[u8], at: usize) -> u64 {
    read_u32(b, at) as u64 | (read_u32(b, at + 4) as u64) << 32
}

fn put_u32(b: &mut [u8], at: usize, v: u32) {
    b[at..at + 4].copy_from_slice(&v.to_le_bytes());
}
