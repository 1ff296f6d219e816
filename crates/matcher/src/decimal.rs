//! Amounts in 1e-9 as people and JSON have them: decimals without zeros behind.

const PLACES: usize = 9;

/// `1500000000` as `1.5`.
pub fn decimal(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let (whole, part) = (units.unsigned_abs() / 1_000_000_000, units.unsigned_abs() % 1_000_000_000);
    let part = format!("{part:0PLACES$}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn amounts_are_written_shortly() {
        for (units, text) in
            [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (-20_000_000_000, "-20"), (-1, "-0.000000001")]
        {
            assert_eq!(decimal(units), text);
        }
    }
}
