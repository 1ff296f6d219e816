//! The process over HTTP and websocket: what it takes, what it refuses and by which name.

use novate_client::order::Cluster;
use novate_matcher::control::Wish;
use novate_matcher::engine::Which;
use serde_json::{json, Value};
use solana_keypair::Keypair;

use crate::process::{folder, request, Matcher};
use crate::signing::{buy, micros, sell, Trader, Wanted, UNIT};

fn matcher(name: &str) -> (Matcher, Trader, Trader) {
    let (first, second) = (Trader::new(1), Trader::new(2));
    (Matcher::start(&folder(name), &[&first, &second], &[]), first, second)
}

fn change(wanted: Wanted, change: impl FnOnce(&mut Wanted)) -> Wanted {
    let mut wanted = wanted;
    change(&mut wanted);
    wanted
}

const BOOK: &str = "/books/1%20BTC-PERP%230";

#[test]
fn two_orders_meet() {
    let (matcher, first, second) = matcher("api_meet");
    let resting = matcher.sends("/orders", &first.order(&sell(2, 60_000)));
    assert_eq!((resting["status"].clone(), resting["remaining"].clone()), (json!("open"), json!("2")));
    let (_, book) = matcher.get(BOOK);
    assert_eq!((book["sells"].clone(), book["buys"].clone()), (json!([["60000", "2"]]), json!([])));
    let taker = matcher.sends("/orders", &second.order(&buy(3, 60_001)));
    assert_eq!((taker["filled"].clone(), taker["remaining"].clone()), (json!("2"), json!("1")));
    let (_, maker) = matcher.get(&format!("/orders/{}", resting["id"].as_str().unwrap()));
    assert_eq!((maker["status"].clone(), maker["why"].clone()), (json!("closed"), json!("Filled")));
    assert_eq!(maker["settled"], "0", "nothing is settled without a chain");
    let (_, book) = matcher.get(BOOK);
    assert_eq!((book["buys"].clone(), book["sells"].clone()), (json!([["60001", "1"]]), json!([])));
    let (_, books) = matcher.get("/books");
    assert_eq!(books["books"][0]["buy"], "60001");
}

#[test]
fn the_same_order_again_is_answered_as_before() {
    let (matcher, first, _) = matcher("api_again");
    let order = first.order(&sell(2, 60_000));
    assert_eq!(matcher.sends("/orders", &order), matcher.sends("/orders", &order));
    let (_, book) = matcher.get(BOOK);
    assert_eq!(book["sells"], json!([["60000", "2"]]));
}

#[test]
fn a_wallets_envelope_is_taken_and_only_its_own() {
    let (matcher, first, _) = matcher("api_envelope");
    matcher.sends("/orders", &first.sign_offchain(first.text(&sell(2, 60_000))));
    let mut raw = first.order(&sell(2, 60_000));
    raw.envelope = "offchain".into();
    matcher.refuses("/orders", &raw, "BadSignature");
    raw.envelope = "sealed".into();
    matcher.refuses("/orders", &raw, "BadEnvelope");
}

