//! One event per instruction that changes something, emitted by a call of the program to itself so that no log limit
//! can drop it. Fields are only ever appended.
//!
//! Each begins with its version and the pool. Where portfolios are concerned, each is followed by its sequence after the
//! instruction. Amounts are signed from the portfolio's side. Refreshes are telemetry, one log line per account.

use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::*;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::solana_program::program::invoke_signed;
use anchor_lang::Event;
use novate_margin::bank::Bank;

use crate::forecast::Forecast;
use crate::instructions::{Lending, OracleSource};
use crate::state::{
    Action, AssetForecast, AssetSetting, Borne, Class, Delays, DepositsCharged, MarketSetting, ParamSetting, Role,
};

/// Version of every event below.
pub const EVENT_VERSION: u8 = 1;

/// What `emit_cpi!` does, in memory of exactly the event's size: of a large event that one leaves several copies on a heap that gives
/// nothing back.
pub(crate) fn emit<E: Event>(event: &E, authority: &AccountInfo) -> Result<()> {
    let head = [EVENT_IX_TAG_LE, E::DISCRIMINATOR].concat();
    let mut data = Vec::with_capacity(borsh::object_length(event)?.saturating_add(head.len()));
    data.extend_from_slice(&head);
    event.serialize(&mut data)?;
    let accounts = vec![AccountMeta::new_readonly(*authority.key, true)];
    let call = Instruction { program_id: crate::ID, accounts, data };
    let seeds: &[&[u8]] = &[b"__event_authority", &[crate::EVENT_AUTHORITY_AND_BUMP.1]];
    Ok(invoke_signed(&call, &[authority.to_account_info()], &[seeds])?)
}

#[event]
pub struct PoolCreated {
    pub version: u8,
    pub pool: Pubkey,
    pub creator: Pubkey,
    pub settlement_mint: Pubkey,
    pub time: i64,
    /// Code of the cluster that orders of its portfolios name.
    pub cluster: u8,
    pub guardian: Pubkey,
    pub risk: Pubkey,
}

#[event]
pub struct AssetAdded {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: Pubkey,
    pub index: u16,
    pub mint: Pubkey,
    pub feed: Pubkey,
    pub feed_owner: Pubkey,
    pub time: i64,
    /// Index of what a yield-bearing asset is redeemed for, 0 for any other.
    pub redemption_underlying: u16,
    /// Of a yield-bearing asset, else zero.
    pub stake_pool: Pubkey,
}

#[event]
pub struct MarketAdded {
    pub version: u8,
    pub pool: Pubkey,
    pub market: Pubkey,
    pub index: u16,
    pub asset: u16,
    pub time: i64,
}

#[event]
pub struct ScenariosStaged {
    pub version: u8,
    pub pool: Pubkey,
    pub generation: u16,
    pub start: u16,
    pub rows: u16,
    pub complete: bool,
    pub live: bool,
    pub time: i64,
}

/// What interest has made of a bank, after the instruction: with the shares of all lenders and borrowers everything that the
/// bank counts follows.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// What a share of what is lent and a share of a loan are worth, in 2^-64 of the mint's units.
    pub lent_index: u128,
    pub loan_index: u128,
    /// What the bank keeps, in the mint's units.
    pub reserve: u64,
}

impl From<&Bank> for Interest {
    fn from(bank: &Bank) -> Self {
        let [lent_index, loan_index] =
            [bank.lent_index, bank.loan_index].map(|[low, high]| u128::from(low) | (u128::from(high) << 64));
        Self { lent_index, loan_index, reserve: bank.reserve }
    }
}

/// Telemetry: emitted to the log.
#[event]
pub struct AssetRefreshed {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    pub price: i64,
    pub confidence: i64,
    pub publish_time: i64,
    pub scan_range: i64,
    pub haircut: i64,
    /// In the mint's units, after interest up to now.
    pub lent: u64,
    pub loans: u64,
    /// The reading became the price; otherwise it was outside the guard's band, and the asset is restricted.
    pub accepted: bool,
    /// The guard's average, after.
    pub average: i64,
    pub interest: Interest,
}

/// Telemetry: emitted to the log.
#[event]
pub struct RedemptionRefreshed {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    /// In force from now on.
    pub rate: i64,
    /// As the stake pool has it.
    pub stake_pool_rate: i64,
}

