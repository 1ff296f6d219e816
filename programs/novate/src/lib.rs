//! Novate: a clearing house for cross-margined derivatives.
//!
//! Portfolios hold several collaterals and positions, and post margin for the net risk of the whole book. The program
//! stands between the two sides of every trade, settles variation between them, and auctions slices of whoever falls
//! short. The margin model is the crate `novate-margin`; here it is fed and obeyed.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]

use anchor_lang::prelude::*;

pub mod error;
pub mod events;
pub mod forecast;
pub mod health;
pub mod instructions;
pub mod instrument;
pub mod introspection;
pub mod listed;
pub mod oracle;
pub mod order;
pub mod security;
pub mod seeds;
pub mod state;

pub use error::NovateError;
pub use events::OrderId;
pub use forecast::Forecast;
pub use instructions::*;
pub use state::{
    Action, AssetField, AssetForecast, AssetSetting, Class, Delays, MarketField, MarketSetting, ParamSetting, Role,
};

declare_id!("76GnU7ZPVzyCnvVHhxw1FcsFFrfUFWFK9tgjjXJ5ezaQ");

#[program]
pub mod novate {
    use super::*;

    pub fn create_pool(ctx: Context<CreatePool>, id: u16, cluster: u8, guardian: Pubkey, risk: Pubkey) -> Result<()> {
        instructions::create_pool::create_pool(ctx, id, cluster, guardian, risk)
    }

    pub fn add_asset(ctx: Context<AddAsset>, terms: AssetTerms) -> Result<()> {
        instructions::add_asset::add_asset(ctx, terms)
    }

    pub fn add_market(ctx: Context<AddMarket>, terms: MarketTerms) -> Result<()> {
        instructions::add_market::add_market(ctx, terms)
    }

    pub fn propose_role(ctx: Context<ProposeRole>, role: Role, key: Pubkey) -> Result<()> {
        instructions::propose_role::propose_role(ctx, role, key)
    }

    pub fn cancel_role(ctx: Context<CancelRole>, role: Role) -> Result<()> {
        instructions::cancel_role::cancel_role(ctx, role)
    }

    pub fn accept_role(ctx: Context<AcceptRole>, role: Role) -> Result<()> {
        instructions::accept_role::accept_role(ctx, role)
    }

    pub fn schedule_change(ctx: Context<ScheduleChange>, data: Vec<u8>, targets: Vec<Pubkey>) -> Result<()> {
        instructions::schedule_change::schedule_change(ctx, data, targets)
    }

    pub fn cancel_change(ctx: Context<CancelChange>) -> Result<()> {
        instructions::cancel_change::cancel_change(ctx)
    }

    pub fn set_delays(ctx: Context<SetDelays>, delays: Delays) -> Result<()> {
        instructions::set_delays::set_delays(ctx, delays)
    }

    pub fn set_asset(ctx: Context<SetAsset>, settings: Vec<AssetSetting>) -> Result<()> {
        instructions::set_asset::set_asset(ctx, settings)
    }

