use anchor_lang::prelude::*;

use super::{Asset, Balance, Claim, Insurance, Position, DISCRIMINATOR, SETTLEMENT_ASSET, VERSION};
use crate::error::NovateError;
use crate::instrument::{expiry_of, market_of};
use crate::listed::Listed;
use crate::order::{NONCES_PER_SECOND, NONCE_AHEAD_SECONDS};

pub const MAX_BALANCES: usize = 16;
pub const MAX_POSITIONS: usize = 48;
pub const MAX_FILLS: usize = 32;
/// Underlyings that a portfolio may hold (CLR-36).
pub const MAX_UNDERLYINGS_HELD: usize = 8;
/// Expiries that a portfolio may hold positions in.
pub const MAX_EXPIRIES_HELD: usize = 12;
const _: () = assert!(MAX_EXPIRIES_HELD == novate_margin::dated::MAX_EXPIRIES);
/// Assets, markets and expiries that a portfolio may name (CLR-36).
pub const MAX_ACCOUNTS_HELD: usize = 40;

/// Venues that may settle fills of a portfolio at most.
pub const MAX_VENUES_OPTED: usize = 8;

/// How much of a signed order is filled (CLR-52). Whole or in part, it is kept until the order has expired, so that nothing is filled
/// twice.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Fill {
    pub nonce: u64,
    /// Of the strategy, 1e-9; [`Fill::CANCELLED`] where nothing more may be filled.
    pub filled: i64,
    /// Unix time at which the order expires, and from which the slot is free again.
    pub expiry: i64,
}

impl Fill {
    pub const CANCELLED: i64 = i64::MAX;

    fn is_of(&self, nonce: u64, until: i64) -> bool {
        self.nonce == nonce && self.expiry == until
    }
}

/// What one owner holds in one sub-account: settlement cash, balances and positions, margined as one book.
///
/// Address: `[PORTFOLIO, pool, owner, sub-account]`. A closed portfolio leaves a [`Tombstone`] at the same address.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Portfolio {
    pub version: u8,
    pub bump: u8,
    pub sub_account: u16,
    pub balance_count: u8,
    pub position_count: u8,
    pub padding: [u8; 2],
    pub pool: Pubkey,
    pub owner: Pubkey,
    /// May trade and cancel until `delegate_expiry`; never withdraws or transfers.
    pub delegate: Pubkey,
    pub delegate_expiry: i64,
    /// Rises by one each time the portfolio is opened again.
    pub generation: u64,
    /// Rises by one with each instruction that changes the portfolio.
    pub sequence: u64,
    /// Unix time of opening.
    pub opened: i64,
    /// Signed orders with a lower nonce are void: at first the unix time of opening, in microseconds.
    pub minimum_nonce: u64,
    /// Settlement asset, 1e-6, at or above zero, as of the last haircut that `claim` has.
    pub cash: i64,
    /// Unix time at which the auction began, 0 while none runs (CLR-30).
    pub auction_start: i64,
    /// 1 where equity was zero or below when the auction began: its clock is not that of CLR-30 but of CLR-31.
    pub auction_insolvent: u8,
    pub auction_padding: [u8; 7],
    /// Greatest payout of an insolvent auction, as of its beginning, and what was paid of it. Settlement asset, 1e-6.
    pub auction_reserved: u64,
    pub auction_paid: u64,
    pub auction_reserve: [u8; 16],
    /// Ascending by asset; the first `balance_count` are in use.
    pub balances: [Balance; MAX_BALANCES],
    /// Ascending by instrument; the first `position_count` are in use.
    pub positions: [Position; MAX_POSITIONS],
    pub fills: [Fill; MAX_FILLS],
    /// Up to when `cash` has borne haircuts, and what is held back of it (CLR-32, CLR-35).
    pub claim: Claim,
    /// The delegate's orders with a lower nonce are void: unix time at which it was named or revoked, in microseconds.
    pub delegate_nonce: u64,
    /// Indices of the venues that may settle fills, the first `venue_count` in use.
    pub venues: [u16; MAX_VENUES_OPTED],
    pub venue_count: u8,
    pub venue_padding: [u8; 7],
    pub reserve: [u8; 336],
}

/// What a closed portfolio leaves behind, so that orders signed before cannot be used after it is opened again (CLR-52).
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Tombstone {
    pub version: u8,
    pub padding: [u8; 7],
    pub generation: u64,
    /// Of the portfolio when it was closed; the next life goes on from it.
    pub sequence: u64,
}

