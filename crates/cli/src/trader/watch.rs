//! `novate watch`: portfolios and prices of a pool as they change, in the terminal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use novate_client::rpc::{Mirror, Mirrored};
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Terms};
use novate_margin::{health_factor, is_liquidatable, Health};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Row, Table};
use ratatui::Frame;
use serde_json::{json, Value};

use super::portfolio::{factor, margins_json};
use super::session::Look;
use super::{Printed, Run};
use crate::amount::{decimal, figure, usd, PRICE};
use crate::govern::text;
use crate::margin::tables::table;
use crate::symbol;

/// Between two pictures where nothing is pressed.
const PICTURE: Duration = Duration::from_millis(250);
/// Between two judgements of all portfolios.
const JUDGE: Duration = Duration::from_secs(1);

/// Follow prices and portfolios of a pool: equity, margins, health. `q` quits, arrows and page keys scroll.
#[derive(Clone, Debug, clap::Args)]
pub struct Watch {
    /// Only portfolios of this owner.
    #[arg(long, value_name = "KEY")]
    owner: Option<Pubkey>,
    /// Print one look and end.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    look: Look,
}

/// A portfolio as it is shown.
struct Shown {
    address: Pubkey,
    owner: Pubkey,
    positions: u8,
    in_auction: bool,
    health: std::result::Result<Health, String>,
}

impl Shown {
    fn of(address: Pubkey, portfolio: &Portfolio, mirrored: &Mirrored) -> Self {
        // By last prices: stale ones are marked as such above.
        let terms = Terms { now: mirrored.now(), prices: Prices::Last };
        let health =
            mirrored.snapshot.judge(portfolio, terms).map(|(_, health)| health).map_err(|error| error.to_string());
        let (owner, positions, in_auction) = (portfolio.owner, portfolio.position_count, portfolio.in_auction());
        Self { address, owner, positions, in_auction, health }
    }

    /// The least healthy first.
    fn order(&self) -> (i64, Pubkey) {
        (self.health.as_ref().map_or(i64::MAX, |health| health_factor(health).0), self.address)
    }

    fn state(&self) -> &'static str {
        match &self.health {
            _ if self.in_auction => "auction",
            Err(_) => "not known",
            Ok(health) if is_liquidatable(health) => "liquidatable",
            Ok(health) if !health.meets_initial() => "below initial",
            Ok(_) => "",
        }
    }

    fn cells(&self) -> Vec<String> {
        let margins = match &self.health {
            Ok(health) => {
                let amounts = [health.equity, health.initial, health.maintenance].map(|amount| usd(amount.0));
                amounts.into_iter().chain([factor(health).0]).collect()
            }
            Err(_) => vec!["-".to_string(); 4],
        };
        let ends = [self.positions.to_string(), self.state().to_string()];
        [self.address.to_string(), short(&self.owner)].into_iter().chain(margins).chain(ends).collect()
    }

    fn style(&self) -> Style {
        match self.state() {
            "auction" | "liquidatable" => Style::new().fg(Color::Red),
            "below initial" => Style::new().fg(Color::Yellow),
            "not known" => Style::new().fg(Color::DarkGray),
            _ => Style::new(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "portfolio": self.address.to_string(),
            "owner": self.owner.to_string(),
            "positions": self.positions,
            "in_auction": self.in_auction,
            "margins": self.health.as_ref().ok().map(margins_json),
        })
    }
}

const PORTFOLIOS: [&str; 8] = ["portfolio", "owner", "equity", "initial", "maintenance", "health", "positions", ""];
const ASSETS: [&str; 5] = ["", "price, USD", "age, s", "scan range", "mark, USD"];

fn short(key: &Pubkey) -> String {
    let text = key.to_string();
    text.get(..4).zip(text.get(text.len().saturating_sub(4)..)).map_or(text.clone(), |(a, b)| format!("{a}..{b}"))
}

fn portfolios(mirrored: &Mirrored, owner: Option<Pubkey>) -> Vec<Shown> {
    let wanted = mirrored.portfolios.iter().filter(|(_, portfolio)| owner.is_none_or(|owner| owner == portfolio.owner));
    let mut shown: Vec<_> = wanted.map(|(address, portfolio)| Shown::of(*address, portfolio, mirrored)).collect();
    shown.sort_by_key(Shown::order);
    shown
}

/// Prices, and the mark of the first market on each.
fn assets(mirrored: &Mirrored) -> Vec<(Vec<String>, bool)> {
    let (snapshot, now) = (&mirrored.snapshot, mirrored.now());
    let row = |asset: &novate_client::state::Asset| {
        let market = snapshot.markets.values().find(|market| market.asset == asset.index);
        let mark = market.and_then(|market| market.mark_at(asset.price).ok());
        let age = now - asset.publish_time;
        let cells = vec![
            symbol::of_asset(snapshot, asset.index),
            figure(asset.price.0, PRICE, 2),
            if asset.price.0 == 0 { "no price".into() } else { figure(age, 0, 0) },
            format!("{} %", decimal(asset.scan_range.0, 4)),
            mark.map(|mark| figure(mark.0, PRICE, 2)).unwrap_or_default(),
        ];
        (cells, asset.price.0 == 0 || age > asset.max_age)
    };
    snapshot.assets.values().map(row).collect()
}

