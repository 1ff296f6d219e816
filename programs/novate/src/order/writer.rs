//! Writes the parts of an order's text, without the formatting of the standard library: the program writes symbols.

use super::{calendar, STRATEGY_UNIT};

#[derive(Default)]
pub(super) struct Writer {
    out: String,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.out.push_str(text);
        self
    }

    pub fn unsigned(&mut self, value: u64) -> &mut Self {
        self.padded(value, 1)
    }

    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.text(if value < 0 { "-" } else { "" }).unsigned(value.unsigned_abs())
    }

    /// Units of 1e-9, without zeros at the end.
    pub fn decimal(&mut self, units: i64) -> &mut Self {
        let one = STRATEGY_UNIT.unsigned_abs();
        let magnitude = units.unsigned_abs();
        self.text(if units < 0 { "-" } else { "" }).unsigned(magnitude.checked_div(one).unwrap_or_default());
        let mut part = magnitude.checked_rem(one).unwrap_or_default();
        if part == 0 {
            return self;
        }
        let mut width = 9usize;
        while part.is_multiple_of(10) {
            (part, width) = (part / 10, width.saturating_sub(1));
        }
        self.text(".").padded(part, width)
    }

    /// `2026-11-23 08:00:00` of a unix time from 0 on.
    pub fn time(&mut self, time: i64) -> &mut Self {
        let time = time.max(0).unsigned_abs();
        let (year, month, day) = calendar::date_of(time / 86_400);
        let (minutes, second) = (time / 60, time % 60);
        self.padded(year, 4).text("-").padded(month, 2).text("-").padded(day, 2);
        self.text(" ").padded(minutes / 60 % 24, 2).text(":").padded(minutes % 60, 2).text(":").padded(second, 2)
    }

    /// With zeros in front up to a width.
    pub fn padded(&mut self, value: u64, width: usize) -> &mut Self {
        let (mut digits, mut left, mut count) = ([0u8; 20], value, 0usize);
        for digit in &mut digits {
            if left == 0 && count >= width {
                break;
            }
            *digit = u8::try_from(left % 10).unwrap_or_default();
            left /= 10;
            count = count.saturating_add(1);
        }
        for digit in digits.iter().take(count).rev() {
            self.out.push(char::from(b'0'.saturating_add(*digit)));
        }
        self
    }
}
