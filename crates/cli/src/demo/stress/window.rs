//! The four windows and their prices.
//!
//! Of each day the close and the low are known. A day begins at the close before, falls at noon to its low in one step, every
//! coin at once, and runs in a straight line from there to its close: the hardest path that such data allow.

use anyhow::Result;

use crate::demo::prices::{PricePath, DAY, UNIT};

/// Some days that broke markets.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub name: &'static str,
    pub what: &'static str,
    csv: &'static str,
    /// 00:00 UTC of the second day of the file, which is the first that is replayed.
    pub start: i64,
    /// Its day of the month.
    pub first_day: i64,
    /// Days from the start to the one at whose low liquidators fall asleep, where they do, and for how many days.
    pub crash: i64,
    pub sleep: i64,
    /// A feed that stops at that low, and for how many seconds.
    pub silent: Option<(&'static str, i64)>,
}

/// All of them, by time.
pub const WINDOWS: [Window; 4] = [
    Window {
        name: "March 2020",
        what: "From the close of 11 March to the low of the 13th BTC loses 48 % and ETH 51 %.",
        csv: include_str!("../../../data/covid_2020-03.csv"),
        start: 1_583_539_200,
        first_day: 7,
        crash: 5,
        sleep: 1,
        silent: None,
    },
    Window {
        name: "May 2021",
        what: "Leverage unwinds: on 19 May BTC is 28 % below the close before, ETH 42 % and SOL 47 %. The feed of ETH stops \
               for twenty minutes at that low.",
        csv: include_str!("../../../data/deleveraging_2021-05.csv"),
        start: 1_620_864_000,
        first_day: 13,
        crash: 6,
        sleep: 1,
        silent: Some(("ETH", 1_200)),
    },
    Window {
        name: "November 2022",
        what: "FTX fails: SOL loses 53 % from the close of 7 November to that of the 9th.",
        csv: include_str!("../../../data/ftx_2022-11.csv"),
        start: 1_667_520_000,
        first_day: 4,
        crash: 4,
        sleep: 1,
        silent: None,
    },
    Window {
        name: "March 2023",
        what: "USDC, in which everything is settled, is worth 88 cents on 11 March; by 14 March BTC is a quarter \
               higher than at its low, and shorts lack margin.",
        csv: include_str!("../../../data/depeg_2023-03.csv"),
        start: 1_678_320_000,
        first_day: 9,
        crash: 2,
        sleep: 4,
        silent: None,
    },
];

impl Window {
    pub fn prices(&self) -> Result<PricePath> {
        PricePath::parse(self.csv)
    }

    /// The low at which liquidators fall asleep.
    pub fn low(&self) -> i64 {
        self.start + self.crash * DAY + DAY / 2
    }

    /// When they wake up.
    pub fn wake(&self) -> i64 {
        self.low() + self.sleep * DAY
    }

    /// When everything with an expiry expires: 08:00, two days after the low.
    pub fn expiry(&self) -> i64 {
        self.start + (self.crash + 2) * DAY + DAY / 3
    }

    /// Whether a coin's feed says nothing.
    pub fn is_silent(&self, coin: &str, time: i64) -> bool {
        let since = time - self.low();
        self.silent.is_some_and(|(silent, seconds)| silent == coin && (0..seconds).contains(&since))
    }

    /// Price of a coin, 1e-8 USD; of USDC 1 USD where the file has none.
    pub fn price(&self, path: &PricePath, coin: &str, time: i64) -> Result<i64> {
        if !path.coins().iter().any(|c| c == coin) {
            return Ok(UNIT);
        }
        let elapsed = (time - self.start).clamp(0, path.length() * DAY);
        let (day, into, half) = (usize::try_from(elapsed / DAY)?, elapsed % DAY, DAY / 2);
        let before = path.day(coin, day)?.0;
        if into < half {
            return Ok(before);
        }
        let (close, low, _) = path.day(coin, day + 1)?;
        Ok(low + i64::try_from(i128::from(close - low) * i128::from(into - half) / i128::from(half))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_falls_to_its_low_at_noon() -> Result<()> {
        let (window, cents) = (WINDOWS[3], UNIT / 10_000);
        let path = window.prices()?;
        let at = |coin: &str, time: i64| window.price(&path, coin, time).map(|p| p / cents);
        assert_eq!(at("USDC", window.low() - 1)?, 9_994);
        assert_eq!(at("USDC", window.low())?, 8_774);
        assert_eq!(at("USDC", window.low() + DAY / 2)?, 9_715);
        assert_eq!(at("BTC", window.start)?, 217_181_000);
        assert_eq!(WINDOWS[0].price(&WINDOWS[0].prices()?, "USDC", WINDOWS[0].low())?, UNIT);
        for window in WINDOWS {
            let path = window.prices()?;
            assert_eq!(window.expiry() % DAY, 28_800);
            assert!(window.expiry() < window.start + path.length() * DAY);
        }
        Ok(())
    }

    #[test]
    fn a_feed_is_silent_from_the_low_on() {
        let window = WINDOWS[1];
        let silent = |after: i64| window.is_silent("ETH", window.low() + after);
        assert_eq!([silent(-1), silent(0), silent(1_199), silent(1_200)], [false, true, true, false]);
        assert!(!window.is_silent("BTC", window.low()));
    }
}