/// Telemetry: emitted to the log.
#[event]
pub struct MarketRefreshed {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub mark: i64,
    pub initial_multiplier: i64,
    /// 1e-6.
    pub premium: i64,
    /// Cumulative funding, USD 1e-9 per contract.
    pub funding: i64,
}

#[event]
pub struct PortfolioOpened {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub owner: Pubkey,
    pub sub_account: u16,
    pub generation: u64,
}

#[event]
pub struct PortfolioClosed {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub generation: u64,
}

#[event]
pub struct DelegateSet {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub delegate: Pubkey,
    pub expiry: i64,
}

/// A deposit (positive) or a withdrawal (negative), in the mint's units.
#[event]
pub struct Moved {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub asset: u16,
    pub amount: i64,
    /// Cash, for the settlement asset; tokens that are not lent, for any other.
    pub balance: i64,
    /// Of cash, what is held back.
    pub held: u64,
}

#[event]
pub struct Transferred {
    pub version: u8,
    pub pool: Pubkey,
    pub from: Pubkey,
    pub from_sequence: u64,
    pub to: Pubkey,
    pub to_sequence: u64,
    pub time: i64,
    pub asset: u16,
    /// In the mint's units; the balances are cash, for the settlement asset, and tokens that are not lent, for any other.
    pub amount: i64,
    pub from_balance: i64,
    pub to_balance: i64,
    /// Of cash of the first, what is held back.
    pub from_held: u64,
}

/// One leg as it was executed, from the first portfolio's side.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradedLeg {
    pub instrument: u64,
    pub quantity: i64,
    pub price: i64,
    /// Fees included: what was added to the costs of the two positions, or for an option what the two sides paid in cash.
    pub first_cost: i64,
    pub second_cost: i64,
}

#[event]
pub struct Traded {
    pub version: u8,
    pub pool: Pubkey,
    pub first: Pubkey,
    pub first_sequence: u64,
    pub second: Pubkey,
    pub second_sequence: u64,
    pub time: i64,
    pub legs: Vec<TradedLeg>,
    /// An auction of that side ended with this trade.
    pub first_restored: bool,
    pub second_restored: bool,
    /// Cash of the two sides after the trade.
    pub first_cash: i64,
    pub second_cash: i64,
    /// Funding that was added to the costs of the two sides' positions before the legs.
    pub first_funding: i64,
    pub second_funding: i64,
    /// For each leg, cumulative funding of its market that the costs of both positions have now; 0 where it is no perpetual.
    pub funding_indices: Vec<i64>,
    /// What the two sides' traded positions bore of haircuts before.
    pub first_borne: Vec<PositionBorne>,
    pub second_borne: Vec<PositionBorne>,
    /// Of cash of the two sides, what is held back.
    pub first_held: u64,
    pub second_held: u64,
    /// The signed orders that this filled; none where a side signed the transaction, or a venue's fill is settled.
    pub first_order: Option<FilledOrder>,
    pub second_order: Option<FilledOrder>,
    /// Index of the venue whose fill it is.
    pub venue: Option<u16>,
}

/// A signed order, told apart from others of its portfolio by nonce and expiry (CLR-52).
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId {
    pub nonce: u64,
    /// Unix time from which it is void.
    pub until: i64,
}

/// How much of a signed order is filled after a trade.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilledOrder {
    pub order: OrderId,
    /// Of the strategy, 1e-9.
    pub filled: i64,
}

#[event]
pub struct OrdersCancelled {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    /// Orders with a lower nonce are void.
    pub minimum_nonce: u64,
    /// Orders that were named, those that were void already too.
    pub orders: Vec<OrderId>,
}

#[event]
pub struct VenueOptedIn {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub venue: u16,
}

#[event]
pub struct VenueOptedOut {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub venue: u16,
}

#[event]
pub struct VariationSettled {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub instrument: u64,
    /// Received from the variation pool (positive, pending for one to two hours) or paid into it (negative).
    pub amount: i64,
    /// Gains that ceased to be pending and are cash now.
    pub released: i64,
    pub cash: i64,
    pub variation_pool: i64,
    /// Funding that was added to the cost before: a loss where it is positive.
    pub funding: i64,
    /// Cumulative funding of the market that the cost has now; 0 where it is no perpetual.
    pub funding_index: i64,
    /// A solvent auction ended: nothing is owed any more.
    pub auction_ended: bool,
    /// What the position bore of a haircut before.
    pub borne: Borne,
}

