//! Integers wider than 64 bits, and signed division, which sBPF v0 has for no width.
use super::*;
use llvm_sys::LLVMIntPredicate::*;

impl Lower<'_> {
    /// Division of magnitudes, with the sign put back. Dividing by a power of two stays: it becomes shifts.
    pub(super) unsafe fn signed_division(&mut self, i: V, rem: bool) -> Becomes {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        if let Some(c) = const_u64(op(i, 1)) {
            if bits(t) == 64 && c.is_power_of_two() && !rem {
                return Becomes::Same;
            }
        }
        let a = LLVMBuildSExt(ir.b, op(i, 0), ir.i64, NAME);
        let b = LLVMBuildSExt(ir.b, op(i, 1), ir.i64, NAME);
        let sa = LLVMBuildAShr(ir.b, a, ir.c(63), NAME);
        let sb = LLVMBuildAShr(ir.b, b, ir.c(63), NAME);
        let neg = |v, s| LLVMBuildSub(ir.b, LLVMBuildXor(ir.b, v, s, NAME), s, NAME);
        let (ua, ub) = (neg(a, sa), neg(b, sb));
        let r = if rem {
            neg(LLVMBuildURem(ir.b, ua, ub, NAME), sa)
        } else {
            neg(LLVMBuildUDiv(ir.b, ua, ub, NAME), LLVMBuildXor(ir.b, sa, sb, NAME))
        };
        Becomes::Value(LLVMBuildTrunc(ir.b, r, t, NAME))
    }

    /// Multiplication, division and remainder above 64 bits.
    pub(super) unsafe fn wide_arithmetic(&mut self, i: V, opc: LLVMOpcode) -> Becomes {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        if bits(t) > 128 && opc == LLVMMul {
            return Becomes::Value(self.mul_wide(op(i, 0), op(i, 1)));
        }
        if bits(t) > 128 {
            return self.refuse("arithmetic wider than 128 bits", i);
        }
        let signed = matches!(opc, LLVMSDiv | LLVMSRem);
        let (a, b) = (self.to_128(op(i, 0), signed), self.to_128(op(i, 1), signed));
        let r = match opc {
            LLVMMul => self.mul128(a, b),
            _ => self.div128(a, b, signed, matches!(opc, LLVMURem | LLVMSRem)),
        };
        Becomes::Value(LLVMBuildTrunc(ir.b, r, t, NAME))
    }

    /// A shift by an amount that is not known.
    pub(super) unsafe fn wide_shift(&mut self, i: V, opc: LLVMOpcode) -> Becomes {
        let ir = self.ir;
        let t = LLVMTypeOf(i);
        if bits(t) > 128 {
            return self.refuse("shift wider than 128 bits", i);
        }
        let a = self.to_128(op(i, 0), opc == LLVMAShr);
        let s = LLVMBuildZExtOrBitCast(ir.b, op(i, 1), ir.i128, NAME);
        let r = self.shift128(opc, ir.lo(a), ir.hi(a), ir.lo(s));
        Becomes::Value(LLVMBuildTrunc(ir.b, r, t, NAME))
    }

    unsafe fn to_128(&self, v: V, signed: bool) -> V {
        if signed {
            LLVMBuildSExt(self.ir.b, v, self.ir.i128, NAME)
        } else {
            LLVMBuildZExt(self.ir.b, v, self.ir.i128, NAME)
        }
    }

    pub(super) unsafe fn multiply_with_overflow(&mut self, i: V, n: &str) -> Becomes {
        let signed = n.starts_with("llvm.smul");
        let (a, b) = (op(i, 0), op(i, 1));
        let (product, overflow) = match bits(LLVMTypeOf(a)) {
            64 if signed => self.smulo64(a, b),
            64 => self.umulo64(a, b),
            128 => self.mulo128(a, b, signed),
            0..64 => return Becomes::Same,
            _ => return self.refuse("overflow check wider than 128 bits", i),
        };
        Becomes::Value(self.ir.pair(LLVMTypeOf(i), product, overflow))
    }

    /// fshl(a, b, s) is a<<s | b>>(128-s), and a for s = 0, so b is shifted in two steps: (b>>1)>>(127-s). fshr likewise.
    pub(super) unsafe fn funnel_shift(&mut self, i: V, n: &str) -> Becomes {
        let ir = self.ir;
        match bits(LLVMTypeOf(i)) {
            0..=64 => return Becomes::Same,
            128 => {}
            _ => return self.refuse("funnel shift", i),
        }
        let s = LLVMBuildAnd(ir.b, ir.lo(op(i, 2)), ir.c(127), NAME);
        let inv = LLVMBuildXor(ir.b, s, ir.c(127), NAME);
        let (a, b) = (op(i, 0), op(i, 1));
        let one = LLVMConstInt(ir.i128, 1, 0);
        let (x, y) = if n.starts_with("llvm.fshl") {
            let y = LLVMBuildLShr(ir.b, b, one, NAME);
            (self.shift128(LLVMShl, ir.lo(a), ir.hi(a), s), self.shift128(LLVMLShr, ir.lo(y), ir.hi(y), inv))
        } else {
            let x = LLVMBuildShl(ir.b, a, one, NAME);
            (self.shift128(LLVMShl, ir.lo(x), ir.hi(x), inv), self.shift128(LLVMLShr, ir.lo(b), ir.hi(b), s))
        };
        Becomes::Value(LLVMBuildOr(ir.b, x, y, NAME))
    }

    unsafe fn mul128(&mut self, a: V, b: V) -> V {
        let ir = self.ir;
        let (al, ah, bl, bh) = (ir.lo(a), ir.hi(a), ir.lo(b), ir.hi(b));
        let lo = LLVMBuildMul(ir.b, al, bl, NAME);
        let h = ir.call("__sbf_umulh", ir.i64, &[al, bl]);
        let x = LLVMBuildMul(ir.b, al, bh, NAME);
        let y = LLVMBuildMul(ir.b, ah, bl, NAME);
        let hi = LLVMBuildAdd(ir.b, LLVMBuildAdd(ir.b, h, x, NAME), y, NAME);
        ir.join(lo, hi)
    }

    /// Multiplication wider than 128 bits: LLVM forms it from hand-written
    /// widening multiplications, such as the one in core's u128 formatting.
    unsafe fn mul_wide(&mut self, a: V, b: V) -> V {
        let ir = self.ir;
        let t = LLVMTypeOf(a);
        let n = bits(t).div_ceil(64) as usize;
        let wt = ir.int(64 * n as u32);
        let limbs = |v: V| -> Vec<Option<V>> {
            let known = if !LLVMIsAZExtInst(v).is_null() { bits(LLVMTypeOf(op(v, 0))) } else { bits(t) };
            let w = LLVMBuildZExt(ir.b, v, wt, NAME);
            (0..n)
                .map(|i| {
                    let s = LLVMBuildLShr(ir.b, w, LLVMConstInt(wt, 64 * i as u64, 0), NAME);
                    let l = LLVMBuildTrunc(ir.b, s, ir.i64, NAME);
                    (64 * (i as u32) < known && const_u64(l) != Some(0)).then_some(l)
                })
                .collect()
        };
        let (x, y) = (limbs(a), limbs(b));
        let mut acc: Vec<V> = vec![ir.c(0); n];
        let add = |acc: &mut Vec<V>, mut k: usize, v: V| {
            let mut v = v;
            while k < n {
                let s = LLVMBuildAdd(ir.b, acc[k], v, NAME);
                let c = ir.icmp(LLVMIntULT, s, v);
                acc[k] = s;
                v = LLVMBuildZExt(ir.b, c, ir.i64, NAME);
                k += 1;
            }
        };
        for (i, p) in x.iter().enumerate() {
            for (j, q) in y.iter().enumerate() {
                if let (Some(p), Some(q), true) = (p, q, i + j < n) {
                    add(&mut acc, i + j, LLVMBuildMul(ir.b, *p, *q, NAME));
                    if i + j + 1 < n {
                        add(&mut acc, i + j + 1, ir.call("__sbf_umulh", ir.i64, &[*p, *q]));
                    }
                }
            }
        }
        let mut r = LLVMConstInt(wt, 0, 0);
        for (i, v) in acc.into_iter().enumerate() {
            let z = LLVMBuildZExt(ir.b, v, wt, NAME);
            r = LLVMBuildOr(ir.b, r, LLVMBuildShl(ir.b, z, LLVMConstInt(wt, 64 * i as u64, 0), NAME), NAME);
        }
        LLVMBuildTrunc(ir.b, r, t, NAME)
    }

    unsafe fn div128(&mut self, a: V, b: V, signed: bool, rem: bool) -> V {
        let ir = self.ir;
        let w = self.words();
        let f = if signed { "__sbf_sdivmod128" } else { "__sbf_udivmod128" };
        ir.call(f, ir.void, &[w, ir.lo(a), ir.hi(a), ir.lo(b), ir.hi(b)]);
        let o = if rem { 16 } else { 0 };
        ir.join(ir.load(ir.i64, w, o, 8), ir.load(ir.i64, w, o + 8, 8))
    }

    unsafe fn mulo128(&mut self, a: V, b: V, signed: bool) -> (V, V) {
        let ir = self.ir;
        let w = self.words();
        let f = if signed { "__sbf_smulo128" } else { "__sbf_umulo128" };
        let o = ir.call(f, ir.i64, &[w, ir.lo(a), ir.hi(a), ir.lo(b), ir.hi(b)]);
        let r = ir.join(ir.load(ir.i64, w, 0, 8), ir.load(ir.i64, w, 8, 8));
        (r, ir.icmp(LLVMIntNE, o, ir.c(0)))
    }

    /// s is the amount as i64 (< 128).
    unsafe fn shift128(&mut self, opc: LLVMOpcode, lo: V, hi: V, s: V) -> V {
        let ir = self.ir;
        let b = ir.b;
        let m = LLVMBuildAnd(b, s, ir.c(63), NAME); // in-word amount
        let inv = LLVMBuildXor(b, m, ir.c(63), NAME); // 63 - m
        let big = ir.icmp(LLVMIntUGE, s, ir.c(64));
        if opc == LLVMShl {
            let l = LLVMBuildShl(b, lo, m, NAME);
            let c = LLVMBuildLShr(b, LLVMBuildLShr(b, lo, ir.c(1), NAME), inv, NAME);
            let h = LLVMBuildOr(b, LLVMBuildShl(b, hi, m, NAME), c, NAME);
            ir.join(ir.select(big, ir.c(0), l), ir.select(big, l, h))
        } else {
            let sh = |v, a| {
                if opc == LLVMAShr {
                    LLVMBuildAShr(b, v, a, NAME)
                } else {
                    LLVMBuildLShr(b, v, a, NAME)
                }
            };
            let h = sh(hi, m);
            let c = LLVMBuildShl(b, LLVMBuildShl(b, hi, ir.c(1), NAME), inv, NAME);
            let l = LLVMBuildOr(b, LLVMBuildLShr(b, lo, m, NAME), c, NAME);
            let fill = if opc == LLVMAShr { LLVMBuildAShr(b, hi, ir.c(63), NAME) } else { ir.c(0) };
            ir.join(ir.select(big, h, l), ir.select(big, fill, h))
        }
    }

    /// Unsigned 64-bit multiply with overflow: (product, i1).
    unsafe fn umulo64(&mut self, a: V, b: V) -> (V, V) {
        let ir = self.ir;
        let r = LLVMBuildMul(ir.b, a, b, NAME);
        for (x, y) in [(a, b), (b, a)] {
            if let Some(c) = const_u64(y) {
                let o = match u64::MAX.checked_div(c) {
                    Some(most) => ir.icmp(LLVMIntUGT, x, ir.c(most)),
                    None => LLVMConstInt(ir.i1, 0, 0),
                };
                return (r, o);
            }
        }
        let z = ir.icmp(LLVMIntEQ, a, ir.c(0));
        let d = LLVMBuildUDiv(ir.b, r, ir.select(z, ir.c(1), a), NAME);
        let ne = ir.icmp(LLVMIntNE, d, b);
        (r, LLVMBuildAnd(ir.b, ne, LLVMBuildNot(ir.b, z, NAME), NAME))
    }

    unsafe fn smulo64(&mut self, a: V, b: V) -> (V, V) {
        let ir = self.ir;
        let sa = LLVMBuildAShr(ir.b, a, ir.c(63), NAME);
        let sb = LLVMBuildAShr(ir.b, b, ir.c(63), NAME);
        let neg = |v, s| LLVMBuildSub(ir.b, LLVMBuildXor(ir.b, v, s, NAME), s, NAME);
        let (u, o) = self.umulo64(neg(a, sa), neg(b, sb));
        let s = LLVMBuildXor(ir.b, sa, sb, NAME);
        // magnitude limit: 2^63-1, or 2^63 for a negative product
        let lim = LLVMBuildSub(ir.b, ir.c(i64::MAX as u64), s, NAME);
        let o2 = ir.icmp(LLVMIntUGT, u, lim);
        (neg(u, s), LLVMBuildOr(ir.b, o, o2, NAME))
    }
}
