//! CLR-32, CLR-35: capital before stake, losses shared by share price, and no way to gain by rounding.

use novate_margin::fund::*;
use novate_margin::*;
use proptest::prelude::*;

const DOLLAR: u64 = 1_000_000;

/// 1,000 of capital; 300 and 100 staked.
fn two() -> (Fund, [u128; 2]) {
    let mut fund = Fund { capital: 1_000 * DOLLAR, ..Fund::default() };
    let shares = [300, 100].map(|usd| fund.stake(usd * DOLLAR).unwrap());
    (fund, shares)
}

#[test]
fn capital_is_paid_before_stake() {
    let (mut fund, _) = two();
    assert_eq!(fund.draw(1_000 * DOLLAR), Ok(Drawn { capital: 1_000 * DOLLAR, staked: 0, ended: false }));
    assert_eq!(fund.draw(40 * DOLLAR), Ok(Drawn { capital: 0, staked: 40 * DOLLAR, ended: false }));
    assert_eq!(fund.draw(361 * DOLLAR), Err(MarginError::Overflow));
}

#[test]
fn stakers_lose_pro_rata_and_later_ones_nothing() {
    let (mut fund, shares) = two();
    fund.draw(1_100 * DOLLAR).unwrap();
    assert_eq!(shares.map(|s| fund.claim_floor(s).unwrap()), [225 * DOLLAR, 75 * DOLLAR]);
    let later = fund.stake(60 * DOLLAR).unwrap();
    assert_eq!(later, 80 * u128::from(DOLLAR));
    assert_eq!(fund.claim_floor(later), Ok(60 * DOLLAR));
    assert_eq!(shares.map(|s| fund.unstake(s).unwrap()), [225 * DOLLAR, 75 * DOLLAR]);
    assert_eq!(fund, Fund { capital: 0, staked: 60 * DOLLAR, shares: later });
}

#[test]
fn stake_that_is_gone_ends() {
    let (mut fund, _) = two();
    assert!(fund.draw(1_400 * DOLLAR).unwrap().ended);
    assert_eq!(fund, Fund::default());
    assert_eq!(fund.stake(7), Ok(7));
}

#[test]
fn what_is_left_of_worthless_shares_becomes_capital() {
    let shares = 1u128 << 40;
    let mut fund = Fund { capital: 0, staked: 1 << 40, shares };
    assert_eq!(fund.draw((1 << 40) - (1 << 8)), Ok(Drawn { capital: 0, staked: (1 << 40) - (1 << 8), ended: false }));
    assert_eq!(fund.draw(1), Ok(Drawn { capital: 0, staked: 1, ended: true }));
    assert_eq!(fund, Fund { capital: (1 << 8) - 1, staked: 0, shares: 0 });
}

#[test]
fn more_shares_than_there_are() {
    let (fund, _) = two();
    assert_eq!(fund.claim_floor(fund.shares + 1), Err(MarginError::Overflow));
    assert_eq!(Fund::default().claim_floor(1), Err(MarginError::Overflow));
}

/// Numbers of all sizes.
fn wide() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(n, shift)| n >> shift)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens in whatever order: shares stay within their bounds, and the claims of all holders within the stake.
    #[test]
    fn claims_never_exceed_the_stake(steps in prop::collection::vec((0u8..4, 0usize..3, wide()), 1..40)) {
        let mut fund = Fund::default();
        let mut held = [0u128; 3];
        for (kind, who, amount) in steps {
            let before = fund;
            match kind {
                0 | 1 => {
                    // Tokens of which there are at most 2^63.
                    let amount = (amount >> 1).min((1 << 63) - fund.staked) >> 4;
                    let bought = fund.stake(amount).unwrap();
                    prop_assert!(bought >= u128::from(amount));
                    held[who] += bought;
                    // Rounding takes less than what a share is worth, which is at most a unit.
                    prop_assert!(amount == 0 || fund.claim_floor(bought).unwrap() + 1 >= amount);
                }
                2 => {
                    let shares = held[who].min(u128::from(amount));
                    let claim = fund.claim_floor(shares);
                    if held[who] > 0 {
                        prop_assert_eq!(fund.unstake(shares), claim);
                        held[who] -= shares;
                    }
                }
                _ => {
                    let drawn = fund.draw(amount.min(fund.staked)).unwrap();
                    if drawn.ended {
                        held = [0; 3];
                        prop_assert!(u128::from(fund.capital - before.capital) << WORTHLESS < before.shares.max(1));
                    }
                }
            }
            prop_assert_eq!(held.iter().sum::<u128>(), fund.shares);
            prop_assert_eq!(fund.staked == 0, fund.shares == 0);
            prop_assert!(u128::from(fund.staked) <= fund.shares && fund.shares <= u128::from(fund.staked) << WORTHLESS);
            if fund.shares > 0 {
                let claims: u128 = held.iter().map(|s| u128::from(fund.claim_floor(*s).unwrap())).sum();
                prop_assert!(claims <= u128::from(fund.staked) && u128::from(fund.staked) < claims + 3);
            }
        }
    }

    /// Against what others do, a share never becomes cheaper by stake or unstaking.
    #[test]
    fn no_one_takes_from_others(staked in 1u64..1 << 50, extra in 0u64..1 << 20, tokens in 1u64..1 << 50, part in 1u64..1 << 50) {
        let mut fund = Fund { capital: 0, staked, shares: u128::from(staked) + u128::from(extra) };
        let before = fund;
        let cheaper = |a: &Fund, b: &Fund| u128::from(a.staked) * b.shares < u128::from(b.staked) * a.shares;
        let bought = fund.stake(tokens).unwrap();
        prop_assert!(!cheaper(&fund, &before));
        let back = fund.unstake(bought.min(u128::from(part))).unwrap();
        prop_assert!(back <= tokens && !cheaper(&fund, &before));
    }

    #[test]
    fn a_claim_is_the_exact_one_rounded_down(staked in 1u64.., extra in 0u32..32, part in 0u64..=1 << 40) {
        let shares = u128::from(staked) << extra;
        let fund = Fund { capital: 0, staked, shares };
        let some = (shares >> 40) * u128::from(part);
        let claim = u128::from(fund.claim_floor(some).unwrap());
        // shares are staked·2^extra.
        prop_assert_eq!(claim, some >> extra);
    }

    #[test]
    fn nothing_panics(capital: u64, staked: u64, shares: u128, tokens: u64, some: u128, shift in 0u32..128) {
        let fund = Fund { capital, staked, shares: shares >> shift };
        let (mut a, mut b, mut c) = (fund, fund, fund);
        let _ = (a.stake(tokens), b.unstake(some >> shift), c.draw(tokens), fund.claim_floor(some), fund.total());
    }
}
