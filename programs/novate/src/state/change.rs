//! Changes that wait (CLR-50): what an instruction of the authority will do stands in an account that everyone can read,
//! from when it was scheduled until it is executed, cancelled or lapsed.

use anchor_lang::prelude::*;
use anchor_lang::Discriminator;

use super::{Pool, DISCRIMINATOR, VERSION};
use crate::error::NovateError;
use crate::instruction;

const DAY: i64 = 86_400;

/// Bytes of the longest instruction that can be scheduled, discriminator and arguments.
pub const MAX_CHANGE_DATA: usize = 512;
/// Most accounts that a change names.
pub const MAX_TARGETS: usize = 4;
/// Most changes that are open in a pool at once, so that a guardian can read them all.
pub const MAX_OPEN_CHANGES: u16 = 16;
/// Seconds for which a change can be executed once it is ready: a week.
pub const CHANGE_EXPIRY: i64 = 7 * DAY;
/// Longest delay that a pool may set itself, in seconds: 30 days.
pub const LONGEST_DELAY: i64 = 30 * DAY;

/// Seconds by which a delay grows at most at once, and that pass between two changes of delays: a week.
pub const DELAY_STEP: i64 = 7 * DAY;

/// What a change does, by how long it waits.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// New assets, markets and venues.
    Listing,
    /// New expiries of a market.
    Expiry,
    /// Terms of what is listed.
    Parameters,
    /// Where the price of an asset comes from.
    Oracle,
    /// Parameters of the margin model, and its scenario rows.
    Model,
    /// Who forecasts.
    Committee,
    /// Shorter delays.
    Delays,
}

impl Class {
    /// Those whose delay a pool can set.
    pub const SET: [Self; 6] =
        [Self::Listing, Self::Expiry, Self::Parameters, Self::Oracle, Self::Model, Self::Committee];

    /// Least seconds from scheduling to execution: governance cannot go below them.
    pub const fn floor(self) -> i64 {
        match self {
            Self::Expiry => DAY,
            Self::Parameters => 2 * DAY,
            Self::Listing => 3 * DAY,
            Self::Oracle | Self::Model | Self::Committee | Self::Delays => 7 * DAY,
        }
    }
}

/// An instruction that waits in a pool that trades.
pub struct Governed {
    pub name: &'static str,
    pub discriminator: &'static [u8],
    pub class: Class,
}

impl Governed {
    const fn of<T: Discriminator>(name: &'static str, class: Class) -> Self {
        Self { name, discriminator: T::DISCRIMINATOR, class }
    }

    /// The instruction that some data begin with; `NotGoverned` where it is none of the table.
    pub fn find(data: &[u8]) -> Result<&'static Self> {
        let found = GOVERNED.iter().find(|governed| data.starts_with(governed.discriminator));
        Ok(found.ok_or(NovateError::NotGoverned)?)
    }
}

/// Every instruction that waits, and its class. What is not here acts at once: it cannot raise what anybody risks
/// (`pause`, `cancel_change`, `remove_venue`, `remove_member`, `tighten_asset`, `tighten_market`, `stage_scenarios` until they are switched
/// to), or only within bounds of its own (`list_strikes`: near the last price, without a value until its first refresh; `unpause`: a pause
/// ends by itself anyway), or waits in another way (`propose_role`).
pub const GOVERNED: [Governed; 12] = [
    Governed::of::<instruction::AddAsset>("add_asset", Class::Listing),
    Governed::of::<instruction::AddMarket>("add_market", Class::Listing),
    Governed::of::<instruction::RegisterVenue>("register_venue", Class::Listing),
    Governed::of::<instruction::ListExpiry>("list_expiry", Class::Expiry),
    Governed::of::<instruction::SetLending>("set_lending", Class::Parameters),
    Governed::of::<instruction::SetAsset>("set_asset", Class::Parameters),
    Governed::of::<instruction::SetMarket>("set_market", Class::Parameters),
    Governed::of::<instruction::SetOracle>("set_oracle", Class::Oracle),
    Governed::of::<instruction::SetParams>("set_params", Class::Model),
    Governed::of::<instruction::SwitchScenarios>("switch_scenarios", Class::Model),
    Governed::of::<instruction::SetCommittee>("set_committee", Class::Committee),
    Governed::of::<instruction::SetDelays>("set_delays", Class::Delays),
];

/// An instruction of the authority that was scheduled, with all that it will be held to.
///
/// Address: `[CHANGE, pool, number]`. Closed by its execution and when it is cancelled; its number is never used again.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Change {
    pub version: u8,
    pub bump: u8,
    /// [`Class`] of the instruction.
    pub class: u8,
    /// How many of `targets` there are.
    pub target_count: u8,
    /// How many bytes of `data` there are.
    pub length: u16,
    pub padding: [u8; 2],
    pub pool: Pubkey,
    /// Of no other change of the pool.
    pub number: u64,
    /// The pool's authority epoch when it was scheduled: once the authority has passed on, it can no longer be executed.
    pub epoch: u64,
    /// The authority that scheduled it.
    pub proposer: Pubkey,
    /// Paid the rent, and receives it.
    pub payer: Pubkey,
    /// Unix times: scheduled, executable from, executable until.
    pub scheduled: i64,
    pub ready: i64,
    pub expires: i64,
    /// Accounts that the instruction acts on or rests on, beside those that follow from the pool.
    pub targets: [Pubkey; MAX_TARGETS],
    /// The instruction as it will be executed: discriminator and arguments.
    pub data: [u8; MAX_CHANGE_DATA],
    pub reserve: [u8; 104],
}

