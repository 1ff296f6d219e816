use novate::events::AssetForecastSubmitted;
use novate_client::state::{AssetForecasts, Stamp, SubmittedTerms};
use novate_client::{addresses, AssetForecast};
use novate_margin::{Ratio, Usd};
use novate_tests::{World, BTC};
use solana_signer::Signer;

const FORECAST: AssetForecast = AssetForecast { sigma: 50_000, depth: 1_000_000_000_000 };

fn forecasts(world: &World) -> AssetForecasts {
    world.state(&addresses::forecasts(&addresses::asset(&world.pool, BTC)))
}

#[test]
fn a_submission_is_kept_and_moves_nothing() {
    let mut world = World::default();
    let before = world.asset(BTC);
    let sent = world.submit_asset(1, BTC, FORECAST);
    let own = forecasts(&world);
    assert_eq!((own.version, own.asset, own.pool), (1, BTC, world.pool));
    let stamp = Stamp { time: world.now() as u32, term: 1, padding: [0; 2] };
    let kept = SubmittedTerms { stamp, sigma: Ratio(50_000), depth: Usd(1_000_000_000_000) };
    assert_eq!((own.submitted[1], own.submitted[0]), (kept, SubmittedTerms::default()));
    assert_eq!(bytemuck::bytes_of(&world.asset(BTC)), bytemuck::bytes_of(&before));

    let event: AssetForecastSubmitted = sent.telemetry().remove(0);
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.member, event.seat, event.forecast), (world.members[1].pubkey(), 1, FORECAST));

    // The next one is in its place, and another's beside it.
    world.pass(1);
    world.submit_asset(1, BTC, AssetForecast { sigma: 1_000_000, ..FORECAST });
    world.submit_asset(0, BTC, AssetForecast { depth: 1, ..FORECAST });
    let own = forecasts(&world);
    assert_eq!((own.submitted[1].sigma.0, own.submitted[0].depth.0), (1_000_000, 1));
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{instructions as build, NovateError};
    use novate_tests::{Altered, ETH};

    // Positions of the accounts.
    const COMMITTEE: usize = 1;
    const ASSET: usize = 2;
    const FORECASTS: usize = 3;
    const MEMBER: usize = 4;

    #[test]
    fn who_is_no_member() {
        let mut world = World::default();
        let (stranger, governor) = (world.new_wallet(), world.governor.insecure_clone());
        for key in [&stranger, &governor] {
            let submit = build::submit_asset_forecast(key.pubkey(), world.pool, BTC, FORECAST);
            world.refuses(&[submit], &[key], NovateError::NotMember);
        }
        let submit = world.submit_asset_instruction(0, BTC, FORECAST);
        world.refuses(&[submit.unsigned(MEMBER)], &[], ErrorCode::AccountNotSigner);
        let member = world.members[0].insecure_clone();
        let remove = build::remove_member(member.pubkey(), world.pool, member.pubkey());
        world.succeeds(&[remove], &[&member]);
        let submit = world.submit_asset_instruction(0, BTC, FORECAST);
        world.refuses(&[submit], &[&member], NovateError::NotMember);
    }

    #[test]
    fn out_of_bounds() {
        let mut world = World::default();
        let member = world.members[0].insecure_clone();
        for (sigma, depth) in [(0, 1), (-1, 1), (1_000_001, 1), (i64::MAX, 1), (1, 0), (1, -1), (1, i64::MIN)] {
            let submit = world.submit_asset_instruction(0, BTC, AssetForecast { sigma, depth });
            world.refuses(&[submit], &[&member], NovateError::InvalidAssetForecast);
        }
    }

    #[test]
    fn accounts_of_another_pool_or_asset() {
        let mut world = World::default();
        let other = world.second_pool();
        let member = world.members[0].insecure_clone();
        let submit = world.submit_asset_instruction(0, BTC, FORECAST);
        let (eth, elsewhere) = (addresses::asset(&world.pool, ETH), addresses::asset(&other, BTC));
        let cases = [
            submit.clone().with_account(COMMITTEE, addresses::committee(&other)),
            submit.clone().with_account(ASSET, elsewhere).with_account(FORECASTS, addresses::forecasts(&elsewhere)),
        ];
        for wrong in cases {
            world.refuses(&[wrong], &[&member], NovateError::WrongPool);
        }
        let wrong = submit.with_account(FORECASTS, addresses::forecasts(&eth));
        world.refuses(&[wrong], &[&member], ErrorCode::ConstraintSeeds);
    }
}
