//! The ledger that is kept from events: it is what the accounts are, and notices what is missing. The random walk compares the
//! two after every operation.

use novate_client::addresses;
use novate_tests::ledger::{format, Ledger, QUIET};
use novate_tests::{World, BTC_PERP, GOLD, USDC};

use crate::checking::{lived, raw};

fn kept<'a>(world: &World, events: impl IntoIterator<Item = &'a Vec<u8>>) -> Ledger {
    let mut ledger = Ledger::new(world.pool.to_bytes());
    events.into_iter().for_each(|event| {
        ledger.take(event);
    });
    ledger
}

#[test]
fn balances_are_rebuilt_from_events() {
    let world = lived();
    let ledger = kept(&world, world.told.iter().map(|told| &told.event));
    assert_eq!(ledger.differences(&raw(&world)), Vec::<String>::new());
    assert_eq!((ledger.books.portfolios.len(), ledger.books.assets.len(), ledger.books.stakes.len()), (2, 5, 2));
    assert!(ledger.books.portfolios.values().all(|p| p.cash > 0 && p.positions.len() == 1 && p.balances.len() == 1));
}

/// Of another pool nothing is booked.
#[test]
fn pools_have_ledgers_of_their_own() {
    let mut world = lived();
    let before = kept(&world, world.told.iter().map(|told| &told.event));
    let other = world.second_pool();
    assert_eq!(kept(&world, world.told.iter().map(|told| &told.event)), before);
    let mut ledger = Ledger::new(other.to_bytes());
    world.told.iter().for_each(|told| {
        ledger.take(&told.event);
    });
    assert_eq!(ledger.differences(&raw(&world)), Vec::<String>::new());
    assert_eq!((ledger.books.portfolios.len(), ledger.books.assets.len()), (0, 5));
}

/// Telemetry may be left out but for the last of each asset.
#[test]
fn an_event_that_is_missing_is_noticed() {
    let mut world = lived();
    let spoken: Vec<Vec<u8>> = world.told.drain(..).filter(|t| !t.telemetry).map(|t| t.event).collect();
    world.refresh();
    let last: Vec<Vec<u8>> = world.told.drain(..).map(|told| told.event).collect();
    let accounts = raw(&world);
    assert_eq!(kept(&world, spoken.iter().chain(&last)).differences(&accounts), Vec::<String>::new());
    let mut moving = 0;
    for (at, event) in spoken.iter().enumerate() {
        // Terms of a bank that owes nothing move nothing.
        let name = format::decode(event).unwrap().0;
        if QUIET.contains(&name) || name == "LendingSet" {
            continue;
        }
        moving += 1;
        let without = spoken.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, event)| event);
        assert_ne!(kept(&world, without.chain(&last)).differences(&accounts), Vec::<String>::new(), "{name}");
    }
    assert_eq!(moving, 23);
}

#[test]
fn events_that_the_document_does_not_tell_of_are_noticed() {
    let world = lived();
    for told in &world.told {
        let longer = [told.event.as_slice(), &[0]].concat();
        assert_ne!(kept(&world, [&longer]).wrong, Vec::<String>::new());
        let shorter = told.event[..told.event.len() - 1].to_vec();
        assert_ne!(kept(&world, [&shorter]).wrong, Vec::<String>::new());
        let mut other = told.event.clone();
        other[3] ^= 1;
        assert_ne!(kept(&world, [&other]).wrong, Vec::<String>::new());
    }
}

/// Every counter of the accounts, raised by one.
#[test]
fn a_unit_too_much_in_an_account_is_noticed() {
    let world = lived();
    let ledger = kept(&world, world.told.iter().map(|told| &told.event));
    let [usdc, gold] = [USDC, GOLD].map(|a| addresses::asset(&world.pool, a));
    let (market, insurance) = (addresses::market(&world.pool, BTC_PERP), addresses::insurance(&world.pool));
    let accounts = raw(&world);
    let of_size = |size: usize| accounts.iter().find(|a| a.data.len() == size).expect("one of this size").address;
    let fields: [(_, &[usize]); 10] = [
        (usdc.to_bytes(), &[416, 816, 824, 832, 840, 848, 856, 864, 872, 880, 888, 896, 904, 912]),
        (gold.to_bytes(), &[408, 528, 536, 544, 552, 560, 568, 576, 584, 592]),
        (addresses::vault(&usdc).to_bytes(), &[64]),
        (addresses::vault(&gold).to_bytes(), &[64]),
        (market.to_bytes(), &[184, 192, 200, 376, 384, 608, 616, 624, 632, 640, 648, 656, 688, 696, 704, 712]),
        (insurance.to_bytes(), &[48, 56, 64, 80, 88, 96, 104]),
        (of_size(256), &[80, 88, 104]),
        (of_size(5_376), &[120, 128, 152, 160, 168, 176, 184, 216, 224, 232, 728, 736, 744, 752, 760, 768, 776]),
        (of_size(5_376), &[144, 4_176, 4_184, 4_192, 4_920, 4_928, 4_936]),
        (of_size(5_376), &[4_944, 4_952, 4_960, 4_968, 4_976, 4_984, 4_992, 5_000]),
    ];
    for (address, offset) in fields.iter().flat_map(|(address, fields)| fields.iter().map(move |at| (*address, *at))) {
        let mut altered = accounts.clone();
        let account = altered.iter_mut().find(|a| a.address == address).expect("an account of the pool");
        account.data[offset] = account.data[offset].wrapping_add(1);
        assert_ne!(ledger.differences(&altered), Vec::<String>::new(), "{offset}");
    }
}
