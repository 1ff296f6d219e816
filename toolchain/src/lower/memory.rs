//! Copies and fills. Short ones are spelt out, so that later passes can forward what they store; others are
//! system calls. `sol_memcpy_` is never used: it refuses a source that is its own destination, which LLVM allows.
use super::*;

/// Bytes up to which a copy or fill is spelt out.
const INLINE: u64 = 64;
/// The same for a move, which must load everything before it stores anything.
const INLINE_MOVE: u64 = 32;

impl Lower<'_> {
    pub(super) unsafe fn copy(&mut self, i: V, n: &str) -> Becomes {
        let ir = self.ir;
        let (to, from) = (op(i, 0), op(i, 1));
        let len = LLVMBuildZExt(ir.b, op(i, 2), ir.i64, NAME);
        let apart = n.starts_with("llvm.memcpy");
        let limit = if apart { INLINE } else { INLINE_MOVE };
        let Some(bytes) = const_u64(len).filter(|c| *c <= limit) else {
            ir.call("sol_memmove_", ir.void, &[to, from, len]);
            return Becomes::Nothing;
        };
        let mut later = vec![];
        for (offset, width) in chunks(bytes) {
            let v = ir.load(ir.int(width as u32 * 8), from, offset, 1);
            if apart {
                ir.store(v, to, offset, 1);
            } else {
                later.push((v, offset));
            }
        }
        for (v, offset) in later {
            ir.store(v, to, offset, 1);
        }
        Becomes::Nothing
    }

    pub(super) unsafe fn fill(&mut self, i: V) -> Becomes {
        let ir = self.ir;
        let to = op(i, 0);
        let len = LLVMBuildZExt(ir.b, op(i, 2), ir.i64, NAME);
        let byte = LLVMBuildZExt(ir.b, op(i, 1), ir.i64, NAME);
        let Some(bytes) = const_u64(len).filter(|c| *c <= INLINE) else {
            ir.call("sol_memset_", ir.void, &[to, byte, len]);
            return Becomes::Nothing;
        };
        let eight = LLVMBuildMul(ir.b, byte, ir.c(0x0101_0101_0101_0101), NAME);
        for (offset, width) in chunks(bytes) {
            let v = LLVMBuildTrunc(ir.b, eight, ir.int(width as u32 * 8), NAME);
            ir.store(v, to, offset, 1);
        }
        Becomes::Nothing
    }
}

/// Splits a number of bytes into (offset, width), widest first: 8, 4, 2, 1.
fn chunks(bytes: u64) -> Vec<(u64, u64)> {
    let mut out = vec![];
    let mut at = 0;
    for width in [8, 4, 2, 1] {
        while bytes - at >= width {
            out.push((at, width));
            at += width;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn chunks_cover_every_byte_once() {
        for bytes in 0..=64 {
            let mut next = 0;
            for (at, width) in chunks(bytes) {
                assert_eq!(at, next);
                next += width;
            }
            assert_eq!(next, bytes);
        }
        assert_eq!(chunks(15), [(0, 8), (8, 4), (12, 2), (14, 1)]);
    }
}
