use anchor_lang::prelude::*;
use anchor_spl::token_2022::spl_token_2022::extension::{BaseStateWithExtensions, ExtensionType, StateWithExtensions};
use anchor_spl::token_2022::spl_token_2022::state::Mint as MintState;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use novate_margin::bank::Bank;
use novate_margin::{Ratio, Usd, NO_COLUMN};

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{AssetAdded, EVENT_VERSION};
use crate::instruction;
use crate::oracle::stake_pool::STAKE_POOL_DECIMALS;
use crate::seeds;
use crate::state::{Asset, Outflow, Pool, ORACLE_PRICE_UPDATE, ORACLE_PUSH, SETTLEMENT_ASSET};

/// Mint extensions that cannot move, freeze or fake what a vault holds (CLR-60). A transfer fee is allowed because a
/// deposit credits what the vault received. A close authority is not: a mint closed at zero supply can come back at the same
/// address with other decimals and extensions.
const ALLOWED_EXTENSIONS: [ExtensionType; 9] = [
    ExtensionType::TransferFeeConfig,
    ExtensionType::InterestBearingConfig,
    ExtensionType::ScaledUiAmount,
    ExtensionType::MetadataPointer,
    ExtensionType::TokenMetadata,
    ExtensionType::GroupPointer,
    ExtensionType::GroupMemberPointer,
    ExtensionType::TokenGroup,
    ExtensionType::TokenGroupMember,
];

/// Least depth of a market, 1,000,000 USD: notionals as far as they count stay within the range of the concentration
/// charge.
pub(crate) const MIN_DEPTH: i64 = 1_000_000_000_000;

/// Most decimals of a mint: with the greatest contract exponent its units still convert to contracts.
const MAX_DECIMALS: u8 = 18;

/// Farthest that governance may let a market price be from redemption value, 20 %.
const MAX_DEPEG_LIMIT: i64 = 200_000;

/// What makes an asset yield-bearing: a token of an SPL stake pool (MRG-61).
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct RedemptionTerms {
    /// Index of what it is redeemed for.
    pub underlying: u16,
    pub stake_pool: Pubkey,
    /// Program that owns the stake pool.
    pub stake_program: Pubkey,
    /// Difference between redemption value and market price, as a share of the former, beyond which balances do not count for
    /// new risk: above 0, to 20 %.
    pub depeg_limit: i64,
}

/// The terms of an asset. Ratios are 1e-6.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct AssetTerms {
    /// Zero padded, printable.
    pub symbol: [u8; 16],
    /// A contract is 10^this whole tokens, 0 to 9; 0 for the settlement asset.
    pub contract_exponent: u8,
    /// 1: Pyth `PriceUpdateV2`; 2: Pyth push account.
    pub oracle: u8,
    /// Price account; the zero key accepts posted updates of `feed_id`.
    pub feed: Pubkey,
    pub feed_owner: Pubkey,
    pub feed_id: [u8; 32],
    /// Seconds, 1 to 3,600.
    pub max_age: i64,
    /// Above 0, to 10 %.
    pub max_confidence: i64,
    /// Farthest that a price may be from the average of the last minute's readings (CLR-40): 1 % to 100 %.
    pub band: i64,
    /// Base of the scan range (MRG-51), 1 % to 50 %.
    pub base_range: i64,
    /// Depth in USD 1e-6 (MRG-35), at least 1,000,000 USD; 0 charges no concentration.
    pub depth: i64,
    /// 0 to 100 %.
    pub haircut_base: i64,
    /// 0 to 10.
    pub haircut_volatility_multiple: i64,
    /// 0 to 365 days, 1e-6.
    pub days_to_liquidate: i64,
    /// 0 to 100 %.
    pub haircut_size_add_on: i64,
    /// In the mint's units; at most the mint's supply in a pool that trades.
    pub deposit_cap: u64,
    /// Most that leaves on balance in a day, in the mint's units (CLR-41): at least a seventh of the cap, so that an exit takes seven
    /// days at most; 0 sets no limit.
    pub outflow_limit: u64,
    /// Least that a new balance holds, a loan owes or a withdrawal leaves, in the mint's units (CLR-34): at most a thousandth of the cap;
    /// 0 for the settlement asset.
    pub minimum_balance: u64,
    /// Of a yield-bearing asset only.
    pub redemption: Option<RedemptionTerms>,
}

