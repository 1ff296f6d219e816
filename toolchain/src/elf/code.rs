//! The finished instructions: how much stack each function uses, and indirect calls in v0's encoding.
//!
//! An instruction is 8 bytes: opcode, registers (destination in the low half), a 16-bit offset, a 32-bit immediate;
//! `lddw` takes two.
use std::collections::BTreeMap;

const LDDW: u8 = 0x18;
const CALLX: u8 = 0x8d;
const MOVE: u8 = 0xbf;
const ADD_IMMEDIATE: u8 = 0x07;
const FRAME_POINTER: u8 = 10;
const LOAD: u8 = 1;
const STORE_IMMEDIATE: u8 = 2;
const STORE: u8 = 3;

struct Instruction {
    opcode: u8,
    to: u8,
    from: u8,
    offset: i32,
    immediate: i32,
}

fn decode(text: &[u8], at: usize) -> Instruction {
    Instruction {
        opcode: text[at],
        to: text[at + 1] & 15,
        from: text[at + 1] >> 4,
        offset: i16::from_le_bytes([text[at + 2], text[at + 3]]) as i32,
        immediate: super::read_u32(text, at + 4) as i32,
    }
}

fn size(opcode: u8) -> usize {
    if opcode == LDDW {
        16
    } else {
        8
    }
}

/// Bytes below the frame pointer that each function reaches, by direct access or by an address that it takes there.
/// `functions` gives the offset of each in `text`.
pub fn frames(text: &[u8], functions: &BTreeMap<u64, String>) -> Vec<(String, i32)> {
    let mut frames: Vec<(String, i32)> = vec![];
    let mut copy = None; // the register that holds a copy of the frame pointer
    let mut at = 0;
    while at < text.len() {
        if let Some(name) = functions.get(&(at as u64)) {
            frames.push((name.clone(), 0));
        }
        let i = decode(text, at);
        let depth = match i.opcode & 7 {
            LOAD if i.from == FRAME_POINTER => -i.offset,
            STORE | STORE_IMMEDIATE if i.to == FRAME_POINTER => -i.offset,
            _ if i.opcode == ADD_IMMEDIATE && copy == Some(i.to) => -i.immediate,
            _ => 0,
        };
        if let Some((_, deepest)) = frames.last_mut() {
            *deepest = depth.max(*deepest);
        }
        copy = (i.opcode == MOVE && i.from == FRAME_POINTER).then_some(i.to);
        at += size(i.opcode);
    }
    frames
}

/// LLVM names the register of an indirect call in the destination, v0 in the immediate.
pub fn mend_indirect_calls(text: &mut [u8]) {
    let mut at = 0;
    while at < text.len() {
        let i = decode(text, at);
        if i.opcode == CALLX && i.to != 0 {
            text[at + 1] = 0;
            super::put_u32(text, at + 4, i.to as u32);
        }
        at += size(i.opcode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(opcode: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Vec<u8> {
        let mut bytes = vec![opcode, from << 4 | to];
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&immediate.to_le_bytes());
        bytes
    }

    #[test]
    fn a_frame_is_the_deepest_byte_reached() {
        let mut text = instruction(0x7b, FRAME_POINTER, 1, -16, 0); // [r10-16] = r1
        text.extend(instruction(MOVE, 2, FRAME_POINTER, 0, 0)); // r2 = r10
        text.extend(instruction(ADD_IMMEDIATE, 2, 0, 0, -6000)); // r2 += -6000
        let second = text.len() as u64;
        text.extend(instruction(0x79, 1, FRAME_POINTER, -24, 0)); // r1 = [r10-24]
        text.extend(instruction(ADD_IMMEDIATE, 2, 0, 0, -9000)); // r2 is no copy here
        let functions = BTreeMap::from([(0, "first".into()), (second, "second".into())]);
        assert_eq!(frames(&text, &functions), [("first".into(), 6000), ("second".into(), 24)]);
    }

    #[test]
    fn an_indirect_call_names_its_register_in_the_immediate() {
        let mut text = instruction(LDDW, 1, 0, 0, 7);
        text.extend(instruction(CALLX, 3, 0, 0, 0)); // second half of lddw, which is no call
        text.extend(instruction(CALLX, 3, 0, 0, 0));
        mend_indirect_calls(&mut text);
        assert_eq!(text[8..16], instruction(CALLX, 3, 0, 0, 0));
        assert_eq!(text[16..], instruction(CALLX, 0, 0, 0, 3));
    }
}
