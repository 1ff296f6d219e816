//! Why a request is refused, by a name that does not change.

/// One cause each. [`Refusal::name`] is what the API answers; docs/matcher.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    BadJson,
    BodyTooLarge,
    NoSuchPath,
    MethodNotAllowed,
    AddressRate,
    KeyRate,
    BadText,
    BadEnvelope,
    BadSignature,
    WrongCluster,
    NoPortfolio,
    WrongGeneration,
    NotTrader,
    UnknownInstrument,
    NotCanonical,
    NotALot,
    BelowMinimum,
    NotATick,
    TooLarge,
    Expired,
    TooFar,
    NonceTooLow,
    NonceAhead,
    NonceTaken,
    ReduceOnlyOpens,
    CancelledOnChain,
    BookFull,
    TooManyOrders,
    TimeNotRising,
    TimeTooOld,
    NoOrder,
    NoBook,
    NoRequest,
    RequestOver,
    TooManyRequests,
    OtherStrategy,
    QuoteImmediate,
    TakeNotImmediate,
    WrongToken,
    ChainNotCurrent,
    NotAWebsocket,
    TooManySubscriptions,
    TooSlow,
    TookTooLong,
    Stopping,
}

impl Refusal {
    pub const ALL: [Refusal; 45] = [
        Self::BadJson,
        Self::BodyTooLarge,
        Self::NoSuchPath,
        Self::MethodNotAllowed,
        Self::AddressRate,
        Self::KeyRate,
        Self::BadText,
        Self::BadEnvelope,
        Self::BadSignature,
        Self::WrongCluster,
        Self::NoPortfolio,
        Self::WrongGeneration,
        Self::NotTrader,
        Self::UnknownInstrument,
        Self::NotCanonical,
        Self::NotALot,
        Self::BelowMinimum,
        Self::NotATick,
        Self::TooLarge,
        Self::Expired,
        Self::TooFar,
        Self::NonceTooLow,
        Self::NonceAhead,
        Self::NonceTaken,
        Self::ReduceOnlyOpens,
        Self::CancelledOnChain,
        Self::BookFull,
        Self::TooManyOrders,
        Self::TimeNotRising,
        Self::TimeTooOld,
        Self::NoOrder,
        Self::NoBook,
        Self::NoRequest,
        Self::RequestOver,
        Self::TooManyRequests,
        Self::OtherStrategy,
        Self::QuoteImmediate,
        Self::TakeNotImmediate,
        Self::WrongToken,
        Self::ChainNotCurrent,
        Self::NotAWebsocket,
        Self::TooManySubscriptions,
        Self::TooSlow,
        Self::TookTooLong,
        Self::Stopping,
    ];

    /// As answers and metrics have it.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::NoSuchPath | Self::NoOrder | Self::NoBook | Self::NoRequest | Self::NoPortfolio => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge => 413,
            Self::AddressRate | Self::KeyRate => 429,
            Self::BadSignature | Self::NotTrader | Self::WrongToken => 403,
            Self::NonceTaken | Self::TimeNotRising | Self::RequestOver => 409,
            Self::ChainNotCurrent | Self::Stopping | Self::TookTooLong => 503,
            _ => 400,
        }
    }

    /// What is wrong, and what to do.
    pub fn message(self) -> &'static str {
        match self {
            Self::BadJson => "the body is not the JSON that this path takes; see /openapi.json",
            Self::BodyTooLarge => "the body has more than 8,192 bytes",
            Self::NoSuchPath => "there is no such path; see /openapi.json",
            Self::MethodNotAllowed => "the path does not take this method; see /openapi.json",
            Self::AddressRate => "too many requests from this address; wait",
            Self::KeyRate => "too many requests signed by this key; wait",
            Self::BadText => "the text does not follow its grammar; see docs/orders.md and docs/matcher.md",
            Self::BadEnvelope => "the envelope is `raw` or `offchain`, the signer and the signature are base58",
            Self::BadSignature => "the signature is not one of this text in this envelope by this key",
            Self::WrongCluster => "the text is for another cluster",
            Self::NoPortfolio => "the pool has no such portfolio; open it first",
            Self::WrongGeneration => "the portfolio was opened anew since; sign for its present generation",
            Self::NotTrader => "the key is neither the portfolio's owner nor its delegate",
            Self::UnknownInstrument => "no instrument of this name and market index is listed; see /instruments",
            Self::NotCanonical => "spell the strategy with legs ascending by instrument, the first ratio positive, ratios without a common divisor",
            Self::NotALot => "a leg's quantity is no multiple of its market's lot; see /instruments",
            Self::BelowMinimum => "a leg's quantity is below its market's minimum; see /instruments",
            Self::NotATick => "no prices of the legs on their ticks add up to the limit; see /instruments",
            Self::TooLarge => "a leg's quantity is more than can be counted",
            Self::Expired => "the order's time is over",
            Self::TooFar => "the order's time is more than 30 days away",
            Self::NonceTooLow => "the nonce is below the portfolio's, or the delegate's, minimum",
            Self::NonceAhead => "the nonce is more than 60 s ahead of the chain's clock",
            Self::NonceTaken => "another order of the portfolio has this nonce and this time",
            Self::ReduceOnlyOpens => "a reduce-only order must shrink every position that it trades",
            Self::CancelledOnChain => "the order is cancelled, or filled, on the chain",
            Self::BookFull => "the book is as deep as it may be; better a price that trades",
            Self::TooManyOrders => "the portfolio has as many open orders as it may; cancel some",
            Self::TimeNotRising => "the portfolio has signed this time, or a later one, before; sign anew",
            Self::TimeTooOld => "the time is more than 60 s from the matcher's clock; sign anew",
            Self::NoOrder => "there is no such order",
            Self::NoBook => "nothing of this strategy was ever ordered",
            Self::NoRequest => "there is no such request for quotes",
            Self::RequestOver => "the request for quotes is over",
            Self::TooManyRequests => "there are as many requests for quotes as there may be; wait",
            Self::OtherStrategy => "the order is for other legs than the request",
            Self::QuoteImmediate => "a quote waits for who asked: it cannot be ioc",
            Self::TakeNotImmediate => "who asked takes quotes at once: sign ioc or fok",
            Self::WrongToken => "quotes are shown to who asked: send the request's token",
            Self::ChainNotCurrent => "the matcher has lost sight of the chain; try again",
            Self::NotAWebsocket => "this path speaks websocket only",
            Self::TooManySubscriptions => "a websocket follows 64 books and portfolios at most; open another",
            Self::TooSlow => "what was to be told is lost, because it was not read in time; connect anew",
            Self::TookTooLong => "the request took more than 30 s",
            Self::Stopping => "the matcher is stopping",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_listed_once() {
        let mut names: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
    }
}
