//! The risk committee (CLR-50, MRG-52): its members each say what they forecast, and what counts is the median. Whoever is silent counts
//! for what stands, so that no minority, whoever else is silent, moves a value beyond where the others see it.

use anchor_lang::prelude::*;
use novate_margin::smile::median;

use super::{DISCRIMINATOR, VERSION};
use crate::error::NovateError;

/// Most members.
pub const MAX_MEMBERS: usize = 9;
/// Seconds for which a submission counts.
pub const SUBMISSION_AGE: i64 = 300;

/// Who forecasts in a pool, and how many of them it takes.
///
/// Address: `[COMMITTEE, pool]`.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Committee {
    pub version: u8,
    pub bump: u8,
    /// How many members have to have submitted lately: more than half of the seats.
    pub quorum: u8,
    /// Seats, those of removed members among them.
    pub seats: u8,
    /// How often the committee was set: what was submitted under another one does not count.
    pub term: u16,
    pub padding: [u8; 2],
    pub pool: Pubkey,
    /// By seat; the zero key where the member was removed, and behind the last seat.
    pub members: [Pubkey; MAX_MEMBERS],
    pub reserve: [u8; 48],
}

impl Committee {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    pub fn open(&mut self, pool: Pubkey, bump: u8) {
        self.version = VERSION;
        self.bump = bump;
        self.pool = pool;
    }

    /// Seats members, ascending, and begins a term. A quorum is more than half of them.
    pub fn seat(&mut self, members: &[Pubkey], quorum: u8) -> Result<()> {
        let seats = u8::try_from(members.len()).map_err(|_| NovateError::InvalidCommittee)?;
        let ascending = members.iter().zip(members.iter().skip(1)).all(|(one, next)| one < next);
        let majority = quorum > seats >> 1 && quorum <= seats;
        require!(majority && ascending && !members.contains(&Pubkey::default()), NovateError::InvalidCommittee);
        self.members = [Pubkey::default(); MAX_MEMBERS];
        let places = self.members.get_mut(..members.len()).ok_or(NovateError::InvalidCommittee)?;
        places.copy_from_slice(members);
        (self.seats, self.quorum) = (seats, quorum);
        self.term = self.term.checked_add(1).ok_or(NovateError::InvalidCommittee)?;
        Ok(())
    }

    /// The seat of a member.
    pub fn seat_of(&self, member: &Pubkey) -> Result<usize> {
        let seat = self.members.iter().position(|key| key == member && *key != Pubkey::default());
        Ok(seat.ok_or(NovateError::NotMember)?)
    }

    /// Silences a member. Seats and quorum stay: no majority arises from removals. Returns the seat.
    pub fn remove(&mut self, member: &Pubkey) -> Result<usize> {
        let seat = self.seat_of(member)?;
        self.members.iter_mut().skip(seat).take(1).for_each(|key| *key = Pubkey::default());
        Ok(seat)
    }

    /// The mark that a submission of now carries.
    pub fn stamp(&self, now: i64) -> Stamp {
        Stamp { time: u32::try_from(now).unwrap_or(u32::MAX), term: self.term, padding: [0; 2] }
    }

    /// Whether what a seat submitted counts: by a member of this term, in the last five minutes.
    pub fn counts(&self, seat: usize, stamp: &Stamp, now: i64) -> bool {
        let seated = self.members.get(seat).is_some_and(|key| *key != Pubkey::default());
        seated && stamp.term == self.term && now.saturating_sub(stamp.time()) <= SUBMISSION_AGE
    }

    /// Refuses fewer submissions than the quorum.
    pub fn require_quorum(&self, fresh: usize) -> Result<()> {
        require!(fresh > 0 && fresh >= usize::from(self.quorum), NovateError::QuorumMissing);
        Ok(())
    }

    /// The median of what members submitted, of which there is a quorum, and of what stands for each that is silent.
    pub fn median(&self, submitted: &[i64], standing: i64) -> i64 {
        let mut values = [standing; MAX_MEMBERS];
        values.iter_mut().zip(submitted).for_each(|(place, value)| *place = *value);
        median(values.get_mut(..usize::from(self.seats)).unwrap_or_default())
    }
}

/// When something was submitted, and under which committee.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stamp {
    /// Unix time in seconds; 0 where nothing was submitted.
    pub time: u32,
    /// [`Committee::term`].
    pub term: u16,
    pub padding: [u8; 2],
}

impl Stamp {
    pub fn time(&self) -> i64 {
        self.time.into()
    }
}

const _: () = assert!(Committee::SPACE == 384);
const _: () = assert!(core::mem::size_of::<Stamp>() == 8);
