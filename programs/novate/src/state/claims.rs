//! Cash of portfolios as claims on the settlement asset: what they come to, and haircuts that touch none of them (CLR-32,
//! CLR-35).
//!
//! A haircut lowers a factor of the settlement asset. Each portfolio remembers the factors that its cash was last brought up to,
//! and whatever reads cash counts what it has to bear, whatever moves it bears that first ([`Portfolio::bear`]). Where there was
//! no haircut that is one comparison.

use anchor_lang::prelude::*;
use novate_margin::haircut::{Base, Charge, Factor, DUST_BITS};
use novate_margin::Usd;

use super::{signed, Asset, Insurance, Market, Portfolio, Wide};
use crate::error::NovateError;
use crate::events::Interest;

/// Cash of one kind, of all portfolios.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Pot {
    /// Settlement asset, 1e-6. At least what portfolios claim; above it by less than a unit for each of them.
    pub sum: u64,
    /// [`Factor`]: what a unit of the beginning is still worth.
    pub factor: Wide,
    /// What rounding has cut off, 2^-32 of a unit: below a unit.
    pub fraction: u64,
}

impl Pot {
    fn factor(&self) -> Factor {
        Factor(self.factor.get())
    }

    fn add(&mut self, amount: i64) -> Result<()> {
        self.sum = self.sum.checked_add_signed(amount).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    fn charge(&mut self, amount: u64) -> Result<()> {
        let left = self.sum.checked_sub(amount).ok_or(NovateError::MathOverflow)?;
        self.factor = Wide::new(self.factor().cut(left, self.sum).map_err(NovateError::from)?.0);
        // Dust bears like the rest. Both factors are below 2^64.
        let fraction = u128::from(self.fraction).wrapping_mul(left.into()).checked_div(self.sum.into()).unwrap_or(0);
        self.fraction = u64::try_from(fraction).unwrap_or(0);
        self.sum = left;
        Ok(())
    }

    /// Brings an amount up to date. Returns it with the whole units of dust that are full, which are in the sum no longer.
    fn bear(&mut self, amount: u64, then: Wide) -> Result<(u64, u64)> {
        let (worth, cut) = self.factor().worth(Factor(then.get()), amount).map_err(NovateError::from)?;
        let fraction = self.fraction.saturating_add(cut.into());
        let full = fraction >> DUST_BITS;
        self.fraction = fraction & ((1 << DUST_BITS) - 1);
        self.sum = self.sum.checked_sub(full).ok_or(NovateError::MathOverflow)?;
        Ok((worth, full))
    }
}

/// Of the settlement asset: the cash of all portfolios, and what shortages of insurance have done to it.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Claims {
    /// Cash that is free to leave.
    pub free: Pot,
    /// Cash that is held back.
    pub held: Pot,
    /// What left during the shortage that lasts, as far as it has not come back.
    pub left: u64,
    /// Rises by one each time a shortage ends: what was held back is free, what left is forgotten.
    pub shortage_era: u64,
    /// Haircuts so far.
    pub haircuts: u64,
    /// Whole units that rounding has cut off: in `cash` of the asset, and nobody's.
    pub dust: u64,
    /// Forgiven in rounds of markets that stand: what gains do not cover of it is taken from deposits.
    pub forgiven: u64,
}

/// Of a portfolio: up to when its cash has borne haircuts, and what is held back of it.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Claim {
    /// Part of its cash that is held back (CLR-35).
    pub held: u64,
    /// What left it during the shortage of `shortage_era`, as far as it has not come back.
    pub left: u64,
    pub shortage_era: u64,
    /// Haircuts that its cash has borne, or that were before it.
    pub haircuts: u64,
    /// Those of the two kinds of cash at that time.
    pub free_factor: Wide,
    pub held_factor: Wide,
}

impl Claims {
    /// What cash is worth after the haircuts that it has not borne yet.
    pub fn worth(&self, cash: i64, claim: &Claim) -> Result<i64> {
        if claim.haircuts == self.haircuts {
            return Ok(cash);
        }
        let worth = |pot: &Pot, then: Wide, amount: u64| -> Result<u64> {
            Ok(pot.factor().worth(Factor(then.get()), amount).map_err(NovateError::from)?.0)
        };
        let free = worth(&self.free, claim.free_factor, cash.max(0).unsigned_abs().saturating_sub(claim.held))?;
        let held = worth(&self.held, claim.held_factor, claim.held)?;
        signed(free.checked_add(held).ok_or(NovateError::MathOverflow)?)
    }
}

