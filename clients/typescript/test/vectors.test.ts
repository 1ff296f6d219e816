// Against what the Rust client says of the same bytes: `cargo run -p novate-tests --example vectors` writes them.

import { deepEqual, equal, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as novate from '@novate/client';
import { AccountRole, type Address, address, type Codec } from '@solana/kit';

type Portfolio = { data: string; now: number; said: { report?: string; error?: string }; behind: [string, boolean][] };
type Pool = {
  accounts: { address: string; data: string }[];
  portfolios: Portfolio[];
  facts: Record<string, unknown>;
  addresses: { creator: string; at: [string, string][] };
};

const file = fileURLToPath(new URL('../../../../target/wasm/vectors.json', import.meta.url));
const pools = JSON.parse(readFileSync(file, 'utf8')) as Pool[];
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

async function snapshotOf(pool: Pool): Promise<novate.Snapshot> {
  const snapshot = await novate.Snapshot.create();
  for (const { data } of pool.accounts.filter(a => isPartOfSnapshot(bytes(a.data)))) snapshot.load(bytes(data));
  return snapshot;
}

function isPartOfSnapshot(data: Uint8Array): boolean {
  const { Insurance, Committee } = novate.NovateAccount;
  return ![Insurance, Committee].includes(novate.identifyNovateAccount({ data }) as typeof Insurance);
}

test('health in wasm is the Rust client\'s, to the byte', async () => {
  let [judged, refused] = [0, 0];
  for (const pool of pools) {
    const snapshot = await snapshotOf(pool);
    for (const { data, now, said } of pool.portfolios) {
      if (said.report !== undefined) {
        deepEqual(snapshot.healthBytes(bytes(data), BigInt(now)), bytes(said.report));
        judged += 1;
      } else {
        const [, name] = /\((\w+)\)$/.exec(said.error!)!;
        throws(() => snapshot.health(bytes(data), BigInt(now)), (error: novate.HealthError) => error.refusal?.name === name);
        refused += 1;
      }
    }
  }
  console.log(`${judged} portfolios judged, ${refused} refused`);
});

test('the module needs nothing and gives what it should', async () => {
  const module = await WebAssembly.compile(readFileSync(new URL(import.meta.resolve('@novate/client/novate.wasm'))));
  deepEqual(WebAssembly.Module.imports(module), []);
  const exports = WebAssembly.Module.exports(module).map(e => e.name);
  deepEqual(exports.sort(), ['health', 'input', 'load', 'memory', 'output', 'output_length']);
});

test('a report decodes to its fields', async () => {
  const [pool] = pools as [Pool];
  const snapshot = await snapshotOf(pool);
  const { data, now, said } = pool.portfolios.find(p => p.said.report !== undefined && p.data.length > 0)!;
  const report = novate.getHealthReportDecoder().decode(bytes(said.report!));
  deepEqual(snapshot.health(bytes(data), BigInt(now)), report);
  equal(report.equity, Buffer.from(said.report!, 'base64').readBigInt64LE(0));
  equal(report.maintenance, Buffer.from(said.report!, 'base64').readBigInt64LE(40));
});

test('what is missing or of another pool is refused', async () => {
  const [pool] = pools as [Pool];
  const portfolio = bytes(pool.portfolios[0]!.data);
  const empty = await novate.Snapshot.create();
  throws(() => empty.health(portfolio, 0n), { message: 'the pool is not loaded' });
  throws(() => empty.load(portfolio), { message: 'the account is of another kind' });
  throws(() => empty.load(portfolio.slice(0, 4)), { message: 'the account is of another kind' });
  empty.load(bytes(pool.accounts[0]!.data));
  throws(() => empty.health(portfolio, 0n), { message: "the pool's live scenario rows are not loaded" });

  const snapshot = await snapshotOf(pool);
  throws(() => snapshot.health(portfolio.slice(0, -1), 0n), /has \d+ bytes instead of \d+/);
  const asset = bytes(pool.accounts.find(a => kindOf(a.data) === novate.NovateAccount.Asset)!.data);
  const strange = { ...novate.getAssetDecoder().decode(asset), pool: novate.NOVATE_PROGRAM_ADDRESS };
  const another = { message: 'the account belongs to another pool' };
  throws(() => snapshot.load(novate.getAssetEncoder().encode(strange)), another);
  const stranger = { ...novate.getPortfolioDecoder().decode(portfolio), pool: novate.NOVATE_PROGRAM_ADDRESS };
  throws(() => snapshot.health(novate.getPortfolioEncoder().encode(stranger), 0n), another);
});

const kindOf = (data: string) => novate.identifyNovateAccount({ data: bytes(data) });

const CODECS = new Map<novate.NovateAccount | null, Codec<any>>([
  [novate.NovateAccount.Asset, novate.getAssetCodec()],
  [novate.NovateAccount.Committee, novate.getCommitteeCodec()],
  [novate.NovateAccount.Expiry, novate.getExpiryCodec()],
  [novate.NovateAccount.Insurance, novate.getInsuranceCodec()],
  [novate.NovateAccount.Market, novate.getMarketCodec()],
  [novate.NovateAccount.Pool, novate.getPoolCodec()],
  [novate.NovateAccount.Portfolio, novate.getPortfolioCodec()],
  [novate.NovateAccount.Scenarios, novate.getScenariosCodec()],
]);

test('every account decodes, and encodes to the bytes that it was', () => {
  const [{ accounts, portfolios }] = pools as [Pool];
  const kinds = new Set();
  for (const { data } of [...accounts, ...portfolios]) {
    const codec = CODECS.get(kindOf(data))!;
    const [decoded, end] = codec.read(bytes(data), 0);
    equal(end, bytes(data).length);
    deepEqual(codec.encode(decoded), bytes(data));
    kinds.add(kindOf(data));
  }
  equal(kinds.size, CODECS.size);
});

test('fields are where the Rust client finds them', () => {
  const [{ accounts, portfolios, facts }] = pools as [Pool];
  const of = (kind: novate.NovateAccount, at = 0) => bytes(accounts.filter(a => kindOf(a.data) === kind)[at]!.data);
  const pool = novate.getPoolDecoder().decode(of(novate.NovateAccount.Pool));
  const btc = novate.getAssetDecoder().decode(of(novate.NovateAccount.Asset, 1));
  const market = novate.getMarketDecoder().decode(of(novate.NovateAccount.Market));
  const rows = novate.getScenariosDecoder().decode(of(novate.NovateAccount.Scenarios));
  const held = portfolios.map(p => novate.getPortfolioDecoder().decode(bytes(p.data))).find(p => p.positionCount > 0)!;
  const found = {
    creator: pool.creator,
    scenarios: pool.scenarios,
    cash: `${held.cash}`,
    quantity: `${held.positions[0]!.quantity}`,
    factor: `${novate.amounts.wide(held.claim.freeFactor)}`,
    price: `${btc.price}`,
    lentShares: `${btc.bank.lentShares}`,
    symbol: Buffer.from(market.symbol).toString().replace(/\0+$/, ''),
    expiries: market.expiries.filter(minutes => minutes !== 0),
    premium: `${market.premium}`,
    move: rows.moves[1]![2],
    vol: rows.vols[1]![2],
  };
  deepEqual(found, facts);
});

test('addresses are the Rust client\'s', async () => {
  for (const { accounts, addresses } of pools) {
    const [pool, key] = [address(accounts[0]!.address), address(addresses.creator)];
    const [asset, market] = [await novate.assetAddress(pool, 7), await novate.marketAddress(pool, 7)];
    const found: Record<string, Address> = {
      pool: await novate.poolAddress(key, 7),
      insurance: await novate.insuranceAddress(pool),
      stake: await novate.stakeAddress(pool, key),
      asset,
      vault: await novate.vaultAddress(asset),
      market,
      expiry: await novate.expiryAddress(market, 1_700_006_400n),
      scenarios: await novate.scenariosAddress(pool, 7),
      portfolio: await novate.portfolioAddress(pool, key, 7),
      change: await novate.changeAddress(pool, 7n),
      committee: await novate.committeeAddress(pool),
      forecasts: await novate.forecastsAddress(asset),
      venue: await novate.venueAddress(pool, key),
    };
    deepEqual(Object.entries(found), addresses.at);
  }
});

test('accounts behind an instruction are the Rust client\'s', async () => {
  const [ETH, SOL, ETH_PERPETUAL] = [2, 3, novate.instrument.perpetual(1)];
  for (const { accounts, portfolios } of pools) {
    for (const { data, behind } of portfolios) {
      const portfolio = novate.getPortfolioDecoder().decode(bytes(data));
      const last = portfolio.positions[portfolio.positionCount - 1];
      const [traded, underlying] = last ? [last.instrument, last.underlying] : [ETH_PERPETUAL, ETH];
      const holdings = new novate.Holdings(portfolio).withAsset(SOL).withTraded(traded, underlying).withCashMoved();
      const metas = await holdings.metas(address(accounts[0]!.address));
      deepEqual(metas.map(m => [m.address, m.role === AccountRole.WRITABLE]), behind);
    }
  }
});
