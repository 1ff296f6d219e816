//! What the pool's authority and guardian send.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use novate::order::Cluster;
use novate::state::Market;
use novate::{
    accounts, instruction, Action, AssetSetting, AssetTerms, Delays, Forecast, Lending, MarketSetting, MarketTerms,
    OracleSource, ParamSetting, Role, ScenarioRange, ID, INSTRUCTIONS,
};

use super::change::at_once;
use super::{build, neighbours, Token, SYSTEM_PROGRAM};
use crate::addresses;

/// Governance: anyone creates a pool and becomes its authority. Orders of its portfolios name the cluster.
pub fn create_pool(
    creator: Pubkey,
    id: u16,
    cluster: Cluster,
    settlement_mint: Pubkey,
    [guardian, risk]: [Pubkey; 2],
) -> Instruction {
    let pool = addresses::pool(&creator, id);
    build(
        accounts::CreatePool {
            pool,
            insurance: addresses::insurance(&pool),
            settlement_mint,
            creator,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CreatePool { id, cluster: cluster.code(), guardian, risk },
    )
}

/// Governance: `index` is the pool's asset count. What a yield-bearing asset is redeemed for is found by its terms.
pub fn add_asset(authority: Pubkey, pool: Pubkey, index: u16, token: Token, terms: AssetTerms) -> Instruction {
    let asset = addresses::asset(&pool, index);
    let underlying = terms.redemption.as_ref().map(|redemption| addresses::asset(&pool, redemption.underlying));
    build(
        accounts::AddAsset {
            pool,
            asset,
            vault: addresses::vault(&asset),
            mint: token.mint,
            authority,
            token_program: token.program,
            system_program: SYSTEM_PROGRAM,
            underlying,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddAsset { terms },
    )
}

/// Governance: `index` is the pool's market count.
pub fn add_market(authority: Pubkey, pool: Pubkey, asset: u16, index: u16, terms: MarketTerms) -> Instruction {
    build(
        accounts::AddMarket {
            pool,
            asset: addresses::asset(&pool, asset),
            market: addresses::market(&pool, index),
            authority,
            system_program: SYSTEM_PROGRAM,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddMarket { terms },
    )
}

/// Governance: one range of the rows of a generation.
pub fn stage_scenarios(authority: Pubkey, pool: Pubkey, generation: u16, range: ScenarioRange) -> Instruction {
    build(
        accounts::StageScenarios {
            pool,
            scenarios: addresses::scenarios(&pool, generation),
            authority,
            system_program: SYSTEM_PROGRAM,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::StageScenarios { generation, range },
    )
}

/// Governance: who may take a role.
pub fn propose_role(authority: Pubkey, pool: Pubkey, role: Role, key: Pubkey) -> Instruction {
    build(
        accounts::ProposeRole {
            pool,
            authority,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ProposeRole { role, key },
    )
}

/// Governance, and of the authority's successor the guardian: a proposal is taken back.
pub fn cancel_role(signer: Pubkey, pool: Pubkey, role: Role) -> Instruction {
    build(
        accounts::CancelRole {
            pool,
            signer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CancelRole { role },
    )
}

/// Who was proposed takes the role.
pub fn accept_role(signer: Pubkey, pool: Pubkey, role: Role) -> Instruction {
    build(
        accounts::AcceptRole {
            pool,
            signer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AcceptRole { role },
    )
}

/// Governance: how long changes of each class wait.
pub fn set_delays(authority: Pubkey, pool: Pubkey, delays: Delays) -> Instruction {
    build(
        accounts::SetDelays {
            pool,
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetDelays { delays },
    )
}

/// Governance: terms of an asset, fields ascending.
pub fn set_asset(authority: Pubkey, pool: Pubkey, asset: u16, settings: Vec<AssetSetting>) -> Instruction {
    build(
        accounts::SetAsset {
            pool,
            asset: addresses::asset(&pool, asset),
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetAsset { settings },
    )
}

/// Governance: terms of a market, fields ascending.
pub fn set_market(authority: Pubkey, pool: Pubkey, market: u16, settings: Vec<MarketSetting>) -> Instruction {
    build(
        accounts::SetMarket {
            pool,
            market: addresses::market(&pool, market),
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetMarket { settings },
    )
}

/// Governance: where the price of an asset comes from.
pub fn set_oracle(authority: Pubkey, pool: Pubkey, asset: u16, source: OracleSource) -> Instruction {
    build(
        accounts::SetOracle {
            pool,
            asset: addresses::asset(&pool, asset),
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetOracle { source },
    )
}

/// Governance: parameters of the model, ascending.
pub fn set_params(authority: Pubkey, pool: Pubkey, settings: Vec<ParamSetting>) -> Instruction {
    build(
        accounts::SetParams {
            pool,
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetParams { settings },
    )
}

/// Governance: complete rows of the generation after the live one become the live ones; their hash is [`novate::state::Scenarios::hash`].
pub fn switch_scenarios(authority: Pubkey, pool: Pubkey, generation: u16, hash: [u8; 32]) -> Instruction {
    build(
        accounts::SwitchScenarios {
            pool,
            scenarios: addresses::scenarios(&pool, generation),
            live: addresses::scenarios(&pool, generation.saturating_sub(1)),
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SwitchScenarios { hash },
    )
}

/// Risk role and guardian: terms of an asset that only tighten, fields ascending. Initial margin in these markets on it rises at once.
pub fn tighten_asset(
    signer: Pubkey,
    pool: Pubkey,
    asset: u16,
    settings: Vec<AssetSetting>,
    markets: &[u16],
) -> Instruction {
    let mut instruction = build(
        accounts::TightenAsset {
            pool,
            asset: addresses::asset(&pool, asset),
            signer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::TightenAsset { settings },
    );
    let markets = markets.iter().map(|index| AccountMeta::new(addresses::market(&pool, *index), false));
    instruction.accounts.extend(markets);
    instruction
}

/// Governance: what was tightened of an asset goes back to what was agreed to, without a change that waits.
pub fn restore_asset(authority: Pubkey, pool: Pubkey, asset: u16) -> Instruction {
    build(
        accounts::RestoreAsset {
            pool,
            asset: addresses::asset(&pool, asset),
            authority,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::RestoreAsset {},
    )
}

/// Anyone: an asset of the layout before is brought to the one of today.
pub fn migrate_asset(payer: Pubkey, pool: Pubkey, asset: u16) -> Instruction {
    build(
        accounts::MigrateAsset {
            asset: addresses::asset(&pool, asset),
            payer,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::MigrateAsset {},
    )
}

/// Risk role and guardian: terms of a market that only tighten, fields ascending.
pub fn tighten_market(signer: Pubkey, pool: Pubkey, market: u16, settings: Vec<MarketSetting>) -> Instruction {
    build(
        accounts::TightenMarket {
            pool,
            market: addresses::market(&pool, market),
            signer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::TightenMarket { settings },
    )
}

/// Guardian: a kind of action is paused for some seconds from now.
pub fn pause(guardian: Pubkey, pool: Pubkey, action: Action, seconds: i64) -> Instruction {
    build(
        accounts::Pause {
            pool,
            guardian,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Pause { action, seconds },
    )
}

/// Governance: a pause ends.
pub fn unpause(authority: Pubkey, pool: Pubkey, action: Action) -> Instruction {
    build(
        accounts::Unpause {
            pool,
            authority,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Unpause { action },
    )
}

/// Governance: who forecasts, ascending, and how many of them it takes.
pub fn set_committee(authority: Pubkey, pool: Pubkey, members: Vec<Pubkey>, quorum: u8) -> Instruction {
    build(
        accounts::SetCommittee {
            pool,
            committee: addresses::committee(&pool),
            authority,
            system_program: SYSTEM_PROGRAM,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetCommittee { members, quorum },
    )
}

/// Governance, or the member itself: it forecasts no more.
pub fn remove_member(signer: Pubkey, pool: Pubkey, member: Pubkey) -> Instruction {
    build(
        accounts::RemoveMember {
            pool,
            committee: addresses::committee(&pool),
            signer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::RemoveMember { member },
    )
}

/// Governance: an expiry without strikes. The market as it is now says which expiries are next to it.
pub fn list_expiry(authority: Pubkey, market: &Market, time: i64, forecast: Forecast, now: i64) -> Instruction {
    let address = addresses::market(&market.pool, market.index);
    let mut instruction = build(
        accounts::ListExpiry {
            pool: market.pool,
            market: address,
            expiry: addresses::expiry(&address, time),
            authority,
            system_program: SYSTEM_PROGRAM,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ListExpiry { time, forecast },
    );
    instruction.accounts.extend(neighbours(market, time, now));
    instruction
}

/// Governance: more strikes of an expiry, ascending.
pub fn list_strikes(authority: Pubkey, market: &Market, time: i64, strikes: Vec<i64>) -> Instruction {
    let address = addresses::market(&market.pool, market.index);
    build(
        accounts::ListStrikes {
            pool: market.pool,
            market: address,
            expiry: addresses::expiry(&address, time),
            asset: addresses::asset(&market.pool, market.asset),
            authority,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ListStrikes { strikes },
    )
}

/// Governance: opens or changes the bank of an asset.
pub fn set_lending(authority: Pubkey, pool: Pubkey, asset: u16, lending: Lending) -> Instruction {
    build(
        accounts::SetLending {
            pool,
            asset: addresses::asset(&pool, asset),
            authority,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SetLending { lending },
    )
}

/// Governance: a venue that reports mids, by the key that signs.
pub fn register_venue(authority: Pubkey, pool: Pubkey, signer: Pubkey) -> Instruction {
    build(
        accounts::RegisterVenue {
            pool,
            venue: addresses::venue(&pool, &signer),
            authority,
            system_program: SYSTEM_PROGRAM,
            enactment: at_once(),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::RegisterVenue { signer },
    )
}

/// Governance: a venue reports no more, and in these markets its last mid counts no longer.
pub fn remove_venue(authority: Pubkey, pool: Pubkey, signer: Pubkey, markets: &[u16]) -> Instruction {
    let mut instruction = build(
        accounts::RemoveVenue {
            pool,
            venue: addresses::venue(&pool, &signer),
            authority,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::RemoveVenue {},
    );
    let markets = markets.iter().map(|index| AccountMeta::new(addresses::market(&pool, *index), false));
    instruction.accounts.extend(markets);
    instruction
}
