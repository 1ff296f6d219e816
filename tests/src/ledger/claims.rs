//! Cash as claims on the settlement asset: haircuts of deposits, what is held back, and what left during a shortage. See
//! `docs/clearing.md`, Haircut of deposits.

use super::books::{Claims, Insurance, Market, Portfolio, Pot};
use super::format::Fields;

/// A factor is a fraction of 96 bits over 2^95, and above it how many places it is moved right by; zero stands for 1.
const FRACTION: u128 = (1 << 96) - 1;
const ONE: u128 = 1 << 95;

fn parts(factor: u128) -> (u128, u128) {
    match factor {
        0 => (ONE, 0),
        factor => (factor & FRACTION, factor >> 96),
    }
}

/// floor(amount x numerator / denominator) bit by bit, the highest of `bits` first; the others below 2^96.
fn scale(amount: u128, bits: u32, numerator: u128, denominator: u128) -> u128 {
    let (mut quotient, mut rest) = (0, 0);
    for bit in (0..bits).rev() {
        rest = 2 * rest + ((amount >> bit) & 1) * numerator;
        quotient = 2 * quotient + rest / denominator;
        rest %= denominator;
    }
    quotient
}

impl Pot {
    /// A haircut takes so much of it, pro rata.
    fn charge(&mut self, amount: i128) -> Result<(), String> {
        let (left, whole) = (self.sum - amount, self.sum);
        if left < 0 {
            return Err(format!("{amount} is taken of {whole}"));
        }
        if left == whole {
            return Ok(());
        }
        let (fraction, places) = parts(self.factor);
        let (fraction, moved) = match left {
            0 => (ONE, 128),
            left => {
                let cut = scale(left as u128, 64, fraction, whole as u128);
                let moved = 96 - (128 - cut.leading_zeros());
                (cut << moved, u128::from(moved))
            }
        };
        self.factor = ((places + moved) << 96) | fraction;
        self.fraction = self.fraction * left / whole;
        self.sum = left;
        Ok(())
    }

    /// What an amount of an earlier factor is worth, and the units of dust that are full by what it loses.
    fn bear(&mut self, amount: i128, then: u128) -> (i128, i128) {
        let ((now, places), (then, earlier)) = (parts(self.factor), parts(then));
        let moved = places - earlier;
        let whole = scale((amount as u128) << 32, 96, now, then);
        let worth = if moved > 127 { 0 } else { whole >> moved };
        let fraction = self.fraction + (worth & 0xffff_ffff) as i128;
        let full = fraction >> 32;
        self.fraction = fraction & 0xffff_ffff;
        self.sum -= full;
        ((worth >> 32) as i128, full)
    }
}

impl Claims {
    /// A haircut as the event tells it, of cash.
    pub fn charge(&mut self, charged: &Fields) -> Result<(), String> {
        let [free, held, lent] = ["free", "held", "lent"].map(|name| charged.number(name));
        if free + held + lent == 0 {
            return Ok(());
        }
        self.free.charge(free)?;
        self.held.charge(held)?;
        self.haircuts += 1;
        Ok(())
    }

    /// What deposits may have to bear: what insurance is short of, and what was forgiven and gains may not cover.
    pub fn at_stake(&self) -> i128 {
        self.shortage + self.forgiven
    }

    /// What insurance is short of, after every event.
    pub fn note_shortage(&mut self, fund: &Insurance) {
        let shortage = (fund.reserved - fund.capital - fund.staked).max(0);
        self.note(shortage, self.forgiven);
    }

    /// A round of a market is closed in which so much was forgiven.
    pub fn note_closed(&mut self, forgiven: i128) {
        self.note(self.shortage, self.forgiven - forgiven);
    }

    /// Where nothing is at stake any more, what left is forgotten and what was held back is free.
    fn note(&mut self, shortage: i128, forgiven: i128) {
        let before = self.at_stake();
        (self.shortage, self.forgiven) = (shortage, forgiven);
        if before > 0 && self.at_stake() == 0 {
            self.era += 1;
            self.left = 0;
        }
    }
}

impl Market {
    /// Cash that a trade of an option left.
    pub fn keep(&mut self, amount: i128, claims: &mut Claims) {
        if self.option_cash != 0 && self.option_haircuts != claims.haircuts {
            self.sweep(claims);
        }
        if self.option_cash == 0 {
            (self.option_haircuts, self.option_factor) = (claims.haircuts, claims.free.factor);
        }
        self.option_cash += amount;
    }

    /// All of it becomes the variation pool; haircuts take it from the fees, and what these lack from the rounding.
    pub fn sweep(&mut self, claims: &mut Claims) {
        let kept = self.option_cash;
        let (mut worth, mut dust) = (kept, 0);
        if kept != 0 && self.option_haircuts != claims.haircuts {
            (worth, dust) = claims.free.bear(kept, self.option_factor);
        }
        claims.dust += dust;
        claims.free.sum -= worth;
        let of_fees = (kept - worth).min(self.accrued_fees.max(0));
        self.accrued_fees -= of_fees;
        self.rounding -= kept - worth - of_fees;
        self.variation_pool += worth;
        self.option_cash = 0;
    }
}

impl Portfolio {
    /// Cash bears the haircuts since it was last moved; what was held back in a shortage that is over is free.
    pub fn bear(&mut self, claims: &mut Claims) {
        let claim = &mut self.claim;
        if claim.haircuts != claims.haircuts {
            let (free, dust) = claims.free.bear(self.cash - claim.held, claim.factors[0]);
            let (held, more) = claims.held.bear(claim.held, claim.factors[1]);
            claims.dust += dust + more;
            self.cash = free + held;
            claim.held = held;
            claim.haircuts = claims.haircuts;
            claim.factors = [claims.free.factor, claims.held.factor];
        }
        if claim.era != claims.era {
            claim.era = claims.era;
            claim.left = 0;
            self.hold(claims, 0);
        }
    }

    /// So much of the cash is held back.
    pub fn hold(&mut self, claims: &mut Claims, held: i128) {
        let more = held - self.claim.held;
        claims.held.sum += more;
        claims.free.sum -= more;
        self.claim.held = held;
    }

    /// Adds to cash, or takes out of it; what is held back last.
    pub fn move_cash(&mut self, claims: &mut Claims, amount: i128) {
        self.bear(claims);
        let of_held = (self.cash - self.claim.held + amount).min(0);
        self.cash += amount;
        self.claim.held += of_held;
        claims.free.sum += amount - of_held;
        claims.held.sum += of_held;
    }

    /// The same for an owner who disposes of it: what is held back after that, the event says.
    pub fn dispose(&mut self, claims: &mut Claims, amount: i128, held: i128) -> Result<(), String> {
        self.bear(claims);
        let changes = held != self.claim.held;
        self.hold(claims, held);
        self.move_cash(claims, amount);
        match () {
            () if self.claim.held != held || self.cash < held => Err(format!("{held} is held back of {}", self.cash)),
            () if changes && claims.at_stake() == 0 => Err("something is held back without a shortage".into()),
            () => Ok(()),
        }
    }

    /// Nothing is held back of it for what left.
    pub fn renounce(&mut self, claims: &mut Claims) {
        self.bear(claims);
        claims.left -= self.claim.left;
        self.claim.left = 0;
        self.hold(claims, 0);
    }
}