/// Where the price of an asset comes from.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleSource {
    /// 1: Pyth `PriceUpdateV2`; 2: Pyth push account.
    pub oracle: u8,
    /// Price account; the zero key accepts posted updates of `feed_id`.
    pub feed: Pubkey,
    pub feed_owner: Pubkey,
    pub feed_id: [u8; 32],
}

impl OracleSource {
    pub(crate) fn is_sound(&self) -> bool {
        self.feed_owner != Pubkey::default()
            && match self.oracle {
                ORACLE_PRICE_UPDATE => self.feed_id != [0; 32],
                // A push account carries no feed id: its address is the only thing that names it.
                ORACLE_PUSH => self.feed != Pubkey::default(),
                _ => false,
            }
    }
}

impl AssetTerms {
    fn source(&self) -> OracleSource {
        OracleSource { oracle: self.oracle, feed: self.feed, feed_owner: self.feed_owner, feed_id: self.feed_id }
    }

    fn validate(&self) -> Result<()> {
        let one = Ratio::ONE.0;
        let within = |value: i64, low: i64, high: i64| value >= low && value <= high;
        let sound = within(self.max_age, 1, 3_600)
            && within(self.max_confidence, 1, one / 10)
            && within(self.band, one / 100, one)
            && within(self.base_range, one / 100, one / 2)
            && (self.depth == 0 || self.depth >= MIN_DEPTH)
            && within(self.haircut_base, 0, one)
            && within(self.haircut_volatility_multiple, 0, 10 * one)
            && within(self.days_to_liquidate, 0, 365 * one)
            && within(self.haircut_size_add_on, 0, one)
            && self.contract_exponent <= 9
            && Outflow::is_sound(self.outflow_limit, self.deposit_cap)
            && self.minimum_balance <= self.deposit_cap / 1_000
            && self.source().is_sound();
        let redeemable = self.redemption.as_ref().is_none_or(|redemption| {
            redemption.stake_pool != Pubkey::default()
                && redemption.stake_program != Pubkey::default()
                && within(redemption.depeg_limit, 1, MAX_DEPEG_LIMIT)
        });
        require!(sound && redeemable, NovateError::InvalidAssetTerms);
        Ok(())
    }
}

#[event_cpi]
#[derive(Accounts)]
pub struct AddAsset<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init,
        payer = authority,
        space = Asset::SPACE,
        seeds = [seeds::ASSET, pool.key().as_ref(), &pool.load()?.asset_count.to_le_bytes()],
        bump
    )]
    pub asset: AccountLoader<'info, Asset>,
    #[account(
        init,
        payer = authority,
        seeds = [seeds::VAULT, asset.key().as_ref()],
        bump,
        token::mint = mint,
        token::authority = pool,
        token::token_program = token_program
    )]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    #[account(mint::token_program = token_program)]
    pub mint: InterfaceAccount<'info, Mint>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
    pub system_program: Program<'info, System>,
    /// What a yield-bearing asset is redeemed for.
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub underlying: Option<AccountLoader<'info, Asset>>,
    pub enactment: Enactment<'info>,
}

impl AddAsset<'_> {
    fn validate(&self, terms: &AssetTerms) -> Result<()> {
        terms.validate()?;
        require_supported_extensions(&self.mint.to_account_info())?;
        let pool = self.pool.load()?;
        let settles = self.mint.key() == pool.settlement_mint;
        require!(settles == (pool.asset_count == SETTLEMENT_ASSET), NovateError::SettlementFirst);
        let plain = terms.contract_exponent == 0 && terms.minimum_balance == 0;
        require!(!settles || plain, NovateError::InvalidAssetTerms);
        require!(self.mint.decimals <= MAX_DECIMALS, NovateError::InvalidAssetTerms);
        // A day's share of a cap above all there is would be no limit (MRG-62).
        let limits = !pool.is_live() || terms.deposit_cap <= self.mint.supply;
        require!(limits, NovateError::InvalidAssetTerms);
        match &terms.redemption {
            Some(redemption) => self.validate_underlying(redemption.underlying, terms.contract_exponent),
            None => Ok(()),
        }
    }

    /// A unit of the mint is redeemed for lamports, and a contract for contracts.
    fn validate_underlying(&self, index: u16, contract_exponent: u8) -> Result<()> {
        let underlying = self.underlying.as_ref().ok_or(NovateError::AssetMissing)?.load()?;
        let fit = underlying.index == index
            && !underlying.is_settlement()
            && !underlying.is_yield_bearing()
            && underlying.contract_exponent == contract_exponent
            && underlying.decimals == STAKE_POOL_DECIMALS
            && self.mint.decimals == STAKE_POOL_DECIMALS;
        require!(fit, NovateError::UnfitUnderlying);
        Ok(())
    }
}