#[test]
fn orders_that_are_refused_are_refused_by_name() {
    let (matcher, first, second) = matcher("api_refused");
    let now = micros() as i64 / 1_000_000;
    let refused: [(Wanted, &str); 15] = [
        (change(buy(1, 60_000), |o| o.cluster = Cluster::Mainnet), "WrongCluster"),
        (change(buy(1, 60_000), |o| o.until = now - 1), "Expired"),
        (change(buy(1, 60_000), |o| o.until = now + 31 * 86_400), "TooFar"),
        (change(buy(1, 60_000), |o| o.nonce += 120_000_000), "NonceAhead"),
        (change(buy(1, 60_000), |o| o.legs[0].1 = "DOGE-PERP".into()), "UnknownInstrument"),
        (change(buy(1, 60_000), |o| o.legs[0].2 = 1), "UnknownInstrument"),
        (change(buy(1, 60_000), |o| o.legs[0].0 = 2), "NotCanonical"),
        (change(buy(1, 60_000), |o| o.legs[0].0 = -1), "BadText"),
        (change(buy(1, 60_000), |o| (o.nonce, o.until) = (o.nonce - 5_000_000, now + 30 * 86_400)), "TooFar"),
        (change(buy(1, 60_000), |o| o.legs.push((1, "BTC-PERP".into(), 0))), "NotCanonical"),
        (change(buy(1, 60_000), |o| o.quantity += 1), "NotALot"),
        (change(buy(1, 60_000), |o| o.quantity = UNIT / 100), "BelowMinimum"),
        (change(buy(1, 60_000), |o| o.limit += 1), "NotATick"),
        (change(buy(1, 60_000), |o| o.flags.reduce_only = true), "ReduceOnlyOpens"),
        (
            change(buy(1, 60_000), |o| {
                o.quantity = i64::MAX / 2;
                o.legs[0].0 = 3;
                o.legs.push((1, "ETH-PERP".into(), 1));
            }),
            "TooLarge",
        ),
    ];
    for (wanted, name) in &refused {
        matcher.refuses("/orders", &first.order(wanted), name);
    }
    let stranger = Trader::new(9);
    matcher.refuses("/orders", &stranger.order(&buy(1, 60_000)), "NoPortfolio");
    let other_life = Trader { generation: 2, ..Trader::new(1) };
    matcher.refuses("/orders", &other_life.order(&buy(1, 60_000)), "WrongGeneration");
    // Signed by somebody else, for the portfolio of the first.
    let thief = Trader { key: Keypair::new(), ..Trader::new(1) };
    matcher.refuses("/orders", &thief.order(&buy(1, 60_000)), "NotTrader");
    // One that the first signed, said to be by the second.
    let mut forged = first.order(&buy(1, 60_000));
    forged.signer = second.order(&buy(1, 60_000)).signer;
    matcher.refuses("/orders", &forged, "BadSignature");
    let mut changed = first.order(&buy(1, 60_000));
    changed.text = changed.text.replace("buy 1 x", "buy 2 x");
    matcher.refuses("/orders", &changed, "BadSignature");
    let wanted = buy(1, 60_000);
    matcher.sends("/orders", &first.order(&wanted));
    matcher.refuses("/orders", &first.order(&Wanted { limit: 59_000 * UNIT, ..wanted }), "NonceTaken");
    let (_, metrics) = matcher.get("/metrics");
    let metrics = metrics.as_str().unwrap().to_string();
    assert!(metrics.contains(r#"novate_matcher_refused_total{error="NotALot"} 1"#), "{metrics}");
}

#[test]
fn texts_that_are_none_are_refused() {
    let (matcher, first, _) = matcher("api_text");
    let text = first.text(&buy(1, 60_000));
    for text in [
        String::new(),
        text.replace("1 BTC", "01 BTC"),
        text.replace("; ", ";  "),
        format!("{text}\n"),
        text.replace("Novate", "N\u{f6}vate"),
        "x".repeat(4_000),
        text.replace("buy", "steal"),
    ] {
        matcher.refuses("/orders", &first.sign(text), "BadText");
    }
}

#[test]
fn bodies_that_are_none_are_refused() {
    let (matcher, first, _) = matcher("api_body");
    let order = serde_json::to_value(first.order(&buy(1, 60_000))).unwrap();
    let mut more = order.clone();
    more["colour"] = json!("red");
    for body in ["", "{", "[]", "null", "7", "{}", r#"{"text":1}"#, &more.to_string()] {
        assert_eq!(matcher.post_text("/orders", body).1["error"], "BadJson", "{body}");
    }
    let (status, answer) = matcher.post_text("/orders", &"x".repeat(8_193));
    assert_eq!((status, answer["error"].clone()), (413, json!("BodyTooLarge")));
    let deep = "[".repeat(8_000);
    assert_eq!(matcher.post_text("/orders", &deep).1["error"], "BadJson");
}

#[test]
fn paths_that_are_none_are_refused() {
    let (matcher, ..) = matcher("api_path");
    assert_eq!(matcher.get("/nothing").1["error"], "NoSuchPath");
    assert_eq!(matcher.get("/orders").1["error"], "MethodNotAllowed");
    assert_eq!(request(&matcher.url, "DELETE", "/books", None, &[]).1["error"], "MethodNotAllowed");
    assert_eq!(matcher.get("/orders/zz").1["error"], "NoOrder");
    assert_eq!(matcher.get(&format!("/orders/{}", "0".repeat(64))).1["error"], "NoOrder");
    assert_eq!(matcher.get(BOOK).1["error"], "NoBook");
    assert_eq!(matcher.get("/books/rubbish").1["error"], "BadText");
    assert_eq!(matcher.get("/books/1%20DOGE-PERP%230").1["error"], "UnknownInstrument");
    assert_eq!(matcher.get("/stream").1["error"], "NotAWebsocket");
    let (status, health) = matcher.get("/health");
    assert_eq!((status, health["status"].clone()), (200, json!("ok")));
    let (_, instruments) = matcher.get("/instruments");
    assert_eq!(instruments["instruments"][0]["name"], "BTC-PERP#0");
}

#[test]
fn raw_bytes_do_not_stop_it() {
    use std::io::{Read, Write};
    let (matcher, ..) = matcher("api_bytes");
    let address = matcher.url.strip_prefix("http://").unwrap();
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET",
        &[255; 4_096],
        b"POST /orders HTTP/1.1\r\nContent-Length: 9999999999999999999999\r\n\r\n",
    ] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        let _ = stream.write_all(bytes);
        let mut answer = [0; 64];
        let _ = stream.read(&mut answer);
    }
    assert_eq!(matcher.get("/health").0, 200);
}

