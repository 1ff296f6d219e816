// What anyone sends to keep prices and marks fresh: accounts in pairs, behind an instruction that names none.

import { type AccountMeta, AccountRole, type Address, type Instruction } from '@solana/kit';

import { assetAddress, marketAddress } from './addresses.js';
import { getRefreshAssetInstruction, getRefreshMarketInstruction } from './generated/index.js';

const pair = (written: Address, read: Address): AccountMeta[] => [
  { address: written, role: AccountRole.WRITABLE },
  { address: read, role: AccountRole.READONLY },
];

async function paired(instruction: Instruction, pairs: Promise<AccountMeta[]>[]): Promise<Instruction> {
  return { ...instruction, accounts: (await Promise.all(pairs)).flat() };
}

/** Assets by index, each with its price account. */
export const refreshAssets = (pool: Address, feeds: [asset: number, feed: Address][]): Promise<Instruction> =>
  paired(getRefreshAssetInstruction(), feeds.map(async ([asset, feed]) => pair(await assetAddress(pool, asset), feed)));

/** Markets by index, each with the index of its underlying. */
export const refreshMarkets = (pool: Address, markets: [market: number, underlying: number][]): Promise<Instruction> =>
  paired(
    getRefreshMarketInstruction(),
    markets.map(async ([market, asset]) => pair(await marketAddress(pool, market), await assetAddress(pool, asset))),
  );