fn require_supported_extensions(mint: &AccountInfo) -> Result<()> {
    if *mint.owner == anchor_spl::token::ID {
        return Ok(());
    }
    let data = mint.try_borrow_data()?;
    for extension in StateWithExtensions::<MintState>::unpack(&data)?.get_extension_types()? {
        require!(ALLOWED_EXTENSIONS.contains(&extension), NovateError::MintExtension);
    }
    Ok(())
}

/// 1. Executes the change that was scheduled for it, which names the mint ([`Enactment::enact`]).
/// 2. Checks the terms, the mint's extensions, that the settlement asset comes first, and what a yield-bearing asset is
///    redeemed for.
/// 3. Creates the asset, without a price, and its vault. In a pool that trades it begins with a haircut of the whole and a cap of
///    nothing, and comes to its terms over two weeks (MRG-62).
/// 4. Counts it in the pool and emits [`AssetAdded`].
pub(crate) fn add_asset(ctx: Context<AddAsset>, terms: AssetTerms) -> Result<()> {
    let accounts = &ctx.accounts;
    let listing = instruction::AddAsset { terms };
    accounts.enactment.enact(&accounts.pool, &listing, &[accounts.mint.key()])?;
    let terms = listing.terms;
    accounts.validate(&terms)?;

    let mut asset = accounts.asset.load_init()?;
    let mut pool = accounts.pool.load_mut()?;
    asset.bump = ctx.bumps.asset;
    asset.vault_bump = ctx.bumps.vault;
    asset.decimals = accounts.mint.decimals;
    asset.index = pool.asset_count;
    asset.column = NO_COLUMN;
    asset.contract_exponent = terms.contract_exponent;
    asset.oracle = terms.oracle;
    asset.pool = accounts.pool.key();
    asset.mint = accounts.mint.key();
    asset.vault = accounts.vault.key();
    asset.token_program = accounts.token_program.key();
    asset.feed = terms.feed;
    asset.feed_owner = terms.feed_owner;
    asset.feed_id = terms.feed_id;
    asset.symbol = terms.symbol;
    asset.max_age = terms.max_age;
    asset.max_confidence = Ratio(terms.max_confidence);
    asset.guard.band = Ratio(terms.band);
    asset.base_range = Ratio(terms.base_range);
    asset.scan_range = Ratio(terms.base_range);
    asset.depth = Usd(terms.depth);
    asset.haircut_base = Ratio(terms.haircut_base);
    asset.haircut = Ratio::ONE;
    asset.haircut_volatility_multiple = Ratio(terms.haircut_volatility_multiple);
    asset.days_to_liquidate = Ratio(terms.days_to_liquidate);
    asset.haircut_size_add_on = Ratio(terms.haircut_size_add_on);
    asset.deposit_cap = terms.deposit_cap;
    asset.outflow.limit = terms.outflow_limit;
    asset.minimum_balance = terms.minimum_balance;
    asset.bank = Bank::open();
    asset.agree();
    if pool.is_live() {
        asset.ramp.listed = Clock::get()?.unix_timestamp;
    }
    if let Some(redemption) = terms.redemption {
        asset.redemption.underlying = redemption.underlying;
        asset.redemption.stake_pool = redemption.stake_pool;
        asset.redemption.stake_program = redemption.stake_program;
        asset.redemption.depeg_limit = Ratio(redemption.depeg_limit);
    }
    pool.asset_count = pool.asset_count.checked_add(1).ok_or(NovateError::PoolFull)?;

    emit_cpi!(AssetAdded {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: accounts.asset.key(),
        index: asset.index,
        mint: asset.mint,
        feed: asset.feed,
        feed_owner: asset.feed_owner,
        time: Clock::get()?.unix_timestamp,
        redemption_underlying: asset.redemption.underlying,
        stake_pool: asset.redemption.stake_pool,
    });
    Ok(())
}
