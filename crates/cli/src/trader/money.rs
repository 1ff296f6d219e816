//! `novate deposit`, `withdraw`, `lend`, `unlend`, `borrow`, `repay`.

use anyhow::{ensure, Result};
use novate_client::instructions::{self as build, Holdings, TokenMove};
use novate_client::rpc::Age;
use novate_client::state::{Asset, SETTLEMENT_ASSET};
use novate_client::{tokens, Instruction, Pubkey};
use serde_json::json;
use solana_signer::Signer;

use super::session::{signed, Act, Held, Reads, Session};
use super::{Printed, Run};
use crate::amount::{self, decimal, figure};

/// Of what, how much.
#[derive(Clone, Debug, clap::Args)]
struct What {
    /// Symbol of the asset, for instance USDC.
    asset: String,
    /// In tokens, for instance 1.5.
    amount: String,
    #[command(flatten)]
    act: Act,
}

macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident => $run:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, clap::Args)]
        pub struct $name {
            #[command(flatten)]
            what: What,
        }

        impl Run for $name {
            fn run(&self) -> Result<Printed> {
                $run(&self.what)
            }

            fn json(&self) -> bool {
                self.what.act.look.json
            }
        }
    )*};
}

moves! {
    /// Bring tokens of the key into its portfolio. SOL is wrapped as far as needed.
    Deposit => deposit;
    /// Take tokens out to the key's token account, made where it is missing; `all` takes everything that is not lent. Wrapped SOL is unwrapped.
    Withdraw => withdraw;
    /// Lend cash or tokens of the portfolio.
    Lend => lend;
    /// Take back what was lent.
    Unlend => unlend;
    /// Borrow tokens against the portfolio.
    Borrow => borrow;
    /// Pay a loan back out of the portfolio, at most what is owed.
    Repay => repay;
}

/// What a command moves.
struct Move {
    session: Session,
    held: Held,
    key: solana_keypair::Keypair,
    asset: Asset,
    amount: u64,
}

impl Move {
    fn read(what: &What) -> Result<Self> {
        let (session, held, key) = what.act.held()?;
        let asset = *session.asset(&what.asset)?;
        let amount = match what.amount.as_str() {
            "all" => u64::MAX,
            text => amount::tokens(text, asset.decimals)?,
        };
        Ok(Self { session, held, key, asset, amount })
    }

    /// An amount that `all` does not stand for.
    fn exact(what: &What) -> Result<Self> {
        ensure!(what.amount != "all", "give an amount, for instance 1.5");
        Self::read(what)
    }

    fn owner(&self) -> Pubkey {
        self.key.pubkey()
    }

    fn moved(&self) -> TokenMove {
        let token = self.session.token(&self.asset);
        let account = tokens::account(&self.owner(), &token);
        TokenMove { asset: self.asset.index, token, account, amount: self.amount }
    }

    fn is_sol(&self) -> bool {
        self.asset.mint == tokens::WRAPPED_SOL
    }

    /// Sends, and says what was done.
    fn done(self, what: &What, did: &str, instructions: Vec<Instruction>, age: Age) -> Result<Printed> {
        let portfolio = &*self.held.portfolio;
        let reads = match age {
            Age::Any => Reads::default(),
            age => Reads {
                holdings: Holdings::of([portfolio]).with_asset(self.asset.index),
                portfolios: vec![portfolio],
                age,
                ..Reads::default()
            },
        };
        let sent = self.session.send(instructions, reads, what.act.options(), &[&self.key])?;
        let (line, signatures) = signed(&sent);
        let symbol = self.session.symbol(&self.asset);
        let json = json!({
            "portfolio": self.held.address.to_string(),
            "asset": symbol,
            "amount": decimal(self.amount, self.asset.decimals),
            "signatures": signatures,
        });
        let shown = figure(self.amount, self.asset.decimals, 0);
        Ok(Printed::new(format!("{did} {shown} {symbol}, portfolio {}\n{line}", self.held.address), json))
    }

    /// How old prices may be for a judgement, where there is one.
    fn judged(&self) -> Age {
        if self.held.portfolio.owes() {
            Age::Fresh
        } else {
            Age::Any
        }
    }
}

