import { type AccountMeta, AccountRole, type Address, type Instruction } from '@solana/kit';

import { assetAddress, expiryAddress, marketAddress } from './addresses.js';
import type { Portfolio } from './generated/index.js';
import { marketOf, minutesOf } from './instrument.js';

const SETTLEMENT_ASSET = 0;

/** Assets, markets and expiries that stand behind an instruction: what the portfolios hold that it judges, together. */
export class Holdings {
  readonly #assets = new Set([SETTLEMENT_ASSET]);
  readonly #markets = new Set<number>();
  /** By market and minute, as one number. */
  readonly #expiries = new Set<bigint>();
  readonly #writtenMarkets = new Set<number>();
  readonly #writtenExpiries = new Set<bigint>();
  #cashMoved = false;

  constructor(...portfolios: Portfolio[]) {
    for (const portfolio of portfolios) {
      for (const balance of portfolio.balances.slice(0, portfolio.balanceCount)) {
        // The underlying of a balance that is not yield-bearing reads as the settlement asset, which is there already.
        this.#assets.add(balance.asset).add(balance.redemptionUnderlying);
      }
      for (const position of portfolio.positions.slice(0, portfolio.positionCount)) {
        this.#assets.add(position.underlying);
        this.#markets.add(marketOf(position.instrument));
        if (position.quantity !== 0n) this.#addExpiry(position.instrument);
      }
    }
  }

  #addExpiry(instrument: bigint): bigint | undefined {
    if (minutesOf(instrument) === 0) return undefined;
    const expiry = (BigInt(marketOf(instrument)) << 32n) | BigInt(minutesOf(instrument));
    this.#expiries.add(expiry);
    return expiry;
  }

  /** Adds an asset that a portfolio is about to hold. */
  withAsset(asset: number): this {
    this.#assets.add(asset);
    return this;
  }

  /** Adds an instrument that is traded: its market and expiry are written, and its underlying is read. */
  withTraded(instrument: bigint, underlying: number): this {
    const market = marketOf(instrument);
    this.#assets.add(underlying);
    this.#markets.add(market);
    this.#writtenMarkets.add(market);
    const expiry = this.#addExpiry(instrument);
    if (expiry !== undefined) this.#writtenExpiries.add(expiry);
    return this;
  }

  /**
   * The settlement asset is written: for a trade of options where a side or the market has a haircut to bear or cash of a side is held
   * back.
   */
  withCashMoved(): this {
    this.#cashMoved = true;
    return this;
  }

  /** The list in the order that the program asks for. */
  async metas(pool: Address): Promise<AccountMeta[]> {
    const meta = async (address: Promise<Address>, written: boolean) =>
      ({ address: await address, role: written ? AccountRole.WRITABLE : AccountRole.READONLY });
    const markets = sorted(this.#markets);
    return Promise.all([
      ...sorted(this.#assets).map(i => meta(assetAddress(pool, i), this.#cashMoved && i === SETTLEMENT_ASSET)),
      ...markets.map(i => meta(marketAddress(pool, i), this.#writtenMarkets.has(i))),
      ...sorted(this.#expiries).map(id => meta(expiryOf(pool, id), this.#writtenExpiries.has(id))),
    ]);
  }

  /** The instruction with the list behind its accounts. */
  async behind<T extends Instruction>(instruction: T, pool: Address): Promise<T> {
    return { ...instruction, accounts: [...(instruction.accounts ?? []), ...(await this.metas(pool))] };
  }
}

function sorted<T extends number | bigint>(some: Iterable<T>): T[] {
  return [...some].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

async function expiryOf(pool: Address, id: bigint): Promise<Address> {
  const market = await marketAddress(pool, Number(id >> 32n));
  return expiryAddress(market, (id & 0xffff_ffffn) * 60n);
}
