// A local validator with the program and a pool on it, made by `novate migrate`, and what a test needs beside: tokens and prices.

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { NOVATE_PROGRAM_ADDRESS, poolAddress, refreshAssets, refreshMarkets } from '@novate/client';
import {
  type Address,
  address,
  appendTransactionMessageInstructions,
  createKeyPairSignerFromBytes,
  createKeyPairSignerFromPrivateKeyBytes,
  createSolanaRpc,
  createTransactionMessage,
  getAddressEncoder,
  getBase64EncodedWireTransaction,
  getSignatureFromTransaction,
  type Instruction,
  type KeyPairSigner,
  lamports,
  pipe,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
} from '@solana/kit';

/** Of this repository, seen from build/examples. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** Where Cargo builds. */
const BUILD = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target');

export const TOKEN_PROGRAM = address('TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA');
const PRICE_PROGRAM = address('rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ');
const CLOCK = address('SysvarC1ock11111111111111111111111111111111');
const MINT = { bytes: 82, amount: 36 };
const TOKEN_ACCOUNT = { bytes: 165, amount: 64 };

/** Assets of the migrated pool in the order of their indices: decimals of the mint, and the feed that their terms name. */
export const ASSETS = [
  { name: 'usdc', decimals: 6, feed: 'eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a' },
  { name: 'sol', decimals: 9, feed: 'ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d' },
  { name: 'btc', decimals: 8, feed: 'e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43' },
  { name: 'eth', decimals: 8, feed: 'ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace' },
] as const;
/** Markets of that pool, each with the index of its underlying. */
const MARKETS: [number, number][] = [[0, 2], [1, 3], [2, 1]];

/** Prices in USD, in the order of the assets. */
export type Prices = readonly [number, number, number, number];

export class Localnet {
  readonly rpc;

  private constructor(
    readonly url: string,
    /** Paid every transaction, made the pool, and is its authority. */
    readonly governor: KeyPairSigner,
    readonly pool: Address,
    readonly mints: readonly Address[],
    readonly feeds: readonly Address[],
    readonly stop: () => Promise<void>,
  ) {
    this.rpc = createSolanaRpc(url);
  }

  /** Starts a validator on ports that are free, and makes the pool. */
  static async start(): Promise<Localnet> {
    const folder = await mkdtemp(join(tmpdir(), 'novate-'));
    const validator = spawn(join(BUILD, 'localnet/debug/novate-localnet'), ['--rpc-port', '0', '--ws-port', '0', '--slot-ms', '50'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stop = async () => {
      if (validator.exitCode === null && validator.kill()) await once(validator, 'exit');
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const [ready] = (await Promise.race([
        once(createInterface(validator.stdout), 'line'),
        once(validator, 'exit').then(() => Promise.reject(new Error('the validator ended'))),
      ])) as [string];
      const url = ready.split(' ')[1] ?? '';
      const keyFile = join(folder, 'governor.json');
      const governor = await writtenKey(keyFile);
      const addresses = async () => Promise.all(ASSETS.map(async () => (await signer()).address));
      const localnet = new Localnet(url, governor, await poolAddress(governor.address, 0), await addresses(), await addresses(), stop);
      await localnet.#makePool(keyFile);
      return localnet;
    } catch (error) {
      await stop();
      throw error;
    }
  }

  async #makePool(keyFile: string): Promise<void> {
    const program = await readFile(join(ROOT, 'target/deploy/novate.so'));
    await this.#ask('surfnet_writeProgram', NOVATE_PROGRAM_ADDRESS, program.toString('hex'), 0);
    await this.airdrop(this.governor.address);
    const mints = ASSETS.map(async ({ name, decimals }, index) => {
      const mint = this.mints[index]!;
      const data = Buffer.alloc(MINT.bytes);
      data[44] = decimals;
      data[45] = 1;
      await this.#write(mint, TOKEN_PROGRAM, data);
      return ['--set', `${name}=${mint}`];
    });
    const roles = ['guardian', 'risk'].map(async role => ['--set', `${role}=${(await signer()).address}`]);
    const set = (await Promise.all([...mints, ...roles])).flat();
    const migrate = ['migrate', join(ROOT, 'migrations'), '--url', this.url, '--keypair', keyFile, ...set];
    await promisify(execFile)(join(BUILD, 'debug/novate'), migrate);
  }

  async #ask(method: string, ...params: unknown[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const answer = (await (await fetch(this.url, { method: 'POST', headers, body })).json()) as { error?: { message: string } };
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  }

