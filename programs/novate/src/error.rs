//! Every way to fail, one cause each. Numbers never move; a block of 100 belongs to a folder of instructions.
//!
//! | block | folder |
//! |---|---|
//! | 6000 | accounts, arithmetic and the model, anywhere |
//! | 6100 | trader |
//! | 6200 | liquidation |
//! | 6300 | settlement |
//! | 6400 | keeper: oracle and refreshes; venue |
//! | 6400 | keeper: oracle and refreshes |
//! | 6500 | insurance; from 6580 on what a breaker or a minimum size refuses |
//! | 6600 | governance |

use anchor_lang::prelude::*;
use novate_margin::MarginError;

#[error_code]
#[derive(PartialEq, Eq)]
pub enum NovateError {
    #[msg("an amount leaves the range of its type; use smaller amounts")]
    MathOverflow = 0,
    #[msg("the account is not owned by this program")]
    WrongOwner = 1,
    #[msg("the account is of another kind than is expected here")]
    UnexpectedAccount = 2,
    #[msg("the account belongs to another pool")]
    WrongPool = 3,
    #[msg("the account is passed twice")]
    DuplicateAccount = 4,
    #[msg("assets come first, then markets, each in ascending order of index, then expiries by market and time")]
    AccountsOutOfOrder = 5,
    #[msg("more than 48 assets, markets and expiries are passed")]
    TooManyAccounts = 6,
    #[msg("an asset that the portfolio holds, its underlying, or the settlement asset, is not passed")]
    AssetMissing = 7,
    #[msg("a market in which the portfolio holds a position is not passed")]
    MarketMissing = 8,
    #[msg("the account must be passed as writable")]
    NotWritable = 9,
    #[msg("the scenarios are not the pool's live ones")]
    WrongScenarios = 10,
    #[msg("the portfolio is closed")]
    PortfolioClosed = 11,
    #[msg("the model refuses what the accounts hold; report this")]
    ModelRefused = 12,
    #[msg("an expiry in which the portfolio holds a position is not passed")]
    ExpiryMissing = 13,
    #[msg("the expiry has passed")]
    ExpiryPassed = 14,
    #[msg("option values are more than 10 minutes old; refresh the expiry")]
    ChainStale = 15,
    #[msg("the price has moved by more than half a scan range since option values were made; refresh the expiry")]
    ChainShifted = 16,
    #[msg("a strike that is traded or held was never priced; refresh the expiry")]
    StrikeNotPriced = 17,