/// What a haircut took from whom (CLR-32). Settlement asset, 1e-6.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepositsCharged {
    /// Cash of portfolios.
    pub free: u64,
    /// Cash that was held back for what left during the shortage.
    pub held: u64,
    /// What lenders own of the settlement asset.
    pub lent: u64,
    /// What a share of what is lent is worth then, in 2^-64 of a unit; 0 where lenders paid nothing.
    pub lent_index: u128,
}

impl Asset {
    fn base(&self) -> Result<Base> {
        let Claims { free, held, left, .. } = self.claims;
        let lent = self.bank.chargeable().map_err(NovateError::from)?;
        Ok(Base { free: free.sum, held: held.sum, left, lent })
    }

    /// The most that [`Asset::charge_deposits`] can take.
    pub fn chargeable(&self) -> Result<u64> {
        Ok(u64::try_from(self.base()?.most()).unwrap_or(u64::MAX))
    }

    /// Takes `amount` out of the cash of all portfolios, and out of what lenders own of the settlement asset and is not lent out,
    /// pro rata (CLR-32). It stays in `cash` of this asset; the caller books it elsewhere within. Cash that is held back also
    /// bears for what left, as far as it goes. Fails where there is not so much.
    pub fn charge_deposits(&mut self, amount: u64) -> Result<DepositsCharged> {
        if amount == 0 {
            return Ok(DepositsCharged::default());
        }
        let Charge { free, held, lent } = self.base()?.charge(amount).map_err(NovateError::from)?;
        self.claims.free.charge(free)?;
        self.claims.held.charge(held)?;
        self.claims.haircuts = self.claims.haircuts.wrapping_add(1);
        self.bank.charge(lent).map_err(NovateError::from)?;
        self.cash = self.cash.checked_add(lent).ok_or(NovateError::MathOverflow)?;
        let lent_index = if lent > 0 { Interest::from(&self.bank).lent_index } else { 0 };
        Ok(DepositsCharged { free, held, lent, lent_index })
    }

    /// The most that may be taken from deposits: what insurance lacks of what is reserved, and what was forgiven and gains may not
    /// cover. While there is anything of it, exits are net of a provisional haircut (CLR-35).
    pub fn at_stake(&self) -> u64 {
        self.shortage.saturating_add(self.claims.forgiven)
    }

    /// Records what insurance lacks of what is reserved (CLR-35), wherever either changes.
    pub fn note_shortage(&mut self, insurance: &Insurance) {
        self.note(insurance.shortage(), self.claims.forgiven);
    }

    /// Counts a loss that was forgiven to a market, until its round is closed.
    pub fn note_forgiven(&mut self, amount: u64) -> Result<()> {
        let forgiven = self.claims.forgiven.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        self.note(self.shortage, forgiven);
        Ok(())
    }

    /// What gains did not cover of it was taken from deposits.
    pub fn note_closed(&mut self, forgiven: u64) -> Result<()> {
        let forgiven = self.claims.forgiven.checked_sub(forgiven).ok_or(NovateError::MathOverflow)?;
        self.note(self.shortage, forgiven);
        Ok(())
    }

    /// Where nothing is at stake any more, what was held back is free.
    fn note(&mut self, shortage: u64, forgiven: u64) {
        let before = self.at_stake();
        (self.shortage, self.claims.forgiven) = (shortage, forgiven);
        if before != 0 && self.at_stake() == 0 {
            self.claims.shortage_era = self.claims.shortage_era.wrapping_add(1);
            self.claims.left = 0;
        }
    }
}

impl Market {
    /// Cash that it keeps has haircuts to bear.
    pub fn is_behind(&self, claims: &Claims) -> bool {
        self.option_cash != Usd::ZERO && self.option_haircuts != claims.haircuts
    }

