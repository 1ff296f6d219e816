use novate::events::StrikesListed;
use novate_margin::chain::Strike;
use novate_margin::Price;
use novate_tests::{flat, World, BTC, BTC_PERP, PRICE};

/// The default market's tick, 0.01 USD.
const TICK: i64 = PRICE / 100;

/// A world with an expiry of the BTC market, without strikes. BTC stands at 20,000 USD.
fn expiry() -> (World, i64) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 30, 0.6, &[]);
    (world, time)
}

fn unpriced(strike: i64) -> Strike {
    Strike { strike: Price(strike), ..bytemuck::Zeroable::zeroed() }
}

#[test]
fn strikes_are_appended_without_values() {
    let (mut world, time) = expiry();
    let before = world.expiry(BTC_PERP, time);
    let strikes = [18_000 * PRICE, 20_000 * PRICE, 22_000 * PRICE + TICK];
    let sent = world.list_strikes(BTC_PERP, time, &strikes);

    let expiry = world.expiry(BTC_PERP, time);
    assert_eq!((expiry.strike_count, expiry.listed()), (3, &strikes.map(unpriced)[..]));
    assert_eq!(expiry.strikes[3..], [unpriced(0); 21]);
    assert_eq!((expiry.basis, expiry.smile, expiry.published), (before.basis, before.smile, before.published));
    assert_eq!((expiry.time, expiry.bump, expiry.pool), (before.time, before.bump, before.pool));

    let event: StrikesListed = sent.event();
    let address = world.expiry_address(BTC_PERP, time);
    assert_eq!((event.version, event.pool, event.expiry, event.market), (1, world.pool, address, BTC_PERP));
    assert_eq!((event.expiry_time, event.first, event.time), (time, 0, world.now()));
    assert_eq!(event.strikes, strikes);
}

#[test]
fn a_slot_keeps_its_strike_and_its_values() {
    let (mut world, time) = expiry();
    world.list_strikes(BTC_PERP, time, &[20_000 * PRICE, 21_000 * PRICE]);
    world.refresh_expiry(BTC_PERP, time);
    let before = world.expiry(BTC_PERP, time);
    assert!(before.listed().iter().all(|slot| slot.reference.0 > 0));
    let lower = [19_000 * PRICE, 20_500 * PRICE];
    let event: StrikesListed = world.list_strikes(BTC_PERP, time, &lower).event();
    assert_eq!((event.first, event.strikes), (2, lower.to_vec()));
    let expiry = world.expiry(BTC_PERP, time);
    assert_eq!(expiry.strike_count, 4);
    assert_eq!(expiry.strikes[..2], before.strikes[..2]);
    assert_eq!(expiry.strikes[2..4], lower.map(unpriced));
}

#[test]
fn twenty_four_strikes_at_once_and_in_parts() {
    let all: Vec<i64> = (0..24).map(|i| (10_000 + i * 1_000) * PRICE).collect();
    let (mut world, time) = expiry();
    let before = world.svm.clone();
    let sent = world.list_strikes(BTC_PERP, time, &all);
    println!("list_strikes of 24: {} CU", sent.units);
    let at_once = world.expiry(BTC_PERP, time);
    assert_eq!(at_once.strikes.to_vec(), all.iter().map(|s| unpriced(*s)).collect::<Vec<_>>());
    world.svm = before;
    world.list_strikes(BTC_PERP, time, &all[..23]);
    world.list_strikes(BTC_PERP, time, &all[23..]);
    assert_eq!(world.expiry(BTC_PERP, time).strikes, at_once.strikes);
}