impl Tombstone {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();
}

impl Portfolio {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// Fills in a zeroed account; generation and sequence are the caller's to set.
    pub fn open(&mut self, pool: Pubkey, owner: Pubkey, sub_account: u16, bump: u8, now: i64) {
        self.version = VERSION;
        self.bump = bump;
        self.sub_account = sub_account;
        self.pool = pool;
        self.owner = owner;
        self.opened = now;
        self.minimum_nonce = nonce_at(now);
    }

    pub fn balances(&self) -> &[Balance] {
        self.balances.get(..usize::from(self.balance_count)).unwrap_or(&self.balances)
    }

    pub fn positions(&self) -> &[Position] {
        self.positions.get(..usize::from(self.position_count)).unwrap_or(&self.positions)
    }

    /// The balance of an asset, an empty one where there is none.
    pub fn balance_of(&self, asset: u16) -> Balance {
        self.balances().iter().find(|b| b.asset == asset).copied().unwrap_or_default()
    }

    /// Of an asset, tokens that are not lent; of the settlement asset, cash.
    pub fn tokens_of(&self, asset: &Asset) -> i64 {
        let tokens = || i64::try_from(self.balance_of(asset.index).tokens).unwrap_or(i64::MAX);
        if asset.is_settlement() {
            self.cash
        } else {
            tokens()
        }
    }

    /// Something is held that margin is asked for, or variation not settled: a position or a loan.
    pub fn owes(&self) -> bool {
        self.position_count > 0 || self.has_loan()
    }

    pub fn has_loan(&self) -> bool {
        self.balances().iter().any(|b| b.loan != 0)
    }

    /// Contracts held in an instrument, 0 where there is no position.
    pub fn quantity_of(&self, instrument: u64) -> i64 {
        let found = self.positions().binary_search_by_key(&instrument, |p| p.instrument);
        found.ok().and_then(|at| self.positions.get(at)).map_or(0, |p| p.quantity)
    }

    /// Nothing is held, and nothing stands for what left: no margin is needed and the portfolio can be closed.
    pub fn is_empty(&self) -> bool {
        self.cash == 0 && self.balance_count == 0 && self.position_count == 0
    }

    pub fn in_auction(&self) -> bool {
        self.auction_start != 0
    }

    /// Ends a solvent auction and clears its clock where the portfolio is found at or above maintenance margin (CLR-30). An
    /// insolvent one holds a reserve of the insurance fund and goes on until [`Portfolio::end_auction`].
    pub fn leave_auction_if(&mut self, restored: bool) {
        if restored && self.auction_insolvent == 0 {
            self.auction_start = 0;
        }
    }

    /// Begins an auction, in the place of one of the other kind; an insolvent one sets `reserved` aside (CLR-31, CLR-35).
    pub fn begin_auction(&mut self, insurance: &mut Insurance, now: i64, insolvent: bool, reserved: u64) -> Result<()> {
        self.end_auction(insurance)?;
        self.auction_start = now;
        self.auction_insolvent = insolvent.into();
        self.auction_reserved = reserved;
        insurance.set_aside(reserved)
    }

    /// Ends an auction of either kind and gives what is left of its reserve back.
    pub fn end_auction(&mut self, insurance: &mut Insurance) -> Result<()> {
        insurance.release(self.payable())?;
        self.auction_start = 0;
        self.auction_insolvent = 0;
        self.auction_reserved = 0;
        self.auction_paid = 0;
        Ok(())
    }

    /// What the takers of this insolvent account may still be paid at most (CLR-31).
    pub fn payable(&self) -> u64 {
        self.auction_reserved.saturating_sub(self.auction_paid)
    }

    /// Gains paid out that are not cash yet, over all positions.
    pub fn pending(&self) -> Result<i64> {
        let mut total = 0i64;
        for position in self.positions() {
            total = total
                .checked_add(position.pending_old)
                .and_then(|t| t.checked_add(position.pending_new))
                .ok_or(NovateError::MathOverflow)?;
        }
        Ok(total)
    }

    /// The owner, or the delegate until its expiry, may trade.
    pub fn require_trader(&self, signer: &Pubkey, now: i64) -> Result<()> {
        if *signer == self.owner {
            return Ok(());
        }
        require_keys_eq!(*signer, self.delegate, NovateError::WrongAuthority);
        require!(now < self.delegate_expiry, NovateError::DelegateExpired);
        Ok(())
    }