    pub fn tighten_asset<'info>(ctx: Context<'info, TightenAsset<'info>>, settings: Vec<AssetSetting>) -> Result<()> {
        instructions::tighten_asset::tighten_asset(ctx, settings)
    }

    pub fn restore_asset(ctx: Context<RestoreAsset>) -> Result<()> {
        instructions::restore_asset::restore_asset(ctx)
    }

    pub fn migrate_asset(ctx: Context<MigrateAsset>) -> Result<()> {
        instructions::migrate_asset::migrate_asset(ctx)
    }

    pub fn set_market(ctx: Context<SetMarket>, settings: Vec<MarketSetting>) -> Result<()> {
        instructions::set_market::set_market(ctx, settings)
    }

    pub fn tighten_market(ctx: Context<TightenMarket>, settings: Vec<MarketSetting>) -> Result<()> {
        instructions::tighten_market::tighten_market(ctx, settings)
    }

    pub fn set_oracle(ctx: Context<SetOracle>, source: OracleSource) -> Result<()> {
        instructions::set_oracle::set_oracle(ctx, source)
    }

    pub fn set_params(ctx: Context<SetParams>, settings: Vec<ParamSetting>) -> Result<()> {
        instructions::set_params::set_params(ctx, settings)
    }

    pub fn switch_scenarios(ctx: Context<SwitchScenarios>, hash: [u8; 32]) -> Result<()> {
        instructions::switch_scenarios::switch_scenarios(ctx, hash)
    }

    pub fn pause(ctx: Context<Pause>, action: Action, seconds: i64) -> Result<()> {
        instructions::pause::pause(ctx, action, seconds)
    }

    pub fn unpause(ctx: Context<Unpause>, action: Action) -> Result<()> {
        instructions::unpause::unpause(ctx, action)
    }

    pub fn set_committee(ctx: Context<SetCommittee>, members: Vec<Pubkey>, quorum: u8) -> Result<()> {
        instructions::set_committee::set_committee(ctx, members, quorum)
    }

    pub fn remove_member(ctx: Context<RemoveMember>, member: Pubkey) -> Result<()> {
        instructions::remove_member::remove_member(ctx, member)
    }

    pub fn set_lending(ctx: Context<SetLending>, lending: Lending) -> Result<()> {
        instructions::set_lending::set_lending(ctx, lending)
    }

    pub fn register_venue(ctx: Context<RegisterVenue>, signer: Pubkey) -> Result<()> {
        instructions::register_venue::register_venue(ctx, signer)
    }

    pub fn remove_venue<'info>(ctx: Context<'info, RemoveVenue<'info>>) -> Result<()> {
        instructions::remove_venue::remove_venue(ctx)
    }

    pub fn list_expiry<'info>(ctx: Context<'info, ListExpiry<'info>>, time: i64, forecast: Forecast) -> Result<()> {
        instructions::list_expiry::list_expiry(ctx, time, forecast)
    }

    pub fn list_strikes(ctx: Context<ListStrikes>, strikes: Vec<i64>) -> Result<()> {
        instructions::list_strikes::list_strikes(ctx, strikes)
    }

    pub fn stage_scenarios(ctx: Context<StageScenarios>, generation: u16, range: ScenarioRange) -> Result<()> {
        instructions::stage_scenarios::stage_scenarios(ctx, generation, range)
    }

    pub fn refresh_asset<'info>(ctx: Context<'info, RefreshAsset>) -> Result<()> {
        instructions::refresh_asset::refresh_asset(ctx)
    }

    pub fn refresh_redemption<'info>(ctx: Context<'info, RefreshRedemption>) -> Result<()> {
        instructions::refresh_redemption::refresh_redemption(ctx)
    }

    pub fn refresh_market<'info>(ctx: Context<'info, RefreshMarket>) -> Result<()> {
        instructions::refresh_market::refresh_market(ctx)
    }

    pub fn report_mid(ctx: Context<ReportMid>, mid: i64) -> Result<()> {
        instructions::report_mid::report_mid(ctx, mid)
    }

    pub fn submit_forecast(ctx: Context<SubmitForecast>, forecast: Forecast) -> Result<()> {
        instructions::submit_forecast::submit_forecast(ctx, forecast)
    }

    pub fn apply_forecasts<'info>(ctx: Context<'info, ApplyForecasts<'info>>) -> Result<()> {
        instructions::apply_forecasts::apply_forecasts(ctx)
    }

    pub fn submit_asset_forecast(ctx: Context<SubmitAssetForecast>, forecast: AssetForecast) -> Result<()> {
        instructions::submit_asset_forecast::submit_asset_forecast(ctx, forecast)
    }

    pub fn apply_asset_forecasts(ctx: Context<ApplyAssetForecasts>) -> Result<()> {
        instructions::apply_asset_forecasts::apply_asset_forecasts(ctx)
    }

    pub fn submit_settlement_price(ctx: Context<SubmitSettlementPrice>, price: i64) -> Result<()> {
        instructions::submit_settlement_price::submit_settlement_price(ctx, price)
    }

    pub fn apply_settlement_price(ctx: Context<ApplySettlementPrice>) -> Result<()> {
        instructions::apply_settlement_price::apply_settlement_price(ctx)
    }

    pub fn refresh_expiry<'info>(ctx: Context<'info, RefreshExpiry<'info>>, ranges: Vec<StrikeRange>) -> Result<()> {
        instructions::refresh_expiry::refresh_expiry(ctx, ranges)
    }

    pub fn open_portfolio(ctx: Context<OpenPortfolio>, sub_account: u16) -> Result<()> {
        instructions::open_portfolio::open_portfolio(ctx, sub_account)
    }

    pub fn close_portfolio(ctx: Context<ClosePortfolio>, sub_account: u16) -> Result<()> {
        instructions::close_portfolio::close_portfolio(ctx, sub_account)
    }

    pub fn set_delegate(ctx: Context<SetDelegate>, delegate: Pubkey, expiry: i64) -> Result<()> {
        instructions::set_delegate::set_delegate(ctx, delegate, expiry)
    }

    pub fn revoke_delegate(ctx: Context<RevokeDelegate>) -> Result<()> {
        instructions::revoke_delegate::revoke_delegate(ctx)
    }

    pub fn deposit<'info>(ctx: Context<'info, Deposit<'info>>, amount: u64) -> Result<()> {
        instructions::deposit::deposit(ctx, amount)
    }

    pub fn withdraw<'info>(ctx: Context<'info, Withdraw<'info>>, amount: u64) -> Result<()> {
        instructions::withdraw::withdraw(ctx, amount)
    }

    pub fn transfer<'info>(ctx: Context<'info, TransferBetween<'info>>, amount: u64) -> Result<()> {
        instructions::transfer::transfer(ctx, amount)
    }

    pub fn lend(ctx: Context<Lend>, amount: u64) -> Result<()> {
        instructions::lend::lend(ctx, amount)
    }

    pub fn unlend(ctx: Context<Unlend>, amount: u64) -> Result<()> {
        instructions::unlend::unlend(ctx, amount)
    }

    pub fn borrow<'info>(ctx: Context<'info, Borrow<'info>>, amount: u64) -> Result<()> {
        instructions::borrow::borrow(ctx, amount)
    }

    pub fn repay(ctx: Context<Repay>, amount: u64) -> Result<()> {
        instructions::repay::repay(ctx, amount)
    }

    pub fn trade<'info>(ctx: Context<'info, Trade<'info>>, legs: Vec<Leg>) -> Result<()> {
        instructions::trade::trade(ctx, legs)
    }

    pub fn settle_orders<'info>(
        ctx: Context<'info, SettleOrders<'info>>,
        legs: Vec<Leg>,
        sides: [Authority; 2],
    ) -> Result<()> {
        instructions::settle_orders::settle_orders(ctx, legs, sides)
    }

    pub fn cancel_orders(ctx: Context<CancelOrders>, minimum_nonce: u64, orders: Vec<OrderId>) -> Result<()> {
        instructions::cancel_orders::cancel_orders(ctx, minimum_nonce, orders)
    }

    pub fn opt_in_venue(ctx: Context<OptInVenue>) -> Result<()> {
        instructions::opt_in_venue::opt_in_venue(ctx)
    }

    pub fn opt_out_venue(ctx: Context<OptOutVenue>, venue: u16) -> Result<()> {
        instructions::opt_out_venue::opt_out_venue(ctx, venue)
    }

    pub fn clear<'info>(ctx: Context<'info, Clear<'info>>, legs: Vec<Leg>) -> Result<()> {
        instructions::clear::clear(ctx, legs)
    }

    pub fn settle_variation(ctx: Context<SettleVariation>, instrument: u64) -> Result<()> {
        instructions::settle_variation::settle_variation(ctx, instrument)
    }

    pub fn borrow_for_loss<'info>(ctx: Context<'info, BorrowForLoss<'info>>, instrument: u64) -> Result<()> {
        instructions::borrow_for_loss::borrow_for_loss(ctx, instrument)
    }

    pub fn fix_expiry(ctx: Context<FixExpiry>) -> Result<()> {
        instructions::fix_expiry::fix_expiry(ctx)
    }

    pub fn settle_expiry(ctx: Context<SettleExpiry>) -> Result<()> {
        instructions::settle_expiry::settle_expiry(ctx)
    }

    pub fn register_gain(ctx: Context<RegisterGain>, instrument: u64) -> Result<()> {
        instructions::register_gain::register_gain(ctx, instrument)
    }

    pub fn charge_gain(ctx: Context<ChargeGain>, instrument: u64) -> Result<()> {
        instructions::charge_gain::charge_gain(ctx, instrument)
    }

    pub fn close_haircut(ctx: Context<CloseHaircut>) -> Result<()> {
        instructions::close_haircut::close_haircut(ctx)
    }

    pub fn close_expiry(ctx: Context<CloseExpiry>) -> Result<()> {
        instructions::close_expiry::close_expiry(ctx)
    }

    pub fn start_auction<'info>(ctx: Context<'info, StartAuction<'info>>) -> Result<()> {
        instructions::start_auction::start_auction(ctx)
    }

    pub fn liquidate<'info>(ctx: Context<'info, Liquidate<'info>>, fraction: i64, limit: i64) -> Result<()> {
        instructions::liquidate::liquidate(ctx, fraction, limit)
    }

    pub fn end_auction<'info>(ctx: Context<'info, EndAuction<'info>>) -> Result<()> {
        instructions::end_auction::end_auction(ctx)
    }

    pub fn resolve_bankruptcy<'info>(ctx: Context<'info, ResolveBankruptcy<'info>>) -> Result<()> {
        instructions::resolve_bankruptcy::resolve_bankruptcy(ctx)
    }

    pub fn fund_insurance(ctx: Context<FundInsurance>, amount: u64) -> Result<()> {
        instructions::fund_insurance::fund_insurance(ctx, amount)
    }

    pub fn collect_fees(ctx: Context<CollectFees>) -> Result<()> {
        instructions::collect_fees::collect_fees(ctx)
    }

    pub fn stake(ctx: Context<AddStake>, amount: u64) -> Result<()> {
        instructions::stake::stake(ctx, amount)
    }

    pub fn request_unstake(ctx: Context<RequestUnstake>, shares: u128) -> Result<()> {
        instructions::request_unstake::request_unstake(ctx, shares)
    }

    pub fn unstake(ctx: Context<Unstake>) -> Result<()> {
        instructions::unstake::unstake(ctx)
    }

    pub fn close_stake(ctx: Context<CloseStake>) -> Result<()> {
        instructions::close_stake::close_stake(ctx)
    }

    pub fn health<'info>(ctx: Context<'info, ReadHealth<'info>>) -> Result<HealthReport> {
        instructions::health::health(ctx)
    }

    pub fn require_health<'info>(ctx: Context<'info, RequireHealth<'info>>, minimum: i64) -> Result<()> {
        instructions::require_health::require_health(ctx, minimum)
    }

    pub fn require_sequence(ctx: Context<RequireSequence>, sequence: u64) -> Result<()> {
        instructions::require_sequence::require_sequence(ctx, sequence)
    }
}
