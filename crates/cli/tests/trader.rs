//! A trader's life by commands alone, against a local validator with a pool made by migrations.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use anchor_lang::Discriminator;
use clap::Parser;
use common::scene::Scene;
use novate_cli::command::Cli;
use novate_client::state::Venue;
use novate_client::{addresses, Pubkey};
use serde_json::Value;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

#[test]
fn a_traders_life() {
    let scene = Scene::new("trader-life");
    assert_eq!(scene.json("pool list")[0]["pool"], scene.pool().to_string());

    let would = scene.json("portfolio open --keypair $alice --dry-run");
    assert_eq!(would["portfolio"], scene.portfolio(0).to_string());
    let rent: u64 = would["rent_lamports"].as_str().unwrap().parse().unwrap();
    assert_eq!(rent, scene.node.client.get_minimum_balance_for_rent_exemption(5_376).unwrap());
    assert!(scene.node.client.get_account(&scene.portfolio(0)).is_err(), "it was opened");
    assert!(scene.says("portfolio open --keypair $alice").contains("rent 0.0"));
    scene.says("portfolio open --keypair $bob");
    assert!(scene.fails("portfolio open --keypair $bob").contains("is open already"));

    let said = scene.says("deposit USDC 50000 --keypair $alice");
    assert!(said.starts_with("deposited 50,000 USDC, portfolio"), "{said}");
    scene.says("deposit USDC 50000.5 --keypair $bob");
    scene.says("deposit btc 0.25 --keypair $bob");
    assert_eq!(scene.holds(&scene.keys[1], 2), 9_999_975_000_000);
    // Wrapped on the way in, made where it is missing.
    scene.says("deposit SOL 2 --keypair $alice");
    assert_eq!(scene.holds(&scene.keys[0], 1), 0);

    scene.publish(1.0);
    let traded = scene.json("trade now BTC-PERP:0.5@20000 ETH-PERP:-2@1500 --keypair $alice --counter $bob");
    assert_eq!(traded["legs"][1]["quantity"], "-2");
    let shown = scene.json("portfolio show $alices");
    assert_eq!(shown["positions"][0]["instrument"], "BTC-PERP");
    assert_eq!((&shown["positions"][0]["quantity"], &shown["positions"][1]["quantity"]), (&"0.5".into(), &"-2".into()));
    assert_eq!(shown["positions"][0]["cost"], "10002", "10,000 and two basis points");
    assert!(scene.says("portfolio show $alices").contains("meets initial margin"));

    let health = scene.json("health $alices --chain");
    for margin in ["equity", "initial", "maintenance"] {
        assert_eq!(health[margin], health["chain"][margin], "{margin}");
    }
    let what_if = scene.json("margin what-if $alices BTC-PERP:1");
    assert_eq!(what_if["meets_initial"], true);
    assert!(number(&what_if["after"]["initial"]) > 2.0 * number(&what_if["before"]["initial"]));
    assert!(scene.says("margin what-if $alices BTC-PERP:40@20000").contains("are missing to initial margin"));
    let explained = scene.says("margin explain $alices");
    for words in ["scan losses", "maintenance margin, ", "By underlying", "BTC-PERP", "it adds"] {
        assert!(explained.contains(words), "{explained}");
    }
    assert_eq!(scene.json("margin explain $alices")["adds"].as_array().unwrap().len(), 3);

    // One signs, the other accepts: the first closes.
    scene.publish(1.001);
    let proposal = scene.says(&format!(
        "trade propose BTC-PERP:-0.5@20020 ETH-PERP:2@1500 --with {} --keypair $alice",
        scene.portfolio(1)
    ));
    let proposal = proposal.trim();
    let seen = scene.json(&format!("trade show {proposal}"));
    assert_eq!(
        (&seen["legs"][0]["quantity"], &seen["signer"]),
        (&"0.5".into(), &scene.keys[1].pubkey().to_string().into())
    );
    let wrong = scene.fails(&format!("trade accept {proposal} --keypair $alice"));
    assert!(wrong.contains("it is proposed to"), "{wrong}");
    let cut = scene.fails(&format!("trade show {}", &proposal[..200]));
    assert!(cut.contains("this is no proposal"), "{cut}");
    scene.json(&format!("trade accept {proposal} --keypair $bob"));
    assert_eq!(
        scene.json("portfolio show $alices")["positions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|p| p["quantity"] != "0")
            .count(),
        0
    );

    let stuck = scene.fails("portfolio close --keypair $alice");
    assert!(stuck.contains("still holds something"), "{stuck}");
    let watched = scene.says("watch --once --ws $ws");
    assert!(watched.contains("live") && watched.contains(&scene.portfolio(0).to_string()), "{watched}");
    assert_eq!(scene.json("watch --once --ws $ws --owner $owner")["portfolios"].as_array().unwrap().len(), 1);

    let lamports = scene.node.client.get_balance(&scene.keys[0].pubkey()).unwrap();
    scene.says("withdraw SOL all --keypair $alice");
    assert!(
        scene.node.client.get_balance(&scene.keys[0].pubkey()).unwrap() > lamports + 1_990_000_000,
        "it is not unwrapped"
    );
    let said = scene.says("withdraw USDC 40000 --keypair $alice");
    assert!(said.starts_with("withdrew 40,000 USDC"), "{said}");
    assert_eq!(scene.holds(&scene.keys[0], 0), 90_000_000_000);
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn an_empty_portfolio_is_closed_and_its_owner_listed() {
    let scene = Scene::new("trader-close");
    scene.says("portfolio open --keypair $alice");
    scene.says("deposit USDC 10 --keypair $alice");
    assert_eq!(scene.json("portfolio list $owner")[0]["cash"], "10");
    scene.says("withdraw USDC all --keypair $alice");
    let closed = scene.json("portfolio close --keypair $alice");
    assert_eq!(closed["portfolio"], scene.portfolio(0).to_string());
    assert_eq!(scene.json("portfolio list $owner"), Value::Array(vec![]));
    assert!(scene.says("portfolio list $owner").contains("`novate portfolio open` opens one"));
    assert!(scene.says("portfolio open --keypair $alice").contains("portfolio"), "it can be opened again");
}

#[test]
fn a_delegate_and_a_venue_may_act_until_they_may_not() {
    let scene = Scene::new("trader-access");
    let bob = scene.keys[1].pubkey();
    scene.says("portfolio open --keypair $alice");
    let named = scene.json(&format!("access delegate {bob} --for 1d --keypair $alice"));
    assert_eq!(named["portfolio"], scene.portfolio(0).to_string());
    let by_bob = "orders cancel --all --portfolio $alices --keypair $bob";
    scene.says(by_bob);
    let owners = scene.fails(&format!("access delegate {bob} --for 1d --portfolio $alices --keypair $bob"));
    assert!(owners.contains("names a delegate"), "{owners}");
    scene.says("access revoke --portfolio $alices --keypair $bob");
    let refused = scene.fails(by_bob);
    assert!(refused.contains("(WrongAuthority)"), "{refused}");
    assert!(scene.fails("access revoke --keypair $alice").contains("has no delegate"));

    // Registered: to wait for three days is tested elsewhere.
    let signer = Pubkey::new_unique();
    let unknown = scene.fails(&format!("access opt-out {signer} --keypair $alice"));
    assert!(unknown.contains("is no venue of pool"), "{unknown}");
    let mut venue: Venue = bytemuck::Zeroable::zeroed();
    (venue.version, venue.active, venue.pool, venue.signer) = (1, 1, scene.pool(), signer);
    let data = [Venue::DISCRIMINATOR, bytemuck::bytes_of(&venue)].concat();
    let account = Account { lamports: 10_000_000, data, owner: novate_client::ID, ..Account::default() };
    scene.node.write(&addresses::venue(&scene.pool(), &signer), account);
    scene.says(&format!("access opt-in {signer} --keypair $alice"));
    let twice = scene.fails(&format!("access opt-in {signer} --keypair $alice"));
    assert!(twice.contains("(VenueOptedIn)"), "{twice}");
    scene.says(&format!("access opt-out {signer} --keypair $alice"));
    let twice = scene.fails(&format!("access opt-out {signer} --keypair $alice"));
    assert!(twice.contains("(VenueNotOptedIn)"), "{twice}");
}

#[test]
fn insurance_is_staked_and_asked_back() {
    let scene = Scene::new("trader-insurance");
    scene.says("insurance fund 100 --keypair $bob");
    assert_eq!(scene.json("insurance show")["capital"], "100");
    scene.says("insurance stake 250.5 --keypair $alice");
    let shown = scene.json("insurance show --owner $owner");
    assert_eq!((&shown["staked"], &shown["stake"]["worth"]), (&"250.5".into(), &"250.5".into()));
    assert!(scene.says("insurance unstake --keypair $alice").contains("run this again within two days"));
    assert!(scene.fails("insurance unstake --keypair $alice").contains("the cooling-off ends"));
    scene.node.pass(7 * 86_400);
    assert!(scene.says("insurance unstake --keypair $alice").starts_with("took 250.50 out"));
    assert_eq!(scene.holds(&scene.keys[0], 0), 100_000_000_000);
}

#[test]
fn who_falls_short_is_found_and_taken_over() {
    let scene = Scene::new("trader-liquidation");
    for who in ["$alice", "$bob"] {
        scene.says(&format!("portfolio open --keypair {who}"));
    }
    scene.says("deposit USDC 2000 --keypair $alice");
    scene.says("deposit USDC 90000 --keypair $bob");
    scene.publish(1.0);
    scene.says("trade now BTC-PERP:0.5@20000 --keypair $alice --counter $bob");
    assert_eq!(scene.json("liquidations list")["listed"], Value::Array(vec![]));
    // The average of a minute has to say so too.
    scene.publish(0.9);
    scene.says("refresh --keypair $bob");
    scene.node.pass(61);
    scene.publish(0.9);
    scene.says("refresh --keypair $bob");
    let listed = scene.json("liquidations list");
    assert_eq!(listed["listed"][0]["portfolio"], scene.portfolio(0).to_string());
    let early = scene.fails("liquidations bid $alices --limit 1000 --keypair $bob");
    assert!(early.contains("`novate liquidations start` starts one"), "{early}");
    scene.publish(0.9);
    scene.says("liquidations start $alices --keypair $bob");
    assert_eq!(scene.json("liquidations list")["listed"][0]["in_auction"], true);
    scene.publish(0.9);
    let bid = scene.json("liquidations bid $alices --fraction 1 --limit 2000 --keypair $bob");
    assert_eq!(bid["taker"], scene.portfolio(1).to_string());
    let left = scene.json("portfolio show $alices");
    assert!(number(&left["positions"][0]["quantity"]) < 0.5, "{left}");
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let scene = Scene::new("trader-wrong");
    for (line, words) in [
        ("deposit USDC 1 --keypair $alice", "`novate portfolio open` opens it"),
        ("deposit USDC 1 --keypair nowhere.json", "nowhere.json"),
        ("portfolio show 11111111111111111111111111111111", "is not an account of the program"),
        ("pool show --pool 11111111111111111111111111111112", "there is no account"),
        ("pool tables --keypair $alice", "the pool's authority is"),
        ("insurance stake 0 --keypair $alice", "above 0"),
    ] {
        let said = scene.fails(line);
        assert!(said.contains(words), "{line}: {said}");
    }
    scene.says("portfolio open --keypair $alice");
    scene.says("portfolio open --keypair $bob");
    for (line, words) in [
        ("deposit DOGE 1 --keypair $alice", "no asset DOGE; there are USDC, SOL, BTC, ETH"),
        ("deposit USDC 0.0000001 --keypair $alice", "more than 6 decimals"),
        ("deposit USDC 1,5 --keypair $alice", "no decimal number"),
        ("deposit USDC 100000.01 --keypair $alice", "has 100,000 USDC at its token account"),
        ("withdraw USDC 1 --keypair $alice", "holds no USDC"),
        ("trade now BTC-PERP:1 --keypair $alice --counter $bob", "has no price; write BTC-PERP:1@PRICE"),
        ("trade now DOGE-PERP:1@1 --keypair $alice --counter $bob", "no market DOGE-PERP; there are BTC-PERP"),
        ("trade now BTC-25DEC30:1@1 --keypair $alice --counter $bob", "has no expiry 25DEC30; there are none"),
        ("trade now BTC-PERP:1@20000 --keypair $alice --counter $alice", "cannot trade with itself"),
        ("trade show AAAA", "this is no proposal"),
        ("liquidations bid $bobs --fraction 2 --limit 1 --keypair $alice", "at most 1"),
    ] {
        let said = scene.fails(line);
        assert!(said.contains(words), "{line}: {said}");
    }
    scene.publish(1.0);
    let short = scene.fails("trade now BTC-PERP:1@20000 --keypair $alice --counter $bob");
    assert!(short.contains("what-if") && short.contains("(BelowInitialMargin)"), "{short}");
    let far = scene.fails("trade now BTC-PERP:1@30000 --keypair $alice --counter $bob");
    assert!(far.contains("(OutsideBand)"), "{far}");
    scene.says("refresh --keypair $alice");
    scene.node.pass(120);
    let old = scene.fails("trade now BTC-PERP:1@20000 --keypair $alice --counter $bob");
    assert!(old.contains("(PriceStale)") && old.contains("no younger price is published"), "{old}");
    let poor = Keypair::new();
    let file = scene.node.key("poor.json", &poor);
    let said = scene.fails(&format!("portfolio open --keypair {file}"));
    assert!(said.contains("send some there first"), "{said}");
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Cli::try_parse_from(["novate", "completions", shell]).unwrap().run().unwrap();
        assert!(script.contains("liquidations") && script.contains("what-if"), "{shell}");
    }
}

#[test]
fn each_command_line_of_the_manual_parses() {
    let manual = include_str!("../../../docs/cli.md");
    let lines: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix("    novate ")).collect();
    assert!(lines.len() > 30, "{} lines", lines.len());
    for line in &lines {
        let words = line.split_whitespace().map(|word| word.replace("ADDRESS", "11111111111111111111111111111112"));
        if let Err(error) = Cli::try_parse_from(["novate".to_string()].into_iter().chain(words)) {
            panic!("{line}: {error}");
        }
    }
    // And the manual has them all.
    use clap::CommandFactory;
    fn leaves(command: &clap::Command, path: &str, to: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name()).trim().to_string();
        if command.get_subcommands().next().is_none() {
            to.push(path);
            return;
        }
        command.get_subcommands().filter(|c| c.get_name() != "help").for_each(|c| leaves(c, &path, to));
    }
    let mut all = vec![];
    leaves(&Cli::command(), "", &mut all);
    // JSON everywhere but where a shell script, or a cluster that runs on, is what is asked for.
    for path in all.iter().filter(|path| !["novate completions", "novate localnet"].contains(&path.as_str())) {
        let leaf = path.split(' ').skip(1).fold(Cli::command(), |at, name| at.find_subcommand(name).unwrap().clone());
        assert!(leaf.get_arguments().any(|argument| argument.get_long() == Some("json")), "{path} has no --json");
    }
    for path in all {
        let path = path.strip_prefix("novate ").unwrap();
        assert!(lines.iter().any(|line| line.starts_with(path)), "docs/cli.md does not have {path}");
    }
}