#[test]
fn from_a_twentieth_to_twenty_times_the_last_price() {
    let (mut world, time) = expiry();
    // The age of the price does not matter.
    world.pass(3_600);
    world.list_strikes(BTC_PERP, time, &[1_000 * PRICE, 400_000 * PRICE]);
    assert_eq!(world.expiry(BTC_PERP, time).strike_count, 2);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::dated::refused;
    use novate_tests::{Altered, Builder, ETH, ETH_PERP};
    use solana_signer::Signer;

    // Positions of the accounts.
    const POOL: usize = 0;
    const MARKET: usize = 1;
    const EXPIRY: usize = 2;
    const ASSET: usize = 3;
    const AUTHORITY: usize = 4;

    #[track_caller]
    fn refused_strikes(world: &mut World, time: i64, strikes: &[i64], error: NovateError) {
        let list = world.list_strikes_instruction(BTC_PERP, time, strikes);
        refused(world, list, error);
    }

    #[test]
    fn only_the_authority_lists_strikes() {
        let (mut world, time) = expiry();
        let list = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        let stranger = world.new_wallet();
        let instruction = list.clone().with_account(AUTHORITY, stranger.pubkey());
        world.refuses(&[instruction], &[&stranger], NovateError::NotAuthority);
        world.refuses(&[list.unsigned(AUTHORITY)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn no_strike_and_too_many() {
        let (mut world, time) = expiry();
        refused_strikes(&mut world, time, &[], NovateError::NoStrikes);
        let all: Vec<i64> = (0..25).map(|i| (10_000 + i * 1_000) * PRICE).collect();
        refused_strikes(&mut world, time, &all, NovateError::TooManyStrikes);
        world.list_strikes(BTC_PERP, time, &all[..23]);
        refused_strikes(&mut world, time, &all[23..], NovateError::TooManyStrikes);
        world.list_strikes(BTC_PERP, time, &all[23..24]);
        refused_strikes(&mut world, time, &all[24..], NovateError::TooManyStrikes);
    }

    #[test]
    fn strikes_ascend() {
        let (mut world, time) = expiry();
        for strikes in [[20_000, 19_000, 21_000], [19_000, 21_000, 20_000], [20_000, 20_000, 21_000]] {
            let strikes = strikes.map(|usd| usd * PRICE);
            refused_strikes(&mut world, time, &strikes, NovateError::StrikesOutOfOrder);
        }
    }

    #[test]
    fn a_strike_is_listed_once() {
        let (mut world, time) = expiry();
        world.list_strikes(BTC_PERP, time, &[19_000 * PRICE, 20_000 * PRICE]);
        for strikes in [[20_000, 21_000], [18_000, 19_000]] {
            refused_strikes(&mut world, time, &strikes.map(|usd| usd * PRICE), NovateError::StrikeListed);
        }
    }

    #[test]
    fn strikes_on_the_tick_and_above_zero() {
        let (mut world, time) = expiry();
        let out = [0, -1, -TICK, -20_000 * PRICE, i64::MIN, 1, i64::MAX];
        for strike in out.into_iter().chain([-1, 1, TICK / 2].map(|off| 20_000 * PRICE + off)) {
            refused_strikes(&mut world, time, &[strike], NovateError::InvalidStrike);
        }
        // Also behind a good one.
        refused_strikes(&mut world, time, &[20_000 * PRICE, 20_000 * PRICE + 1], NovateError::InvalidStrike);
    }

    #[test]
    fn no_strike_before_the_first_price() {
        let mut world = Builder::default().unpriced().build();
        let time = world.chain(BTC_PERP, 30, 0.6, &[]);
        refused_strikes(&mut world, time, &[20_000 * PRICE], NovateError::PriceMissing);
    }

    #[test]
    fn strikes_beyond_a_twentieth_and_twenty_times_the_price() {
        let (mut world, time) = expiry();
        let highest = i64::MAX - i64::MAX % TICK;
        for strike in [TICK, 1_000 * PRICE - TICK, 400_000 * PRICE + TICK, highest] {
            refused_strikes(&mut world, time, &[strike], NovateError::InvalidStrike);
        }
    }

    #[test]
    fn an_expiry_that_has_passed() {
        let (mut world, time) = expiry();
        world.pass(time - world.now() - 1);
        world.list_strikes(BTC_PERP, time, &[20_000 * PRICE]);
        world.pass(1);
        refused_strikes(&mut world, time, &[21_000 * PRICE], NovateError::ExpiryPassed);
    }

    #[test]
    fn an_expiry_of_another_market() {
        let (mut world, time) = expiry();
        world.list_expiry(ETH_PERP, time, flat(0.6, time - world.now()));
        let list = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        let other = world.expiry_address(ETH_PERP, time);
        refused(&mut world, list.clone().with_account(EXPIRY, other), NovateError::WrongMarket);
        let other = addresses::market(&world.pool, ETH_PERP);
        refused(&mut world, list.with_account(MARKET, other), NovateError::WrongMarket);
    }

    #[test]
    fn the_asset_of_another_market() {
        let (mut world, time) = expiry();
        let list = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        let other = addresses::asset(&world.pool, ETH);
        refused(&mut world, list.with_account(ASSET, other), NovateError::WrongUnderlying);
    }

    #[test]
    fn accounts_of_another_pool() {
        let (mut world, time) = expiry();
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        world.list_expiry(BTC_PERP, time, flat(0.6, time - world.now()));
        let of_other = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        world.pool = home;
        let list = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        for at in [MARKET, EXPIRY, ASSET] {
            let foreign = of_other.accounts[at].pubkey;
            refused(&mut world, list.clone().with_account(at, foreign), NovateError::WrongPool);
        }
        refused(&mut world, of_other.with_account(POOL, home), NovateError::WrongPool);
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let (mut world, time) = expiry();
        let list = world.list_strikes_instruction(BTC_PERP, time, &[20_000 * PRICE]);
        let portfolio = world.actor().portfolio;
        let mint = world.listing(BTC).token.mint;
        for at in [POOL, MARKET, EXPIRY, ASSET] {
            let kind = list.clone().with_account(at, portfolio);
            refused(&mut world, kind, ErrorCode::AccountDiscriminatorMismatch);
            let foreign = list.clone().with_account(at, mint);
            refused(&mut world, foreign, ErrorCode::AccountOwnedByWrongProgram);
        }
        refused(&mut world, list.read_only(EXPIRY), ErrorCode::ConstraintMut);
    }
}
