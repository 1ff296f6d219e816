//! What the standard library does with numbers, text and memory, and calls that are known only at run time.
#![allow(clippy::all)] // the odd ways of writing things are what is tested

use crate::results::{Operands, Results};
use std::hint::black_box as bb;

/// Integers to text and back.
pub fn integers_as_text(o: &mut Results, v: &Operands) {
    let Operands { a, b, x, ua, la, wa, wb, .. } = *v;
    o.s(&format!("{} {} {}", a, ua, la));
    o.s(&format!("{:x} {:#b} {:08o}", b, wa as u16, wb as u32));
    o.s(&format!("{:>40}|{:<+12}|{:^9}", a, la as i16, wb as u8));
    o.s(&format!("{:?} {:?}", Some(a), (la as i8, "q\n\u{e9}")));
    o.s(&a.to_string().parse::<i128>().unwrap().to_string());
    o.b("x12".parse::<u64>().is_err());
}

/// Floats to text and back.
pub fn floats_as_text(o: &mut Results, v: &Operands) {
    let Operands { x, y, .. } = *v;
    o.s(&format!("{} {:?} {:.3} {:e}", x, y, x, y));
    o.b(format!("{:?}", x).parse::<f64>().map(|z| z.to_bits() == x.to_bits() || x.is_nan()).unwrap_or(false));
    o.f("3.25e3".parse::<f64>().unwrap());
}

/// Trait objects, function pointers and closures with signatures wider than registers; tables; sorting.
pub fn dynamic_calls(o: &mut Results, v: &Operands) {
    let Operands { a, b, la, lb, wa, wb, .. } = *v;
    // trait objects and function pointers with wide signatures
    let list: [&dyn Shape; 3] = [&P(a), &Q(wa, lb), &P(b)];
    let k = (wb % 3) as usize;
    o.i(bb(list[k]).area(b));
    let (p, q) = bb(list[(k + 1) % 3]).pair(wa);
    o.w(p);
    o.w(q);
    o.s(bb(list[k]).text(wa & 1 == 0));
    o.i(bb(list[k]).many(wa, a, wb, b, la, lb, 7));
    o.i(bb(list[(k + 2) % 3]).opt(b).unwrap_or(-3));
    o.b(bb(list[k]).res(wa).is_ok());
    let fs: [fn(u64, i128, i128, u64) -> (u128, bool); 4] = [f0, f1, f2, f3];
    let (v, f) = bb(fs)[(wa % 4) as usize](wa, a, b, wb);
    o.u(v);
    o.b(f);
    let c = |z: i128| z.wrapping_mul(a).wrapping_add(b);
    let c: &dyn Fn(i128) -> i128 = bb(&c);
    o.i(c(b));
    o.w(sw(wa as u8));
    o.s(name(wb as u8 & 31));
    let mut v: Vec<u64> = (0..20).map(|i| wa.wrapping_mul(i * i + 7) ^ wb).collect();
    v.sort();
    for z in v.iter().step_by(5) {
        o.w(*z)
    }
    let mut v: Vec<i128> = (0..8).map(|i| a.wrapping_mul(i * 3 - 11) ^ b).collect();
    v.sort_unstable_by(|p, q| q.cmp(p));
    o.i(v[2]);
    o.i(v.iter().fold(0i128, |s, z| s.wrapping_add(*z)));
}

/// Ordered maps, strings, and copies, fills and comparisons of memory.
pub fn collections(o: &mut Results, v: &Operands) {
    let Operands { a, b, wa, wb, .. } = *v;
    let mut m = std::collections::BTreeMap::new();
    for i in 0..12u64 {
        m.insert(wa.rotate_left(i as u32) % 97, wb ^ i);
    }
    for (k, v) in m.iter().take(6) {
        o.w(*k);
        o.w(*v);
    }
    o.w(m.range(20..60).count() as u64);
    let s: String = (0..10).map(|i| (b'a' + ((wa >> (i * 5)) % 26) as u8) as char).collect();
    o.s(&s.to_uppercase());
    o.s(&s.replace('a', "zz"));
    o.b(s.contains("ab"));
    o.w(s.find('e').unwrap_or(99) as u64);
    let mut arr = [0u8; 200];
    let n = (wa % 200) as usize;
    arr[..n].fill(wb as u8);
    let t = arr;
    arr[n / 2..].copy_from_slice(&t[..200 - n / 2]);
    arr.rotate_left(n / 3);
    o.w(arr.iter().enumerate().map(|(i, z)| i as u64 * *z as u64).sum());
    o.b(t == arr);
    o.b(t[..32] == arr[..32]);
    o.w(t[..].cmp(&arr[..]) as i64 as u64);
    arr.copy_within(3..(n.max(4)), 0);
    o.w(arr[0] as u64 + arr[n / 2] as u64);
    let k1: [u8; 32] = std::array::from_fn(|i| (wa >> (i % 8 * 8)) as u8);
    let mut k2 = k1;
    k2[(wb % 32) as usize] ^= (wb & 1) as u8;
    o.b(bb(k1) == bb(k2));
    o.w(bb(k1).cmp(&bb(k2)) as i64 as u64);
    let big: Vec<[u64; 9]> = (0..5).map(|i| [wa ^ i; 9]).collect();
    let b2 = big.clone();
    o.w(b2.iter().flatten().fold(0, |p, q| p.wrapping_mul(31).wrapping_add(*q)));
}