impl Change {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// The instruction's discriminator and arguments.
    pub fn data(&self) -> &[u8] {
        self.data.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The accounts that it names.
    pub fn targets(&self) -> &[Pubkey] {
        self.targets.get(..usize::from(self.target_count)).unwrap_or_default()
    }

    /// Enters what is scheduled; refuses what is too long, or names too many accounts.
    pub fn hold(&mut self, data: &[u8], targets: &[Pubkey]) -> Result<()> {
        let place = self.data.get_mut(..data.len()).ok_or(NovateError::NotGoverned)?;
        place.copy_from_slice(data);
        let place = self.targets.get_mut(..targets.len()).ok_or(NovateError::NotGoverned)?;
        place.copy_from_slice(targets);
        self.version = VERSION;
        self.length = u16::try_from(data.len()).map_err(|_| NovateError::NotGoverned)?;
        self.target_count = u8::try_from(targets.len()).map_err(|_| NovateError::NotGoverned)?;
        Ok(())
    }

    /// It can no longer be executed: its time is over, or the authority has passed on since.
    pub fn is_dead(&self, pool: &Pool, now: i64) -> bool {
        now >= self.expires || self.epoch != pool.authority_epoch
    }

    /// Whether it may be executed now, as exactly this instruction on exactly these accounts.
    pub fn require_executable(&self, pool: &Pool, data: &[u8], targets: &[Pubkey], now: i64) -> Result<()> {
        require!(self.epoch == pool.authority_epoch, NovateError::ChangeStale);
        require!(self.data() == data && self.targets() == targets, NovateError::ChangeDiffers);
        require!(now >= self.ready, NovateError::ChangeNotReady);
        require!(now < self.expires, NovateError::ChangeLapsed);
        Ok(())
    }
}

/// Seconds that changes of each class wait in a pool, in the order of [`Class::SET`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    pub listing: i64,
    pub expiry: i64,
    pub parameters: i64,
    pub oracle: i64,
    pub model: i64,
    pub committee: i64,
}

impl Delays {
    pub fn by_class(&self) -> [(Class, i64); 6] {
        [
            (Class::Listing, self.listing),
            (Class::Expiry, self.expiry),
            (Class::Parameters, self.parameters),
            (Class::Oracle, self.oracle),
            (Class::Model, self.model),
            (Class::Committee, self.committee),
        ]
    }
}

impl Pool {
    /// Seconds that a change of a class waits: the pool's own setting, and never less than the floor. Shorter delays wait as
    /// long as the longest, so that a delay cannot be got around by shortening it first.
    pub fn delay(&self, class: Class) -> i64 {
        let own = match class {
            Class::Delays => self.delays.iter().copied().max(),
            _ => self.delays.get(usize::from(class as u8)).copied(),
        };
        own.unwrap_or_default().max(class.floor())
    }

    pub fn delays(&self) -> Delays {
        Delays {
            listing: self.delay(Class::Listing),
            expiry: self.delay(Class::Expiry),
            parameters: self.delay(Class::Parameters),
            oracle: self.delay(Class::Oracle),
            model: self.delay(Class::Model),
            committee: self.delay(Class::Committee),
        }
    }

    /// Sets delays from the floors to [`LONGEST_DELAY`]; in a pool that trades at most once in [`DELAY_STEP`], and none longer by more than
    /// that, so that nobody stops all changes for a month at once. Changes that were scheduled before keep their times.
    pub fn set_delays(&mut self, delays: &Delays, now: i64) -> Result<()> {
        if self.is_live() {
            require!(now >= self.delays_set.saturating_add(DELAY_STEP), NovateError::SettingTooSoon);
            self.delays_set = now;
        }
        for (class, seconds) in delays.by_class() {
            require!((class.floor()..=LONGEST_DELAY).contains(&seconds), NovateError::InvalidDelays);
            let most = self.delay(class).saturating_add(DELAY_STEP);
            require!(!self.is_live() || seconds <= most, NovateError::InvalidDelays);
            if let Some(place) = self.delays.get_mut(usize::from(class as u8)) {
                *place = seconds;
            }
        }
        Ok(())
    }

    /// Whether some delay would be shorter than it is.
    pub fn shortens(&self, delays: &Delays) -> bool {
        delays.by_class().iter().any(|(class, seconds)| *seconds < self.delay(*class))
    }

    /// Nobody can deposit before it: nothing has to wait.
    pub fn is_live(&self) -> bool {
        self.generation != 0
    }

    /// Gives a new change its number.
    pub fn open_change(&mut self) -> Result<u64> {
        require!(self.open_changes < MAX_OPEN_CHANGES, NovateError::TooManyChanges);
        let number = self.change_count;
        self.change_count = number.checked_add(1).ok_or(NovateError::TooManyChanges)?;
        self.open_changes = self.open_changes.saturating_add(1);
        Ok(number)
    }

    /// A change is executed or cancelled.
    pub fn close_change(&mut self) {
        self.open_changes = self.open_changes.saturating_sub(1);
    }
}

const _: () = assert!(Change::SPACE == 896);
const _: () = assert!(core::mem::offset_of!(Change, targets) == 144);
const _: () = assert!(core::mem::offset_of!(Change, data) == 272);
