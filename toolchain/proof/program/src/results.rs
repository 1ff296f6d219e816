//! What goes in and what comes out.
use std::hint::black_box;

/// One case. The optimiser knows none of the values.
#[derive(Clone, Copy)]
pub struct Operands {
    pub a: i128,
    pub b: i128,
    pub x: f64,
    pub y: f64,
    /// `a` and `b` again, unsigned.
    pub ua: u128,
    pub ub: u128,
    /// Their lower halves, signed.
    pub la: i64,
    pub lb: i64,
    /// And unsigned.
    pub wa: u64,
    pub wb: u64,
}

impl Operands {
    pub fn new(a: i128, b: i128, x: f64, y: f64) -> Self {
        let (a, b, x, y) = (black_box(a), black_box(b), black_box(x), black_box(y));
        let (la, lb) = (a as i64, b as i64);
        Operands { a, b, x, y, ua: a as u128, ub: b as u128, la, lb, wa: la as u64, wb: lb as u64 }
    }
}

/// Results as bytes, one after the other.
#[derive(Default)]
pub struct Results(pub Vec<u8>);

impl Results {
    pub fn i(&mut self, v: i128) {
        self.0.extend_from_slice(&v.to_le_bytes())
    }
    pub fn u(&mut self, v: u128) {
        self.0.extend_from_slice(&v.to_le_bytes())
    }
    pub fn w(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes())
    }
    pub fn b(&mut self, v: bool) {
        self.0.push(v as u8)
    }
    /// One NaN stands for all: which one an operation gives is not defined.
    pub fn f(&mut self, v: f64) {
        self.w(if v.is_nan() { 0x7ff8_0000_0000_0000 } else { v.to_bits() })
    }
    pub fn s(&mut self, v: &str) {
        self.0.extend_from_slice(v.as_bytes());
        self.0.push(b'|')
    }
}