#[event]
pub struct AuctionStarted {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub equity: i64,
    pub maintenance: i64,
    /// Equity is zero or below: insurance pays who takes the account.
    pub insolvent: bool,
    /// Settlement asset set aside out of insurance; 0 where solvent.
    pub reserved: u64,
    /// At the averages of the last minute (CLR-42).
    pub average_equity: i64,
    pub average_maintenance: i64,
    /// What was left of the reserve of an auction that this one takes the place of, and is not set aside any more.
    pub released: u64,
}

#[event]
pub struct AuctionEnded {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub equity: i64,
    pub maintenance: i64,
    /// What was left of the reserve, and is not set aside any more.
    pub released: u64,
}

#[event]
pub struct Liquidated {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub taker: Pubkey,
    pub taker_sequence: u64,
    pub time: i64,
    /// 1e-9 of the account.
    pub fraction: i64,
    /// Settlement asset paid by the taker; where negative, paid to it.
    pub price: i64,
    pub equity_before: i64,
    pub maintenance_before: i64,
    /// At least.
    pub equity_after: i64,
    /// At most.
    pub maintenance_after: i64,
    /// The auction ended with this bid.
    pub restored: bool,
    /// Funding that was added to the costs of the two portfolios' positions before the slice was cut.
    pub funding: i64,
    pub taker_funding: i64,
    /// What insurance paid out of capital and out of stake, settlement asset.
    pub from_capital: u64,
    pub from_stake: u64,
    /// Equity below zero that went with the slice, settlement asset.
    pub deficit: u64,
    /// The payout ended the stake: its shares are worth nothing.
    pub stake_ended: bool,
    /// For each perpetual that the liquidated portfolio held, by instrument, cumulative funding of its market that the costs of
    /// both positions have now.
    pub funding_indices: Vec<i64>,
    /// Cash of the two portfolios afterwards.
    pub cash: i64,
    pub taker_cash: i64,
    /// Gains of the taker's that ceased to be pending, and are cash now.
    pub taker_released: i64,
    /// What was left of the reserve where the auction ended, and is not set aside any more.
    pub released: u64,
    /// Of the payout, what costs of the slice were lowered by, settlement asset, and in which positions.
    pub forgiven: u64,
    pub losses: Vec<ForgivenLoss>,
    /// What positions of the two portfolios bore of haircuts before.
    pub borne: Vec<PositionBorne>,
    pub taker_borne: Vec<PositionBorne>,
    /// What all settlement deposits paid: a haircut.
    pub from_deposits: DepositsCharged,
}

#[event]
pub struct BankruptcyResolved {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    /// Settlement asset: the losses, and the loan paid back.
    pub deficit: u64,
    pub losses: Vec<BankruptLoss>,
    pub repaid: u64,
    /// Of the losses, what was forgiven to the markets. The rest was paid into their variation pools.
    pub forgiven: u64,
    /// Who paid what is not forgiven.
    pub from_capital: u64,
    pub from_stake: u64,
    pub stake_ended: bool,
    pub from_deposits: DepositsCharged,
    /// What the positions were charged for haircuts before; it is in their losses.
    pub borne: Vec<PositionBorne>,
    pub interest: Interest,
}

/// A loss of a closed position that others bear. Settlement asset.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankruptLoss {
    pub instrument: u64,
    pub amount: u64,
    /// Of it, forgiven.
    pub forgiven: u64,
    /// As in [`ForgivenLoss`]; 0 where nothing is forgiven.
    pub round: u32,
}

/// Somebody was proposed for a role, a proposal was taken back, or accepted.
#[event]
pub struct RoleProposed {
    pub version: u8,
    pub pool: Pubkey,
    pub role: Role,
    pub key: Pubkey,
    pub time: i64,
}

#[event]
pub struct RoleCancelled {
    pub version: u8,
    pub pool: Pubkey,
    pub role: Role,
    pub key: Pubkey,
    pub signer: Pubkey,
    pub time: i64,
}

#[event]
pub struct RoleAccepted {
    pub version: u8,
    pub pool: Pubkey,
    pub role: Role,
    /// Who held it, and who holds it now.
    pub before: Pubkey,
    pub key: Pubkey,
    pub time: i64,
}