fn deposit(what: &What) -> Result<Printed> {
    let moving = Move::exact(what)?;
    let (owner, moved, session) = (moving.owner(), moving.moved(), &moving.session);
    let symbol = session.symbol(&moving.asset);
    let account = session.cluster.wait(session.cluster.rpc.find_raw(&moved.account))?;
    let has = account.as_ref().and_then(|account| tokens::amount(&account.data)).unwrap_or_default();
    let mut instructions = vec![];
    let missing = moving.amount.saturating_sub(has);
    if missing > 0 && moving.is_sol() {
        instructions.push(tokens::create(owner, owner, &moved.token));
        instructions.extend(tokens::wrap(owner, missing));
    } else {
        let shown = |units: u64| figure(units, moving.asset.decimals, 0);
        let account = moved.account;
        ensure!(
            missing == 0,
            "{owner} has {} {symbol} at its token account {account}, not {}",
            shown(has),
            shown(moving.amount)
        );
    }
    let (pool, portfolio) = (session.view.address, moving.held.address);
    instructions.push(match moving.asset.redemption.underlying {
        SETTLEMENT_ASSET => build::deposit(owner, pool, portfolio, moved),
        underlying => build::deposit_yield_bearing(owner, pool, portfolio, moved, underlying),
    });
    // A new kind of collateral beside positions needs a fresh price.
    let opens =
        moving.asset.index != SETTLEMENT_ASSET && moving.held.portfolio.balance_of(moving.asset.index).is_empty();
    let age = if opens { moving.judged() } else { Age::Any };
    moving.done(what, "deposited", instructions, age)
}

fn withdraw(what: &What) -> Result<Printed> {
    let mut moving = Move::read(what)?;
    let symbol = moving.session.symbol(&moving.asset);
    let has = u64::try_from(moving.held.portfolio.tokens_of(&moving.asset)).unwrap_or_default();
    if moving.amount == u64::MAX {
        moving.amount = has;
    }
    let shown = |units: u64| figure(units, moving.asset.decimals, 0);
    let portfolio = moving.held.address;
    ensure!(has > 0, "portfolio {portfolio} holds no {symbol} that is not lent");
    ensure!(
        moving.amount <= has,
        "portfolio {portfolio} holds {} {symbol} that are not lent, not {}",
        shown(has),
        shown(moving.amount)
    );
    let (owner, moved) = (moving.owner(), moving.moved());
    let held = if moving.held.portfolio.owes() { Holdings::of([&*moving.held.portfolio]) } else { Holdings::default() };
    let mut instructions = vec![
        tokens::create(owner, owner, &moved.token),
        build::withdraw(owner, moving.session.view.keys(), portfolio, &held, moved),
    ];
    if moving.is_sol() {
        instructions.push(tokens::unwrap(owner));
    }
    let age = moving.judged();
    moving.done(what, "withdrew", instructions, age)
}

fn lend(what: &What) -> Result<Printed> {
    let moving = Move::exact(what)?;
    let (pool, portfolio) = (moving.session.view.address, moving.held.address);
    let lend = build::lend(moving.owner(), &pool, portfolio, moving.asset.index, moving.amount);
    moving.done(what, "lent", vec![lend], Age::Any)
}

fn unlend(what: &What) -> Result<Printed> {
    let moving = Move::exact(what)?;
    let (pool, portfolio) = (moving.session.view.address, moving.held.address);
    let unlend = build::unlend(moving.owner(), &pool, portfolio, moving.asset.index, moving.amount);
    moving.done(what, "took back", vec![unlend], Age::Any)
}

fn borrow(what: &What) -> Result<Printed> {
    let moving = Move::exact(what)?;
    let holdings = Holdings::of([&*moving.held.portfolio]);
    let loan = (moving.asset.index, moving.amount);
    let borrow = build::borrow(moving.owner(), moving.session.view.keys(), moving.held.address, &holdings, loan);
    moving.done(what, "borrowed", vec![borrow], Age::Fresh)
}

fn repay(what: &What) -> Result<Printed> {
    let moving = Move::exact(what)?;
    let (pool, portfolio) = (moving.session.view.address, moving.held.address);
    let repay = build::repay(moving.owner(), &pool, portfolio, moving.asset.index, moving.amount);
    moving.done(what, "repaid", vec![repay], Age::Any)
}