#[test]
fn cancels_are_signed_and_used_once() {
    let (matcher, first, second) = matcher("api_cancel");
    let wanted = sell(2, 60_000);
    let order = matcher.sends("/orders", &first.order(&wanted));
    matcher.sends("/orders", &first.order(&sell(1, 60_001)));
    // The second cannot cancel for the first.
    let by_other = Trader { key: second.key.insecure_clone(), ..Trader::new(1) };
    matcher.refuses("/cancels", &by_other.control(Wish::Cancel(Which::All)), "NotTrader");
    let cancel = first.control(Wish::Cancel(Which::Nonce(wanted.nonce)));
    assert_eq!(matcher.sends("/cancels", &cancel)["cancelled"], json!([order["id"]]));
    matcher.refuses("/cancels", &cancel, "TimeNotRising");
    matcher.refuses("/cancels", &first.control_at(Wish::Cancel(Which::All), micros() - 61_000_000), "TimeTooOld");
    matcher.refuses("/cancels", &first.control_at(Wish::Cancel(Which::All), micros() + 62_000_000), "TimeTooOld");
    matcher.refuses("/cancels", &first.control(Wish::Login), "BadText");
    assert_eq!(
        matcher.sends("/cancels", &first.control(Wish::Cancel(Which::All)))["cancelled"].as_array().unwrap().len(),
        1
    );
    let (_, cancelled) = matcher.get(&format!("/orders/{}", order["id"].as_str().unwrap()));
    assert_eq!(cancelled["why"], "Cancelled");
    // What was cancelled does not come back.
    assert_eq!(matcher.sends("/orders", &first.order(&wanted))["why"], "Cancelled");
    assert_eq!(matcher.get(BOOK).1["sells"], json!([]));
}

#[test]
fn a_key_and_an_address_have_their_rates() {
    let (first, second) = (Trader::new(1), Trader::new(2));
    let rates = ["--address-rate", "1000/1000", "--key-rate", "0.001/3"];
    let matcher = Matcher::start(&folder("api_key_rate"), &[&first, &second], &rates);
    for price in 0..3 {
        matcher.sends("/orders", &first.order(&sell(1, 60_000 + price)));
    }
    matcher.refuses("/orders", &first.order(&sell(1, 60_000)), "KeyRate");
    matcher.sends("/orders", &second.order(&sell(1, 60_000)));
    // Nobody uses up the rate of another: the signature is looked at first.
    let thief = Trader { key: Keypair::new(), ..Trader::new(2) };
    for _ in 0..5 {
        matcher.refuses("/orders", &thief.order(&sell(1, 60_000)), "NotTrader");
    }
    matcher.sends("/orders", &second.order(&sell(1, 60_000)));

    let rates = ["--address-rate", "0.001/4", "--key-rate", "1000/1000"];
    let matcher = Matcher::start(&folder("api_address_rate"), &[&first], &rates);
    for _ in 0..4 {
        assert_eq!(matcher.get("/instruments").0, 200);
    }
    let (status, answer) = matcher.get("/instruments");
    assert_eq!((status, answer["error"].clone()), (429, json!("AddressRate")));
    assert_eq!(matcher.get("/health").0, 200, "what operators look at is free");
}

#[test]
fn a_book_is_refused_further_depth() {
    let first = Trader::new(1);
    let matcher = Matcher::start(&folder("api_deep"), &[&first], &["--book-orders", "2", "--portfolio-orders", "3"]);
    matcher.sends("/orders", &first.order(&sell(1, 60_000)));
    matcher.sends("/orders", &first.order(&sell(1, 60_001)));
    matcher.refuses("/orders", &first.order(&sell(1, 60_002)), "BookFull");
    let eth = |o: &mut Wanted| o.legs[0] = (1, "ETH-PERP".into(), 1);
    matcher.sends("/orders", &first.order(&change(sell(1, 60_000), eth)));
    matcher.refuses("/orders", &first.order(&change(sell(1, 60_000), eth)), "TooManyOrders");
}

