import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { fetchPortfolio, refusalOf } from '@novate/client';

import { Localnet } from '../examples/localnet.js';
import { healthByChain, healthByWasm, trade, type Trader, trader } from '../examples/trade.js';

let localnet: Localnet;
let [buyer, seller] = [] as Trader[] as [Trader, Trader];

before(async () => {
  localnet = await Localnet.start();
  await localnet.publish([1, 150, 60_000, 3_000]);
  [buyer, seller] = [await trader(localnet, '20000'), await trader(localnet, '50000')];
});

after(() => localnet?.stop());

test('two sides trade, and wasm and chain agree on the health of both', async () => {
  await trade(localnet, buyer, seller, '0.5', '60000');
  const { data } = await fetchPortfolio(localnet.rpc, buyer.portfolio, { commitment: 'confirmed' });
  deepEqual([data.cash, data.positionCount, data.positions[0]?.quantity], [20_000_000_000n, 1, 500_000_000n]);

  await localnet.publish([1, 150, 60_300, 3_000]);
  for (const { portfolio } of [buyer, seller]) {
    const [wasm, chain] = [await healthByWasm(localnet, portfolio), await healthByChain(localnet, portfolio)];
    deepEqual(wasm, chain);
    ok(chain.initial > chain.maintenance && chain.maintenance > 0n);
  }
  // Half a contract gained 300 USD, and paid a fee of 200 in a million.
  equal((await healthByChain(localnet, buyer.portfolio)).equity, 20_144_000_000n);
});

test('a refusal of the program has its name', async () => {
  await rejects(trade(localnet, buyer, seller, '40', '60300'), error => {
    deepEqual(refusalOf(error)?.name, 'BelowInitialMargin');
    return true;
  });
  await rejects(trade(localnet, buyer, seller, '0.5', '70000'), error => {
    deepEqual(refusalOf(error)?.name, 'OutsideBand');
    return true;
  });
});
