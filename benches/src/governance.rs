//! Changes that wait, each scheduled and executed in a pool that trades, and what tightens at once.

use novate_client::state::{next_expiry, Pool, Scenarios};
use novate_client::{
    addresses, instructions as build, AssetField, AssetSetting, Delays, Instruction, MarketField, MarketSetting,
    OracleSource, ParamSetting,
};
use novate_tests::feed::PUSH_ORACLE;
use novate_tests::{AssetSpec, World, BTC, BTC_PERP, DAY, ETH, GOLD};
use solana_signer::Signer;

use crate::figure::{measure, Figure};
use crate::settlement;

/// Scenario rows that are switched to.
const ROWS: u16 = 64;

pub fn all() -> Vec<Figure> {
    let mut figures = changes();
    figures.extend(settings());
    figures.extend(tightening());
    figures
}

/// A pool that trades, in which changes are scheduled for real.
fn world() -> World {
    let mut world = World::default();
    world.by_hand = true;
    world
}

/// Schedules an instruction, waits, and measures its execution.
fn executed(world: &mut World, instruction: &str, state: &str, built: Instruction) -> Figure {
    let governor = world.governor.insecure_clone();
    let execution = world.matured(&built);
    let figure = measure(world, instruction, state, execution, &[&governor]);
    assert_eq!(world.state::<Pool>(&world.pool).open_changes, 0);
    figure
}

/// The longest, and taking one back.
fn changes() -> Vec<Figure> {
    let mut world = world();
    let governor = world.governor.insecure_clone();
    let (authority, pool) = (governor.pubkey(), world.pool);
    let listing = world.issue(AssetSpec::new("NEW", 6, 1.0));
    world.listings.push(listing);
    let add = world.add_asset_instruction(world.listings.len() as u16 - 1);
    let schedule = build::schedule_change(authority, authority, 0, &add);
    let mut figures = vec![measure(&mut world, "schedule_change", "a new asset", schedule, &[&governor])];
    world.pass(3 * DAY);
    let execution = build::execute_change(add, 0, authority);
    figures.push(measure(&mut world, "add_asset", "SPL Token mint, a change executed", execution, &[&governor]));

    let committee = world.set_committee_instruction();
    let schedule = build::schedule_change(authority, authority, 1, &committee);
    figures.push(measure(&mut world, "schedule_change", "another committee", schedule, &[&governor]));
    let cancel = build::cancel_change(authority, &world.change(1));
    figures.push(measure(&mut world, "cancel_change", "", cancel, &[&governor]));
    assert_eq!(world.state::<Pool>(&pool).open_changes, 0);
    figures
}

