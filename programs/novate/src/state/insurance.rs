use anchor_lang::prelude::*;
use novate_margin::fund::{Drawn, Fund};

use super::{Asset, DepositsCharged, Wide, DISCRIMINATOR};
use crate::error::NovateError;

/// Who paid a deficit, tier by tier (CLR-32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    pub drawn: Drawn,
    pub deposits: DepositsCharged,
}

/// The insurance fund of a pool: capital, stake and what is reserved out of them (CLR-31, CLR-32, CLR-35).
///
/// Address: `[INSURANCE, pool]`. Amounts are settlement asset, 1e-6. Created empty with the pool. Capital and stake lie in
/// the vault of the settlement asset, beside its cash (CLR-02).
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Insurance {
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    pub pool: Pubkey,
    /// The pool's own capital.
    pub capital: u64,
    /// Staked capital.
    pub staked: u64,
    /// Shares of all stakers of this era; zero where nothing is staked.
    pub stake_shares: Wide,
    /// What the insolvent auctions under way may still be paid at most. Can exceed the fund.
    pub reserved: u64,
    /// Paid to takers of insolvent accounts so far.
    pub paid_out: u64,
    /// Equity below zero that they took over so far.
    pub deficits: u64,
    /// Rises by one each time stake ends; shares of an earlier era are worth nothing.
    pub era: u64,
    pub reserve: [u8; 400],
}

impl Insurance {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// The fund as the margin crate counts it.
    pub fn fund(&self) -> Fund {
        Fund { capital: self.capital, staked: self.staked, shares: self.stake_shares.get() }
    }

    /// Takes the fund back after a change.
    pub fn keep(&mut self, fund: Fund) {
        (self.capital, self.staked, self.stake_shares) = (fund.capital, fund.staked, Wide::new(fund.shares));
    }

    /// Adds to the pool's own capital; nobody has a claim on it.
    pub fn add_capital(&mut self, amount: u64) -> Result<()> {
        self.capital = self.capital.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// Sets the greatest payout of an insolvent auction aside; it may be more than there is (CLR-35).
    pub fn set_aside(&mut self, amount: u64) -> Result<()> {
        self.reserved = self.reserved.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// Gives back what was set aside and is not needed, or is paid.
    pub fn release(&mut self, amount: u64) -> Result<()> {
        self.reserved = self.reserved.checked_sub(amount).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// What it lacks of what is reserved (CLR-35).
    pub fn shortage(&self) -> u64 {
        u64::try_from(u128::from(self.reserved).saturating_sub(self.fund().total())).unwrap_or(u64::MAX)
    }

    /// Raises `amount` for a deficit: out of the fund, and what it lacks out of all settlement deposits (CLR-32). It is in `cash`
    /// of the settlement asset then; the caller books it there.
    pub fn cover(&mut self, settlement: &mut Asset, amount: u64, deficit: u64) -> Result<Covered> {
        let from_fund = u64::try_from(self.fund().total()).unwrap_or(u64::MAX).min(amount);
        let drawn = self.pay(from_fund, deficit)?;
        settlement.cash = settlement.cash.checked_add(from_fund).ok_or(NovateError::MathOverflow)?;
        let deposits = settlement.charge_deposits(amount.saturating_sub(from_fund))?;
        Ok(Covered { drawn, deposits })
    }

    /// Pays out: capital first, then stake by what a share is worth (CLR-32).
    pub fn pay(&mut self, amount: u64, deficit: u64) -> Result<Drawn> {
        let mut fund = self.fund();
        let drawn = fund.draw(amount).map_err(NovateError::from)?;
        self.keep(fund);
        self.era = self.era.wrapping_add(drawn.ended.into());
        self.paid_out = self.paid_out.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        self.deficits = self.deficits.checked_add(deficit).ok_or(NovateError::MathOverflow)?;
        Ok(drawn)
    }
}

const _: () = assert!(Insurance::SPACE == 512);
const _: () = assert!(core::mem::offset_of!(Insurance, era) == 96);
