use anchor_lang::prelude::*;
use novate_margin::bank::LendingTerms;
use novate_margin::{Ratio, Seconds};

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{LendingSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{Asset, Pool};

/// What borrowing of an asset costs and how far it goes. Ratios 1e-6, rates yearly.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lending {
    /// Rate while nothing is borrowed, at the kink, and where all is borrowed: each at least the one before, the last at most
    /// 300 %.
    pub rate_zero: i64,
    pub rate_kink: i64,
    pub rate_full: i64,
    /// Utilisation, loans over what is lent, at which the rate begins to rise steeply: above 0, below 1.
    pub kink: i64,
    /// Part of the interest that the bank keeps: 0 to below 1.
    pub reserve_share: i64,
    /// Utilisation that a new loan may not exceed: 0, which lends nothing, to 1.
    pub utilisation_cap: i64,
    /// Most that all loans may come to with a new one, in the mint's units (CLR-41).
    pub borrow_cap: u64,
}

impl Lending {
    /// As the bank has them; refuses what is not sound.
    pub fn checked(&self) -> Result<LendingTerms> {
        let terms = LendingTerms {
            rate_zero: Ratio(self.rate_zero),
            rate_kink: Ratio(self.rate_kink),
            rate_full: Ratio(self.rate_full),
            kink: Ratio(self.kink),
            reserve_share: Ratio(self.reserve_share),
            utilisation_cap: Ratio(self.utilisation_cap),
        };
        require!(terms.are_sound(), NovateError::InvalidLendingTerms);
        Ok(terms)
    }
}

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetLending<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the asset ([`Enactment::enact`]).
/// 2. Checks the terms. A yield-bearing asset cannot be lent: a debt in it would be charged too little (MRG-61).
/// 3. Charges interest up to now at the old terms, then sets the new ones: those of a bank that was open in a pool that trades once a
///    week, each by at most a step ([`crate::state::LENDING`]). Loans beyond lowered caps stay.
/// 4. Emits [`LendingSet`].
pub(crate) fn set_lending(ctx: Context<SetLending>, lending: Lending) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    accounts.enactment.enact(&accounts.pool, &instruction::SetLending { lending }, &[accounts.asset.key()])?;
    let terms = lending.checked()?;
    let mut asset = ctx.accounts.asset.load_mut()?;
    require!(!asset.is_yield_bearing(), NovateError::YieldBearingLending);
    asset.bank.accrue(Seconds(now));
    asset.set_lending(terms, lending.borrow_cap, accounts.pool.load()?.is_live(), now)?;

    emit_cpi!(LendingSet {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        lending,
        time: now,
        interest: (&asset.bank).into(),
    });
    Ok(())
}
