//! Reads the parts of an order's text, each in its one spelling, and never looks back.

use anchor_lang::prelude::Pubkey;

use super::{calendar, symbol, STRATEGY_UNIT};

/// Digits after the point of a decimal at most: units of 1e-9.
const DECIMALS: usize = 9;
const _: () = assert!(DECIMALS == STRATEGY_UNIT.ilog10() as usize && STRATEGY_UNIT == 1_000_000_000);
/// Characters of an address in base 58 at most.
const KEY: usize = 44;

/// What is left of a text. A part that is not there leaves it as it was, or halfway: after `None` nothing more is to be read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the word where it comes next.
    pub fn takes(&mut self, word: &str) -> bool {
        self.literal(word).is_some()
    }

    /// Takes both words where they come next, or neither.
    pub fn takes_both(&mut self, first: &str, second: &str) -> bool {
        let rest = self.rest;
        let both = self.takes(first) && self.takes(second);
        if !both {
            self.rest = rest;
        }
        both
    }

    pub fn literal(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word.as_bytes())?;
        Some(())
    }

    /// An address in base 58.
    pub fn key(&mut self) -> Option<Pubkey> {
        let word = self.run(KEY, |byte| byte.is_ascii_alphanumeric());
        let mut key = [0; 32];
        five8::decode_32(word, &mut key).ok()?;
        Some(Pubkey::new_from_array(key))
    }

    /// Upper-case letters, digits, `-` and `.`.
    pub fn symbol(&mut self) -> Option<&'a str> {
        let word = self.run(symbol::MAX_SYMBOL, |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.'));
        core::str::from_utf8(word).ok().filter(|word| !word.is_empty())
    }

    /// A whole number without leading zeros.
    pub fn unsigned(&mut self) -> Option<u64> {
        // As many digits as a u64 has.
        let digits = self.run(20, |byte| byte.is_ascii_digit());
        let zeros = digits.first() == Some(&b'0') && digits.len() > 1;
        if digits.is_empty() || zeros {
            return None;
        }
        number(digits)
    }

    /// The same with a `-` in front where it is below zero; no `-0`.
    pub fn signed(&mut self) -> Option<i64> {
        let negative = self.takes("-");
        let magnitude = i64::try_from(self.unsigned()?).ok()?;
        sign(negative, magnitude)
    }

    /// A decimal with at most nine digits after the point, the last of them not zero, in units of 1e-9.
    pub fn decimal(&mut self) -> Option<i64> {
        let negative = self.takes("-");
        let mut units = self.unsigned()?.checked_mul(STRATEGY_UNIT.unsigned_abs())?;
        if self.takes(".") {
            let digits = self.run(DECIMALS, |byte| byte.is_ascii_digit());
            if digits.last().is_none_or(|last| *last == b'0') {
                return None;
            }
            let missing = u32::try_from(DECIMALS.saturating_sub(digits.len())).ok()?;
            units = units.checked_add(number(digits)?.checked_mul(10u64.checked_pow(missing)?)?)?;
        }
        sign(negative, i64::try_from(units).ok()?)
    }

    /// Unix time of `2026-11-23 08:00:00`.
    pub fn time(&mut self) -> Option<i64> {
        let year = self.digits(4)?;
        self.literal("-")?;
        let month = self.digits(2)?;
        self.literal("-")?;
        let day = self.digits(2)?;
        self.literal(" ")?;
        let hour = self.digits(2).filter(|hour| *hour < 24)?;
        self.literal(":")?;
        let minute = self.digits(2).filter(|minute| *minute < 60)?;
        self.literal(":")?;
        let second = self.digits(2).filter(|second| *second < 60)?;
        let days = calendar::days_of(year, month, day)?;
        let minutes = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
        i64::try_from(minutes.checked_mul(60)?.checked_add(second)?).ok()
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<u64> {
        let digits = self.run(count, |byte| byte.is_ascii_digit());
        number(digits).filter(|_| digits.len() == count)
    }

    /// Characters of a kind, at most so many.
    fn run(&mut self, most: usize, is: impl Fn(&u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take(most).take_while(|byte| is(byte)).count();
        let (run, rest) = self.rest.split_at_checked(length).unwrap_or((&[], self.rest));
        self.rest = rest;
        run
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))))
}

fn sign(negative: bool, magnitude: i64) -> Option<i64> {
    match (negative, magnitude) {
        (true, 0) => None,
        (true, _) => Some(magnitude.saturating_neg()),
        (false, _) => Some(magnitude),
    }
}
