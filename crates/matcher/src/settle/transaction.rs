//! One fill as a transaction: made, simulated, written down, sent, and followed until it is known what became of it.

use std::time::{Duration, Instant};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use novate_client::instructions::{settle_orders, Behind, Holdings, SettledSide};
use novate_client::rpc::{
    from_packet, sign, to_packet, Error, PoolView, Request, Signature, VersionedTransaction, CONFIRMED,
};
use novate_client::signing::{message, SignedMessage};
use novate_client::state::Portfolio;
use novate_client::{instrument, Leg, Refused};
use solana_signer::Signer;

use super::{blame, leg_prices, sent, Chain, Due, Outcome, Quote};
use crate::admission::signature_bytes;
use crate::desk::Desk;
use crate::engine::Command;
use crate::order::{Side, Standing};
use crate::view::View;

/// Between two looks at a transaction, and between two sendings of the same bytes.
const LOOK: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_secs(1);
/// After its blockhash expired: what was on its way until then is seen by now.
const LATE: Duration = Duration::from_secs(1);

/// What became of a transaction.
enum Landed {
    Confirmed,
    /// It is in the chain and failed: by the program's error, or another's.
    Refused(String),
    /// It is not there and cannot land any more.
    Never,
}

impl Chain {
    /// Settles a fill, or finds out what became of a transaction with it that was sent before.
    pub(super) async fn settle(&self, desk: &Desk, view: &View, due: Due) -> Outcome {
        let number = due.fill.number;
        if let Some((signature, transaction)) = sent(&due.fill) {
            let bytes = BASE64_STANDARD.decode(transaction).ok().and_then(|bytes| from_packet(&bytes));
            return match bytes {
                Some(transaction) => self.follow(desk, view, &due, &transaction).await,
                None => Outcome::Failed(format!("transaction {signature} of fill {number} cannot be read")),
            };
        }
        match self.make(view, &due).await {
            Ok(transaction) => {
                let packet = match to_packet(&transaction) {
                    Ok(packet) => BASE64_STANDARD.encode(packet),
                    Err(error) => return Outcome::Failed(error.to_string()),
                };
                let signature = transaction.signatures.first().copied().unwrap_or_default().to_string();
                let sent = Command::Sent { fills: vec![number], signature, transaction: packet };
                if desk.submit(sent).await.is_err() {
                    return Outcome::Failed("the desk is stopping".into());
                }
                self.follow(desk, view, &due, &transaction).await
            }
            Err(error) => self.not_made(view, &due, error).await,
        }
    }

    /// Why there is no transaction. What the node did not answer is asked again, whatever it was.
    async fn not_made(&self, view: &View, due: &Due, error: Error) -> Outcome {
        match error {
            Error::Refused(refused) => self.refused(view, due, &refused.name).await,
            Error::TooLarge(_) => Outcome::Refused("TooLarge".into(), Some(blame::longer(due))),
            Error::NoAccount(_) | Error::Decode { .. } => self.refused(view, due, "PortfolioClosed").await,
            Error::Failed(why) => {
                tracing::warn!(fill = due.fill.number, why, "the simulation failed");
                Outcome::Refused("Failed".into(), None)
            }
            other => Outcome::Failed(other.to_string()),
        }
    }

    /// Whose order was at fault.
    async fn refused(&self, view: &View, due: &Due, error: &str) -> Outcome {
        let blame = blame::judge(self, view, due, error).await;
        Outcome::Refused(error.to_string(), blame)
    }

    /// Refreshes what is old, and makes the transaction by a simulation, which fails as the program would. Prices are laid on the legs by
    /// the marks that stand then: of a strike that nobody has traded yet there is none before.
    async fn make(&self, view: &View, due: &Due) -> Result<VersionedTransaction, Error> {
        let pool = view.mirror().map(|mirror| mirror.read().view()).ok_or_else(|| Error::Failed("no chain".into()))?;
        let (maker, taker) = self.portfolios(due).await?;
        let traded: Vec<u64> = due.fill.strategy.legs().iter().map(|leg| leg.instrument).collect();
        let mut holdings = Holdings::of([&*maker, &*taker]);
        for id in &traded {
            let market = pool.snapshot.markets.get(&instrument::market_of(*id));
            holdings = holdings.with_traded(*id, market.map_or(0, |market| market.asset));
        }
        let is_option = |id: &u64| matches!(instrument::parse(*id), Ok(instrument::Instrument::Option { .. }));
        if traded.iter().any(is_option) {
            holdings = holdings.with_cash_moved();
        }
        let pool = match self.refresh(&pool, &holdings, [&maker, &taker], traded).await? {
            true => self.cluster.view(&pool.address).await?,
            false => pool,
        };
        let legs = legs(&pool, due)?;
        // The compute budget's instructions stand before it.
        let at = if self.sending.unit_price > 0 { 2 } else { 1 };
        let sides = [side(&due.maker)?, side(&due.taker)?];
        let instructions = settle_orders(pool.keys(), [&sides[0], &sides[1]], &holdings, legs, at);
        let instructions = instructions.ok_or(Error::TooLarge(usize::MAX))?;
        let message = self.cluster.message(&instructions, &self.key.pubkey(), &self.tables, &self.sending).await?;
        sign(message, &[&self.key])
    }

    /// Prices and option values that are too old are refreshed first, by transactions of their own. Says whether any were.
    async fn refresh(
        &self,
        pool: &PoolView,
        holdings: &Holdings,
        portfolios: [&Portfolio; 2],
        traded: Vec<u64>,
    ) -> Result<bool, Error> {
        let request = Request {
            payer: self.key.pubkey(),
            holdings: holdings.clone(),
            portfolios: portfolios.to_vec(),
            traded,
            tables: &self.tables,
            options: self.sending,
            ..Request::default()
        };
        let prepared = self.cluster.prepare(pool, &request).await?;
        let signed = prepared.sign(&[&self.key])?;
        for transaction in &signed {
            self.cluster.send(transaction).await?;
        }
        Ok(!signed.is_empty())
    }

