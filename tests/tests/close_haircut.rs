use novate::events::HaircutClosed;
use novate_client::state::HAIRCUT_WINDOW;
use novate_client::{addresses, NovateError};
use novate_tests::haircut::Broke;
use novate_tests::{checker, Altered, BTC, BTC_PERP, DOLLAR, USDC};

use crate::checking::raw;

fn open() -> Broke {
    let mut broke = Broke::new(0);
    broke.takes(1_000_000_000, 0);
    broke
}

/// Nobody was registered: all of it is left over.
#[test]
fn what_the_gains_did_not_cover_is_told_and_stays_visible() {
    let mut broke = open();
    broke.world.pass(HAIRCUT_WINDOW);
    let event: HaircutClosed = broke.world.close_haircut(BTC_PERP);
    assert_eq!((event.version, event.pool, event.market), (1, broke.world.pool, BTC_PERP));
    assert_eq!((event.round, event.time, event.remainder), (1, broke.world.now(), 500 * DOLLAR));
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.haircut.0, market.round.ends), (500 * DOLLAR, 0));
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

mod adversary {
    use super::*;

    #[test]
    fn while_the_window_is_open_or_gains_are_not_charged() {
        let mut broke = open();
        let winner = broke.winners[0].clone();
        broke.world.register_gain(&winner, BTC_PERP);
        broke.world.pass(HAIRCUT_WINDOW - 1);
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        broke.world.refuses(std::slice::from_ref(&close), &[], NovateError::HaircutOpen);
        broke.world.pass(1);
        broke.world.refuses(std::slice::from_ref(&close), &[], NovateError::GainsUncharged);
        // It covers all: the last charge closes it.
        broke.world.charge_gain(&winner, BTC_PERP);
        broke.world.refuses(&[close], &[], NovateError::NoHaircut);
    }

    #[test]
    fn twice() {
        let mut broke = open();
        broke.world.pass(HAIRCUT_WINDOW);
        broke.world.close_haircut(BTC_PERP);
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        broke.world.refuses(&[close], &[], NovateError::NoHaircut);
    }

    #[test]
    fn another_asset_or_pool() {
        let mut broke = open();
        broke.world.pass(HAIRCUT_WINDOW);
        let foreign = broke.world.second_pool();
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        let btc = addresses::asset(&broke.world.pool, BTC);
        broke.world.refuses(&[close.clone().with_account(1, btc)], &[], NovateError::NotSettlementAsset);
        let usdc = addresses::asset(&foreign, USDC);
        broke.world.refuses(&[close.with_account(1, usdc)], &[], NovateError::WrongPool);
    }
}