/// Functions of one type that are called through a pointer.
#[inline(never)]
fn f0(p: u64, a: i128, b: i128, q: u64) -> (u128, bool) {
    (a as u128 ^ p as u128, b > q as i128)
}

#[inline(never)]
fn f1(p: u64, a: i128, b: i128, q: u64) -> (u128, bool) {
    ((a & b) as u128, p > q)
}

#[inline(never)]
fn f2(p: u64, a: i128, b: i128, q: u64) -> (u128, bool) {
    (b as u128 >> (p & 127), (a as u64) < q)
}

#[inline(never)]
fn f3(p: u64, a: i128, b: i128, q: u64) -> (u128, bool) {
    ((p as u128) * (q as u128), a == b)
}

/// Results of every width, more arguments than registers.
pub trait Shape {
    fn area(&self, k: i128) -> i128;
    fn pair(&self, v: u64) -> (u64, u64);
    fn text(&self, f: bool) -> &str;
    fn many(&self, a: u64, b: i128, c: u64, d: i128, e: i64, f: i64, g: u8) -> i128;
    fn opt(&self, k: i128) -> Option<i128>;
    fn res(&self, k: u64) -> Result<u64, String>;
}

pub struct P(i128);
pub struct Q(u64, i64);

impl Shape for P {
    fn area(&self, k: i128) -> i128 {
        self.0.wrapping_mul(k)
    }
    fn pair(&self, v: u64) -> (u64, u64) {
        (self.0 as u64 ^ v, v.wrapping_mul(3))
    }
    fn text(&self, f: bool) -> &str {
        if f {
            "even"
        } else {
            "odd one"
        }
    }
    fn many(&self, a: u64, b: i128, c: u64, d: i128, e: i64, f: i64, g: u8) -> i128 {
        self.0 ^ a as i128 ^ b.wrapping_add(d) ^ (c as i128) << 3 ^ (e.wrapping_sub(f)) as i128 ^ g as i128
    }
    fn opt(&self, k: i128) -> Option<i128> {
        self.0.checked_add(k)
    }
    fn res(&self, k: u64) -> Result<u64, String> {
        if k % 3 == 0 {
            Err(format!("bad {k}"))
        } else {
            Ok(k)
        }
    }
}

impl Shape for Q {
    fn area(&self, k: i128) -> i128 {
        (self.0 as i128).wrapping_sub(k)
    }
    fn pair(&self, v: u64) -> (u64, u64) {
        (self.1 as u64, self.0 / (v | 1))
    }
    fn text(&self, f: bool) -> &str {
        if f {
            ""
        } else {
            "Q"
        }
    }
    fn many(&self, a: u64, b: i128, c: u64, d: i128, e: i64, f: i64, g: u8) -> i128 {
        b.wrapping_mul(self.1 as i128) ^ d.wrapping_mul(a as i128) ^ c as i128 ^ (e ^ f) as i128 ^ (g as i128) << 100
    }
    fn opt(&self, k: i128) -> Option<i128> {
        if k < 0 {
            None
        } else {
            Some(k ^ self.0 as i128)
        }
    }
    fn res(&self, k: u64) -> Result<u64, String> {
        Ok(k)
    }
}

/// A switch that becomes a table of numbers.
#[inline(never)]
fn sw(v: u8) -> u64 {
    match v {
        0 => 11,
        1 => 5,
        2 => 900,
        3 => 1 << 40,
        4 => 7,
        5 => 65,
        6 => 33,
        7 => 2,
        8 => 87,
        9 => 1234,
        10 => 4,
        17 => 55,
        18 => 3,
        19 => 91,
        20..=99 => v as u64 * 3,
        200 => 1,
        201 => 99,
        202 => 14,
        203 => 15,
        204 => 9,
        _ => 0,
    }
}

/// A switch that becomes a table of addresses.
#[inline(never)]
fn name(v: u8) -> &'static str {
    match v {
        0 => "zero",
        1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        5 => "five",
        6 => "six",
        7 => "seven",
        8 => "eight",
        9 => "nine",
        10 => "ten",
        11 => "eleven",
        12 => "twelve",
        13 => "thirteen",
        14 => "x",
        15 => "",
        _ => "many",
    }
}
