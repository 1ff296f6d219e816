//! Price accounts as Pyth's programs leave them, in both layouts that the program reads.

use anchor_lang::prelude::{pubkey, Pubkey};
use anchor_lang::AccountSerialize;
use pyth_sdk_solana::state::{AccountType, GenericPriceAccount, PriceStatus, MAGIC, VERSION_2};
use pyth_solana_receiver_sdk::price_update::{PriceFeedMessage, PriceUpdateV2, VerificationLevel};

/// Owner of posted and sponsored updates.
pub const RECEIVER: Pubkey = pyth_solana_receiver_sdk::ID;
/// Owner of the older push accounts, on mainnet.
pub const PUSH_ORACLE: Pubkey = pubkey!("FsJ3A3u2vn5cTVofAjvy6y5kwABJAqYWpe4975bi2epH");

/// Decimals of every quote here.
pub const EXPONENT: i32 = -8;

/// Layout of a price account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Update,
    Push,
}

/// Where an asset's price is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    pub layout: Layout,
    pub address: Pubkey,
    pub owner: Pubkey,
    pub id: [u8; 32],
}

/// What a price account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub price: i64,
    pub confidence: u64,
    /// Moving average of the price.
    pub average: i64,
    pub exponent: i32,
    pub publish_time: i64,
    /// Fully verified, for an update; trading, for a push account.
    pub valid: bool,
}

impl Quote {
    /// A sound quote in USD.
    pub fn new(usd: f64, publish_time: i64) -> Self {
        let price = (usd * 1e8).round() as i64;
        Self { price, average: price, confidence: 0, exponent: EXPONENT, publish_time, valid: true }
    }

    /// Half a width of the price, as a share of it.
    pub fn with_confidence(self, share: f64) -> Self {
        Self { confidence: (self.price as f64 * share).round() as u64, ..self }
    }

    /// The account's bytes.
    pub fn encode(&self, feed: &Feed) -> Vec<u8> {
        match feed.layout {
            Layout::Update => self.update(feed.id),
            Layout::Push => self.push(),
        }
    }

    fn update(&self, feed_id: [u8; 32]) -> Vec<u8> {
        let verification_level =
            if self.valid { VerificationLevel::Full } else { VerificationLevel::Partial { num_signatures: 5 } };
        let update = PriceUpdateV2 {
            write_authority: Pubkey::default(),
            verification_level,
            price_message: PriceFeedMessage {
                feed_id,
                price: self.price,
                conf: self.confidence,
                exponent: self.exponent,
                publish_time: self.publish_time,
                prev_publish_time: self.publish_time - 1,
                ema_price: self.average,
                ema_conf: self.confidence,
            },
            posted_slot: 0,
        };
        let mut data = Vec::with_capacity(PriceUpdateV2::LEN);
        update.try_serialize(&mut data).unwrap();
        data.resize(PriceUpdateV2::LEN, 0);
        data
    }

    fn push(&self) -> Vec<u8> {
        let mut account = GenericPriceAccount::<32, ()> {
            magic: MAGIC,
            ver: VERSION_2,
            atype: AccountType::Price as u32,
            size: size_of::<GenericPriceAccount<32, ()>>() as u32,
            expo: self.exponent,
            timestamp: self.publish_time,
            ..Default::default()
        };
        account.agg.price = self.price;
        account.agg.conf = self.confidence;
        account.ema_price.val = self.average;
        account.agg.status = if self.valid { PriceStatus::Trading } else { PriceStatus::Halted };
        bytemuck::bytes_of(&account).to_vec()
    }
}