/// A kind of action is paused until a time, or no longer: `until` is then the time of the event.
#[event]
pub struct ChangeScheduled {
    pub version: u8,
    pub pool: Pubkey,
    pub change: Pubkey,
    /// Of no other change of the pool.
    pub number: u64,
    pub class: Class,
    /// The authority.
    pub proposer: Pubkey,
    pub payer: Pubkey,
    /// Unix times from and until which it can be executed.
    pub ready: i64,
    pub expires: i64,
    /// Accounts that it names.
    pub targets: Vec<Pubkey>,
    /// The instruction: discriminator and arguments.
    pub data: Vec<u8>,
    pub time: i64,
}

#[event]
pub struct ChangeCancelled {
    pub version: u8,
    pub pool: Pubkey,
    pub change: Pubkey,
    pub number: u64,
    pub signer: Pubkey,
    pub time: i64,
}

#[event]
pub struct DelaysSet {
    pub version: u8,
    pub pool: Pubkey,
    pub delays: Delays,
    pub time: i64,
}

/// By `set_asset`, `tighten_asset` and `restore_asset`.
#[event]
pub struct AssetSet {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    /// Authority, risk role or guardian.
    pub signer: Pubkey,
    pub settings: Vec<AssetSetting>,
    /// Unix time at which terms on their way will have come to their new values; 0 where none is on its way.
    pub until: i64,
    pub time: i64,
}

/// By `set_market` and `tighten_market`.
#[event]
pub struct MarketSet {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    /// Authority, risk role or guardian.
    pub signer: Pubkey,
    pub settings: Vec<MarketSetting>,
    pub time: i64,
}

#[event]
pub struct OracleSet {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    pub source: OracleSource,
    pub time: i64,
}

#[event]
pub struct ParamsSet {
    pub version: u8,
    pub pool: Pubkey,
    pub settings: Vec<ParamSetting>,
    pub time: i64,
    /// Unix time at which the parameters are reached.
    pub until: i64,
}

#[event]
pub struct ScenariosSwitched {
    pub version: u8,
    pub pool: Pubkey,
    pub generation: u16,
    pub scenarios: Pubkey,
    pub hash: [u8; 32],
    pub time: i64,
}

#[event]
pub struct PauseSet {
    pub version: u8,
    pub pool: Pubkey,
    pub action: Action,
    pub until: i64,
    /// When the next pause of it may begin.
    pub pausable_from: i64,
    pub signer: Pubkey,
    pub time: i64,
}

#[event]
pub struct CommitteeSet {
    pub version: u8,
    pub pool: Pubkey,
    /// By seat.
    pub members: Vec<Pubkey>,
    pub quorum: u8,
    pub term: u16,
    pub time: i64,
}

/// The seat stays, and its holder counts for what stands.
#[event]
pub struct MemberRemoved {
    pub version: u8,
    pub pool: Pubkey,
    pub member: Pubkey,
    pub seat: u8,
    pub signer: Pubkey,
    pub time: i64,
}

#[event]
pub struct ExpiryListed {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub forecast: Forecast,
    pub time: i64,
}

#[event]
pub struct StrikesListed {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    /// Slot of the first of them; the others follow.
    pub first: u8,
    pub strikes: Vec<i64>,
    pub time: i64,
}

/// Telemetry: emitted to the log. What one member of the committee forecasts of an expiry.
#[event]
pub struct ForecastSubmitted {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub member: Pubkey,
    pub seat: u8,
    pub forecast: Forecast,
}

#[event]
pub struct ForecastsApplied {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub old_basis: i64,
    pub forecast: Forecast,
    /// Whose smile it is, and when it was submitted.
    pub seat: u8,
    pub stated: i64,
    /// What each member submitted that counted: dissent stands beside what was applied.
    pub submitted: Vec<SeatForecast>,
    pub time: i64,
}

/// A forecast that counted.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatForecast {
    pub seat: u8,
    pub forecast: Forecast,
}

/// Telemetry: emitted to the log. What one member of the committee forecasts of an asset.
#[event]
pub struct AssetForecastSubmitted {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    pub member: Pubkey,
    pub seat: u8,
    pub forecast: AssetForecast,
}