  #write(at: Address, owner: Address, data: Buffer): Promise<void> {
    return this.#ask('surfnet_setAccount', at, { lamports: 10_000_000, data: data.toString('hex'), owner, executable: false });
  }

  /** Unix time of the chain. */
  async now(): Promise<bigint> {
    const { value } = await this.rpc.getAccountInfo(CLOCK, { encoding: 'base64', commitment: 'confirmed' }).send();
    return Buffer.from(value!.data[0], 'base64').readBigInt64LE(32);
  }

  async airdrop(to: Address): Promise<void> {
    await this.rpc.requestAirdrop(to, lamports(100_000_000_000n), { commitment: 'confirmed' }).send();
  }

  /** A new key with lamports. */
  async wallet(): Promise<KeyPairSigner> {
    const wallet = await signer();
    await this.airdrop(wallet.address);
    return wallet;
  }

  /** A token account of an owner that holds so much of an asset. */
  async tokens(owner: Address, asset: number, amount: bigint): Promise<Address> {
    const data = Buffer.alloc(TOKEN_ACCOUNT.bytes);
    data.set(getAddressEncoder().encode(this.mints[asset]!), 0);
    data.set(getAddressEncoder().encode(owner), 32);
    data.writeBigUInt64LE(amount, TOKEN_ACCOUNT.amount);
    data[108] = 1;
    const { address } = await signer();
    await this.#write(address, TOKEN_PROGRAM, data);
    return address;
  }

  /** Publishes a price of each asset as Pyth's receiver would, and has the program read them. */
  async publish(prices: Prices): Promise<void> {
    const now = await this.now();
    await Promise.all(ASSETS.map(({ feed }, at) => this.#write(this.feeds[at]!, PRICE_PROGRAM, update(feed, prices[at]!, now))));
    const assets = this.feeds.map((feed, asset): [number, Address] => [asset, feed]);
    await this.send([await refreshAssets(this.pool, assets), await refreshMarkets(this.pool, MARKETS)]);
  }

  /** Sends a transaction with the signers of its instructions, and waits until it is confirmed. */
  async send(instructions: Instruction[]): Promise<void> {
    const { value: blockhash } = await this.rpc.getLatestBlockhash({ commitment: 'confirmed' }).send();
    const message = pipe(
      createTransactionMessage({ version: 0 }),
      m => setTransactionMessageFeePayerSigner(this.governor, m),
      m => setTransactionMessageLifetimeUsingBlockhash(blockhash, m),
      m => appendTransactionMessageInstructions(instructions, m),
    );
    const transaction = await signTransactionMessageWithSigners(message);
    const wire = getBase64EncodedWireTransaction(transaction);
    await this.rpc.sendTransaction(wire, { encoding: 'base64', preflightCommitment: 'confirmed' }).send();
    const signature = getSignatureFromTransaction(transaction);
    for (let tries = 0; tries < 400; tries++) {
      const { value } = await this.rpc.getSignatureStatuses([signature]).send();
      if (value[0]?.err) throw new Error(`the transaction failed: ${JSON.stringify(value[0].err)}`);
      if (value[0]?.confirmationStatus === 'confirmed' || value[0]?.confirmationStatus === 'finalized') return;
      await new Promise(resume => setTimeout(resume, 25));
    }
    throw new Error(`transaction ${signature} is not confirmed`);
  }
}

const signer = () => createKeyPairSignerFromPrivateKeyBytes(randomBytes(32));

/** A new key, also in a file as `solana-keygen` writes it. */
async function writtenKey(path: string): Promise<KeyPairSigner> {
  const secret = randomBytes(32);
  const { address } = await createKeyPairSignerFromPrivateKeyBytes(secret);
  const bytes = new Uint8Array([...secret, ...getAddressEncoder().encode(address)]);
  await writeFile(path, JSON.stringify([...bytes]), { mode: 0o600 });
  return createKeyPairSignerFromBytes(bytes);
}

/** A fully verified `PriceUpdateV2` with eight decimals and no confidence interval. */
function update(feed: string, usd: number, now: bigint): Buffer {
  const data = Buffer.alloc(134);
  const price = BigInt(Math.round(usd * 1e8));
  Buffer.from('22f123639d7ef4cd', 'hex').copy(data);
  data[40] = 1;
  Buffer.from(feed, 'hex').copy(data, 41);
  data.writeBigInt64LE(price, 73);
  data.writeInt32LE(-8, 89);
  data.writeBigInt64LE(now, 93);
  data.writeBigInt64LE(now - 1n, 101);
  data.writeBigInt64LE(price, 109);
  return data;
}
