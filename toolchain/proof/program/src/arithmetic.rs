//! Integers and floats.
#![allow(clippy::all)] // the odd ways of writing things are what is tested

use crate::results::{Operands, Results};

/// Sums and products of 128 bits, with every way to treat overflow.
pub fn products(o: &mut Results, v: &Operands) {
    let Operands { a, b, ua, ub, la, lb, wa, wb, .. } = *v;
    o.i(a.wrapping_mul(b));
    o.i(a.wrapping_add(b));
    o.i(a.wrapping_sub(b));
    o.i(a.wrapping_neg());
    let (v, f) = a.overflowing_mul(b);
    o.i(v);
    o.b(f);
    let (v, f) = ua.overflowing_mul(ub);
    o.u(v);
    o.b(f);
    let (v, f) = a.overflowing_add(b);
    o.i(v);
    o.b(f);
    let (v, f) = ua.overflowing_sub(ub);
    o.u(v);
    o.b(f);
    o.i(a.saturating_mul(b));
    o.u(ua.saturating_mul(ub));
    o.i(a.saturating_add(b));
    o.u(ua.saturating_sub(ub));
    o.i(a.checked_abs().unwrap_or(-7));
    o.u(a.unsigned_abs());
    o.u(a.abs_diff(b));
    o.i(a.checked_mul(b).unwrap_or(5));
    o.u(ua.checked_mul(ub).unwrap_or(6));
    o.u((wa as u128) * (wb as u128));
    o.i((la as i128) * (lb as i128));
}

/// Quotients, remainders, roots and powers of 128 bits.
pub fn quotients(o: &mut Results, v: &Operands) {
    let Operands { a, b, ua, ub, wb, .. } = *v;
    if b != 0 {
        o.i(a.wrapping_div(b));
        o.i(a.wrapping_rem(b));
        o.u(ua / ub);
        o.u(ua % ub);
        o.i(a.div_euclid(if b == -1 { 3 } else { b }));
        o.i(a.rem_euclid(if b == -1 { 3 } else { b }));
        o.i(a.checked_div(b).unwrap_or(9));
        o.i(a.checked_rem(b).unwrap_or(8));
    }
    o.u(ua / 1_000_000_000_000_000_000);
    o.i(a / 1_000_000_007);
    o.i(a % 10);
    o.u(ua % 3);
    o.i(a / 16);
    o.i(a % -1024);
    if wb != 0 {
        o.u(ua / wb as u128);
        o.u(ua % wb as u128);
        o.u(ua.div_ceil(wb as u128));
    }
    o.u(ua.isqrt());
    o.i(a.checked_pow(3).unwrap_or(1));
}

/// Shifts, counts, comparisons and conversions of 128 bits.
pub fn wide_bits(o: &mut Results, v: &Operands) {
    let Operands { a, b, ua, ub, la, wa, .. } = *v;
    let s = b as u32 & 127;
    o.i(a << s);
    o.i(a >> s);
    o.u(ua << s);
    o.u(ua >> s);
    o.u(ua.rotate_left(s));
    o.u(ua.rotate_right(s));
    o.w(ua.leading_zeros() as u64);
    o.w(ua.trailing_zeros() as u64);
    o.w(ua.count_ones() as u64);
    o.u(ua.swap_bytes());
    o.u(ua.reverse_bits());
    o.b(a < b);
    o.b(a <= b);
    o.b(a == b);
    o.b(ua < ub);
    o.b(ua >= ub);
    o.w(a.cmp(&b) as i64 as u64);
    o.w(ua.cmp(&ub) as i64 as u64);
    o.i(a.max(b));
    o.u(ua.min(ub));
    o.i(a & b);
    o.i(a ^ b);
    o.i(a | !b);
    o.i(a.signum());
    o.i(a.clamp(-1000, 1000));
    o.w(u64::try_from(a).unwrap_or(3));
    o.w(i64::try_from(b).unwrap_or(4) as u64);
    o.i(la as i128);
    o.u(wa as u128);
    o.i(a as i32 as i128);
    o.u(a as u8 as u128);
    o.i(i128::from(a as i16));
    o.u(ua.checked_shl(b as u32 & 255).unwrap_or(7));
    o.u(ua.wrapping_shr(b as u32));
    o.w(ua.checked_ilog2().unwrap_or(1) as u64);
    o.w(ua.checked_ilog10().unwrap_or(1) as u64);
}