#[event]
pub struct AssetForecastsApplied {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    /// Deviation of a day that initial margin counts from now on, 0 where the measured one does.
    pub sigma: u32,
    /// Share of the governed depth that does not count, a day from now at the latest.
    pub cut: u32,
    /// Since when it rises.
    pub raised: i64,
    pub submitted: Vec<SeatTerms>,
    pub time: i64,
}

/// What a member forecast of an asset, where it counted.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatTerms {
    pub seat: u8,
    pub forecast: AssetForecast,
}

/// Telemetry: emitted to the log, one for each range.
#[event]
pub struct ExpiryRefreshed {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub first: u8,
    pub count: u8,
    pub price: i64,
    pub forward: i64,
}

/// What the owner lent. Amounts in the mint's units.
#[event]
pub struct Lent {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub asset: u16,
    pub amount: u64,
    /// Of what is lent, after, in shares of the bank.
    pub shares: u64,
    /// Cash, for the settlement asset; tokens that are not lent, for any other.
    pub balance: i64,
    pub interest: Interest,
}

/// What the owner took back of what was lent. Amounts in the mint's units.
#[event]
pub struct Unlent {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub asset: u16,
    pub amount: u64,
    /// Of what is lent, after, in shares of the bank.
    pub shares: u64,
    /// Cash, for the settlement asset; tokens that are not lent, for any other.
    pub balance: i64,
    pub interest: Interest,
}

/// A loan. Amounts in the mint's units.
#[event]
pub struct Borrowed {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub asset: u16,
    pub amount: u64,
    /// Of the loan, after, in shares of the bank.
    pub shares: u64,
    /// Cash, for the settlement asset; tokens that are not lent, for any other.
    pub balance: i64,
    pub interest: Interest,
}

/// What was paid back of a loan. Amounts in the mint's units.
#[event]
pub struct Repaid {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub asset: u16,
    pub amount: u64,
    /// Of the loan, after, in shares of the bank.
    pub shares: u64,
    /// Cash, for the settlement asset; tokens that are not lent, for any other.
    pub balance: i64,
    pub interest: Interest,
    /// Of cash, what is held back.
    pub held: u64,
}

/// Cash raised for an unsettled loss.
#[event]
pub struct LossBorrowed {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub instrument: u64,
    /// Taken back of what the portfolio had lent.
    pub unlent: u64,
    pub borrowed: u64,
    /// Of the loan, after, in shares of the bank.
    pub shares: u64,
    pub cash: i64,
    /// Of what is lent, after, in shares of the bank.
    pub lent_shares: u64,
    pub interest: Interest,
    /// A solvent auction ended: the account is at maintenance margin.
    pub auction_ended: bool,
}

#[event]
pub struct LendingSet {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    pub lending: Lending,
    pub time: i64,
    pub interest: Interest,
}

#[event]
pub struct VenueRegistered {
    pub version: u8,
    pub pool: Pubkey,
    pub venue: Pubkey,
    pub index: u16,
    pub signer: Pubkey,
    pub time: i64,
}

#[event]
pub struct VenueRemoved {
    pub version: u8,
    pub pool: Pubkey,
    pub venue: Pubkey,
    pub index: u16,
    pub signer: Pubkey,
    pub time: i64,
}

/// Telemetry: emitted to the log.
#[event]
pub struct MidReported {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    /// Index of the venue.
    pub venue: u16,
    pub mid: i64,
    /// What the report left, as in [`MarketRefreshed`].
    pub mark: i64,
    pub premium: i64,
    pub funding: i64,
}

/// A settlement price that the asset's window fixed.
#[event]
pub struct ExpiryFixed {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub price: i64,
    pub time: i64,
}

/// A settlement price that the authority set in place of the committee.
#[event]
pub struct SettlementPriceSet {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub price: i64,
    pub time: i64,
    /// What each member submitted that counted.
    pub submitted: Vec<SeatPrice>,
}

/// A settlement price that a member submitted.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatPrice {
    pub seat: u8,
    pub price: i64,
}

/// Telemetry: emitted to the log. What one member of the committee would settle an expiry at.
#[event]
pub struct SettlementPriceSubmitted {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    pub member: Pubkey,
    pub seat: u8,
    pub price: i64,
}

