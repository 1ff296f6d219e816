//! Stake pools as the SPL stake pool program leaves them.

use anchor_lang::prelude::{pubkey, Pubkey};
use novate_client::{instructions as build, Instruction};
use solana_account::Account;
use solana_clock::Clock;

use crate::{AssetSpec, Builder, World};

/// Owner of stake pools, on mainnet.
pub const STAKE_PROGRAM: Pubkey = pubkey!("SPoo1Ku8WFXoNDMHPsrGSTSG1Y47rzgn41SLUNakuHy");
/// Bytes of the account: the longest that its borsh can be.
const SIZE: usize = 611;

/// Tokens that a sound stake pool has issued.
const TOKENS: u64 = 13_000_000;

/// What a stake pool account says, as far as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakePool {
    /// 1: a stake pool.
    pub account_type: u8,
    pub mint: Pubkey,
    pub total_lamports: u64,
    pub token_supply: u64,
    pub last_update_epoch: u64,
}

impl StakePool {
    /// The account's bytes. Keys that are not read are all ones.
    pub fn encode(&self) -> Vec<u8> {
        let mut data = vec![self.account_type];
        data.extend([1; 3 * 32]);
        data.push(254);
        data.extend([1; 2 * 32]);
        data.extend(self.mint.to_bytes());
        data.extend([1; 2 * 32]);
        data.extend(self.total_lamports.to_le_bytes());
        data.extend(self.token_supply.to_le_bytes());
        data.extend(self.last_update_epoch.to_le_bytes());
        data.resize(SIZE, 0);
        data
    }
}

impl World {
    /// The default pool and in it [`crate::JITOSOL`], which nobody has refreshed the redemption of: 36 USD, SOL at 30 USD.
    pub fn staking() -> Self {
        let stake_pool = pubkey!("Jito4APyf642JPZPx3hGc6WWJ8zPKtRbRs4P815Awbb");
        let spec = AssetSpec::new("JITOSOL", 9, 36.0).redeemed_for(crate::SOL, stake_pool);
        let mut world = Builder::default().and_asset(spec).build();
        world.set_epoch(700);
        world
    }

    pub fn epoch(&self) -> u64 {
        self.svm.get_sysvar::<Clock>().epoch
    }

    pub fn set_epoch(&mut self, epoch: u64) {
        let clock = Clock { epoch, ..self.svm.get_sysvar::<Clock>() };
        self.svm.set_sysvar(&clock);
    }

    /// Where the stake pool of a yield-bearing asset is.
    pub fn stake_pool(&self, asset: u16) -> Pubkey {
        self.listing(asset).spec.redemption.as_ref().expect("a yield-bearing asset").stake_pool
    }

    /// A sound stake pool of the asset, updated in this epoch, that holds `rate` lamports for each token.
    pub fn sound_stake_pool(&self, asset: u16, rate: u64) -> StakePool {
        let mint = self.listing(asset).token.mint;
        let (total_lamports, token_supply) = (rate * TOKENS, TOKENS * 1_000_000_000);
        StakePool { account_type: 1, mint, total_lamports, token_supply, last_update_epoch: self.epoch() }
    }

    pub fn write_stake_pool(&mut self, asset: u16, stake_pool: &StakePool) {
        let account =
            Account { lamports: 10_000_000, data: stake_pool.encode(), owner: STAKE_PROGRAM, ..Account::default() };
        let address = self.stake_pool(asset);
        self.write(address, account);
    }

    pub fn refresh_redemption_instruction(&self, assets: &[u16]) -> Instruction {
        let pairs: Vec<_> = assets.iter().map(|a| (*a, self.stake_pool(*a))).collect();
        build::refresh_redemption(&self.pool, &pairs)
    }

    /// Writes a stake pool with a rate, 1e-9 of the underlying, and has the program read it.
    #[track_caller]
    pub fn redeem_at(&mut self, asset: u16, rate: u64) {
        let stake_pool = self.sound_stake_pool(asset, rate);
        self.write_stake_pool(asset, &stake_pool);
        let refresh = self.refresh_redemption_instruction(&[asset]);
        self.succeeds(&[refresh], &[]);
    }
}
