//! The first seed of every program-derived address. The rest of each address is in the account's own file.

/// `[POOL, creator, id u16 LE]`
pub const POOL: &[u8] = b"pool";
/// `[INSURANCE, pool]`
pub const INSURANCE: &[u8] = b"insurance";
/// `[STAKE, pool, owner]`
pub const STAKE: &[u8] = b"stake";
/// `[ASSET, pool, index u16 LE]`
pub const ASSET: &[u8] = b"asset";
/// `[VAULT, asset]`: the token account that holds an asset's deposits, owned by the pool's address.
pub const VAULT: &[u8] = b"vault";
/// `[MARKET, pool, index u16 LE]`
pub const MARKET: &[u8] = b"market";
/// `[EXPIRY, market, unix time i64 LE]`
pub const EXPIRY: &[u8] = b"expiry";
/// `[SCENARIOS, pool, generation u16 LE]`
pub const SCENARIOS: &[u8] = b"scenarios";
/// `[PORTFOLIO, pool, owner, sub-account u16 LE]`
pub const PORTFOLIO: &[u8] = b"portfolio";
/// `[CHANGE, pool, number u64 LE]`
pub const CHANGE: &[u8] = b"change";
/// `[COMMITTEE, pool]`
pub const COMMITTEE: &[u8] = b"committee";
/// `[FORECASTS, asset]`
pub const FORECASTS: &[u8] = b"forecasts";
/// `[VENUE, pool, signer]`
pub const VENUE: &[u8] = b"venue";
