use anchor_lang::prelude::*;

use super::execution::{require_legs, Execution, Party};
use super::signed_order::{symbols, Fill, SignedOrder};
use super::trade::Leg;
use crate::error::NovateError;
use crate::events::FilledOrder;
use crate::introspection::INSTRUCTIONS;
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios};

/// What authorises a side.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The owner or the delegate signs the transaction.
    Signature,
    /// An order that it signed before: where in the transaction the ed25519 instruction stands that checked the signature, and which
    /// of its entries it is, both from 0.
    Order { instruction: u8, entry: u8 },
}

/// Anyone settles a fill between two portfolios, each side authorised by a signed order or by a signature. Behind the instruction
/// stands the same list as behind [`Trade`](super::Trade).
#[event_cpi]
#[derive(Accounts)]
pub struct SettleOrders<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = first.key() != second.key() @ NovateError::SamePortfolio
    )]
    pub first: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub second: AccountLoader<'info, Portfolio>,
    /// The program's own address where an order authorises the side.
    pub first_signer: Option<Signer<'info>>,
    pub second_signer: Option<Signer<'info>>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Checks the number of legs.
/// 2. For each side: the signer may trade for it; or the order is read out of the ed25519 instruction, is for this portfolio and alive
///    ([`SignedOrder::require_live`]), and the legs are a fill of it, which is noted ([`SignedOrder::fill`]) (CLR-52).
/// 3. Executes the legs and judges both sides as every trade ([`Execution::run`]); a position of a reduce-only order may only shrink.
/// 4. Emits [`Traded`](crate::events::Traded) with the orders and how much of them is filled.
pub(crate) fn settle_orders<'info>(
    ctx: Context<'info, SettleOrders<'info>>,
    legs: Vec<Leg>,
    sides: [Authority; 2],
) -> Result<()> {
    require_legs(&legs)?;
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut first = accounts.first.load_mut()?;
    let mut second = accounts.second.load_mut()?;
    let listed = Listed::new(&first.pool, ctx.remaining_accounts)?;
    let [first_side, second_side] = sides;
    let settling = Settling {
        list: &accounts.instructions.try_borrow_data()?,
        cluster: accounts.pool.load()?.cluster,
        legs: &legs,
        symbols: symbols(&legs, &listed)?,
        now,
    };
    let signed = (first_side, accounts.first_signer.as_ref(), accounts.first.key());
    let (first, first_order) = settling.authorise(signed, &mut first, false)?;
    let signed = (second_side, accounts.second_signer.as_ref(), accounts.second.key());
    let (second, second_order) = settling.authorise(signed, &mut second, true)?;

    let execution = Execution { pool: &accounts.pool, scenarios: &accounts.scenarios, listed: &listed, now };
    let mut traded = execution.run(&legs, first, second)?;
    (traded.first_order, traded.second_order) = (first_order, second_order);
    emit_cpi!(traded);
    Ok(())
}

/// What both sides are authorised for.
struct Settling<'a> {
    /// The instructions of the transaction.
    list: &'a [u8],
    cluster: u8,
    legs: &'a [Leg],
    symbols: Vec<String>,
    now: i64,
}

impl Settling<'_> {
    fn authorise<'p>(
        &self,
        (authority, signer, key): (Authority, Option<&Signer>, Pubkey),
        portfolio: &'p mut Portfolio,
        second: bool,
    ) -> Result<(Party<'p>, Option<FilledOrder>)> {
        let (instruction, entry) = match authority {
            Authority::Signature => {
                portfolio.require_trader(signer.ok_or(NovateError::SignerMissing)?.key, self.now)?;
                return Ok((Party { key, portfolio, reduce_only: false }, None));
            }
            Authority::Order { instruction, entry } => (instruction, entry),
        };
        let signed = SignedOrder::read(self.list, instruction, entry)?;
        signed.require_live(&key, portfolio, self.cluster, self.now)?;
        let fill = Fill { legs: self.legs, second, symbols: &self.symbols };
        let filled = signed.fill(&fill, portfolio, self.now)?;
        Ok((Party { key, portfolio, reduce_only: signed.order.flags.reduce_only }, Some(filled)))
    }
}