    #[msg("the signer is neither the owner nor the delegate of the portfolio")]
    WrongAuthority = 100,
    #[msg("the delegate's time has passed")]
    DelegateExpired = 101,
    #[msg("the amount is zero")]
    ZeroAmount = 102,
    #[msg("the portfolio holds less than is asked for")]
    InsufficientBalance = 103,
    #[msg(
        "the gains were paid out less than two hours ago and are not cash yet; settle the variation again after that"
    )]
    GainsPending = 104,
    #[msg("initial margin would rest on gains that are not settled; settle the variation and wait until it is cash")]
    UnsettledGains = 105,
    #[msg("equity would be below initial margin")]
    BelowInitialMargin = 106,
    #[msg("the portfolio is in an auction; only deposits and closing trades are possible")]
    InAuction = 107,
    #[msg("all 16 balances are in use")]
    TooManyBalances = 108,
    #[msg("all 48 positions are in use")]
    TooManyPositions = 109,
    #[msg("the portfolio would hold more than 8 underlyings")]
    TooManyUnderlyingsHeld = 110,
    #[msg("the portfolio would name more than 40 assets, markets and expiries")]
    TooManyAccountsHeld = 111,
    #[msg("the deposits of the asset would exceed its cap")]
    DepositCap = 112,
    #[msg("a portfolio cannot be both sides")]
    SamePortfolio = 113,
    #[msg("the portfolios have different owners")]
    DifferentOwners = 114,
    #[msg("the portfolio still holds balances, positions or cash")]
    PortfolioNotEmpty = 115,
    #[msg("a trade has 1 to 8 legs")]
    LegCount = 116,
    #[msg("the id is not an instrument that can be traded")]
    UnknownInstrument = 117,
    #[msg("the price is not a positive multiple of the tick")]
    InvalidPrice = 118,
    #[msg("the quantity is not a multiple of the lot")]
    InvalidQuantity = 119,
    #[msg("the quantity is below the market's minimum")]
    BelowMinimum = 120,
    #[msg("the price is outside of the market's band around the mark")]
    OutsideBand = 121,
    #[msg("open interest would exceed its cap")]
    OpenInterestCap = 122,
    #[msg("the position would exceed its cap")]
    PositionCap = 123,
    #[msg("the portfolio's sequence has moved on")]
    SequenceMoved = 124,
    #[msg("health is below what was asked for")]
    HealthBelow = 125,
    #[msg("the delegate is the zero key, the owner, or its time is not in the future")]
    InvalidDelegate = 126,
    #[msg("the token account is not the owner's account of this mint")]
    WrongTokenAccount = 127,
    #[msg("the mint is not the asset's")]
    WrongMint = 128,
    #[msg("the token program is not the asset's")]
    WrongTokenProgram = 129,
    #[msg("the vault is not the asset's")]
    WrongVault = 130,
    #[msg("the signer is not the owner of the portfolio")]
    NotOwner = 131,
    #[msg("the pool has no live scenario rows yet")]
    PoolNotLive = 132,
    #[msg("the portfolio would hold more than 12 expiries")]
    TooManyExpiriesHeld = 133,
    #[msg("the expiry has no strike in this slot")]
    UnknownStrike = 134,
    #[msg("the settlement cash does not cover premium and fees")]
    PremiumUnpaid = 135,
    #[msg("risk may rise only with option values at most 60 seconds old and within an eighth of the scan range; refresh the expiry")]
    ChainNotCurrent = 136,
    #[msg("risk may rise only with a forecast at most an hour old, and nothing is priced or traded before the first; the committee has to forecast")]
    ForecastStale = 137,
    #[msg("the asset is not lent; governance has not opened its bank")]
    NotLent = 138,
    #[msg("the tokens are lent out; wait until borrowers repay")]
    BankIlliquid = 139,
    #[msg("the loan goes beyond what the bank may lend; borrow less")]
    UtilisationCap = 140,
    #[msg("nothing is owed in this asset")]
    NothingOwed = 141,
    #[msg("the price moved beyond its band; until it holds, only what reduces risk in the asset is possible")]
    Restricted = 142,
    #[msg("the text is no order in its one spelling; docs/orders.md has the grammar")]
    OrderText = 143,
    #[msg("the signed off-chain message is not of version 0, in ASCII, for this program and signed by this key alone")]
    OrderEnvelope = 144,
    #[msg("a side is authorised by a signature, and its signer is not passed")]
    SignerMissing = 145,
    #[msg("the named instruction is not in the transaction, or not one of the ed25519 program")]
    NotEd25519 = 146,
    #[msg("the named entry is not in the ed25519 instruction, or reaches beyond it or into another")]
    SignatureEntry = 147,
    #[msg("the order is for another cluster, or the pool was created without one")]
    OrderCluster = 148,
    #[msg("the order is for another portfolio")]
    OrderPortfolio = 149,
    #[msg("the order is for an earlier life of the portfolio; sign it anew")]
    OrderGeneration = 150,
    #[msg("the order was signed before the delegate was named; sign it anew")]
    OrderBeforeDelegate = 151,
    #[msg("the legs of the trade are not those of the order, in its order")]
    OrderLegs = 152,
    #[msg("the quantities of the legs are not the order's ratios times one quantity, on its side")]
    OrderRatio = 153,
    #[msg("more would be filled than is left of the order")]
    OrderOverfilled = 154,
    #[msg("the prices are worse than the limit of the order")]
    OrderLimit = 155,
    #[msg("the order has expired")]
    OrderExpired = 156,
    #[msg("the order expires more than 30 days from now")]
    OrderTooLong = 157,
    #[msg("the order's nonce is below the portfolio's minimum: it was cancelled with all before it")]
    NonceTooLow = 158,
    #[msg("the nonce, a unix time in microseconds, is more than 60 seconds ahead of the chain's clock")]
    NonceAhead = 159,
    #[msg("all 32 fill slots are taken; raise the minimum nonce, or wait until an order expires")]
    FillsFull = 160,
    #[msg("the order was cancelled")]
    OrderCancelled = 161,
    #[msg("the order is to be filled whole or not at all")]
    FillOrKill = 162,
    #[msg("the order may only reduce positions")]
    ReduceOnly = 163,
    #[msg("nothing is cancelled: no order is named and the minimum nonce would not rise, or more than 32 orders are named")]
    NothingCancelled = 164,
    #[msg("the venue may settle fills of the portfolio already")]
    VenueOptedIn = 165,
    #[msg("8 venues may settle fills of the portfolio; opt out of one first")]
    TooManyVenues = 166,
    #[msg("the venue may not settle fills of the portfolio; its owner has to opt in")]
    VenueNotOptedIn = 167,

    #[msg("equity is at or above maintenance margin")]
    NotLiquidatable = 200,
    #[msg("an auction is already running")]
    AuctionRunning = 201,
    #[msg("no auction is running; start one first")]
    NoAuction = 202,
    #[msg("equity has crossed zero since the auction began; start it again")]
    Insolvent = 203,
    #[msg("the owner cannot bid for the own account")]
    OwnLiquidation = 204,
    #[msg("the slice costs more, or the insurance fund pays less for it, than the limit")]
    PriceLimit = 205,
    #[msg("the bidder has too little settlement cash for the slice")]
    InsufficientCash = 206,
    #[msg("the fraction is not between 1 and 1,000,000,000")]
    InvalidFraction = 207,
    #[msg("equity is below maintenance margin; the auction goes on")]
    StillLiquidatable = 208,
    #[msg("the insurance fund holds less than the slice is owed and the limit asks for; accept less or wait")]
    InsuranceExhausted = 209,
    #[msg("the auction is insolvent, and insurance pays: the limit is minus the least that is accepted, at most zero")]
    LimitAboveZero = 210,
    #[msg("the auction began an hour ago, or before a pause; start it again")]
    AuctionLapsed = 211,

    #[msg("nothing can be settled: there is no variation, or nobody has paid for it yet")]
    NothingToSettle = 300,
    #[msg("the portfolio holds no such position")]
    NoPosition = 301,
    #[msg("the asset is not the market's underlying")]
    WrongUnderlying = 302,
    #[msg("an option has no variation: its premium was paid when it was traded")]
    NoVariation = 303,
    #[msg("the expiry is not the future's, or is not passed")]
    WrongExpiry = 304,
    #[msg("the asset's last fixed price is not of this time; refresh the asset through its settlement window")]
    NotFixed = 305,
    #[msg("the expiry has its settlement price already")]
    AlreadyFixed = 306,
    #[msg("the expiry has no settlement price yet; fix it first")]
    SettlementPriceMissing = 307,
    #[msg("the portfolio holds nothing in this expiry")]
    NothingExpired = 308,
    #[msg("an expiry that is held has its settlement price; call settle_expiry for the portfolio first")]
    ExpiryNotSettled = 309,
    #[msg("positions in the expiry are not settled yet")]
    OpenInterestLeft = 310,
    #[msg("the rent goes back to whoever paid it")]
    WrongPayer = 311,
    #[msg("the expiry has not passed")]
    ExpiryLive = 312,
    #[msg("equity without unsettled gains is below maintenance margin: a loan would be the lenders' risk")]
    BelowMaintenance = 313,

    #[msg("the price account is not the asset's")]
    WrongFeed = 400,
    #[msg("the price account is owned by another program than the asset's oracle")]
    WrongFeedOwner = 401,
    #[msg("the price account does not hold a price of the expected layout")]
    MalformedFeed = 402,
    #[msg("the update is of another feed")]
    WrongFeedId = 403,
    #[msg("the update is not fully verified")]
    NotFullyVerified = 404,
    #[msg("the price is zero, negative or out of range")]
    PriceNotPositive = 405,
    #[msg("the confidence interval is too wide")]
    ConfidenceTooWide = 406,
    #[msg("the price is too old; refresh the asset first")]
    PriceStale = 407,
    #[msg("the price is older than the last accepted one")]
    PriceOlder = 408,
    #[msg("the publish time is more than 10 seconds ahead of the clock")]
    PriceFromFuture = 409,
    #[msg("the feed is not trading")]
    FeedNotTrading = 410,
    #[msg("the asset has no price yet; refresh it first")]
    PriceMissing = 411,
    #[msg("assets are passed each with its price account, at least one pair")]
    UnpairedFeeds = 412,
    #[msg("markets are passed each with its underlying asset, at least one pair")]
    UnpairedMarkets = 413,
    #[msg("expiries are passed each with its underlying asset and a range of strikes, at least one pair")]
    UnpairedExpiries = 414,
    #[msg("the range is empty or reaches beyond the listed strikes")]
    StrikeRange = 415,
    #[msg("more than 64 strikes are refreshed at once; split the ranges")]
    TooManyRefreshed = 416,
    #[msg("the expiry is of another market")]
    WrongMarket = 417,
    #[msg("forecasts of the expiry were applied less than 10 seconds ago; wait")]
    ForecastTooSoon = 419,
    #[msg(
        "the basis moves by more than 0.5 %, or a total variance by more than 20 %; members have to take smaller steps"
    )]
    ForecastStep = 420,
    #[msg("the basis is not between -20 % and 20 %")]
    InvalidBasis = 421,
    #[msg("a parameter of the smile is outside of its bounds")]
    SmileOutOfBounds = 422,
    #[msg("the smile implies a negative density: butterfly arbitrage")]
    ButterflyArbitrage = 423,
    #[msg("total variance falls from an expiry to a later one: calendar arbitrage")]
    CrossedSmiles = 424,
    #[msg("the market's next live expiries, the earlier one first, are not passed as they should be")]
    MissingNeighbour = 425,
    #[msg("yield-bearing assets are passed each with its stake pool, at least one pair")]
    UnpairedStakePools = 426,
    #[msg("the asset is not yield-bearing")]
    NotYieldBearing = 427,
    #[msg("the stake pool is not the asset's")]
    WrongStakePool = 428,
    #[msg("the stake pool is owned by another program than the asset's")]
    WrongStakePoolOwner = 429,
    #[msg("the account is not a stake pool of the expected layout")]
    MalformedStakePool = 430,
    #[msg("the stake pool is of another mint")]
    WrongStakePoolMint = 431,
    #[msg("the stake pool was not updated in this epoch or the one before; update it first")]
    StakePoolEpoch = 432,
    #[msg("the stake pool has issued no tokens")]
    StakePoolEmpty = 433,
    #[msg("the redemption rate is not between 0.5 and 10")]
    RedemptionRate = 434,
    #[msg("the asset has no redemption rate yet; refresh its redemption first")]
    RedemptionMissing = 435,
    #[msg("the signer is not the venue's")]
    WrongVenueSigner = 436,
    #[msg("the venue was removed; the pool's authority has to register it again")]
    VenueInactive = 437,
    #[msg("the mid is zero or negative")]
    MidNotPositive = 438,
    #[msg("mids of eight other venues still count in this market; a seat is free again a minute after a venue's last report")]
    MidsFull = 439,

    #[msg("the asset is not the settlement asset")]
    NotSettlementAsset = 500,
    #[msg("no fees can be collected: none are accrued, or nobody has paid for them yet")]
    NothingToCollect = 501,
    #[msg("the signer is not the owner of the stake")]
    NotStaker = 502,
    #[msg("the stake has fewer shares")]
    InsufficientShares = 503,
    #[msg("no shares are requested; request them first")]
    NoUnstakeRequest = 504,
    #[msg("the seven days of cooling-off are not over")]
    CoolingOff = 505,
    #[msg("the two days after the cooling-off are over; request again")]
    UnstakeLapsed = 506,
    #[msg("the fund would hold less than is reserved for insolvent auctions; wait until they have ended")]
    ReserveStands = 507,
    #[msg("the stake has shares; unstake them first")]
    StakeNotEmpty = 508,

    #[msg("gains of the market wait until the window of its haircut has ended")]
    HaircutOpen = 540,
    #[msg("the market's haircut takes nothing now: charge its gains and close it first, or wait for a fresh price")]
    HaircutSettling = 541,
    #[msg("no haircut of the market's gains stands")]
    NoHaircut = 542,
    #[msg("the position was looked at in this haircut already")]
    GainRegistered = 543,
    #[msg("the position has no gain to register or to charge")]
    NoGain = 544,
    #[msg("registered gains of the market are not charged yet; charge them first")]
    GainsUncharged = 545,
    #[msg("what is reserved for insolvent auctions exceeds the fund: pending gains stay pending as far as needed")]
    GainsHeldBack = 546,

    #[msg("provisional haircut: insurance is short of what is reserved, and so much cash stays until it no longer is")]
    ProvisionalHaircut = 560,
    #[msg("insurance is short of what is reserved: settlement tokens are not lent until it no longer is")]
    LendingDuringShortage = 561,
    #[msg("something of value or an open position is left, or a loan of another asset; a taker has to bid for the account")]
    NotBankrupt = 562,
    #[msg("the losses exceed what is reserved for the account; start its auction anew, an hour after the last start")]
    BeyondReserve = 563,

    #[msg("a settlement sample is due: whether the run goes on hangs on the next reading; refresh the asset")]
    SampleDue = 570,

    #[msg("equity is at or above maintenance margin at the average prices of the last minute; prices have to stand for longer")]
    SoundOnAverage = 580,
    #[msg("more would leave the pool than the asset's outflow limit lets go in a day; take out less, or wait: it refills steadily")]
    OutflowLimit = 581,
    #[msg("the loan goes beyond the asset's borrow cap; borrow less")]
    BorrowCap = 582,
    #[msg("the trade would leave less than the market's minimum; close the position, or leave more")]
    LeavesDust = 583,
    #[msg("less than the asset's minimum balance would be held or owed; bring or borrow more, or take out all")]
    DustBalance = 584,

    #[msg("the signer is not the pool's authority")]
    NotAuthority = 600,
    #[msg("the settlement mint must have 6 decimals")]
    SettlementDecimals = 601,
    #[msg("the first asset of a pool is its settlement asset, and only the first")]
    SettlementFirst = 602,
    #[msg("the mint has an extension that is not on the allow list")]
    MintExtension = 603,
    #[msg("a term of the asset is outside of its bounds")]
    InvalidAssetTerms = 604,
    #[msg("a term of the market is outside of its bounds")]
    InvalidMarketTerms = 605,
    #[msg("the settlement asset cannot be an underlying")]
    SettlementUnderlying = 606,
    #[msg("the generation is already complete, or not the one after the live one")]
    WrongGeneration = 607,
    #[msg("the header is not that of the first call of this generation; begin anew from row 0")]
    ScenarioHeader = 608,
    #[msg("the rows are out of range, or not whole rows")]
    ScenarioRows = 609,
    #[msg("a column's moves do not reach both ways")]
    ScenarioColumnFlat = 610,
    #[msg("the pool has no more indices")]
    PoolFull = 611,
    #[msg("an expiry is at 08:00:00 UTC and at most three years ahead")]
    InvalidExpiryTime = 613,
    #[msg("the market lists 32 expiries already")]
    MarketExpiriesFull = 614,
    #[msg("the expiry is listed already")]
    ExpiryListed = 615,
    #[msg("no strike is given")]
    NoStrikes = 616,
    #[msg("an expiry has at most 24 strikes")]
    TooManyStrikes = 617,
    #[msg("a strike is no positive multiple of the tick, or beyond a twentieth or twenty times the last price")]
    InvalidStrike = 618,
    #[msg("the strikes are not in ascending order")]
    StrikesOutOfOrder = 619,
    #[msg("the strike is listed already")]
    StrikeListed = 620,
    #[msg("a yield-bearing asset is redeemed for an asset with 9 decimals, as its own, and contracts of the same size, that is neither the settlement asset nor yield-bearing")]
    UnfitUnderlying = 621,
    #[msg("a yield-bearing asset cannot be an underlying; its market is on what it is redeemed for")]
    YieldBearingUnderlying = 622,
    #[msg("the asset may fix the price by itself until a day after expiry")]
    WindowOpen = 623,
    #[msg("the price is not positive or farther than the scan range from the asset's last price")]
    InvalidSettlementPrice = 624,
    #[msg("the asset has fixed the price of this time; call fix_expiry")]
    FixAvailable = 625,
    #[msg("the pool trades: schedule the instruction as a change first, and pass it")]
    ChangeMissing = 626,
    #[msg("the delay of the change is not over")]
    ChangeNotReady = 627,
    #[msg("the week in which the change could be executed is over; schedule it anew")]
    ChangeLapsed = 628,
    #[msg("the change was scheduled for another instruction, other arguments or other accounts")]
    ChangeDiffers = 629,
    #[msg("the venue's signer is the zero key, or holds a role")]
    InvalidVenue = 630,
    #[msg("the venue is registered already")]
    VenueActive = 631,
    #[msg("the authority has passed on since the change was scheduled; schedule it anew")]
    ChangeStale = 632,
    #[msg("a transaction with a durable nonce cannot govern; use a recent blockhash")]
    DurableNonce = 633,
    #[msg("the data are no instruction that waits, are longer than 512 bytes, or more than 4 accounts are named")]
    NotGoverned = 634,
    #[msg("16 changes of the pool are open; execute or cancel one first")]
    TooManyChanges = 635,
    #[msg("the instruction takes effect at once and takes no change")]
    ChangeNeedless = 636,
    #[msg("a delay is below the least of its class, longer than 30 days, or longer by more than a week than it was")]
    InvalidDelays = 637,
    #[msg("a value is outside of the bounds of its field; the log names it")]
    SettingOutOfBounds = 638,
    #[msg("a value is farther than a step from the one in force; the log names the field")]
    SettingStep = 639,
    #[msg("the account is not the runtime's list of instructions")]
    NotInstructions = 642,
    #[msg("a field would not be tightened, which the authority has to schedule; the log names it")]
    SettingLoosens = 643,
    #[msg("it was changed in the last seven days, or tightened in the last day; wait")]
    SettingTooSoon = 644,
    #[msg("no field is named, or they are not in ascending order, each once")]
    SettingsUnordered = 645,
    #[msg("the signer is neither the pool's risk role nor its guardian")]
    NotRisk = 646,
    #[msg("the scenario rows are not complete, were not when the change was scheduled, are not next to the live ones, or not those whose hash is given")]
    ScenariosDiffer = 647,
    #[msg("the asset was listed in the last two weeks; its market has to wait until all of it counts")]
    AssetSeasoning = 648,
    #[msg("a rate, the kink, the reserve's share or the cap of a bank is outside of its bounds")]
    InvalidLendingTerms = 640,
    #[msg("a yield-bearing asset cannot be lent")]
    YieldBearingLending = 641,
    #[msg("another change that can raise maintenance margin is under way; wait until it is done")]
    MarginMoving = 650,
    #[msg("the rows are more or fewer than the live ones, lack a column, or a cell is farther than a step from the live one")]
    ScenariosStep = 651,
    #[msg("the market was listed in the last two weeks; its expiries have to wait until all of its cap counts")]
    MarketSeasoning = 652,
    #[msg("the scan range is more than four times the haircut: balances would come to ask for too much too soon; raise the haircut first")]
    ScanAboveHaircut = 653,
    #[msg("the accounts that the change names are not passed in their order, or one does not exist")]
    TargetMissing = 654,
    #[msg("this kind of action is paused")]
    Paused = 660,
    #[msg("a pause lasts at least a second, and at most the longest of its kind from its beginning")]
    PauseTooLong = 661,
    #[msg("a pause can be prolonged, not shortened")]
    PauseNotLonger = 662,
    #[msg("this kind of action was paused lately; wait as long as its longest pause takes")]
    PausedLately = 663,
    #[msg("this kind of action is not paused")]
    NotPaused = 664,
    #[msg("the signer is not the pool's guardian")]
    NotGuardian = 665,
    #[msg("the zero key and who holds a role cannot have one: each role is another key's")]
    InvalidRole = 666,
    #[msg("nobody is proposed for this role, or another than the signer")]
    NotProposed = 667,
    #[msg("the proposal is not old enough to be accepted")]
    ProposalTooYoung = 668,
    #[msg("the proposal has lapsed; propose anew")]
    ProposalLapsed = 669,
    #[msg("the signer is no member of the pool's committee")]
    NotMember = 670,
    #[msg(
        "a committee has 1 to 9 members, in ascending order, none of them zero, and a quorum of more than half of them"
    )]
    InvalidCommittee = 671,
    #[msg("who holds a role of the pool is no member of its committee")]
    MemberHoldsRole = 672,
    #[msg("fewer members than the quorum have submitted in the last 5 minutes")]
    QuorumMissing = 673,
    #[msg("a total variance would be beyond four times, or below a quarter, of what it was when the day of the expiry's forecasts began")]
    ForecastDay = 674,
    #[msg("the deviation is not above 0 and at most 1, or the depth is not above 0")]
    InvalidAssetForecast = 675,
    #[msg("the account holds forecasts of another asset")]
    WrongForecasts = 676,
    #[msg("no term of the asset is on its way to less than governance agreed to last")]
    NothingTightened = 677,
    #[msg("the asset is of the layout of today already")]
    AssetCurrent = 678,
    #[msg("the asset is of the layout before; anyone brings it to the one of today by migrate_asset")]
    AssetOutdated = 679,
    #[msg("the cluster is not 1 (mainnet), 2 (testnet), 3 (devnet) or 4 (localnet)")]
    InvalidCluster = 690,
    #[msg("a market's symbol ends in -PERP, with upper-case letters and digits before, and zeros behind")]
    InvalidMarketSymbol = 691,
}

impl From<MarginError> for NovateError {
    fn from(error: MarginError) -> Self {
        match error {
            MarginError::Overflow => Self::MathOverflow,
            MarginError::NotLiquidatable => Self::NotLiquidatable,
            MarginError::Insolvent => Self::Insolvent,
            MarginError::InvalidFraction => Self::InvalidFraction,
            MarginError::SmileOutOfBounds => Self::SmileOutOfBounds,
            MarginError::ButterflyArbitrage => Self::ButterflyArbitrage,
            MarginError::CalendarArbitrage => Self::CrossedSmiles,
            MarginError::StrikeNotPriced => Self::StrikeNotPriced,
            MarginError::StrikeTooFar => Self::ChainShifted,
            MarginError::Expired => Self::ExpiryPassed,
            MarginError::BankIlliquid => Self::BankIlliquid,
            MarginError::UtilisationCap => Self::UtilisationCap,
            _ => Self::ModelRefused,
        }
    }
}
