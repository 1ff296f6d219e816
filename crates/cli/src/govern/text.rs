//! How keys, hashes, symbols, amounts and times are written.

use anyhow::{bail, ensure, Context, Result};
use novate_client::Refused;
use novate_margin::Usd;

use crate::amount::decimal;
use crate::demo::terminal::separated;

/// Base 58.
pub mod key {
    use novate_client::Pubkey;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(key: &Pubkey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pubkey, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no key")))
    }
}

/// A list in base 58.
pub mod keys {
    use novate_client::Pubkey;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Key(#[serde(with = "super::key")] Pubkey);

    pub fn serialize<S: Serializer>(keys: &[Pubkey], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(keys.iter().copied().map(Key))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pubkey>, D::Error> {
        Ok(Vec::<Key>::deserialize(from)?.into_iter().map(|Key(key)| key).collect())
    }
}

/// 32 bytes in hexadecimal.
pub mod hash {
    use std::fmt::Write;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        super::hash_of(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// At most 16 characters.
pub mod symbol {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(symbol: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::symbol_of(symbol))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(from)?;
        let mut symbol = [0; 16];
        let place = symbol.get_mut(..text.len());
        let fits = place.filter(|_| !text.is_empty() && text.is_ascii());
        fits.ok_or_else(|| D::Error::custom(format!("{text:?} is not 1 to 16 ASCII characters")))?
            .copy_from_slice(text.as_bytes());
        Ok(symbol)
    }
}

/// 64 hexadecimal digits, behind 0x or not, as bytes.
pub fn hash_of(text: &str) -> Result<[u8; 32]> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let fits = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    ensure!(fits, "{text:?} is not 32 bytes in hexadecimal");
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16)?;
    }
    Ok(hash)
}

/// A symbol without its padding.
pub fn symbol_of(symbol: &[u8; 16]) -> String {
    String::from_utf8_lossy(symbol).trim_end_matches('\0').to_string()
}

/// An amount as `1,234.56 USD`, rounded down.
pub fn usd(amount: Usd) -> String {
    let cents = i128::from(amount.0).div_euclid(10_000);
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02} USD", separated((cents / 100).abs()), (cents % 100).abs())
}

/// A share of 1e-6 as `1.25 %`.
pub fn percent(ratio: i64) -> String {
    format!("{} %", decimal(ratio, 4))
}

/// Why the program would refuse: what its error says, and its name.
pub fn refusal(error: anyhow::Error) -> String {
    match error.downcast::<anchor_lang::error::Error>() {
        Ok(error) => {
            let Refused { name, message } = error.into();
            format!("{message} ({name})")
        }
        Err(other) => format!("{other:#}"),
    }
}

/// A unix time as `2026-11-21T20:15:00Z`.
pub fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| format!("unix time {seconds}"), |time| time.to_string())
}

/// A length of time as people write it, seconds.
pub fn length(text: &str) -> Result<i64> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => bail!("write 90s, 30m, 4h or 2d"),
    };
    let count: i64 = text.get(..text.len() - 1).unwrap_or_default().parse().context("write 90s, 30m, 4h or 2d")?;
    ensure!(count > 0, "longer than nothing");
    count.checked_mul(unit).context("that is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [("90s", 90), ("30m", 1_800), ("4h", 14_400), ("7d", 604_800)] {
            assert_eq!(length(text).ok(), Some(expected), "{text}");
        }
        for text in ["", "4", "h", "0h", "-1h", "1.5h", "9223372036854775807d", "4ü"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
