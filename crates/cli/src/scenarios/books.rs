//! The books that the back-test margins every day. Each is made anew from the prices and vols of the day: it holds the
//! same amounts in USD, and options of the same days to expiry and distance to the money.

/// Random books.
const RANDOM: usize = 40;
/// Amounts of the two sides of a pair.
const RATIOS: [(f64, f64, &str); 3] = [(1.0, 1.0, "1:1"), (2.0, 1.0, "2:1"), (1.0, 2.0, "1:2")];
/// Days to expiry.
pub const EXPIRIES: [f64; 2] = [7.0, 30.0];
/// Strikes above spot, in deviations of spot until expiry.
pub const STRIKES: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];
const FAR_BELOW: usize = 0;
const BELOW: usize = 1;
const AT: usize = 2;
const ABOVE: usize = 3;
const FAR_ABOVE: usize = 4;

/// What a leg is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Spot.
    Spot,
    /// A perpetual.
    Perpetual,
    /// An option: its positions in [`EXPIRIES`] and [`STRIKES`].
    Option { call: bool, expiry: usize, strike: usize },
}

/// One leg of a book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Column of the underlying.
    pub column: usize,
    /// What it is.
    pub kind: Kind,
    /// USD of spot that it is on, short negative.
    pub quantity: f64,
}

/// One portfolio.
#[derive(Clone, Debug)]
pub struct Book {
    /// What it is reported with.
    pub group: String,
    /// Its name, unique.
    pub name: String,
    /// Its legs, those that hedge it apart.
    pub legs: Vec<Leg>,
    /// A perpetual on each underlying with options brings its delta to zero.
    pub hedged: bool,
}

impl Book {
    /// Whether it holds several underlyings: the joint credit does not touch the others.
    pub fn is_joint(&self) -> bool {
        self.legs.windows(2).any(|pair| pair[0].column != pair[1].column)
    }
}

/// So many USD of a perpetual.
pub fn perpetual(column: usize, quantity: f64) -> Leg {
    Leg { column, kind: Kind::Perpetual, quantity }
}

fn side(quantity: f64) -> &'static str {
    if quantity < 0.0 {
        "short"
    } else {
        "long"
    }
}

/// Every underlying long and short, every pair at three ratios with every combination of signs, and random books of
/// all underlyings with amounts uniform in [-1, 1].
pub fn linear(columns: &[String], seed: u64) -> Vec<Book> {
    let book = |group: &str, name: String, legs| Book { group: group.into(), name, legs, hedged: false };
    let mut out = Vec::new();
    for (a, name) in columns.iter().enumerate() {
        out.extend([1.0, -1.0].map(|q| book("single", format!("{} {name}", side(q)), vec![perpetual(a, q)])));
    }
    for (a, first) in columns.iter().enumerate() {
        for (b, second) in columns.iter().enumerate().skip(a + 1) {
            for (signs, kind) in [([(1.0, -1.0), (-1.0, 1.0)], "spread"), ([(1.0, 1.0), (-1.0, -1.0)], "sum")] {
                for (s, t) in signs {
                    out.extend(RATIOS.map(|(x, y, ratio)| {
                        let name = format!("{} {first}, {} {second} {ratio}", side(s), side(t));
                        book(&format!("{first}-{second} {kind}"), name, vec![perpetual(a, s * x), perpetual(b, t * y)])
                    }));
                }
            }
        }
    }
    let mut random = Random(seed);
    for index in 1..=RANDOM {
        let legs = (0..columns.len()).map(|column| perpetual(column, 2.0 * random.uniform() - 1.0)).collect();
        out.push(book("random", format!("random {index}"), legs));
    }
    out
}

/// Steele's splitmix64.
struct Random(u64);

impl Random {
    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// An option before it has an underlying and an expiry: call, strike, quantity.
type Part = (bool, usize, f64);

/// Strategies on one underlying and one expiry, as sold: name, options, whether the delta is hedged.
const STRATEGIES: [(&str, &[Part], bool); 6] = [
    ("straddle, hedged", &[(true, AT, -1.0), (false, AT, -1.0)], true),
    ("strangle", &[(true, ABOVE, -1.0), (false, BELOW, -1.0)], false),
    ("far strangle", &[(true, FAR_ABOVE, -1.0), (false, FAR_BELOW, -1.0)], false),
    ("put", &[(false, AT, -1.0)], false),
    ("risk reversal", &[(true, ABOVE, -1.0), (false, BELOW, 1.0)], false),
    ("condor", &[(true, ABOVE, -1.0), (false, BELOW, -1.0), (true, FAR_ABOVE, 1.0), (false, FAR_BELOW, 1.0)], false),
];

fn option(column: usize, expiry: usize, (call, strike, quantity): Part) -> Leg {
    Leg { column, kind: Kind::Option { call, expiry, strike }, quantity }
}

fn straddle(column: usize, expiry: usize, quantity: f64) -> [Leg; 2] {
    [true, false].map(|call| option(column, expiry, (call, AT, quantity)))
}

/// Option books, each underlying and expiry apart, short and long; and books across underlyings and expiries.
pub fn options(columns: &[String]) -> Vec<Book> {
    let mut out = Vec::new();
    let mut push = |group: String, on: &str, legs: Vec<Leg>, hedged: bool| {
        out.push(Book { name: format!("{group}, {on}"), group, legs, hedged });
    };
    for (expiry, days) in EXPIRIES.iter().enumerate() {
        for (strategy, parts, hedged) in STRATEGIES {
            for sign in [1.0, -1.0] {
                let group = format!("{} {strategy} {days} d", side(-sign));
                for (column, name) in columns.iter().enumerate() {
                    let options =
                        parts.iter().map(|(call, strike, q)| option(column, expiry, (*call, *strike, sign * q)));
                    push(group.clone(), name, options.collect(), hedged);
                }
            }
        }
        for (column, name) in columns.iter().enumerate() {
            let covered =
                vec![Leg { column, kind: Kind::Spot, quantity: 1.0 }, option(column, expiry, (true, ABOVE, -1.0))];
            push(format!("covered call {days} d"), name, covered, false);
        }
        for (a, first) in columns.iter().enumerate() {
            for (b, second) in columns.iter().enumerate().filter(|(b, _)| *b != a) {
                let pair = format!("{first} against {second}");
                let vega = [straddle(a, expiry, 1.0), straddle(b, expiry, -1.0)].concat();
                push(format!("straddle against straddle, hedged {days} d"), &pair, vega, true);
                let calls = vec![option(a, expiry, (true, AT, 1.0)), option(b, expiry, (true, AT, -1.0))];
                push(format!("call against call {days} d"), &pair, calls, false);
                let covered = vec![perpetual(a, 1.0), option(b, expiry, (false, AT, 1.0))];
                push(format!("perpetual against put {days} d"), &pair, covered, false);
            }
        }
        let all = (0..columns.len()).flat_map(|column| straddle(column, expiry, -1.0)).collect();
        push(format!("short straddles, hedged {days} d"), "all", all, true);
        let all = (0..columns.len()).map(|column| option(column, expiry, (false, BELOW, -1.0))).collect();
        push(format!("short puts {days} d"), "all", all, false);
    }
    for (column, name) in columns.iter().enumerate() {
        for sign in [1.0, -1.0] {
            let legs = [straddle(column, 0, -sign), straddle(column, 1, sign)].concat();
            push(format!("{} calendar, hedged", side(sign)), name, legs, true);
        }
    }
    out
}
