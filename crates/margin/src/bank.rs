//! Lending within a pool (CLR-20): a bank for each asset. Owners lend balances for shares of what is lent, borrowers owe
//! shares of what is borrowed, and one index each says what a share is worth.
//!
//! Everything is in the mint's units. Of the tokens in the vault, `lent + reserve - loans` are the bank's. Whoever comes or goes
//! leaves the dust with the bank, so that this is never negative: exactly, `loan_shares·loan_index - lent_shares·lent_index` and
//! the bank's tokens sum to zero or more, and each step only raises it.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::fixed::mul_div_floor;
use crate::interest::{Index, YEAR};
use crate::units::{Ratio, Seconds};

/// Longest time that one accrual charges; what is left is charged by the next. Within it an index grows by at most a quarter
/// at [`MAX_RATE`], so that no product of an accrual overflows while what is owed fits a u64.
pub const MAX_STEP: Seconds = Seconds(2_592_000);
/// Highest yearly rate: 300 %.
pub const MAX_RATE: Ratio = Ratio(3_000_000);
const _: () = assert!(MAX_STEP.0 * MAX_RATE.0 <= YEAR.0 * Ratio::ONE.0 / 4);

/// What borrowing costs and how far it goes. Rates are yearly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct LendingTerms {
    /// Rate while nothing is borrowed.
    pub rate_zero: Ratio,
    /// Rate at the kink.
    pub rate_kink: Ratio,
    /// Rate where all is borrowed.
    pub rate_full: Ratio,
    /// Utilisation, loans over what is lent, up to which the rate rises gently; between 0 and 1.
    pub kink: Ratio,
    /// Part of the interest that the reserve keeps, below 1.
    pub reserve_share: Ratio,
    /// Utilisation that a new loan may not exceed, at most 1; 0 lends nothing.
    pub utilisation_cap: Ratio,
}

impl LendingTerms {
    /// Whether rates rise with utilisation and everything is within its bounds.
    pub fn are_sound(&self) -> bool {
        let one = Ratio::ONE;
        Ratio::ZERO <= self.rate_zero
            && self.rate_zero <= self.rate_kink
            && self.rate_kink <= self.rate_full
            && self.rate_full <= MAX_RATE
            && Ratio::ZERO < self.kink
            && self.kink < one
            && Ratio::ZERO <= self.reserve_share
            && self.reserve_share < one
            && Ratio::ZERO <= self.utilisation_cap
            && self.utilisation_cap <= one
    }

    /// The yearly rate at a utilisation, 0 to 1, rounded down: two straight lines that meet at the kink.
    pub fn rate(&self, utilisation: Ratio) -> Result<Ratio> {
        let (from, to, start, end) = if utilisation <= self.kink {
            (self.rate_zero, self.rate_kink, Ratio::ZERO, self.kink)
        } else {
            (self.rate_kink, self.rate_full, self.kink, Ratio::ONE)
        };
        let rise = mul_div_floor(to.sub(from)?.0, utilisation.sub(start)?.0, end.sub(start)?.0)?;
        from.add(Ratio(rise))
    }
}

/// The bank of one asset. Zeroed memory is none: [`Bank::open`] makes it one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Bank {
    /// What lenders own: their shares at the index, rounded down.
    pub lent: u64,
    /// Shares of all lenders.
    pub lent_shares: u64,
    /// [`Index`] of a lender's share, low word first.
    pub lent_index: [u64; 2],
    /// What borrowers owe: their shares at the index, rounded up.
    pub loans: u64,
    /// Shares of all borrowers.
    pub loan_shares: u64,
    /// [`Index`] of a borrower's share, low word first.
    pub loan_index: [u64; 2],
    /// What interest and rounding left with the bank.
    pub reserve: u64,
    /// Unix time up to which interest is charged.
    pub accrued: Seconds,
    /// Set by governance.
    pub terms: LendingTerms,
}

const _: () = assert!(size_of::<Bank>() == 128);

fn index(words: [u64; 2]) -> Index {
    let [low, high] = words;
    Index::from_words(high, low)
}

fn words(index: Index) -> [u64; 2] {
    let (high, low) = index.to_words();
    [low, high]
}

impl Bank {
    /// A bank that nothing was lent to yet.
    pub fn open() -> Self {
        Self { lent_index: words(Index::ONE), loan_index: words(Index::ONE), ..Self::default() }
    }