    /// Names the delegate, or with the zero key nobody. Orders that the one before signed and that could be filled by now are void, and stay so
    /// where it is named again.
    pub fn name_delegate(&mut self, delegate: Pubkey, expiry: i64, now: i64) {
        self.delegate = delegate;
        self.delegate_expiry = expiry;
        self.delegate_nonce = nonce_at(now.saturating_add(NONCE_AHEAD_SECONDS)).saturating_add(1);
    }

    /// The owner, or the delegate until its expiry, signed an order of this nonce; a delegate since it was named.
    pub fn require_order_signer(&self, signer: &Pubkey, nonce: u64, now: i64) -> Result<()> {
        self.require_trader(signer, now)?;
        require!(*signer == self.owner || nonce >= self.delegate_nonce, NovateError::OrderBeforeDelegate);
        Ok(())
    }

    /// How much of an order is filled. Fails where it was cancelled.
    pub fn filled(&self, nonce: u64, until: i64) -> Result<i64> {
        let filled = self.fills.iter().find(|fill| fill.is_of(nonce, until)).map_or(0, |fill| fill.filled);
        require!(filled != Fill::CANCELLED, NovateError::OrderCancelled);
        Ok(filled)
    }

    /// Notes how much of an order is filled now. A slot is free once its order cannot be filled any more.
    pub fn note_filled(&mut self, nonce: u64, until: i64, filled: i64, now: i64) -> Result<()> {
        let least = self.minimum_nonce;
        let own = self.fills.iter().position(|fill| fill.is_of(nonce, until));
        let free = || self.fills.iter().position(|fill| fill.expiry <= now || fill.nonce < least);
        let slot = own.or_else(free).and_then(|at| self.fills.get_mut(at)).ok_or(NovateError::FillsFull)?;
        *slot = Fill { nonce, filled, expiry: until };
        Ok(())
    }

    /// Venues that may settle fills.
    pub fn venues(&self) -> &[u16] {
        self.venues.get(..usize::from(self.venue_count)).unwrap_or(&self.venues)
    }

    pub fn opt_in(&mut self, venue: u16) -> Result<()> {
        require!(!self.venues().contains(&venue), NovateError::VenueOptedIn);
        let slot = self.venues.get_mut(usize::from(self.venue_count)).ok_or(NovateError::TooManyVenues)?;
        *slot = venue;
        self.venue_count = self.venue_count.saturating_add(1);
        Ok(())
    }

    pub fn opt_out(&mut self, venue: u16) -> Result<()> {
        let at = self.venues().iter().position(|opted| *opted == venue).ok_or(NovateError::VenueNotOptedIn)?;
        let tail = self.venues.get_mut(at..usize::from(self.venue_count)).ok_or(NovateError::VenueNotOptedIn)?;
        tail.rotate_left(1);
        if let Some(last) = tail.last_mut() {
            *last = 0;
        }
        self.venue_count = self.venue_count.saturating_sub(1);
        Ok(())
    }

