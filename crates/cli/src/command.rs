//! Everything that `novate` can be told.

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{demo, govern, localnet, margin, migrate, scenarios, trader};

/// Clearing with cross margin on Solana.
#[derive(Parser)]
#[command(name = "novate", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(subcommand)]
    Access(trader::Access),
    Borrow(trader::Borrow),
    /// Print a script that completes commands in a shell.
    Completions {
        shell: Shell,
    },
    /// Replay two weeks of November 2022 against the built program, in process, and write a report.
    Demo(demo::Options),
    Deposit(trader::Deposit),
    /// Draft, show, schedule, execute and cancel changes of a pool.
    #[command(subcommand)]
    Govern(govern::Command),
    Health(trader::Health),
    #[command(subcommand)]
    Insurance(trader::Insurance),
    Lend(trader::Lend),
    #[command(subcommand)]
    Liquidations(trader::Liquidations),
    /// Run a local validator with a pool that trades, until it is stopped or a replayed crash is over.
    Localnet(localnet::Options),
    Maker(trader::Maker),
    /// Evaluate or explain portfolios, in files or on the cluster.
    #[command(subcommand)]
    Margin(margin::Command),
    /// Take an empty cluster to a pool that trades by the files of a folder, or what is missing of it.
    Migrate(migrate::Options),
    #[command(subcommand)]
    Orders(trader::Orders),
    #[command(subcommand)]
    Pool(trader::Pool),
    #[command(subcommand)]
    Portfolio(trader::Portfolio),
    #[command(subcommand)]
    Quote(trader::Quote),
    Refresh(trader::Refresh),
    Repay(trader::Repay),
    /// Make joint scenario rows from daily prices, and back-test the margin that follows from them.
    #[command(subcommand)]
    Scenarios(scenarios::Command),
    #[command(subcommand)]
    Trade(trader::Trade),
    Unlend(trader::Unlend),
    Watch(trader::Watch),
    Withdraw(trader::Withdraw),
}

impl Cli {
    /// Runs what was told and returns what it prints.
    pub fn run(&self) -> Result<String> {
        match &self.command {
            Command::Access(command) => trader::run(command),
            Command::Borrow(command) => trader::run(command),
            Command::Completions { shell } => completions(*shell),
            Command::Demo(options) => demo::run(options).map(|outcome| match options.json {
                true => format!("{:#}", demo::figures::figures(&outcome)),
                false => demo::terminal::summary(&outcome),
            }),
            Command::Deposit(command) => trader::run(command),
            Command::Govern(command) => govern::run(command),
            Command::Health(command) => trader::run(command),
            Command::Insurance(command) => trader::run(command),
            Command::Lend(command) => trader::run(command),
            Command::Liquidations(command) => trader::run(command),
            Command::Localnet(options) => localnet::run(options),
            Command::Maker(command) => trader::run(command),
            Command::Margin(command) => margin::run(command),
            Command::Migrate(options) => migrate::run(options),
            Command::Orders(command) => trader::run(command),
            Command::Pool(command) => trader::run(command),
            Command::Portfolio(command) => trader::run(command),
            Command::Quote(command) => trader::run(command),
            Command::Refresh(command) => trader::run(command),
            Command::Repay(command) => trader::run(command),
            Command::Scenarios(command) => scenarios::run(command),
            Command::Trade(command) => trader::run(command),
            Command::Unlend(command) => trader::run(command),
            Command::Watch(command) => trader::run(command),
            Command::Withdraw(command) => trader::run(command),
        }
    }
}

fn completions(shell: Shell) -> Result<String> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "novate", &mut script);
    Ok(String::from_utf8(script)?)
}