    /// Tokens that shares of what is lent are worth, rounded down.
    pub fn lent_floor(&self, shares: u64) -> Result<u64> {
        index(self.lent_index).amount_floor(shares)
    }

    /// Tokens that shares of loans owe, rounded up.
    pub fn owed_ceil(&self, shares: u64) -> Result<u64> {
        index(self.loan_index).amount_ceil(shares)
    }

    /// Tokens of the bank that lie in the vault.
    pub fn liquid(&self) -> Result<u64> {
        let held = self.lent.checked_add(self.reserve).ok_or(MarginError::Overflow)?;
        held.checked_sub(self.loans).ok_or(MarginError::Overflow)
    }

    /// Loans over what is lent, rounded up, at most 1; 0 where nothing is lent.
    pub fn utilisation(&self) -> Ratio {
        let (loans, lent) = (u128::from(self.loans), u128::from(self.lent));
        // Below 2^64·2^20.
        let parts = loans.wrapping_mul(u128::from(Ratio::ONE.0.unsigned_abs())).checked_add(lent.saturating_sub(1));
        let ratio = parts.and_then(|p| p.checked_div(lent)).and_then(|r| i64::try_from(r).ok());
        if loans == 0 {
            Ratio::ZERO
        } else {
            ratio.map_or(Ratio::ONE, Ratio).min(Ratio::ONE)
        }
    }

    /// Charges interest up to `now`, at most [`MAX_STEP`] of it, simple within the step: borrowers at the rate of the
    /// utilisation, lenders that less the reserve's share. A clock that runs backwards charges nothing. Where what is owed would
    /// no longer fit, interest stops: it blocks nobody.
    pub fn accrue(&mut self, now: Seconds) {
        let elapsed = Seconds(now.0.saturating_sub(self.accrued.0));
        if self.loan_shares == 0 || elapsed.0 <= 0 {
            self.accrued = self.accrued.max(now);
            return;
        }
        let elapsed = elapsed.min(MAX_STEP);
        self.accrued = Seconds(self.accrued.0.saturating_add(elapsed.0));
        if let Ok(grown) = self.grown(elapsed) {
            *self = grown;
        }
    }

    fn grown(&self, elapsed: Seconds) -> Result<Self> {
        let rate = self.terms.rate(self.utilisation())?;
        let (old, lent_index) = (index(self.loan_index), index(self.lent_index));
        let loan_index = old.grow_ceil(rate, elapsed)?;
        let mut grown = Self { loan_index: words(loan_index), ..*self };
        grown.loans = loan_index.amount_ceil(self.loan_shares)?;
        if self.lent_shares > 0 {
            // What is owed fits a u64 and the index grows by at most a quarter, so that the interest, in 2^-64 of a unit, is
            // below 2^126.
            let per_share = loan_index.0.checked_sub(old.0).ok_or(MarginError::Overflow)?;
            let interest = per_share.checked_mul(u128::from(self.loan_shares)).ok_or(MarginError::Overflow)?;
            let one = const { Ratio::ONE.0.unsigned_abs() as u128 };
            let kept = u128::from(Ratio::ONE.sub(self.terms.reserve_share)?.or_zero().0.unsigned_abs());
            let lenders = interest.checked_div(one).ok_or(MarginError::ZeroDivisor)?.wrapping_mul(kept);
            let growth = lenders.checked_div(u128::from(self.lent_shares)).ok_or(MarginError::ZeroDivisor)?;
            let lent_index = Index(lent_index.0.checked_add(growth).ok_or(MarginError::Overflow)?);
            grown.lent_index = words(lent_index);
            grown.lent = lent_index.amount_floor(self.lent_shares)?;
        }
        let charged = grown.loans.checked_sub(self.loans).ok_or(MarginError::Overflow)?;
        let earned = grown.lent.checked_sub(self.lent).ok_or(MarginError::Overflow)?;
        grown.reserve = self.kept(charged, earned)?;
        Ok(grown)
    }

    /// The reserve after tokens, or claims on them, of `gained` came to the bank and `given` left it.
    fn kept(&self, gained: u64, given: u64) -> Result<u64> {
        let with = self.reserve.checked_add(gained).ok_or(MarginError::Overflow)?;
        with.checked_sub(given).ok_or(MarginError::Overflow)
    }