    /// Both portfolios as they are now.
    pub(super) async fn portfolios(&self, due: &Due) -> Result<(Box<Portfolio>, Box<Portfolio>), Error> {
        let (maker, taker) = due.fill.parties;
        let read = |address| async move { self.cluster.account::<Portfolio>(address).await.map(Box::new) };
        tokio::try_join!(read(&maker.0), read(&taker.0))
    }

    /// Sends the same bytes until it is known what became of them.
    async fn follow(&self, desk: &Desk, view: &View, due: &Due, transaction: &VersionedTransaction) -> Outcome {
        match self.land(transaction).await {
            Ok(Landed::Confirmed) => Outcome::Settled,
            Ok(Landed::Refused(error)) => {
                let _ = desk.submit(Command::Lapsed { fills: vec![due.fill.number] }).await;
                self.refused(view, due, &error).await
            }
            Ok(Landed::Never) => {
                let _ = desk.submit(Command::Lapsed { fills: vec![due.fill.number] }).await;
                Outcome::Failed("its blockhash expired".into())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    async fn land(&self, transaction: &VersionedTransaction) -> Result<Landed, Error> {
        let mut pushed: Option<Instant> = None;
        loop {
            if let Some(landed) = self.status(transaction).await {
                return Ok(landed);
            }
            if pushed.is_none_or(|at| at.elapsed() > AGAIN) {
                let hash = transaction.message.recent_blockhash();
                let valid = self.cluster.client().is_blockhash_valid(hash, CONFIRMED).await;
                // A node that cannot be asked leaves it open: the fill waits.
                if matches!(valid, Ok(false)) {
                    tokio::time::sleep(LATE).await;
                    return match self.status(transaction).await {
                        Some(landed) => Ok(landed),
                        None if self.asked(transaction).await? => Ok(Landed::Never),
                        None => continue,
                    };
                }
                // It may have landed since, which the node says by an error.
                let _ = self.cluster.push(transaction).await;
                pushed = Some(Instant::now());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether the node answers that it knows nothing of the transaction.
    async fn asked(&self, transaction: &VersionedTransaction) -> Result<bool, Error> {
        let signatures = transaction.signatures.get(..1).unwrap_or_default();
        let statuses = self.cluster.client().get_signature_statuses_with_history(signatures).await;
        Ok(statuses.is_ok_and(|statuses| statuses.value.iter().all(Option::is_none)))
    }

    async fn status(&self, transaction: &VersionedTransaction) -> Option<Landed> {
        let signatures: &[Signature] = transaction.signatures.get(..1).unwrap_or_default();
        let statuses = self.cluster.client().get_signature_statuses_with_history(signatures).await.ok()?;
        let status = statuses.value.into_iter().flatten().next()?;
        if !status.satisfies_commitment(CONFIRMED) {
            return None;
        }
        let Some(error) = status.err else { return Some(Landed::Confirmed) };
        let text = error.to_string();
        let code = text.rsplit_once("0x").and_then(|(_, code)| u32::from_str_radix(code, 16).ok());
        Some(Landed::Refused(code.and_then(Refused::by_code).map_or(text, |refused| refused.name)))
    }
}

/// What the matcher itself refuses: no prices of the legs add up to the fill's, or a leg has no mark to lay its price near.
pub(super) const NO_PRICES: &str = "NoLegPrices";
pub(super) const NO_MARK: &str = "NoMark";

/// The legs from the maker's side, at prices that add up to the fill's.
fn legs(pool: &PoolView, due: &Due) -> Result<Vec<Leg>, Refused> {
    let refused = |name: &str, message: &str| Refused { name: name.into(), message: message.into() };
    let (strategy, sign) = (&due.fill.strategy, due.fill.maker_side.sign());
    let quotes: Option<Vec<Quote>> = strategy.legs().iter().map(|leg| blame::quote(pool, leg.instrument)).collect();
    let quotes = quotes.ok_or_else(|| refused(NO_MARK, "a leg has no mark now"))?;
    let prices = leg_prices(strategy, due.fill.price, &quotes);
    let legs = prices.and_then(|prices| {
        let legs = strategy.legs().iter().zip(prices).map(|(leg, price)| {
            let quantity = due.fill.quantity.checked_mul(i64::from(leg.ratio))?.checked_mul(sign)?;
            Some(Leg { instrument: leg.instrument, quantity, price })
        });
        legs.collect()
    });
    legs.ok_or_else(|| refused(NO_PRICES, "no prices of the legs add up to the fill's"))
}

/// An order as a side of the settlement.
fn side(standing: &Standing) -> Result<SettledSide, Error> {
    let missing = || Error::Failed(format!("order {} has no signature any more", standing.order.id));
    let signed = standing.order.signed.as_ref().ok_or_else(missing)?;
    let message = message(&signed.text, &signed.signer.0, signed.offchain).ok_or_else(missing)?;
    let signature = signature_bytes(&signed.signature).ok_or_else(missing)?;
    let message = SignedMessage { signer: signed.signer.0, signature, message };
    Ok(SettledSide { portfolio: standing.order.portfolio.0, behind: Behind::Order(message) })
}

/// Contracts of a leg that an order's side receives, 1e-9.
pub(super) fn received(due: &Due, ratio: i16, side: Side) -> Option<i64> {
    due.fill.quantity.checked_mul(i64::from(ratio))?.checked_mul(side.sign())
}