    /// Keeps cash that a trade of an option left, of one who bore all haircuts; it stays among the free cash of all.
    pub fn keep_cash(&mut self, amount: Usd, claims: &Claims) -> Result<()> {
        if self.option_cash == Usd::ZERO {
            (self.option_haircuts, self.option_factor) = (claims.haircuts, claims.free.factor);
        }
        self.option_cash = self.option_cash.add(amount).map_err(NovateError::from)?;
        Ok(())
    }

    /// Moves the cash that it keeps into the variation pool. The haircuts that it bears are taken from the fees.
    pub fn sweep(&mut self, settlement: &mut Asset) -> Result<()> {
        let claims = &mut settlement.claims;
        let kept = self.option_cash.or_zero().0;
        let (worth, dust) = match self.is_behind(claims) {
            true => claims.free.bear(kept.unsigned_abs(), self.option_factor)?,
            false => (kept.unsigned_abs(), 0),
        };
        claims.dust = claims.dust.saturating_add(dust);
        let worth = signed(worth)?;
        claims.free.add(worth.saturating_neg())?;
        let lost = kept.checked_sub(worth).ok_or(NovateError::MathOverflow)?;
        // All but some units of rounding was fees.
        let of_fees = Usd(lost.min(self.accrued_fees.0.max(0)));
        let of_rounding = Usd(lost).sub(of_fees).map_err(NovateError::from)?;
        self.accrued_fees = self.accrued_fees.sub(of_fees).map_err(NovateError::from)?;
        self.rounding = self.rounding.sub(of_rounding).map_err(NovateError::from)?;
        self.variation_pool = self.variation_pool.add(Usd(worth)).map_err(NovateError::from)?;
        self.option_cash = Usd::ZERO;
        Ok(())
    }
}

impl Portfolio {
    /// Its cash has haircuts to bear, or what was held back of it may be free.
    pub fn is_behind(&self, claims: &Claims) -> bool {
        self.claim.haircuts != claims.haircuts || self.claim.shortage_era != claims.shortage_era
    }

    /// Brings cash up to date: it bears the haircuts since it was last moved, and what was held back in a shortage that is over
    /// is free. Whatever moves cash does this first.
    pub fn bear(&mut self, settlement: &mut Asset) -> Result<()> {
        let claims = &mut settlement.claims;
        let claim = &mut self.claim;
        if claim.haircuts != claims.haircuts {
            let cash = self.cash.max(0).unsigned_abs();
            let (free, dust) = claims.free.bear(cash.saturating_sub(claim.held), claim.free_factor)?;
            let (held, more) = claims.held.bear(claim.held, claim.held_factor)?;
            claims.dust = claims.dust.saturating_add(dust).saturating_add(more);
            self.cash = signed(free.checked_add(held).ok_or(NovateError::MathOverflow)?)?;
            claim.held = held;
            claim.haircuts = claims.haircuts;
            (claim.free_factor, claim.held_factor) = (claims.free.factor, claims.held.factor);
        }
        if claim.shortage_era != claims.shortage_era {
            claim.shortage_era = claims.shortage_era;
            claim.left = 0;
            self.hold(settlement, 0)?;
        }
        Ok(())
    }

    /// Cash that may leave.
    pub fn free_cash(&self) -> i64 {
        self.cash.saturating_sub_unsigned(self.claim.held)
    }

    /// Adds to cash, or takes out of it what is owed: what is held back last.
    pub fn move_cash(&mut self, settlement: &mut Asset, amount: i64) -> Result<()> {
        self.bear(settlement)?;
        let of_held = self.free_cash().checked_add(amount).ok_or(NovateError::MathOverflow)?.min(0);
        self.cash = self.cash.checked_add(amount).filter(|cash| *cash >= 0).ok_or(NovateError::MathOverflow)?;
        self.claim.held = self.claim.held.checked_add_signed(of_held).ok_or(NovateError::MathOverflow)?;
        settlement.claims.free.add(amount.saturating_sub(of_held))?;
        settlement.claims.held.add(of_held)
    }

