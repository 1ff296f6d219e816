//! Banks (CLR-20): tokens are neither made nor lost, dust stays with the bank, interest is what the rates say.

use novate_margin::bank::*;
use novate_margin::*;
use proptest::prelude::*;

const TERMS: LendingTerms = LendingTerms {
    rate_zero: Ratio(0),
    rate_kink: Ratio(100_000),
    rate_full: Ratio(1_000_000),
    kink: Ratio(800_000),
    reserve_share: Ratio(100_000),
    utilisation_cap: Ratio(900_000),
};

fn bank() -> Bank {
    Bank { terms: TERMS, ..Bank::open() }
}

/// Shares at an index, exactly, in 2^-64 of a unit; fits while the index is below 2^66 and shares below 2^60.
fn exact(words: [u64; 2], shares: u64) -> u128 {
    (u128::from(words[1]) << 64 | u128::from(words[0])) * u128::from(shares)
}

#[derive(Clone, Debug)]
enum Move {
    Lend(usize, u64),
    Unlend(usize, u64),
    Borrow(usize, u64),
    Repay(usize, u64),
    Wait(i64),
    Charge(u64),
}

fn step() -> impl Strategy<Value = Move> {
    let who = 0usize..4;
    let much = prop_oneof![1u64..20, 1u64..1_000_000_000_000];
    prop_oneof![
        (who.clone(), much.clone()).prop_map(|(w, m)| Move::Lend(w, m)),
        (who.clone(), much.clone()).prop_map(|(w, m)| Move::Unlend(w, m)),
        (who.clone(), much.clone()).prop_map(|(w, m)| Move::Borrow(w, m)),
        (who, much).prop_map(|(w, m)| Move::Repay(w, m)),
        prop_oneof![0i64..4, 0i64..10_000_000].prop_map(Move::Wait),
        prop_oneof![0u64..20, 0u64..1_000_000_000_000].prop_map(Move::Charge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn tokens_are_neither_made_nor_lost(
        steps in prop::collection::vec(step(), 1..60),
        (reserve_share, full) in (0i64..1_000_000, 100_000i64..3_000_000),
    ) {
        let mut bank = bank();
        bank.terms.reserve_share = Ratio(reserve_share);
        bank.terms.rate_full = Ratio(full);
        let (mut lent, mut loans, mut vault, mut now) = ([0u64; 4], [0u64; 4], 0u64, 0i64);
        for step in steps {
            match step {
                Move::Lend(who, tokens) => {
                    lent[who] += bank.lend(tokens).unwrap();
                    vault += tokens;
                }
                Move::Unlend(who, tokens) => {
                    let tokens = tokens.min(bank.lent_floor(lent[who]).unwrap());
                    match bank.unlend(tokens) {
                        Ok(shares) => {
                            lent[who] -= shares;
                            vault -= tokens;
                        }
                        Err(error) => prop_assert!(error == MarginError::BankIlliquid && tokens > vault),
                    }
                }
                Move::Borrow(who, tokens) => match bank.borrow(tokens) {
                    Ok(shares) => {
                        loans[who] += shares;
                        vault -= tokens;
                        prop_assert!(bank.loans <= bank.lent / 10 * 9 + 10);
                    }
                    Err(error) => prop_assert_eq!(error, MarginError::UtilisationCap),
                },
                Move::Repay(who, tokens) => {
                    let tokens = tokens.min(bank.owed_ceil(loans[who]).unwrap());
                    let all = tokens == bank.owed_ceil(loans[who]).unwrap();
                    let shares = bank.repay(tokens).unwrap();
                    loans[who] -= shares;
                    vault += tokens;
                    prop_assert!(!all || loans[who] == 0, "what is owed cancels the loan");
                }
                Move::Charge(tokens) => {
                    let most = bank.chargeable().unwrap();
                    let before = bank;
                    match bank.charge(tokens) {
                        Ok(()) => {
                            vault -= tokens;
                            let taken = before.lent - bank.lent;
                            prop_assert!(tokens <= most && taken >= tokens, "{} of {}", taken, tokens);
                            prop_assert!(bank.reserve - before.reserve == taken - tokens);
                        }
                        Err(error) => prop_assert!(error == MarginError::BankIlliquid && tokens > most && bank == before),
                    }
                }
                Move::Wait(seconds) => {
                    now += seconds;
                    let before = bank;
                    bank.accrue(Seconds(now));
                    prop_assert!(bank.lent >= before.lent && bank.loans >= before.loans);
                }
            }
            prop_assert_eq!(vault + bank.loans, bank.lent + bank.reserve);
            prop_assert_eq!(bank.liquid().unwrap(), vault);
            prop_assert_eq!(lent.iter().sum::<u64>(), bank.lent_shares);
            prop_assert_eq!(loans.iter().sum::<u64>(), bank.loan_shares);
            let claims: u64 = lent.iter().map(|s| bank.lent_floor(*s).unwrap()).sum();
            let debts: u64 = loans.iter().map(|s| bank.owed_ceil(*s).unwrap()).sum();
            prop_assert!(claims <= bank.lent && bank.lent - claims < 4);
            prop_assert!(debts >= bank.loans && debts - bank.loans < 4);
            // Without rounding the bank is never short.
            let assets = (u128::from(vault) << 64) + exact(bank.loan_index, bank.loan_shares);
            prop_assert!(assets >= exact(bank.lent_index, bank.lent_shares));
        }
    }

    #[test]
    fn a_rate_lies_on_two_lines(utilisation in 0i64..=1_000_000) {
        let rate = TERMS.rate(Ratio(utilisation)).unwrap().0;
        let exact = match utilisation {
            u if u <= 800_000 => u as f64 / 8.0,
            u => 100_000.0 + (u - 800_000) as f64 * 4.5,
        };
        prop_assert!(rate as f64 <= exact && exact < rate as f64 + 1.0);
    }

    #[test]
    fn no_terms_and_no_time_panic(
        terms in any::<[i64; 6]>(),
        words in any::<[u64; 8]>(),
        (accrued, now, tokens) in any::<(i64, i64, u64)>(),
    ) {
        let [zero, kink_rate, full, kink, reserve_share, cap] = terms.map(Ratio);
        let terms = LendingTerms {
            rate_zero: zero, rate_kink: kink_rate, rate_full: full, kink, reserve_share, utilisation_cap: cap,
        };
        let [lent, lent_shares, a, b, loans, loan_shares, c, d] = words;
        let bank = Bank {
            lent, lent_shares, lent_index: [a, b], loans, loan_shares, loan_index: [c, d], reserve: 0,
            accrued: Seconds(accrued), terms,
        };
        let mut grown = bank;
        grown.accrue(Seconds(now));
        prop_assert!(grown.accrued >= bank.accrued);
        for change in [Bank::lend, Bank::unlend, Bank::borrow, Bank::repay] {
            let mut changed = bank;
            if change(&mut changed, tokens).is_err() {
                prop_assert_eq!(changed, bank);
            }
        }
    }
}

/// CLR-32: lenders bear a haircut by what a share is worth, as far as it is not lent out; who lends afterwards bears nothing.
#[test]
fn lenders_bear_pro_rata_what_is_not_lent_out() {
    let mut bank = bank();
    let shares = [3_000, 1_000].map(|tokens| bank.lend(tokens).unwrap());
    bank.borrow(2_000).unwrap();
    assert_eq!(bank.chargeable(), Ok(2_000));
    assert_eq!(bank.charge(2_001), Err(MarginError::BankIlliquid));
    bank.charge(1_000).unwrap();
    assert_eq!(shares.map(|s| bank.lent_floor(s).unwrap()), [2_250, 750]);
    assert_eq!((bank.lent, bank.reserve, bank.loans, bank.liquid().unwrap()), (3_000, 0, 2_000, 1_000));
    let later = bank.lend(300).unwrap();
    assert_eq!((later, bank.lent_floor(later).unwrap()), (400, 300));
}

/// A share never becomes worthless: the bank goes on.
#[test]
fn not_all_of_a_bank_is_charged() {
    let mut bank = bank();
    bank.lend(1_000_000_000).unwrap();
    for _ in 0..10 {
        bank.charge(bank.chargeable().unwrap()).unwrap();
    }
    assert!(bank.lend(1_000).unwrap() > 0 && bank.chargeable().unwrap() < 1_000_000);
}

#[test]
fn a_year_at_the_kink_by_hand() {
    let mut bank = bank();
    bank.lend(1_000_000_000).unwrap();
    let shares = bank.borrow(800_000_000).unwrap();
    // 10 % a year on 800: half a step of 30 days is 800·0.1·15/365.
    bank.accrue(Seconds(1_296_000));
    assert_eq!(bank.owed_ceil(shares).unwrap(), 803_287_672);
    // Of 3.287671.. the reserve keeps a tenth; what rounding leaves is its too.
    assert_eq!((bank.lent, bank.reserve), (1_002_958_904, 328_768));
    assert_eq!(bank.loans - 800_000_000, bank.lent - 1_000_000_000 + bank.reserve);
}

#[test]
fn interest_is_charged_to_the_second_and_however_often_one_asks() {
    let (mut once, mut often) = (bank(), bank());
    for bank in [&mut once, &mut often] {
        bank.lend(1_000_000_000_000).unwrap();
        bank.borrow(400_000_000_000).unwrap();
    }
    once.accrue(Seconds(3_600));
    for second in 1..=3_600 {
        often.accrue(Seconds(second));
    }
    // 5 % a year on 400,000 for an hour: 2.283105; compounded by the second nothing that a unit shows.
    assert_eq!(once.loans, 400_002_283_106);
    assert!(often.loans - once.loans <= 10 && often.lent <= once.lent + 10 && once.lent <= often.lent + 10);
}

#[test]
fn a_long_silence_is_charged_in_steps() {
    let mut bank = bank();
    bank.lend(1_000_000).unwrap();
    bank.borrow(800_000).unwrap();
    bank.accrue(Seconds(5 * MAX_STEP.0 / 2));
    assert_eq!(bank.accrued, MAX_STEP);
    bank.accrue(Seconds(5 * MAX_STEP.0 / 2));
    bank.accrue(Seconds(5 * MAX_STEP.0 / 2));
    assert_eq!(bank.accrued, Seconds(5 * MAX_STEP.0 / 2));
}

#[test]
fn a_clock_that_runs_backwards_or_stands_charges_nothing() {
    let mut bank = bank();
    bank.lend(1_000_000).unwrap();
    bank.borrow(800_000).unwrap();
    bank.accrue(Seconds(100));
    let before = bank;
    bank.accrue(Seconds(100));
    bank.accrue(Seconds(-5));
    assert_eq!(bank, before);
}

#[test]
fn time_without_loans_is_not_charged_later() {
    let mut bank = bank();
    bank.lend(1_000_000).unwrap();
    bank.accrue(Seconds(MAX_STEP.0 * 10));
    bank.borrow(800_000).unwrap();
    bank.accrue(Seconds(MAX_STEP.0 * 10));
    assert_eq!(bank.loans, 800_000);
}

#[test]
fn what_no_longer_fits_stops_interest_and_nothing_else() {
    let mut bank = Bank { accrued: Seconds(0), ..bank() };
    bank.lend(u64::MAX / 2).unwrap();
    bank.borrow(u64::MAX / 3).unwrap();
    // Close to the end of a u64: the next step would not fit.
    let mut most = bank;
    for _ in 0..1_000 {
        let now = Seconds(most.accrued.0 + MAX_STEP.0);
        most.accrue(now);
        assert_eq!(most.accrued, now);
    }
    assert!(most.loans > bank.loans);
    let mut after = most;
    after.accrue(Seconds(most.accrued.0 + MAX_STEP.0));
    assert_eq!((after.loans, after.lent, after.reserve), (most.loans, most.lent, most.reserve));
    assert_eq!(after.repay(1_000_000).map(|_| ()), Ok(()));
}

#[test]
fn unsound_terms_are_told() {
    assert!(TERMS.are_sound());
    let unsound = [
        LendingTerms { rate_zero: Ratio(-1), ..TERMS },
        LendingTerms { rate_zero: Ratio(100_001), ..TERMS },
        LendingTerms { rate_kink: Ratio(1_000_001), ..TERMS },
        LendingTerms { rate_full: Ratio(MAX_RATE.0 + 1), ..TERMS },
        LendingTerms { kink: Ratio(0), ..TERMS },
        LendingTerms { kink: Ratio(1_000_000), ..TERMS },
        LendingTerms { reserve_share: Ratio(-1), ..TERMS },
        LendingTerms { reserve_share: Ratio(1_000_000), ..TERMS },
        LendingTerms { utilisation_cap: Ratio(-1), ..TERMS },
        LendingTerms { utilisation_cap: Ratio(1_000_001), ..TERMS },
    ];
    assert!(unsound.iter().all(|terms| !terms.are_sound()));
}
