//! The text of signed orders: one spelling for each order, and nothing else is read.

use anchor_lang::prelude::Pubkey;
use novate::instrument::Instrument;
use novate::order::{
    open, render_symbol, root_of, seal, Cluster, Order, OrderFlags, OrderLeg, OrderSide, MAX_ORDER_LEGS, MAX_SYMBOL,
};
use novate::NovateError;
use novate_margin::dated::Right;
use novate_margin::Price;
use proptest::prelude::*;

const KEY: Pubkey = Pubkey::new_from_array([7; 32]);

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

fn perpetual() -> Order<'static> {
    Order {
        cluster: Cluster::Localnet,
        portfolio: KEY,
        generation: 1,
        side: OrderSide::Buy,
        quantity: 500_000_000,
        legs: vec![OrderLeg { ratio: 1, symbol: "BTC-PERP", market: 0 }],
        limit: 60_000_500_000_000,
        until: 1_795_420_800,
        nonce: 1_764_000_000_000_000,
        flags: OrderFlags { reduce_only: true, ..OrderFlags::default() },
    }
}

#[test]
fn an_order_reads_as_a_person_would_say_it() {
    let text = format!(
        "Novate order: localnet portfolio {KEY} generation 1; buy 0.5 x 1 BTC-PERP#0; limit 60000.5; \
         until 2026-11-23 08:00:00 UTC; nonce 1764000000000000; reduce-only"
    );
    assert_eq!(perpetual().render(), text);
    assert_eq!(Order::parse(text.as_bytes()), Ok(perpetual()));
}

#[test]
fn a_strategy_names_its_legs_and_ratios() {
    let text = format!(
        "Novate order: mainnet portfolio {KEY} generation 0; sell 2 x 1 BTC-25DEC26-100000-C#0, -2 BTC-25DEC26-110000.5-C#7; \
         limit -150.25; until 2028-02-29 23:59:59 UTC; nonce 0; post-only; fok"
    );
    let order = Order::parse(text.as_bytes()).expect("reads");
    assert_eq!((order.cluster, order.side, order.quantity), (Cluster::Mainnet, OrderSide::Sell, 2_000_000_000));
    assert_eq!(order.limit, -150_250_000_000);
    assert_eq!(order.legs[1], OrderLeg { ratio: -2, symbol: "BTC-25DEC26-110000.5-C", market: 7 });
    assert_eq!(order.flags, OrderFlags { post_only: true, fok: true, ..OrderFlags::default() });
    assert_eq!(order.render(), text);
}

#[test]
fn another_spelling_is_refused() {
    let text = perpetual().render();
    let long = "BTC-PERP".repeat(6);
    let legs = ", 1 BTC-PERP#0".repeat(MAX_ORDER_LEGS);
    for (from, to) in [
        ("Novate", "novate"),
        ("localnet", "Localnet"),
        ("localnet", "mainnet-beta"),
        (" portfolio ", "  portfolio "),
        ("generation 1", "generation 01"),
        ("generation 1", "generation 18446744073709551616"),
        ("generation 1", "generation "),
        ("buy", "take"),
        ("x 1 ", "x -1 "),
        ("0.5", "0.50"),
        ("0.5", "00.5"),
        ("0.5", ".5"),
        ("0.5", "+0.5"),
        ("0.5", "-0.5"),
        ("0.5", "0"),
        ("0.5", "0."),
        ("0.5", "0,5"),
        ("0.5", "0.0000000005"),
        ("0.5", "9223372036.854775808"),
        (" x 1 ", " x 0 "),
        (" x 1 ", " x -0 "),
        (" x 1 ", " x +1 "),
        (" x 1 ", " x 1001 "),
        (" x 1 ", " x 1.5 "),
        (" x 1 ", " x "),
        ("BTC-PERP#0", "btc-perp#0"),
        ("BTC-PERP#0", "BTC-PERP"),
        ("BTC-PERP#0", "#0"),
        ("BTC-PERP#0", "BTC-PERP#00"),
        ("BTC-PERP#0", "BTC-PERP#65536"),
        ("BTC-PERP#0", "BTC-PERP#0,1 BTC-PERP#0"),
        ("BTC-PERP#0", "BTC-PERP#0, "),
        ("BTC-PERP", &long),
        ("; limit", &format!("{legs}; limit")),
        ("60000.5", "60000.5e0"),
        ("60000.5", "-0"),
        ("60000.5", "9223372036.854775808"),
        ("2026-11-23", "2026-11-31"),
        ("2026-11-23", "2026-02-29"),
        ("2026-11-23", "2026-13-01"),
        ("2026-11-23", "2026-00-01"),
        ("2026-11-23", "2026-11-00"),
        ("2026-11-23", "1969-12-31"),
        ("2026-11-23", "26-11-23"),
        ("08:00:00", "24:00:00"),
        ("08:00:00", "08:60:00"),
        ("08:00:00", "08:00:60"),
        ("08:00:00", "8:00:00"),
        ("UTC", "GMT"),
        ("nonce 1764", "nonce -1764"),
        ("; reduce-only", "; reduce-only; reduce-only"),
        ("; reduce-only", "; reduce-only; fok"),
        ("; reduce-only", "; post-only; ioc"),
        ("; reduce-only", "; ioc; fok"),
        ("; reduce-only", "; "),
        ("; reduce-only", "; reduce-only "),
        ("; reduce-only", "; reduce-only\n"),
        ("; reduce-only", "; reduce-only; "),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from} is in the text");
        assert_eq!(Order::parse(other.as_bytes()), Err(NovateError::OrderText), "{other}");
    }
    for end in 0..text.len() {
        let cut = &text[..end];
        // Without its flag it is an order.
        assert_eq!(
            Order::parse(cut.as_bytes()).is_ok(),
            cut == text.trim_end_matches("; reduce-only") || is_shorter_nonce(cut, &text)
        );
    }
    // Of the address no character can be another, nor fewer stand for it.
    let address = KEY.to_string();
    for other in [&address[1..], &format!("1{address}"), &address.replace('U', "0"), ""] {
        if other != address {
            let other = text.replace(&address, other);
            assert!(Order::parse(other.as_bytes()).is_err(), "{other}");
        }
    }
}