    /// Takes cash out that its owner disposes of. Says whether it is missing, only pending, or held back.
    pub fn debit_cash(&mut self, settlement: &mut Asset, amount: i64) -> Result<()> {
        self.bear(settlement)?;
        if amount > self.cash {
            let with_pending = self.cash.checked_add(self.pending()?).ok_or(NovateError::MathOverflow)?;
            require!(amount > with_pending, NovateError::GainsPending);
            return err!(NovateError::InsufficientBalance);
        }
        self.loosen(settlement)?;
        require!(amount <= self.free_cash(), NovateError::ProvisionalHaircut);
        self.move_cash(settlement, amount.checked_neg().ok_or(NovateError::MathOverflow)?)
    }

    /// Cash that was debited leaves the pool. While insurance is short or a round of a market stands, so much of what remains is held back that a haircut of the
    /// shortage takes from it what it would have taken, had nothing left: in how many pieces it leaves makes no difference (CLR-35).
    pub fn leave(&mut self, settlement: &mut Asset, amount: u64) -> Result<()> {
        if settlement.at_stake() == 0 {
            return Ok(());
        }
        let claims = &mut settlement.claims;
        self.claim.left = self.claim.left.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        claims.left = claims.left.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        let kept = settlement.base()?.kept_back(settlement.at_stake(), self.claim.left);
        let cash = self.cash.max(0).unsigned_abs();
        let held = kept.and_then(|kept| u64::try_from(kept).ok()).filter(|kept| *kept <= cash);
        self.hold(settlement, held.ok_or(NovateError::ProvisionalHaircut)?)
    }

    /// Cash that was added has come from outside of the pool: as far as it left during this shortage, it is back.
    pub fn come_back(&mut self, settlement: &mut Asset, amount: u64) -> Result<()> {
        let back = amount.min(self.claim.left);
        if back == 0 {
            return Ok(());
        }
        let claims = &mut settlement.claims;
        self.claim.left = self.claim.left.saturating_sub(back);
        claims.left = claims.left.checked_sub(back).ok_or(NovateError::MathOverflow)?;
        self.loosen(settlement)
    }

    /// Where the shortage has become smaller, less is held back.
    pub fn loosen(&mut self, settlement: &mut Asset) -> Result<()> {
        if self.claim.held == 0 {
            return Ok(());
        }
        let kept = settlement.base()?.kept_back(settlement.at_stake(), self.claim.left);
        let held = kept.and_then(|kept| u64::try_from(kept).ok()).unwrap_or(u64::MAX).min(self.claim.held);
        self.hold(settlement, held)
    }

    /// An account whose cash is owed is no depositor: nothing of it is held back for what left.
    pub fn renounce(&mut self, settlement: &mut Asset) -> Result<()> {
        self.bear(settlement)?;
        let claims = &mut settlement.claims;
        claims.left = claims.left.checked_sub(self.claim.left).ok_or(NovateError::MathOverflow)?;
        self.claim.left = 0;
        self.hold(settlement, 0)
    }

    /// What is held back in a slice is held back with the taker. Both are up to date.
    pub fn pass_hold(&mut self, taker: &mut Self, cut: impl Fn(u64) -> Result<u64>) -> Result<()> {
        let (held, left) = (cut(self.claim.held)?, cut(self.claim.left)?);
        for (from, to, amount) in
            [(&mut self.claim.held, &mut taker.claim.held, held), (&mut self.claim.left, &mut taker.claim.left, left)]
        {
            *from = from.checked_sub(amount).ok_or(NovateError::MathOverflow)?;
            *to = to.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        }
        let held = signed(held)?;
        self.cash = self.cash.checked_sub(held).ok_or(NovateError::MathOverflow)?;
        taker.cash = taker.cash.checked_add(held).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// Holds so much of the cash back, at most all of it.
    fn hold(&mut self, settlement: &mut Asset, held: u64) -> Result<()> {
        let more = signed(held)?.checked_sub(signed(self.claim.held)?).ok_or(NovateError::MathOverflow)?;
        settlement.claims.held.add(more)?;
        settlement.claims.free.add(more.saturating_neg())?;
        self.claim.held = held;
        Ok(())
    }
}

const _: () = assert!(core::mem::size_of::<Claims>() == 104);
const _: () = assert!(core::mem::size_of::<Claim>() == 64);