/// One position as it was settled.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledPosition {
    pub instrument: u64,
    /// Before; it is zero now.
    pub quantity: i64,
    /// Settlement asset, 1e-6, rounded down: what the cost fell by.
    pub value: i64,
}

#[event]
pub struct ExpirySettled {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub market: u16,
    pub expiry_time: i64,
    pub price: i64,
    pub positions: Vec<SettledPosition>,
    /// A solvent auction ended: nothing is owed any more.
    pub auction_ended: bool,
    /// What the positions bore of a haircut before.
    pub borne: Vec<PositionBorne>,
}

#[event]
pub struct ExpiryClosed {
    pub version: u8,
    pub pool: Pubkey,
    pub expiry: Pubkey,
    pub market: u16,
    pub expiry_time: i64,
    /// What the roundings of its settlement added to the market's.
    pub rounding: i64,
    pub payer: Pubkey,
    pub time: i64,
}

#[event]
pub struct InsuranceFunded {
    pub version: u8,
    pub pool: Pubkey,
    pub funder: Pubkey,
    pub time: i64,
    pub amount: u64,
    pub capital: u64,
}

#[event]
pub struct FeesCollected {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub time: i64,
    pub amount: u64,
    /// Of the market, afterwards.
    pub accrued_fees: i64,
    pub variation_pool: i64,
    pub capital: u64,
}

#[event]
pub struct Staked {
    pub version: u8,
    pub pool: Pubkey,
    pub owner: Pubkey,
    pub time: i64,
    pub era: u64,
    pub amount: u64,
    pub shares: u128,
    /// Of the owner, afterwards.
    pub owner_shares: u128,
    /// Of the fund, afterwards.
    pub staked: u64,
    pub total_shares: u128,
}

#[event]
pub struct UnstakeRequested {
    pub version: u8,
    pub pool: Pubkey,
    pub owner: Pubkey,
    pub time: i64,
    pub era: u64,
    pub shares: u128,
    /// Unix time from which they can be taken out, and before which.
    pub from: i64,
    pub before: i64,
}

#[event]
pub struct Unstaked {
    pub version: u8,
    pub pool: Pubkey,
    pub owner: Pubkey,
    pub time: i64,
    pub era: u64,
    pub amount: u64,
    pub shares: u128,
    /// Of the owner, afterwards.
    pub owner_shares: u128,
    /// Of the fund, afterwards.
    pub staked: u64,
    pub total_shares: u128,
}

#[event]
pub struct StakeClosed {
    pub version: u8,
    pub pool: Pubkey,
    pub owner: Pubkey,
    pub time: i64,
}

/// What was forgiven of the loss of a position of the slice (CLR-32), settlement asset.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgivenLoss {
    pub instrument: u64,
    pub amount: i64,
    /// The market's round of haircuts that took it in, with what was carried; 0 where it is carried itself.
    pub round: u32,
}

/// What a position bore of haircuts (CLR-32), settlement asset.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionBorne {
    pub instrument: u64,
    /// A gain that was registered (positive), or what was added to the cost for one registered before (negative, or 0 where nothing
    /// was forgiven).
    pub amount: i64,
}

#[event]
pub struct HaircutBorne {
    pub version: u8,
    pub pool: Pubkey,
    pub portfolio: Pubkey,
    pub sequence: u64,
    pub time: i64,
    pub instrument: u64,
    pub round: u32,
    pub borne: Borne,
    /// Of the round, afterwards: gains registered and of them not charged.
    pub gains: i64,
    pub uncharged: i64,
    /// Of the market, afterwards: forgiven and not charged.
    pub haircut: i64,
    /// A solvent auction ended: nothing is owed any more.
    pub auction_ended: bool,
}

#[event]
pub struct HaircutClosed {
    pub version: u8,
    pub pool: Pubkey,
    pub market: u16,
    pub round: u32,
    pub time: i64,
    /// What the registered gains did not cover.
    pub remainder: i64,
    /// Of it, what all settlement deposits paid.
    pub from_deposits: DepositsCharged,
    /// Of the market: what nobody has paid, of earlier rounds too.
    pub haircut: i64,
}

#[event]
pub struct AssetMigrated {
    pub version: u8,
    pub pool: Pubkey,
    pub asset: u16,
    /// Its version from now on.
    pub layout: u8,
    pub time: i64,
}