/// What is set by changes of its own.
fn settings() -> Vec<Figure> {
    // As many rows as are switched to.
    let mut world = novate_tests::Builder::default().rows(ROWS).build();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    let (authority, pool) = (governor.pubkey(), world.pool);
    let floors = world.state::<Pool>(&pool).delays();
    let longer = build::set_delays(authority, pool, Delays { oracle: 8 * DAY, ..floors });
    let mut figures = vec![measure(&mut world, "set_delays", "longer", longer, &[&governor])];
    let shorter = build::set_delays(authority, pool, floors);
    figures.push(executed(&mut world, "set_delays", "shorter, a change executed", shorter));

    // All fields that it has, of which one moves.
    let gold = world.asset(GOLD);
    let fields = AssetField::ALL.into_iter().filter(|f| (f.rule().low..=f.rule().high).contains(&gold.get(*f)));
    let settings: Vec<_> = fields
        .map(|field| match field {
            AssetField::HaircutBase => AssetSetting { field, value: gold.get(field) - 10_000 },
            _ => AssetSetting { field, value: gold.get(field) },
        })
        .collect();
    let state = format!("{} fields, a change executed", settings.len());
    let built = build::set_asset(authority, pool, GOLD, settings);
    figures.push(executed(&mut world, "set_asset", &state, built));
    assert_ne!(world.asset(GOLD).until(), 0);
    let market = world.market(BTC_PERP);
    let fields = MarketField::ALL.into_iter().filter(|f| (f.rule().low..=f.rule().high).contains(&market.get(*f)));
    let settings: Vec<_> = fields.map(|field| MarketSetting { field, value: market.get(field) }).collect();
    let state = format!("{} fields, a change executed", settings.len());
    let built = build::set_market(authority, pool, BTC_PERP, settings);
    figures.push(executed(&mut world, "set_market", &state, built));
    let built = build::set_params(authority, pool, vec![ParamSetting { parameter: 6, value: 12_000 }]);
    figures.push(executed(&mut world, "set_params", "1 parameter, a change executed", built));

    let built = build::stage_scenarios(authority, pool, 2, World::rows_of(ROWS, 0b111, 0, ROWS));
    world.succeeds(&[built], &[&governor]);
    let staged: Scenarios = world.state(&addresses::scenarios(&pool, 2));
    world.pass(novate_client::state::PARAM_RAMP);
    let built = build::switch_scenarios(authority, pool, 2, staged.hash());
    let state = format!("{ROWS} rows of 3 columns, a change executed");
    figures.push(executed(&mut world, "switch_scenarios", &state, built));
    assert_eq!(world.state::<Pool>(&pool).generation, 2);

    let feed = world.issue(AssetSpec::new("XETH", 8, 1_500.0).pushed()).feed;
    let source = OracleSource { oracle: 2, feed: feed.address, feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
    let built = build::set_oracle(authority, pool, ETH, source);
    figures.push(executed(&mut world, "set_oracle", "a change executed", built));
    figures
}

/// At once, and the refresh that carries the terms on with all else that a refresh does.
fn tightening() -> Vec<Figure> {
    let mut world = World::default();
    world.lender(BTC, 200_000_000);
    let borrower = world.trader(100_000);
    world.borrow(&borrower, BTC, 100_000_000);
    let (governor, risk) = (world.governor.insecure_clone(), world.risk.insecure_clone());
    let (authority, pool) = (governor.pubkey(), world.pool);
    let haircut = world.asset(BTC).get(AssetField::HaircutBase) + 10_000;
    let settings =
        [(AssetField::BaseRange, 180_000), (AssetField::HaircutBase, haircut), (AssetField::MinimumBalance, 1)];
    let settings = settings.map(|(field, value)| AssetSetting { field, value });
    let built = build::tighten_asset(risk.pubkey(), pool, BTC, settings.to_vec(), &[BTC_PERP]);
    let mut figures = vec![measure(&mut world, "tighten_asset", "3 fields, 1 market", built, &[&risk])];
    assert_ne!(world.asset(BTC).until(), 0);
    let settings = vec![MarketSetting { field: MarketField::SigmaLimit, value: 150_000 }];
    let built = build::tighten_market(risk.pubkey(), pool, BTC_PERP, settings);
    figures.push(measure(&mut world, "tighten_market", "1 field", built, &[&risk]));

    // The last sample comes as the day of others is over.
    let time = next_expiry(world.now()) + 2 * DAY;
    world.pass_to(time - DAY);
    let fields = [AssetField::HaircutVolatilityMultiple, AssetField::DaysToLiquidate, AssetField::HaircutSizeAddOn];
    let asset = world.asset(BTC);
    let settings = fields.map(|field| AssetSetting { field, value: asset.get(field) + 1_000 });
    world.succeeds(&[build::tighten_asset(risk.pubkey(), pool, BTC, settings.to_vec(), &[])], &[&risk]);
    let mut refresh = settlement::window(&mut world, time).pop().expect("the last sample");
    refresh.state += ", terms on their way, others begin";
    figures.push(refresh);
    let asset = world.asset(BTC);
    assert!((150_001..180_000).contains(&asset.base_range.0) && asset.ramp.begin == time);
    let built = build::restore_asset(authority, pool, BTC);
    figures.push(measure(&mut world, "restore_asset", "2 fields on their way", built, &[&governor]));
    world.plain(BTC);
    let built = build::migrate_asset(authority, pool, BTC);
    figures.push(measure(&mut world, "migrate_asset", "", built, &[&governor]));
    figures
}
