//! Requests for quotes.

use novate_matcher::admission::Submission;
use novate_matcher::control::Wish;
use serde_json::{json, Value};

use crate::process::{folder, Matcher};
use crate::signing::{buy, sell, Trader, Wanted};

const SPREAD: &str = "2 x 1 BTC-PERP#0, -1 ETH-PERP#1";

fn legs(mut wanted: Wanted) -> Wanted {
    wanted.legs = vec![(1, "BTC-PERP".into(), 0), (-1, "ETH-PERP".into(), 1)];
    wanted
}

fn ask(matcher: &Matcher, trader: &Trader, seconds: i64) -> Value {
    matcher.sends("/rfq", &trader.control(Wish::Request { strategy: SPREAD.into(), seconds }))
}

fn answer(trader: &Trader, wanted: Wanted, request: &Value) -> Submission {
    Submission { request: Some(request["id"].as_str().unwrap().into()), ..trader.order(&legs(wanted)) }
}

fn scene(name: &str) -> (Matcher, [Trader; 3], Value) {
    let traders = [Trader::new(1), Trader::new(2), Trader::new(3)];
    let matcher = Matcher::start(&folder(name), &traders.each_ref(), &[]);
    let request = ask(&matcher, &traders[0], 60);
    (matcher, traders, request)
}

fn ioc(mut wanted: Wanted) -> Wanted {
    wanted.flags.ioc = true;
    wanted
}

#[test]
fn the_best_quote_is_taken() {
    let (matcher, [asker, first, second], request) = scene("rfq_best");
    let mut stream = matcher.stream();
    stream.say(json!({ "subscribe": "requests" }));
    stream.hear_of("subscribed");
    let dear = matcher.sends("/orders", &answer(&first, sell(2, 58_000), &request));
    let cheap = matcher.sends("/orders", &answer(&second, sell(2, 57_900), &request));
    let (_, quotes) = matcher.get_with(
        &format!("/rfq/{}", request["id"].as_str().unwrap()),
        ("Authorization", &format!("Bearer {}", request["token"].as_str().unwrap())),
    );
    assert_eq!(quotes["sells"][0]["price"], "57900");
    assert_eq!(quotes["sells"].as_array().unwrap().len(), 2);
    let best = quotes["sells"][0].as_object().unwrap();
    assert_eq!((&best["id"], &best["until"]), (&cheap["id"], &cheap["until"]));
    assert_eq!(best["portfolio"], second.portfolio.to_string());
    // Quotes stand in no public book, and do not meet each other.
    assert_eq!(matcher.get("/books").1["books"], json!([]));
    matcher.sends("/orders", &answer(&first, buy(2, 58_000), &request));
    let taken = matcher.sends("/orders", &answer(&asker, ioc(buy(2, 58_000)), &request));
    assert_eq!((taken["filled"].clone(), taken["why"].clone()), (json!("2"), json!("Filled")));
    let of = |order: &Value| matcher.get(&format!("/orders/{}", order["id"].as_str().unwrap())).1;
    assert_eq!((of(&cheap)["filled"].clone(), of(&dear)["why"].clone()), (json!("2"), json!("RequestOver")));
    assert_eq!(stream.hear_of("open"), json!(false));
    matcher.refuses("/orders", &answer(&first, sell(2, 58_000), &request), "RequestOver");
}

#[test]
fn a_quote_may_be_all_or_nothing() {
    let (matcher, [asker, first, _], request) = scene("rfq_whole");
    let mut wanted = sell(2, 57_900);
    wanted.flags.fok = true;
    matcher.sends("/orders", &answer(&first, wanted, &request));
    let less = matcher.sends("/orders", &answer(&asker, ioc(buy(1, 58_000)), &request));
    assert_eq!((less["filled"].clone(), less["why"].clone()), (json!("0"), json!("NothingLeft")));
    let whole = matcher.sends("/orders", &answer(&asker, ioc(buy(2, 58_000)), &request));
    assert_eq!(whole["filled"], "2");
}

#[test]
fn quotes_are_for_who_asked() {
    let (matcher, [asker, first, second], request) = scene("rfq_private");
    matcher.sends("/orders", &answer(&first, sell(2, 57_900), &request));
    let path = format!("/rfq/{}", request["id"].as_str().unwrap());
    assert_eq!(matcher.get(&path).1["error"], "WrongToken");
    let wrong = format!("Bearer {}", "0".repeat(32));
    assert_eq!(matcher.get_with(&path, ("Authorization", &wrong)).1["error"], "WrongToken");
    // Another that takes is another that quotes: it must wait, and does not meet the first.
    matcher.refuses("/orders", &answer(&second, ioc(buy(2, 58_000)), &request), "QuoteImmediate");
    let quote = matcher.sends("/orders", &answer(&second, buy(2, 58_000), &request));
    assert_eq!(quote["filled"], "0");
    matcher.refuses("/orders", &answer(&asker, buy(2, 58_000), &request), "TakeNotImmediate");
    let listed = matcher.get("/rfq").1;
    assert_eq!(
        (listed["requests"][0]["token"].clone(), listed["requests"][0]["quantity"].clone()),
        (Value::Null, json!("2"))
    );
}

#[test]
fn requests_that_are_refused_are_refused_by_name() {
    let (matcher, [asker, first, _], request) = scene("rfq_refused");
    let refuses = |strategy: &str, seconds: i64, name: &str| {
        let wish = Wish::Request { strategy: strategy.into(), seconds };
        matcher.refuses("/rfq", &asker.control(wish), name);
    };
    refuses(SPREAD, 0, "BadText");
    refuses(SPREAD, 301, "BadText");
    refuses("2 x 1 DOGE-PERP#0", 30, "UnknownInstrument");
    refuses("2 x 2 BTC-PERP#0", 30, "NotCanonical");
    matcher.refuses("/rfq", &asker.control(Wish::Login), "BadText");
    let other = Submission { request: Some(request["id"].as_str().unwrap().into()), ..first.order(&sell(2, 57_900)) };
    matcher.refuses("/orders", &other, "OtherStrategy");
    let none = Submission { request: Some("0".repeat(32)), ..first.order(&sell(2, 57_900)) };
    matcher.refuses("/orders", &none, "RequestOver");
    let bad = Submission { request: Some("zz".into()), ..first.order(&sell(2, 57_900)) };
    matcher.refuses("/orders", &bad, "NoRequest");
    for _ in 0..9 {
        ask(&matcher, &asker, 60);
    }
    refuses(SPREAD, 30, "TooManyRequests");
}

#[test]
fn a_request_ends_by_itself() {
    let (matcher, [asker, first, _], _) = scene("rfq_ends");
    let request = ask(&matcher, &asker, 1);
    let quote = matcher.sends("/orders", &answer(&first, sell(2, 57_900), &request));
    let path = format!("/orders/{}", quote["id"].as_str().unwrap());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while matcher.get(&path).1["why"] != "RequestOver" {
        assert!(std::time::Instant::now() < end, "it goes on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
