//! What commands have in common: a cluster, one pool of it, a portfolio, who signs.

use anyhow::{bail, ensure, Context, Result};
use novate_client::instructions::{Holdings, Token, TradeSide};
use novate_client::rpc::{AddressLookupTableAccount, Age, Limit, Options, PoolView, Request};
use novate_client::state::{Asset, Portfolio};
use novate_client::{addresses, Instruction, Pubkey};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::cluster::{plain, At, By, Cluster};
use crate::govern::text::symbol_of;
use crate::symbol;

/// Where, and how what is found is printed.
#[derive(Clone, Debug, clap::Args)]
pub struct Look {
    #[command(flatten)]
    pub at: At,
    /// Address of the pool; not needed where there is only one.
    #[arg(long, env = "NOVATE_POOL", value_name = "KEY")]
    pub pool: Option<Pubkey>,
    /// Print JSON: amounts as decimals in strings, times as unix seconds.
    #[arg(long)]
    pub json: bool,
}

/// The same, and who signs.
#[derive(Clone, Debug, clap::Args)]
pub struct Act {
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub by: By,
    /// Which portfolio of the key.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub sub: u16,
    /// Address of the portfolio, of one that the key is delegate of.
    #[arg(long, value_name = "KEY", conflicts_with = "sub")]
    pub portfolio: Option<Pubkey>,
    /// Priority fee, 1e-6 lamports for a compute unit.
    #[arg(long, value_name = "PRICE", default_value_t = 0)]
    pub unit_price: u64,
}

/// A pool as it is now.
pub struct Session {
    pub cluster: Cluster,
    pub view: PoolView,
}

/// A portfolio with its address.
pub struct Held {
    pub address: Pubkey,
    pub portfolio: Box<Portfolio>,
}

impl Held {
    pub fn side(&self, signer: &Keypair) -> TradeSide {
        TradeSide { portfolio: self.address, signer: signer.pubkey() }
    }
}

impl Look {
    pub fn session(&self) -> Result<Session> {
        let cluster = self.at.cluster()?;
        let pool = match self.pool {
            Some(pool) => pool,
            None => only_pool(&cluster)?,
        };
        Session::of(cluster, pool)
    }

    /// The pool of a portfolio, and it.
    pub fn portfolio(&self, address: Pubkey) -> Result<(Session, Held)> {
        let cluster = self.at.cluster()?;
        let portfolio: Box<Portfolio> = Box::new(cluster.account(&address)?);
        ensure!(
            self.pool.is_none_or(|pool| pool == portfolio.pool),
            "portfolio {address} is of pool {}",
            portfolio.pool
        );
        Ok((Session::of(cluster, portfolio.pool)?, Held { address, portfolio }))
    }
}

fn only_pool(cluster: &Cluster) -> Result<Pubkey> {
    let pools = cluster.wait(cluster.rpc.pools())?;
    match pools.as_slice() {
        [(pool, _)] => Ok(*pool),
        [] => bail!("the cluster has no pool; `novate migrate` makes one"),
        _ => {
            let known: Vec<_> = pools.iter().map(|(pool, _)| pool.to_string()).collect();
            bail!("there are several pools; choose one with --pool: {}", known.join(", "))
        }
    }
}

impl Act {
    /// The pool, the portfolio of the key, and the key.
    pub fn held(&self) -> Result<(Session, Held, Keypair)> {
        let key = self.by.key()?;
        if let Some(address) = self.portfolio {
            let (session, held) = self.look.portfolio(address)?;
            return Ok((session, held, key));
        }
        let session = self.look.session()?;
        let address = addresses::portfolio(&session.view.address, &key.pubkey(), self.sub);
        let held = session.find(&address)?.with_context(|| {
            let sub = self.sub;
            format!(
                "{} has no portfolio {sub} in pool {}; `novate portfolio open` opens it",
                key.pubkey(),
                session.view.address
            )
        })?;
        Ok((session, held, key))
    }

    pub fn options(&self) -> Options {
        Options { limit: Limit::Simulated, unit_price: self.unit_price }
    }
}

/// What is sent, beside the instructions: what they read and judge.
#[derive(Default)]
pub struct Reads<'a> {
    pub holdings: Holdings,
    pub portfolios: Vec<&'a Portfolio>,
    pub traded: Vec<u64>,
    pub age: Age,
}

