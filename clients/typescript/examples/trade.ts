// Two traders on a local validator: they open portfolios, deposit, trade a perpetual that both sign, and read their health twice, by the
// program's code in WebAssembly and by the program itself.

import {
  amounts,
  assetAddress,
  fetchPool,
  fetchPortfolio,
  getDepositInstruction,
  getHealthInstruction,
  getHealthReportDecoder,
  getOpenPortfolioInstruction,
  getTradeInstruction,
  type HealthReport,
  Holdings,
  instrument,
  portfolioAddress,
  Snapshot,
  vaultAddress,
} from '@novate/client';
import {
  type Address,
  appendTransactionMessageInstruction,
  compileTransaction,
  createTransactionMessage,
  fetchEncodedAccount,
  getBase64EncodedWireTransaction,
  type KeyPairSigner,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  assertAccountExists,
} from '@solana/kit';
import { fileURLToPath } from 'node:url';

import { Localnet, type Prices, TOKEN_PROGRAM } from './localnet.js';

const [USDC, BTC] = [0, 2];
const BTC_PERPETUAL = instrument.perpetual(0);
const PRICES: Prices = [1, 150, 60_000, 3_000];

export type Trader = { key: KeyPairSigner; portfolio: Address };

/** A trader with a portfolio that holds so much of the settlement asset. */
export async function trader(localnet: Localnet, usd: string): Promise<Trader> {
  const { pool } = localnet;
  const key = await localnet.wallet();
  const portfolio = await portfolioAddress(pool, key.address, 0);
  const asset = await assetAddress(pool, USDC);
  const amount = amounts.parse(usd, amounts.USD);
  await localnet.send([
    getOpenPortfolioInstruction({ pool, portfolio, owner: key, subAccount: 0 }),
    getDepositInstruction({
      pool,
      portfolio,
      asset,
      vault: await vaultAddress(asset),
      source: await localnet.tokens(key.address, USDC, amount),
      mint: localnet.mints[USDC]!,
      owner: key,
      tokenProgram: TOKEN_PROGRAM,
      amount,
    }),
  ]);
  return { key, portfolio };
}

/** The first buys from the second. */
export async function trade(localnet: Localnet, first: Trader, second: Trader, contracts: string, price: string): Promise<void> {
  const { rpc, pool } = localnet;
  const sides = await Promise.all([first, second].map(side => fetchPortfolio(rpc, side.portfolio, { commitment: 'confirmed' })));
  const holdings = new Holdings(...sides.map(side => side.data)).withTraded(BTC_PERPETUAL, BTC);
  const instruction = getTradeInstruction({
    pool,
    scenarios: (await fetchPool(rpc, pool, { commitment: 'confirmed' })).data.scenarios,
    first: first.portfolio,
    second: second.portfolio,
    firstSigner: first.key,
    secondSigner: second.key,
    legs: [
      {
        instrument: BTC_PERPETUAL,
        quantity: amounts.parse(contracts, amounts.CONTRACTS),
        price: amounts.parse(price, amounts.PRICE),
      },
    ],
  });
  await localnet.send([await holdings.behind(instruction, pool)]);
}

/** Health as the program returns it, from a transaction that is simulated and never sent. */
export async function healthByChain(localnet: Localnet, portfolio: Address): Promise<HealthReport> {
  const { rpc, pool, governor } = localnet;
  const { data } = await fetchPortfolio(rpc, portfolio, { commitment: 'confirmed' });
  const { scenarios } = (await fetchPool(rpc, pool, { commitment: 'confirmed' })).data;
  const instruction = await new Holdings(data).behind(getHealthInstruction({ pool, scenarios, portfolio }), pool);
  const { value: blockhash } = await rpc.getLatestBlockhash({ commitment: 'confirmed' }).send();
  const message = pipe(
    createTransactionMessage({ version: 0 }),
    m => setTransactionMessageFeePayer(governor.address, m),
    m => setTransactionMessageLifetimeUsingBlockhash(blockhash, m),
    m => appendTransactionMessageInstruction(instruction, m),
  );
  const wire = getBase64EncodedWireTransaction(compileTransaction(message));
  const { value } = await rpc.simulateTransaction(wire, { commitment: 'confirmed', encoding: 'base64', sigVerify: false }).send();
  if (!value.returnData) throw new Error(`no health: ${value.logs?.join('\n')}`);
  return getHealthReportDecoder().decode(Buffer.from(value.returnData.data[0], 'base64'));
}

/** Health of a portfolio computed here from accounts as they are now. */
export async function healthByWasm(localnet: Localnet, portfolio: Address): Promise<HealthReport> {
  const snapshot = await Snapshot.fetch(localnet.rpc, localnet.pool);
  const account = await fetchEncodedAccount(localnet.rpc, portfolio, { commitment: 'confirmed' });
  assertAccountExists(account);
  return snapshot.health(account.data, await localnet.now());
}

export async function main(): Promise<void> {
  const localnet = await Localnet.start();
  try {
    await localnet.publish(PRICES);
    const [buyer, seller] = [await trader(localnet, '20000'), await trader(localnet, '50000')];
    await trade(localnet, buyer, seller, '0.5', '60000');
    await localnet.publish([1, 150, 60_300, 3_000]);
    for (const [name, { portfolio }] of Object.entries({ buyer, seller })) {
      for (const [by, health] of [['wasm', healthByWasm], ['chain', healthByChain]] as const) {
        const { equity, initial, maintenance } = await health(localnet, portfolio);
        const [e, i, m] = [equity, initial, maintenance].map(usd => amounts.format(usd, amounts.USD));
        console.log(`${name} by ${by}: equity ${e}, initial margin ${i}, maintenance margin ${m}`);
      }
    }
  } finally {
    await localnet.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
