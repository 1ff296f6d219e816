// Instrument ids: what a position is in, as one number that sorts by market. From the high end: market (16 bits), kind (8), slot of
// the strike (8), expiry in minutes of unix time (32). What a kind does not have is zero.

const [PERPETUAL, FUTURE, CALL, PUT] = [1, 2, 3, 4];

const id = (market: number, kind: number, slot: number, minutes: number) =>
  (BigInt(market) << 48n) | (BigInt(kind) << 40n) | (BigInt(slot) << 32n) | BigInt(minutes);

/** A market's perpetual. */
export const perpetual = (market: number): bigint => id(market, PERPETUAL, 0, 0);

/** A market's dated future by the minute of its expiry. */
export const future = (market: number, minutes: number): bigint => id(market, FUTURE, 0, minutes);

/** A call of a market by the minute of its expiry and the slot of its strike. */
export const call = (market: number, minutes: number, slot: number): bigint => id(market, CALL, slot, minutes);

/** A put of a market by the minute of its expiry and the slot of its strike. */
export const put = (market: number, minutes: number, slot: number): bigint => id(market, PUT, slot, minutes);

/** Market index of any instrument. */
export const marketOf = (instrument: bigint): number => Number(instrument >> 48n);

/** Minute of expiry of any instrument, 0 of a perpetual. */
export const minutesOf = (instrument: bigint): number => Number(instrument & 0xffff_ffffn);