impl Session {
    pub fn of(cluster: Cluster, pool: Pubkey) -> Result<Self> {
        let view = cluster.wait(cluster.rpc.view(&pool))?;
        Ok(Self { cluster, view })
    }

    /// A portfolio; none where there is none, or it is closed.
    pub fn find(&self, address: &Pubkey) -> Result<Option<Held>> {
        let found = self.cluster.wait(self.cluster.rpc.find_raw(address))?;
        let portfolio = found.and_then(|account| novate_client::decode(&account.data).ok());
        Ok(portfolio.map(|portfolio| Held { address: *address, portfolio: Box::new(portfolio) }))
    }

    pub fn asset(&self, symbol: &str) -> Result<&Asset> {
        symbol::asset(&self.view.snapshot, symbol)
    }

    pub fn settlement(&self) -> Result<&Asset> {
        self.view.snapshot.assets.get(&0).context("the pool has no settlement asset yet")
    }

    pub fn token(&self, asset: &Asset) -> Token {
        Token { mint: asset.mint, program: asset.token_program }
    }

    /// The pool's lookup tables, which its authority publishes.
    pub fn tables(&self) -> Result<Vec<AddressLookupTableAccount>> {
        Ok(self.cluster.wait(self.cluster.rpc.tables(&self.view.snapshot.pool.authority))?)
    }

    /// Prepares, signs, sends and confirms; refreshes first what is too old. The signatures. Without tables where it fits.
    pub fn send(
        &self,
        instructions: Vec<Instruction>,
        reads: Reads,
        options: Options,
        signers: &[&dyn Signer],
    ) -> Result<Vec<String>> {
        Ok(self.send_all(instructions, reads, options, signers)?.0)
    }

    /// Refreshes what is too old and no more. The signatures, and the assets of which no younger price is published.
    pub fn refresh(&self, reads: Reads, options: Options, signers: &[&dyn Signer]) -> Result<(Vec<String>, Vec<u16>)> {
        self.send_all(vec![], reads, options, signers)
    }

    fn send_all(
        &self,
        instructions: Vec<Instruction>,
        reads: Reads,
        options: Options,
        signers: &[&dyn Signer],
    ) -> Result<(Vec<String>, Vec<u16>)> {
        let payer = signers.first().map(|signer| signer.pubkey()).unwrap_or_default();
        let tables = if reads.holdings.len() > 8 { self.tables()? } else { vec![] };
        let Reads { holdings, portfolios, traded, age } = reads;
        let request = Request { instructions, payer, holdings, portfolios, traded, age, tables: &tables, options };
        let rpc = &self.cluster.rpc;
        let sent = self.cluster.wait(async {
            let prepared = rpc.prepare(&self.view, &request).await?;
            Ok((rpc.run_prepared(&prepared, signers).await?, prepared.stale))
        });
        sent.map_err(|error| self.say(error))
    }

    /// Signs and sends instructions as they stand, behind one that sets the limit of compute units. The signature.
    pub fn run(&self, instructions: &[Instruction], key: &Keypair) -> Result<String> {
        let tables = self.tables()?;
        let sent = self.cluster.wait(self.cluster.rpc.run(instructions, &tables, &Options::default(), &[key]));
        sent.map_err(|error| self.say(error))
    }

    /// An error with what to do about it.
    fn say(&self, error: novate_client::rpc::Error) -> anyhow::Error {
        let hint = match error.refused().map(|refused| refused.name.as_str()) {
            Some("PriceStale" | "PriceMissing") => {
                "no younger price is published on this cluster: wait for one, `novate refresh` takes it in"
            }
            Some("BelowInitialMargin") => "deposit, or trade less; `novate margin what-if` says what a trade asks for",
            Some("ForecastStale") => "the committee has to forecast the expiry before it is traded",
            Some("OutsideBand") => "`novate pool show` has the marks",
            Some("Paused") => "`novate pool show` says until when",
            _ if error.to_string().contains("insufficient lamports") => "the key has too few lamports",
            _ if error.to_string().contains("no record of a prior credit") => "the key has no lamports to pay fees",
            _ => return plain(error),
        };
        plain(error).context(hint)
    }

    /// How an asset is called.
    pub fn symbol(&self, asset: &Asset) -> String {
        symbol_of(&asset.symbol)
    }
}

/// Signatures as a line and as JSON.
pub fn signed(signatures: &[String]) -> (String, Value) {
    (format!("signature {}", signatures.join(", ")), json!(signatures))
}
