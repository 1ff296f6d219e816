use anchor_lang::prelude::*;
use novate_margin::Params;

use super::{DISCRIMINATOR, VERSION};

/// Number of kinds of action that can be paused on their own (CLR-51).
pub const PAUSE_KINDS: usize = 8;
/// Classes of changes whose delay a pool can set, two of them not in use (CLR-50).
pub const DELAY_CLASSES: usize = 8;

/// A clearing pool: roles, the settlement mint and the model's parameters. Nothing is shared between pools.
///
/// Address: `[POOL, creator, id]`. Written by governance only, so no trade takes its write lock.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Pool {
    pub version: u8,
    pub bump: u8,
    /// Chosen by the creator; part of the address.
    pub id: u16,
    /// Assets listed so far; the next asset takes this index.
    pub asset_count: u16,
    /// Markets listed so far; the next market takes this index.
    pub market_count: u16,
    /// Generation of the live scenario rows, 0 while there is none.
    pub generation: u16,
    /// Columns of the scenario rows given to underlyings so far.
    pub column_count: u8,
    /// Code of the [`Cluster`](crate::order::Cluster) that orders of its portfolios name; 0, of a pool that was created without, is none,
    /// and no order can be settled.
    pub cluster: u8,
    pub padding: [u8; 4],
    pub creator: Pubkey,
    /// Lists assets and markets, stages scenarios. Meant to be a multisig.
    pub authority: Pubkey,
    /// Named by the authority, becomes it by accepting; the zero key where nobody is named.
    pub pending_authority: Pubkey,
    /// May tighten terms, and nothing else.
    pub risk: Pubkey,
    /// May pause, cancel and tighten.
    pub guardian: Pubkey,
    /// Mint of the settlement asset, which is asset 0 and has six decimals.
    pub settlement_mint: Pubkey,
    /// Address of the live `Scenarios`.
    pub scenarios: Pubkey,
    /// Per kind of action, unix time until which it is paused, see [`Action`].
    pub paused_until: [i64; PAUSE_KINDS],
    /// Parameters of the model, as last set.
    pub params: Params,
    /// Not in use.
    pub vacant: [u8; 32],
    /// Venues registered so far; the next one takes this index.
    pub venue_count: u16,
    pub venue_padding: [u8; 6],
    /// Per kind of action, unix time from which a new pause of it may begin.
    pub pausable_from: [i64; PAUSE_KINDS],
    /// Named by the authority, becomes the guardian by accepting; the zero key where nobody is named.
    pub pending_guardian: Pubkey,
    /// Unix times at which the pending authority and guardian were named.
    pub authority_proposed: i64,
    pub guardian_proposed: i64,
    /// Changes scheduled so far; the next one takes this number.
    pub change_count: u64,
    /// How often the authority has passed on: what was scheduled before can no longer be executed (CLR-50).
    pub authority_epoch: u64,
    /// Seconds that changes of each class wait, see [`Class`]; the floor where it is longer.
    pub delays: [i64; DELAY_CLASSES],
    /// Changes that are neither executed nor cancelled.
    pub open_changes: u16,
    pub change_padding: [u8; 6],
    /// Unix time of the last change of the model's parameters.
    pub params_set: i64,
    /// Named by the authority, becomes the risk role by accepting; the zero key where nobody is named.
    pub pending_risk: Pubkey,
    /// Unix time at which it was named.
    pub risk_proposed: i64,
    /// What `params` come from: they are reached over a week from `params_set` on, see [`Pool::params_at`].
    pub params_from: Params,
    /// Unix time until which a change of the model is under way: no other that can raise maintenance margin begins before.
    pub model_until: i64,
    /// The same of terms of assets that the authority tightened.
    pub terms_until: i64,
    /// Unix time at which delays were last set in a pool that trades.
    pub delays_set: i64,
    pub reserve: [u8; 112],
}

impl Pool {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// A pool of its creator's, who is its authority; the other roles are appointed.
    pub fn open(&mut self, creator: Pubkey, id: u16, bump: u8, settlement_mint: Pubkey, params: Params) {
        self.version = VERSION;
        self.bump = bump;
        self.id = id;
        self.creator = creator;
        self.authority = creator;
        self.settlement_mint = settlement_mint;
        (self.params, self.params_from) = (params, params);
    }
}

const _: () = assert!(Pool::SPACE == 1024);
const _: () = assert!(core::mem::offset_of!(Pool, authority) == 48);
const _: () = assert!(core::mem::offset_of!(Pool, scenarios) == 208);
const _: () = assert!(core::mem::offset_of!(Pool, params) == 304);
const _: () = assert!(core::mem::offset_of!(Pool, change_count) == 600);
const _: () = assert!(core::mem::offset_of!(Pool, params_from) == 736);
