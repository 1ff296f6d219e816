use anchor_lang::prelude::*;
use anchor_spl::token_interface::Mint;
use novate_margin::Params;

use crate::error::NovateError;
use crate::events::{PoolCreated, EVENT_VERSION};
use crate::order::Cluster;
use crate::state::{Insurance, Pool, SETTLEMENT_DECIMALS, VERSION};
use crate::{security, seeds};

/// Anyone may create a pool and becomes its authority. Guardian and risk role are others from the beginning: no key holds two roles.
#[event_cpi]
#[derive(Accounts)]
#[instruction(id: u16, cluster: u8)]
pub struct CreatePool<'info> {
    #[account(
        init,
        payer = creator,
        space = Pool::SPACE,
        seeds = [seeds::POOL, creator.key().as_ref(), &id.to_le_bytes()],
        bump
    )]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init,
        payer = creator,
        space = Insurance::SPACE,
        seeds = [seeds::INSURANCE, pool.key().as_ref()],
        bump
    )]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(constraint = settlement_mint.decimals == SETTLEMENT_DECIMALS @ NovateError::SettlementDecimals)]
    pub settlement_mint: InterfaceAccount<'info, Mint>,
    #[account(mut)]
    pub creator: Signer<'info>,
    pub system_program: Program<'info, System>,
}

/// 1. Fills in the pool with the model's default parameters, and with the cluster that orders of its portfolios name (CLR-52): the
///    program cannot tell which one it runs on. Refuses the code of none, and roles that are not apart or of the zero key.
/// 2. Fills in its insurance fund, empty.
/// 3. Emits [`PoolCreated`].
pub(crate) fn create_pool(
    ctx: Context<CreatePool>,
    id: u16,
    cluster: u8,
    guardian: Pubkey,
    risk: Pubkey,
) -> Result<()> {
    security::keep();
    let cluster = Cluster::from_code(cluster).ok_or(NovateError::InvalidCluster)?;
    let accounts = &ctx.accounts;
    let (creator, mint) = (accounts.creator.key(), accounts.settlement_mint.key());
    let mut pool = accounts.pool.load_init()?;
    pool.open(creator, id, ctx.bumps.pool, mint, Params::DEFAULT);
    pool.appoint(guardian, risk)?;
    pool.cluster = cluster.code();

    let mut insurance = accounts.insurance.load_init()?;
    insurance.version = VERSION;
    insurance.bump = ctx.bumps.insurance;
    insurance.pool = accounts.pool.key();

    emit_cpi!(PoolCreated {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        creator,
        settlement_mint: mint,
        time: Clock::get()?.unix_timestamp,
        cluster: cluster.code(),
        guardian,
        risk,
    });
    Ok(())
}
