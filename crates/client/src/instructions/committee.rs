//! What members of the risk committee send, and what anyone sends to have it applied.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::state::{Expiry, Market};
use novate::{accounts, instruction, AssetForecast, Forecast, ID};

use super::{build, neighbours, SYSTEM_PROGRAM};
use crate::addresses;

/// A member: basis and smile of an expiry.
pub fn submit_forecast(member: Pubkey, pool: Pubkey, market: u16, time: i64, forecast: Forecast) -> Instruction {
    build(
        accounts::SubmitForecast {
            pool,
            committee: addresses::committee(&pool),
            expiry: addresses::expiry(&addresses::market(&pool, market), time),
            member,
        },
        instruction::SubmitForecast { forecast },
    )
}

/// Anyone: what members submitted of an expiry. The market as it is now says which expiries are next to it.
pub fn apply_forecasts(market: &Market, time: i64, now: i64) -> Instruction {
    let address = addresses::market(&market.pool, market.index);
    let mut instruction = build(
        accounts::ApplyForecasts {
            committee: addresses::committee(&market.pool),
            market: address,
            expiry: addresses::expiry(&address, time),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ApplyForecasts {},
    );
    instruction.accounts.extend(neighbours(market, time, now));
    instruction
}

/// A member: deviation and depth of an asset. The first one pays for the account.
pub fn submit_asset_forecast(member: Pubkey, pool: Pubkey, asset: u16, forecast: AssetForecast) -> Instruction {
    let asset = addresses::asset(&pool, asset);
    build(
        accounts::SubmitAssetForecast {
            pool,
            committee: addresses::committee(&pool),
            asset,
            forecasts: addresses::forecasts(&asset),
            member,
            system_program: SYSTEM_PROGRAM,
        },
        instruction::SubmitAssetForecast { forecast },
    )
}

/// Anyone: what members submitted of an asset.
pub fn apply_asset_forecasts(pool: &Pubkey, asset: u16) -> Instruction {
    let asset = addresses::asset(pool, asset);
    build(
        accounts::ApplyAssetForecasts {
            committee: addresses::committee(pool),
            asset,
            forecasts: addresses::forecasts(&asset),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ApplyAssetForecasts {},
    )
}

/// A member: what an expiry is settled at that its underlying could not fix, in USD 1e-9.
pub fn submit_settlement_price(member: Pubkey, expiry: &Expiry, price: i64) -> Instruction {
    build(
        accounts::SubmitSettlementPrice {
            pool: expiry.pool,
            committee: addresses::committee(&expiry.pool),
            expiry: addresses::expiry_by_id(&expiry.pool, expiry.id()),
            asset: addresses::asset(&expiry.pool, expiry.asset),
            member,
        },
        instruction::SubmitSettlementPrice { price },
    )
}

/// Anyone: an expiry that its underlying could not fix is settled at the median of what members submitted.
pub fn apply_settlement_price(expiry: &Expiry) -> Instruction {
    build(
        accounts::ApplySettlementPrice {
            committee: addresses::committee(&expiry.pool),
            expiry: addresses::expiry_by_id(&expiry.pool, expiry.id()),
            asset: addresses::asset(&expiry.pool, expiry.asset),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ApplySettlementPrice {},
    )
}