    pub fn next_sequence(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Adds `more`, opening a balance like it if there is none. Check [`Portfolio::require_within_limits`] after the last.
    pub fn add_balance(&mut self, more: &Balance) -> Result<()> {
        let count = usize::from(self.balance_count);
        match self.balances().binary_search_by_key(&more.asset, |b| b.asset) {
            Ok(at) => self.balances.get_mut(at).ok_or(NovateError::MathOverflow)?.add(more),
            Err(at) => {
                require!(count < MAX_BALANCES, NovateError::TooManyBalances);
                let tail = self.balances.get_mut(at..=count).ok_or(NovateError::TooManyBalances)?;
                tail.rotate_right(1);
                if let Some(slot) = tail.first_mut() {
                    *slot = *more;
                }
                self.balance_count = self.balance_count.saturating_add(1);
                Ok(())
            }
        }
    }

    /// Takes `part` of a balance out; one in which nothing is left is closed.
    pub fn take_balance(&mut self, part: &Balance) -> Result<()> {
        let count = usize::from(self.balance_count);
        let at = self.balances().binary_search_by_key(&part.asset, |b| b.asset);
        let at = at.map_err(|_| NovateError::InsufficientBalance)?;
        let tail = self.balances.get_mut(at..count).ok_or(NovateError::InsufficientBalance)?;
        let balance = tail.first_mut().ok_or(NovateError::InsufficientBalance)?;
        balance.take(part)?;
        if balance.is_empty() {
            *balance = Balance::default();
            tail.rotate_left(1);
            self.balance_count = self.balance_count.saturating_sub(1);
        }
        Ok(())
    }

    /// Adds tokens that are not lent: cash of the settlement asset. Check [`Portfolio::require_within_limits`] after the last.
    pub fn add_tokens(&mut self, asset: &mut Asset, tokens: u64) -> Result<()> {
        if asset.is_settlement() {
            return self.move_cash(asset, signed(tokens)?);
        }
        self.add_balance(&Balance { tokens, ..Balance::of(asset) })
    }

    /// Takes tokens out that are not lent.
    pub fn take_tokens(&mut self, asset: &mut Asset, tokens: u64) -> Result<()> {
        if asset.is_settlement() {
            return self.debit_cash(asset, signed(tokens)?);
        }
        self.take_balance(&Balance { tokens, ..Balance::of(asset) })
    }

    /// Refuses what a withdrawal leaves of a balance that nobody would care to take (CLR-34); nothing may be left, and what a loan
    /// stands beside.
    pub fn require_no_dust(&self, asset: &Asset) -> Result<()> {
        let balance = self.balance_of(asset.index);
        if asset.minimum_balance == 0 || balance.is_empty() || balance.loan != 0 {
            return Ok(());
        }
        require!(asset.tokens(&balance)?.unsigned_abs() >= asset.minimum_balance, NovateError::DustBalance);
        Ok(())
    }

    /// Adds tokens that come from outside of the portfolio, and refuses a new balance below the asset's minimum and what would make
    /// the portfolio impossible to judge: a balance too large to count, and where margin is asked for a new balance in an asset without a fresh price; of a yield-bearing
    /// one without a rate, or of an underlying, in the list, without a fresh price. Otherwise a deposit could shield its owner
    /// from liquidation (CLR-34, CLR-36).
    pub fn receive_tokens(&mut self, asset: &mut Asset, listed: &Listed, tokens: u64, now: i64) -> Result<()> {
        if asset.is_settlement() {
            return self.add_tokens(asset, tokens);
        }
        let opens = self.balance_of(asset.index).is_empty();
        require!(!opens || tokens >= asset.minimum_balance, NovateError::DustBalance);
        if self.owes() && opens {
            asset.require_fresh(now, asset.max_age)?;
            if asset.is_yield_bearing() {
                asset.redemption.require_rate()?;
                let underlying = listed.asset(asset.redemption.underlying)?;
                underlying.require_fresh(now, underlying.max_age)?;
            }
        }
        self.add_tokens(asset, tokens)?;
        self.require_within_limits()?;
        asset.require_countable(&self.balance_of(asset.index))
    }

    /// The position in an instrument, opened empty if there is none. Check [`Portfolio::require_within_limits`] after the last.
    pub fn position_entry(&mut self, instrument: u64, underlying: u16, now: i64) -> Result<&mut Position> {
        let count = usize::from(self.position_count);
        // Slices of whole books come in order.
        let found = match self.positions().last() {
            Some(last) if last.instrument >= instrument => {
                self.positions().binary_search_by_key(&instrument, |p| p.instrument)
            }
            _ => Err(count),
        };
        let at = match found {
            Ok(at) => at,
            Err(at) => {
                require!(count < MAX_POSITIONS, NovateError::TooManyPositions);
                let tail = self.positions.get_mut(at..=count).ok_or(NovateError::TooManyPositions)?;
                tail.rotate_right(1);
                if let Some(slot) = tail.first_mut() {
                    *slot = Position { instrument, underlying, pending_since: now, ..Position::default() };
                }
                self.position_count = self.position_count.saturating_add(1);
                at
            }
        };
        Ok(self.positions.get_mut(at).ok_or(NovateError::TooManyPositions)?)
    }

    /// The position in an instrument that must exist.
    pub fn position_mut(&mut self, instrument: u64) -> Result<&mut Position> {
        let at = self
            .positions()
            .binary_search_by_key(&instrument, |p| p.instrument)
            .map_err(|_| NovateError::NoPosition)?;
        Ok(self.positions.get_mut(at).ok_or(NovateError::NoPosition)?)
    }

    /// Frees the slots of positions in which nothing is held, owed or pending.
    pub fn free_empty_positions(&mut self) {
        let mut kept = 0usize;
        let count = usize::from(self.position_count);
        for at in 0..count {
            if self.positions.get(at).is_none_or(Position::is_empty) {
                continue;
            }
            if kept != at {
                self.positions.copy_within(at..=at, kept);
            }
            kept = kept.saturating_add(1);
        }
        if let Some(freed) = self.positions.get_mut(kept..count) {
            freed.fill(Position::default());
        }
        self.position_count = u8::try_from(kept).unwrap_or(self.position_count);
    }

    /// CLR-36: an account beyond these limits could not be liquidated in one transaction.
    pub fn require_within_limits(&self) -> Result<()> {
        let mut names = Names::default();
        names.add_asset(SETTLEMENT_ASSET);
        for balance in self.balances() {
            names.add_asset(balance.asset);
            if balance.underlying != 0 {
                names.add_underlying(balance.asset);
            }
            if balance.redemption_underlying != SETTLEMENT_ASSET {
                names.add_asset(balance.redemption_underlying);
                names.add_underlying(balance.redemption_underlying);
            }
        }
        let (mut markets, mut last) = (0usize, None);
        let (mut expiries, mut held) = ([0u64; MAX_EXPIRIES_HELD], 0usize);
        for position in self.positions() {
            // Of what is closed the expiry is not read.
            if let Some(expiry) = expiry_of(position.instrument).filter(|_| position.quantity != 0) {
                if !expiries.iter().take(held).any(|e| *e == expiry) {
                    *expiries.get_mut(held).ok_or(NovateError::TooManyExpiriesHeld)? = expiry;
                    held = held.saturating_add(1);
                }
            }
            let market = market_of(position.instrument);
            if last != Some(market) {
                last = Some(market);
                markets = markets.saturating_add(1);
                names.add_asset(position.underlying);
                names.add_underlying(position.underlying);
            }
        }
        require!(names.underlyings <= MAX_UNDERLYINGS_HELD, NovateError::TooManyUnderlyingsHeld);
        let accounts = names.assets.saturating_add(markets).saturating_add(held);
        require!(accounts <= MAX_ACCOUNTS_HELD, NovateError::TooManyAccountsHeld);
        Ok(())
    }
}

/// Distinct assets and underlyings, counted on fixed room: 16 balances, what as many are redeemed for, 48 positions
/// and the settlement asset at most.
struct Names {
    asset: [u16; Names::ROOM],
    assets: usize,
    underlying: [u16; Names::ROOM],
    underlyings: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self { asset: [0; Self::ROOM], assets: 0, underlying: [0; Self::ROOM], underlyings: 0 }
    }
}