    /// Takes tokens in and returns the lender's shares, rounded down; 0 where the tokens are not worth one.
    pub fn lend(&mut self, tokens: u64) -> Result<u64> {
        let shares = index(self.lent_index).shares_floor(tokens)?;
        let lent_shares = self.lent_shares.checked_add(shares).ok_or(MarginError::Overflow)?;
        let lent = self.lent_floor(lent_shares)?;
        let reserve = self.kept(tokens, lent.checked_sub(self.lent).ok_or(MarginError::Overflow)?)?;
        *self = Self { lent, lent_shares, reserve, ..*self };
        Ok(shares)
    }

    /// Gives tokens back and returns the shares that it costs the lender, rounded up. Fails where they are lent out.
    pub fn unlend(&mut self, tokens: u64) -> Result<u64> {
        if tokens > self.liquid()? {
            return Err(MarginError::BankIlliquid);
        }
        let shares = index(self.lent_index).shares_ceil(tokens)?;
        let lent_shares = self.lent_shares.checked_sub(shares).ok_or(MarginError::Overflow)?;
        let lent = self.lent_floor(lent_shares)?;
        let reserve = self.kept(self.lent.checked_sub(lent).ok_or(MarginError::Overflow)?, tokens)?;
        *self = Self { lent, lent_shares, reserve, ..*self };
        Ok(shares)
    }

    /// What a haircut can take from lenders at most (CLR-32): tokens that are not lent out, and not all of what they own, so that
    /// a share never becomes worthless. Nothing once one is worth less than 2^-32 of a unit.
    pub fn chargeable(&self) -> Result<u64> {
        if index(self.lent_index).0 < 1 << 32 {
            return Ok(0);
        }
        let most = self.lent.saturating_sub(self.lent >> 20).saturating_sub(1);
        Ok(self.liquid()?.min(most))
    }

    /// Takes tokens from all lenders pro rata: what a share is worth falls, rounded down, and the tokens are no longer the
    /// bank's. Fails beyond [`Bank::chargeable`].
    pub fn charge(&mut self, tokens: u64) -> Result<()> {
        if tokens > self.chargeable()? {
            return Err(MarginError::BankIlliquid);
        }
        if tokens == 0 {
            return Ok(());
        }
        let left = self.lent.checked_sub(tokens).ok_or(MarginError::Overflow)?;
        let lent_index = index(self.lent_index).scale_floor(left, self.lent)?;
        let lent = lent_index.amount_floor(self.lent_shares)?;
        let reserve = self.kept(left, lent)?;
        *self = Self { lent, lent_index: words(lent_index), reserve, ..*self };
        Ok(())
    }

    /// Tokens that may be borrowed: within the utilisation cap, and there.
    pub fn borrowable(&self) -> Result<u64> {
        let cap = u128::from(self.terms.utilisation_cap.or_zero().0.unsigned_abs());
        // Below 2^64·2^20.
        let most = u128::from(self.lent).wrapping_mul(cap).checked_div(const { Ratio::ONE.0.unsigned_abs() as u128 });
        let most = most.and_then(|m| u64::try_from(m).ok()).ok_or(MarginError::Overflow)?;
        Ok(most.saturating_sub(self.loans).min(self.liquid()?))
    }

    /// Hands tokens out and returns the borrower's shares, rounded up. Fails beyond the utilisation cap.
    pub fn borrow(&mut self, tokens: u64) -> Result<u64> {
        if tokens > self.borrowable()? {
            return Err(MarginError::UtilisationCap);
        }
        let shares = index(self.loan_index).shares_ceil(tokens)?;
        let loan_shares = self.loan_shares.checked_add(shares).ok_or(MarginError::Overflow)?;
        let loans = self.owed_ceil(loan_shares)?;
        let reserve = self.kept(loans.checked_sub(self.loans).ok_or(MarginError::Overflow)?, tokens)?;
        *self = Self { loans, loan_shares, reserve, ..*self };
        Ok(shares)
    }

    /// Takes tokens back and returns the shares that they cancel, rounded down. Never more than is owed by all.
    pub fn repay(&mut self, tokens: u64) -> Result<u64> {
        let shares = index(self.loan_index).shares_floor(tokens)?;
        let loan_shares = self.loan_shares.checked_sub(shares).ok_or(MarginError::Overflow)?;
        let loans = self.owed_ceil(loan_shares)?;
        let reserve = self.kept(tokens, self.loans.checked_sub(loans).ok_or(MarginError::Overflow)?)?;
        *self = Self { loans, loan_shares, reserve, ..*self };
        Ok(shares)
    }
}