/// The same for 64 bits and fewer.
pub fn words(o: &mut Results, v: &Operands) {
    let Operands { la, lb, wa, wb, .. } = *v;
    o.w(wa.wrapping_mul(wb));
    let (v, f) = wa.overflowing_mul(wb);
    o.w(v);
    o.b(f);
    let (v, f) = la.overflowing_mul(lb);
    o.w(v as u64);
    o.b(f);
    let (v, f) = (la as i32).overflowing_mul(lb as i32);
    o.w(v as u64);
    o.b(f);
    let (v, f) = (wa as u32).overflowing_mul(wb as u32);
    o.w(v as u64);
    o.b(f);
    let (v, f) = wa.overflowing_mul(1_000_000_000);
    o.w(v);
    o.b(f);
    let (v, f) = la.overflowing_mul(-1_000_003);
    o.w(v as u64);
    o.b(f);
    o.w(wa.saturating_mul(wb));
    o.w(la.saturating_mul(lb) as u64);
    o.w(la.saturating_add(lb) as u64);
    if lb != 0 {
        o.w(la.wrapping_div(lb) as u64);
        o.w(la.wrapping_rem(lb) as u64);
        o.w(wa / wb);
        o.w(wa % wb);
    }
    if lb as i32 != 0 {
        o.w((la as i32).wrapping_div(lb as i32) as u64);
        o.w((la as i32).wrapping_rem(lb as i32) as u64);
        o.w((wa as u32 / wb as u32) as u64);
    }
    if lb as i8 != 0 {
        o.w((la as i8).wrapping_div(lb as i8) as u64);
        o.w((la as i16).wrapping_rem(lb as i8 as i16) as u64);
    }
    o.w((la / 10) as u64);
    o.w((la % 7) as u64);
    o.w((la / -8) as u64);
    o.w((la % 16) as u64);
    o.w(((la as i32) / 1000) as u64);
    o.w(wa.rotate_left(wb as u32 & 63));
    o.w(wa.leading_zeros() as u64);
    o.w((wa as u32).trailing_zeros() as u64);
    o.w(wa.count_ones() as u64);
    o.w(wa.isqrt());
    o.w((wa as u32 as u64) << (wb & 31));
    o.w(((la as i32) >> (lb & 31)) as u64);
    o.w((wa as u16).swap_bytes() as u64);
    o.w(wa.swap_bytes());
    o.w((wa as u32).swap_bytes() as u64);
}

/// Floating point: arithmetic, comparisons, conversions.
pub fn floats(o: &mut Results, v: &Operands) {
    let Operands { a, x, y, ua, la, wa, .. } = *v;
    o.f(x + y);
    o.f(x - y);
    o.f(x * y);
    o.f(x / y);
    o.f(-x);
    o.f(x.abs());
    o.f(x.copysign(y));
    o.b(x < y);
    o.b(x <= y);
    o.b(x > y);
    o.b(x >= y);
    o.b(x == y);
    o.b(x != y);
    o.b(x.is_nan());
    o.b(!(x < y));
    o.b(!(x >= y));
    o.w(x as u64);
    o.w(x as i64 as u64);
    o.w(x as u32 as u64);
    o.w(x as i32 as u64);
    o.w(x as u8 as u64);
    o.w(x as i16 as u64);
    o.u(x as u128);
    o.i(x as i128);
    o.f(la as f64);
    o.f(wa as f64);
    o.f(a as f64);
    o.f(ua as f64);
    o.f(la as i32 as f64);
    o.f(wa as u8 as f64);
    o.w((x as f32).to_bits() as u64 * !x.is_nan() as u64);
    let (p, q) = (x as f32, y as f32);
    o.f((p * q) as f64);
    o.f((p + q) as f64);
    o.f((p / q) as f64);
    o.b(p < q);
    o.w(p as u64);
    o.f(la as f32 as f64);
    o.i(p as i128);
    o.f(x.max(y) + 0.0);
    o.f(x.min(y) + 0.0);
    o.f((128u64 + (wa & 0xffff)) as f64 * 3480.0 * 2.0);
}
