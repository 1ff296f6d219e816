use anchor_lang::prelude::*;
use novate_margin::{Contracts, Price, Ratio};

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{MarketAdded, EVENT_VERSION};
use crate::instruction;
use crate::order::is_perpetual_symbol;
use crate::seeds;
use crate::state::{Asset, Market, Pool, MAX_QUANTITY, VERSION};

/// The terms of a market. Prices are USD 1e-9 per contract, quantities 1e-9 contracts, ratios 1e-6.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct MarketTerms {
    /// Upper-case letters and digits, then `-PERP`, zero padded, for instance `BTC-PERP`: orders name instruments after it (CLR-52).
    pub symbol: [u8; 16],
    pub tick: i64,
    pub lot: i64,
    /// Smallest trade, a multiple of the lot.
    pub minimum: i64,
    pub open_interest_cap: i64,
    /// At most 100,000,000 contracts.
    pub position_cap: i64,
    /// Above 0, to 20 %.
    pub band: i64,
    /// 0 to 1 %.
    pub fee: i64,
    /// Daily volatility above which initial margin rises, above 0, to 1.
    pub sigma_limit: i64,
    /// Tick of option prices.
    pub option_tick: i64,
    /// Most that the fee on an option may be, as a share of its premium: above 0, to 50 %.
    pub option_fee_cap: i64,
}

impl MarketTerms {
    /// Refuses a symbol or terms that no market has.
    pub fn validate(&self) -> Result<()> {
        require!(is_perpetual_symbol(&self.symbol), NovateError::InvalidMarketSymbol);
        let one = Ratio::ONE.0;
        let within = |value: i64, low: i64, high: i64| value >= low && value <= high;
        let sound = self.tick > 0
            && self.lot > 0
            && self.minimum >= self.lot
            && self.minimum.checked_rem(self.lot) == Some(0)
            && within(self.position_cap, self.minimum, MAX_QUANTITY)
            && self.open_interest_cap >= self.minimum
            && within(self.band, 1, one / 5)
            && within(self.fee, 0, one / 100)
            && within(self.sigma_limit, 1, one)
            && self.option_tick > 0
            && within(self.option_fee_cap, 1, one / 2);
        require!(sound, NovateError::InvalidMarketTerms);
        Ok(())
    }
}

#[event_cpi]
#[derive(Accounts)]
pub struct AddMarket<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = !asset.load()?.is_settlement() @ NovateError::SettlementUnderlying,
        constraint = !asset.load()?.is_yield_bearing() @ NovateError::YieldBearingUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
    #[account(
        init,
        payer = authority,
        space = Market::SPACE,
        seeds = [seeds::MARKET, pool.key().as_ref(), &pool.load()?.market_count.to_le_bytes()],
        bump
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub system_program: Program<'info, System>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the asset ([`Enactment::enact`]).
/// 2. Checks the symbol and the terms, and that the asset is not one of the last two weeks (MRG-62).
/// 3. Creates the market with its perpetual. In a pool that trades its open interest may grow from nothing to the cap over two weeks, and
///    no more of the insurance fund stands behind it than a share that grows as well (CLR-32).
/// 4. With its first market an asset becomes an underlying: balances enter the scan (MRG-14), and it is given the next column of the
///    scenario rows while there is one (MRG-23). Of an asset that is held in a pool that trades they enter it over two weeks, in which the
///    authority changes nothing else that raises margin; its scan range may be at most four times its haircut.
/// 5. Counts the market in the pool and emits [`MarketAdded`].
pub(crate) fn add_market(ctx: Context<AddMarket>, terms: MarketTerms) -> Result<()> {
    let accounts = &ctx.accounts;
    let listing = instruction::AddMarket { terms };
    accounts.enactment.enact(&accounts.pool, &listing, &[accounts.asset.key()])?;
    let terms = listing.terms;
    terms.validate()?;
    let mut pool = accounts.pool.load_mut()?;
    let mut asset = accounts.asset.load_mut()?;
    let now = Clock::get()?.unix_timestamp;
    asset.require_seasoned(now)?;
    let mut market = accounts.market.load_init()?;
    market.version = VERSION;
    market.bump = ctx.bumps.market;
    market.index = pool.market_count;
    market.asset = asset.index;
    market.pool = accounts.pool.key();
    market.symbol = terms.symbol;
    market.tick = Price(terms.tick);
    market.lot = Contracts(terms.lot);
    market.minimum = Contracts(terms.minimum);
    market.open_interest_cap = Contracts(terms.open_interest_cap);
    market.position_cap = Contracts(terms.position_cap);
    market.band = Ratio(terms.band);
    market.fee = Ratio(terms.fee);
    market.sigma_limit = Ratio(terms.sigma_limit);
    market.initial_multiplier = Ratio::ONE;
    market.option_tick = Price(terms.option_tick);
    market.option_fee_cap = Ratio(terms.option_fee_cap);
    if pool.is_live() {
        market.listed = now;
    }

    if !asset.is_underlying() {
        asset.become_underlying(&mut pool, now)?;
    }
    pool.market_count = pool.market_count.checked_add(1).ok_or(NovateError::PoolFull)?;

    emit_cpi!(MarketAdded {
        version: EVENT_VERSION,
        pool: market.pool,
        market: accounts.market.key(),
        index: market.index,
        asset: market.asset,
        time: now,
    });
    Ok(())
}