fn head(mirrored: &Mirrored) -> String {
    let state = match mirrored.current {
        Ok(()) => "live".to_string(),
        Err(since) => format!("NOT LIVE for {} s, trying again", since.elapsed().as_secs()),
    };
    format!("pool {}  {}  slot {}  {state}", mirrored.pool, text::time(mirrored.now()), mirrored.slot)
}

impl Run for Watch {
    fn run(&self) -> Result<Printed> {
        let session = self.look.session()?;
        let starting = Mirror::start(&session.cluster.rpc, session.view.address);
        let (mirror, mut changes) = session.cluster.wait(starting)?;
        if self.once {
            let mirrored = mirror.read();
            let shown = portfolios(&mirrored, self.owner);
            let prices: Vec<_> = assets(&mirrored).into_iter().map(|(cells, _)| cells).collect();
            let rows = shown.iter().map(Shown::cells).collect();
            let text = [
                head(&mirrored) + "\n",
                table("Prices", &ASSETS, 1, prices),
                table("Portfolios", &PORTFOLIOS, 2, rows),
            ];
            let json = json!({
                "pool": mirrored.pool.to_string(),
                "time": mirrored.now(),
                "slot": mirrored.slot,
                "portfolios": shown.iter().map(Shown::json).collect::<Value>(),
            });
            return Ok(Printed::new(text.join("\n"), json));
        }
        let mut terminal = ratatui::try_init().context("watching takes a terminal; --once prints one look")?;
        let watched = follow(&mut terminal, &mirror, &mut changes, self.owner);
        ratatui::restore();
        watched?;
        Ok(Printed::new("", Value::Null))
    }

    fn json(&self) -> bool {
        self.look.json && self.once
    }
}

/// Draws until `q` is pressed.
fn follow(
    terminal: &mut ratatui::DefaultTerminal,
    mirror: &Mirror,
    changes: &mut novate_client::rpc::Changes,
    owner: Option<Pubkey>,
) -> Result<()> {
    let (mut from, mut judged) = (0usize, Instant::now());
    let mut shown = portfolios(&mirror.read(), owner);
    loop {
        // What changed is judged at once, what only grew older now and then.
        let mut changed = judged.elapsed() > JUDGE;
        while changes.try_recv().is_ok() {
            changed = true;
        }
        if changed {
            shown = portfolios(&mirror.read(), owner);
            judged = Instant::now();
        }
        from = from.min(shown.len().saturating_sub(1));
        terminal.draw(|frame| draw(frame, &mirror.read(), &shown, from))?;
        if !event::poll(PICTURE)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
            KeyCode::Down | KeyCode::Char('j') => from = from.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => from = from.saturating_sub(1),
            KeyCode::PageDown => from = from.saturating_add(20),
            KeyCode::PageUp => from = from.saturating_sub(20),
            KeyCode::Home => from = 0,
            _ => {}
        }
    }
}

/// Text in the first `text` columns, figures in the others.
fn aligned(cells: impl IntoIterator<Item = String>, text: usize) -> Row<'static> {
    let cell = |(at, cell): (usize, String)| {
        let line = Line::from(cell);
        Cell::from(if at < text { line } else { line.right_aligned() })
    };
    Row::new(cells.into_iter().enumerate().map(cell).collect::<Vec<_>>())
}

fn draw(frame: &mut Frame, mirrored: &Mirrored, shown: &[Shown], from: usize) {
    let prices = assets(mirrored);
    let tall = u16::try_from(prices.len()).unwrap_or(u16::MAX).saturating_add(3).min(frame.area().height / 2);
    let rows = [Constraint::Length(1), Constraint::Length(tall), Constraint::Min(3), Constraint::Length(1)];
    let [top, middle, bottom, foot] = Layout::vertical(rows).areas(frame.area());
    let live = if mirrored.current.is_ok() { Color::Green } else { Color::Red };
    frame.render_widget(Line::styled(head(mirrored), Style::new().fg(live)), top);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let header = |names: &[&str], text: usize| aligned(names.iter().map(|name| name.to_string()), text).style(bold);
    let old = |stale: bool| if stale { Style::new().fg(Color::Yellow) } else { Style::new() };
    let lines = prices.into_iter().map(|(cells, stale)| aligned(cells, 1).style(old(stale)));
    let widths = [8, 18, 9, 11, 18].map(Constraint::Length);
    frame.render_widget(
        Table::new(lines, widths).header(header(&ASSETS, 1)).block(Block::bordered().title("Prices")),
        middle,
    );
    let lines = shown.iter().skip(from).map(|portfolio| aligned(portfolio.cells(), 2).style(portfolio.style()));
    let widths = [44, 11, 16, 16, 16, 9, 10, 14].map(Constraint::Length);
    let title = format!("Portfolios, {} of {}, USD", shown.len().saturating_sub(from), shown.len());
    let list = Table::new(lines, widths).header(header(&PORTFOLIOS, 2)).block(Block::bordered().title(title));
    frame.render_widget(list, bottom);
    frame.render_widget(Line::from("q quits, arrows and page keys scroll"), foot);
}
