import { type Address, fetchEncodedAccounts, type GetMultipleAccountsApi, type ReadonlyUint8Array, type Rpc } from '@solana/kit';
import { assertAccountExists, fetchEncodedAccount, type GetAccountInfoApi } from '@solana/kit';

import { assetAddress, expiryAddress, marketAddress } from './addresses.js';
import { type Refusal, refusalNamed } from './errors.js';
import { decodeMarket, decodePool, getHealthReportDecoder, type HealthReport } from './generated/index.js';

/** Most accounts that a node gives at once. */
const AT_ONCE = 100;

type Exports = {
  memory: WebAssembly.Memory;
  input(length: number): number;
  load(): number;
  health(now: bigint): number;
  output(): number;
  output_length(): number;
};

/** Why there is no health: as the program would refuse, or accounts that are not what the snapshot takes. */
export class HealthError extends Error {
  override readonly name = 'HealthError';
  /** The error of the program, where it would refuse. */
  readonly refusal: Refusal | undefined;

  constructor(reason: string) {
    const name = /\((\w+)\)$/.exec(reason)?.[1];
    const found = name === undefined ? undefined : refusalNamed(name);
    super(found?.message ?? reason);
    this.refusal = found;
  }
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module beside this file. A caller that cannot fetch it there compiles it from `@novate/client/novate.wasm` by itself. */
function bundled(): Promise<WebAssembly.Module> {
  compiled ??= read(new URL('./novate.wasm', import.meta.url)).then(bytes => WebAssembly.compile(bytes));
  return compiled;
}

async function read(url: URL): Promise<BufferSource> {
  if (url.protocol !== 'file:') return (await fetch(url)).arrayBuffer();
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(url));
}

/**
 * A pool as one reader saw it, and the health of portfolios in it, computed by the program's own code: equal to the chain's to the unit.
 * Holds an instance of the module, some megabytes of memory that are free again when the snapshot is.
 */
export class Snapshot {
  readonly #module: Exports;

  private constructor(module: Exports) {
    this.#module = module;
  }

  /** An empty one. */
  static async create(module?: WebAssembly.Module): Promise<Snapshot> {
    const instance = await WebAssembly.instantiate(module ?? (await bundled()));
    return new Snapshot(instance.exports as Exports);
  }

  /** A pool with its live scenario rows, assets, markets and expiries. Accounts are read in several requests: load what changed between. */
  static async fetch(rpc: Rpc<GetAccountInfoApi & GetMultipleAccountsApi>, pool: Address): Promise<Snapshot> {
    const snapshot = await Snapshot.create();
    const confirmed = { commitment: 'confirmed' } as const;
    const take = async (addresses: Address[]) => {
      const taken = [];
      for (let at = 0; at < addresses.length; at += AT_ONCE) {
        for (const account of await fetchEncodedAccounts(rpc, addresses.slice(at, at + AT_ONCE), confirmed)) {
          assertAccountExists(account);
          snapshot.load(account.data);
          taken.push(account);
        }
      }
      return taken;
    };
    const account = await fetchEncodedAccount(rpc, pool, confirmed);
    assertAccountExists(account);
    snapshot.load(account.data);
    const { data } = decodePool(account);
    const indices = (count: number) => Array.from({ length: count }, (_, index) => index);
    const assets = await Promise.all(indices(data.assetCount).map(index => assetAddress(pool, index)));
    const markets = await Promise.all(indices(data.marketCount).map(index => marketAddress(pool, index)));
    await take([data.scenarios, ...assets]);
    const expiries = (await take(markets)).flatMap(market => {
      const listed = decodeMarket(market).data.expiries.filter(minutes => minutes !== 0);
      return listed.map(minutes => expiryAddress(market.address, BigInt(minutes) * 60n));
    });
    await take(await Promise.all(expiries));
    return snapshot;
  }

  /** Takes in the bytes of a pool, its scenario rows, an asset, a market or an expiry, in any order; what is there already is replaced. */
  load(account: ReadonlyUint8Array): void {
    this.#put(account);
    this.#result(this.#module.load());
  }

  /** What `health` of the program returns for the bytes of a portfolio at unix time `now`, with every underlying. */
  health(portfolio: ReadonlyUint8Array, now: bigint): HealthReport {
    return getHealthReportDecoder().decode(this.healthBytes(portfolio, now));
  }

  /** The same as it stands in return data. */
  healthBytes(portfolio: ReadonlyUint8Array, now: bigint): Uint8Array {
    this.#put(portfolio);
    return this.#result(this.#module.health(now));
  }

  #put(bytes: ReadonlyUint8Array): void {
    const at = this.#module.input(bytes.length);
    new Uint8Array(this.#module.memory.buffer).set(bytes as Uint8Array, at);
  }

  #result(status: number): Uint8Array {
    const at = this.#module.output();
    const output = new Uint8Array(this.#module.memory.buffer).slice(at, at + this.#module.output_length());
    if (status !== 0) throw new HealthError(new TextDecoder().decode(output));
    return output;
  }
}