#[test]
fn levels_have_a_sequence_without_gaps() {
    let (matcher, first, second) = matcher("api_stream");
    matcher.sends("/orders", &first.order(&sell(2, 60_000)));
    let mut stream = matcher.stream();
    stream.say(json!({ "subscribe": "book", "strategy": "1 BTC-PERP#0" }));
    let book = stream.hear_of("book");
    assert_eq!(book["sells"], json!([["60000", "2"]]));
    let mut sequence = book["sequence"].as_u64().unwrap();
    let mut levels = std::collections::BTreeMap::from([(("sell".to_string(), "60000".to_string()), "2".to_string())]);
    matcher.sends("/orders", &first.order(&sell(1, 60_000)));
    matcher.sends("/orders", &second.order(&buy(2, 60_000)));
    matcher.sends("/orders", &second.order(&buy(5, 59_000)));
    for _ in 0..3 {
        let level = stream.hear_of("level");
        sequence += 1;
        assert_eq!(level["sequence"], sequence);
        let at = |field: &str| level[field].as_str().unwrap().to_string();
        levels.insert((at("side"), at("price")), at("quantity"));
    }
    levels.retain(|_, quantity| quantity != "0");
    let (_, now) = matcher.get(BOOK);
    assert_eq!(now["sequence"], sequence);
    let shown: Vec<_> = levels.into_iter().map(|((side, price), quantity)| (side, json!([price, quantity]))).collect();
    assert_eq!(shown, [("buy".into(), now["buys"][0].clone()), ("sell".into(), now["sells"][0].clone())]);
}

#[test]
fn owners_hear_of_their_own_orders_and_nobody_else_does() {
    let (matcher, first, second) = matcher("api_own");
    let (mut own, mut anyone) = (matcher.stream(), matcher.stream());
    let login = first.control(Wish::Login);
    let mut wanted = serde_json::to_value(&login).unwrap();
    wanted["subscribe"] = json!("orders");
    own.say(wanted);
    assert_eq!(own.hear_of("subscribed"), "orders");
    anyone.say(json!({ "subscribe": "trades" }));
    assert_eq!(anyone.hear_of("subscribed"), "trades");
    // Of the second's orders with a login of the first's key.
    let thief = Trader { key: first.key.insecure_clone(), ..Trader::new(2) };
    let mut wanted = serde_json::to_value(thief.control(Wish::Login)).unwrap();
    wanted["subscribe"] = json!("orders");
    anyone.say(wanted);
    assert_eq!(anyone.hear_of("error"), "NotTrader");
    let order = matcher.sends("/orders", &first.order(&sell(2, 60_000)));
    assert_eq!(own.hear_of("order")["id"], order["id"]);
    matcher.sends("/orders", &second.order(&buy(1, 60_000)));
    assert_eq!(own.hear_of("fill")["quantity"], "1");
    assert_eq!(own.hear_of("order")["filled"], "1");
    // The first thing that others hear is the trade, without who traded.
    let trade = anyone.hear().unwrap();
    assert_eq!(trade["trade"]["quantity"], "1", "{trade}");
    assert_eq!((&trade["trade"]["maker"], &trade["trade"]["taker_side"]), (&Value::Null, &json!("buy")));
}

#[test]
fn a_websocket_that_says_rubbish_is_told_so() {
    let (matcher, ..) = matcher("api_rubbish");
    let mut stream = matcher.stream();
    stream.say(json!("hello"));
    assert_eq!(stream.hear_of("error"), "BadJson");
    stream.say(json!({ "subscribe": "book", "strategy": "1 DOGE-PERP#0" }));
    assert_eq!(stream.hear_of("error"), "UnknownInstrument");
    stream.say(json!("x".repeat(9_000)));
    assert!(stream.hear().is_none_or(|message| message.get("error").is_some()));
    assert_eq!(matcher.get("/health").0, 200);
}

#[test]
fn it_stops_when_it_is_asked_to() {
    let (mut matcher, first, _) = matcher("api_stop");
    let order = matcher.sends("/orders", &first.order(&sell(2, 60_000)));
    let mut stream = matcher.stream();
    stream.say(json!({ "subscribe": "trades" }));
    assert_eq!(stream.hear_of("subscribed"), "trades");
    assert!(matcher.stop().success());
    assert_eq!(stream.hear_of("error"), "Stopping");
    let again = Matcher::start(&matcher.folder, &[&first], &[]);
    assert_eq!(again.get(&format!("/orders/{}", order["id"].as_str().unwrap())).1, order);
}