impl Names {
    const ROOM: usize = 2 * MAX_BALANCES + MAX_POSITIONS + 1;

    fn add_asset(&mut self, index: u16) {
        add(&mut self.asset, &mut self.assets, index);
    }

    fn add_underlying(&mut self, index: u16) {
        add(&mut self.underlying, &mut self.underlyings, index);
    }
}

/// The nonce of an order that is signed at a unix time.
pub fn nonce_at(time: i64) -> u64 {
    time.max(0).unsigned_abs().saturating_mul(NONCES_PER_SECOND)
}

/// Amounts are signed in portfolios and events.
pub fn signed(amount: u64) -> Result<i64> {
    Ok(i64::try_from(amount).map_err(|_| NovateError::MathOverflow)?)
}

fn add(seen: &mut [u16; Names::ROOM], count: &mut usize, index: u16) {
    if seen.iter().take(*count).any(|s| *s == index) {
        return;
    }
    if let Some(slot) = seen.get_mut(*count) {
        *slot = index;
        *count = count.saturating_add(1);
    }
}

const _: () = assert!(Portfolio::SPACE == 5376);
const _: () = assert!(Tombstone::SPACE == 32);
const _: () = assert!(core::mem::offset_of!(Portfolio, pool) == 8);
const _: () = assert!(core::mem::offset_of!(Portfolio, cash) == 144);
const _: () = assert!(core::mem::offset_of!(Portfolio, balances) == 200);
const _: () = assert!(core::mem::offset_of!(Portfolio, positions) == 712);
const _: () = assert!(core::mem::offset_of!(Portfolio, fills) == 4168);
const _: () = assert!(core::mem::offset_of!(Portfolio, claim) == 4936);
const _: () = assert!(core::mem::offset_of!(Portfolio, delegate_nonce) == 5000);