/// A nonce that lacks digits at its end is a nonce: what keeps it from counting is the signature.
fn is_shorter_nonce(cut: &str, text: &str) -> bool {
    let nonce = text.find("nonce ").expect("has one") + "nonce ".len();
    cut.len() > nonce && cut[nonce..].bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn every_day_has_one_name() {
    // Far from every edge and at all of them: each day of eight years, then steps to the end.
    let days = (0..3_000).chain((3_000..LAST / 86_400).step_by(997)).chain([LAST / 86_400]);
    let mut last = String::new();
    for day in days {
        let order = Order { until: day * 86_400 + 86_399, ..perpetual() };
        let text = order.render();
        assert_eq!(Order::parse(text.as_bytes()).map(|order| order.until), Ok(order.until));
        assert!(text > last, "dates sort as they follow each other");
        last = text;
    }
}

#[test]
fn symbols_are_those_of_the_listed_accounts() {
    let minutes = |time: u32| time / 60;
    let december = minutes(1_798_185_600);
    assert_eq!(render_symbol("BTC", Instrument::Perpetual, Price(0)), "BTC-PERP");
    assert_eq!(render_symbol("BTC", Instrument::Future { minutes: december }, Price(0)), "BTC-25DEC26");
    let option = |right| Instrument::Option { minutes: december, slot: 3, right };
    assert_eq!(render_symbol("BTC", option(Right::Call), Price(100_000_000_000_000)), "BTC-25DEC26-100000-C");
    assert_eq!(render_symbol("BTC", option(Right::Put), Price(250_000_000)), "BTC-25DEC26-0.25-P");
    assert_eq!(render_symbol("ETH", Instrument::Future { minutes: minutes(1_796_457_600) }, Price(0)), "ETH-5DEC26");
    let longest = render_symbol("ABCDEFGHIJK", option(Right::Put), Price(i64::MAX));
    assert!(longest.len() <= MAX_SYMBOL, "{longest}");

    let symbol = |text: &[u8]| {
        let mut symbol = [0; 16];
        symbol[..text.len()].copy_from_slice(text);
        symbol
    };
    assert_eq!(root_of(&symbol(b"BTC-PERP")), Some("BTC"));
    assert_eq!(root_of(&symbol(b"1INCH000000-PERP")), Some("1INCH000000"));
    for other in
        [&b"BTC"[..], b"-PERP", b"BTC-perp", b"btc-PERP", b"B C-PERP", b"B-C-PERP", b"BTC-PERP\0X", b"", b"BTC-PERPX"]
    {
        assert_eq!(root_of(&symbol(other)), None);
    }
}

#[test]
fn an_envelope_is_opened_for_its_program_and_signer_only() {
    let (program, other) = (novate::ID, Pubkey::new_from_array([9; 32]));
    let text = perpetual().render();
    let sealed = seal(&text, &program, &KEY).expect("short");
    assert_eq!(&sealed[..16], b"\xffsolana offchain");
    assert_eq!(open(&sealed, &program, &KEY), Ok(text.as_bytes()));
    assert_eq!(open(text.as_bytes(), &program, &KEY), Ok(text.as_bytes()), "raw");
    assert_eq!(open(&sealed, &other, &KEY), Err(NovateError::OrderEnvelope));
    assert_eq!(open(&sealed, &program, &other), Err(NovateError::OrderEnvelope));
    for at in 0..85 {
        let mut tampered = sealed.clone();
        tampered[at] ^= 1;
        assert!(open(&tampered, &program, &KEY).is_err() || at == 0, "byte {at}");
        assert!(open(&tampered, &program, &KEY).and_then(Order::parse).is_err(), "byte {at}");
    }
    for end in 1..sealed.len() {
        assert_eq!(open(&sealed[..end], &program, &KEY), Err(NovateError::OrderEnvelope));
    }
    let mut longer = sealed.clone();
    longer.push(b' ');
    assert_eq!(open(&longer, &program, &KEY), Err(NovateError::OrderEnvelope));
    assert_eq!(seal(&" ".repeat(65_536), &program, &KEY), None);
}

fn flags() -> impl Strategy<Value = OrderFlags> {
    any::<[bool; 4]>().prop_map(|[post_only, ioc, fok, reduce_only]| OrderFlags {
        post_only,
        ioc: ioc && !post_only && !fok,
        fok,
        reduce_only,
    })
}

type Legs = Vec<(i64, String, u16)>;

fn legs() -> impl Strategy<Value = Legs> {
    let ratio = (1i64..=1_000, any::<bool>()).prop_map(|(ratio, sold)| if sold { -ratio } else { ratio });
    let symbol = prop::collection::vec(prop::sample::select(b"ABYZ0189-.".to_vec()), 1..=MAX_SYMBOL);
    let symbol = symbol.prop_map(|bytes| String::from_utf8(bytes).expect("ASCII"));
    prop::collection::vec((ratio, symbol, any::<u16>()), 1..=MAX_ORDER_LEGS).prop_map(|mut legs: Legs| {
        legs[0].0 = legs[0].0.abs();
        legs
    })
}

fn terms() -> impl Strategy<Value = Order<'static>> {
    let cluster = prop::sample::select(Cluster::ALL.to_vec());
    let side = prop::sample::select(vec![OrderSide::Buy, OrderSide::Sell]);
    let limit = prop_oneof![(-i64::MAX..=i64::MAX), (-1_000i64..1_000).prop_map(|whole| whole * 1_000_000_000)];
    let whose = (cluster, any::<[u8; 32]>(), any::<u64>());
    let what = (side, 1i64..=i64::MAX, limit);
    (whose, what, 0i64..=LAST, any::<u64>(), flags()).prop_map(|(whose, what, until, nonce, flags)| Order {
        cluster: whose.0,
        portfolio: Pubkey::new_from_array(whose.1),
        generation: whose.2,
        side: what.0,
        quantity: what.1,
        legs: vec![],
        limit: what.2,
        until,
        nonce,
        flags,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_back(terms in terms(), legs in legs()) {
        let legs = legs.iter().map(|(ratio, symbol, market)| OrderLeg { ratio: *ratio, symbol, market: *market }).collect();
        let order = Order { legs, ..terms };
        let text = order.render();
        prop_assert!(text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        prop_assert_eq!(Order::parse(text.as_bytes()), Ok(order));
    }

    /// Whatever is read is written the same: no order has two spellings.
    #[test]
    fn a_changed_text_is_refused_or_is_its_own_spelling(
        terms in terms(),
        legs in legs(),
        at in any::<prop::sample::Index>(),
        byte in 0x20u8..0x7f,
        what in 0..3,
    ) {
        let legs = legs.iter().map(|(ratio, symbol, market)| OrderLeg { ratio: *ratio, symbol, market: *market }).collect();
        let mut text = Order { legs, ..terms }.render().into_bytes();
        let at = at.index(text.len());
        match what {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            _ => { text.remove(at); }
        }
        if let Ok(order) = Order::parse(&text) {
            let again = order.render();
            prop_assert_eq!(again.as_bytes(), &text[..]);
        }
    }

    #[test]
    fn no_bytes_make_it_fail(text in prop::collection::vec(any::<u8>(), 0..600), key in any::<[u8; 32]>()) {
        prop_assert!(Order::parse(&text).is_err());
        let _ = open(&text, &novate::ID, &Pubkey::new_from_array(key));
    }
}
