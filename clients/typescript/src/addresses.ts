// Every address of the program, each with its bump left out: the program finds bumps itself.

import { type Address, getAddressEncoder, getI64Encoder, getProgramDerivedAddress, getU16Encoder, getU64Encoder } from '@solana/kit';
import type { ReadonlyUint8Array } from '@solana/kit';

import { NOVATE_PROGRAM_ADDRESS } from './generated/index.js';

const key = (address: Address) => getAddressEncoder().encode(address);
const u16 = (value: number) => getU16Encoder().encode(value);

async function find(...seeds: (string | ReadonlyUint8Array)[]): Promise<Address> {
  const [address] = await getProgramDerivedAddress({ programAddress: NOVATE_PROGRAM_ADDRESS, seeds });
  return address;
}

/** Pool `id` of a creator. */
export const poolAddress = (creator: Address, id: number) => find('pool', key(creator), u16(id));

/** Insurance fund of a pool. */
export const insuranceAddress = (pool: Address) => find('insurance', key(pool));

/** Stake of an owner in the insurance fund of a pool. */
export const stakeAddress = (pool: Address, owner: Address) => find('stake', key(pool), key(owner));

/** Asset of a pool by index; 0 is the settlement asset. */
export const assetAddress = (pool: Address, index: number) => find('asset', key(pool), u16(index));

/** Token account that holds an asset's deposits. */
export const vaultAddress = (asset: Address) => find('vault', key(asset));

/** Market of a pool by index. */
export const marketAddress = (pool: Address, index: number) => find('market', key(pool), u16(index));

/** Expiry of a market by its unix time. */
export const expiryAddress = (market: Address, time: bigint) => find('expiry', key(market), getI64Encoder().encode(time));

/** Scenario rows of a pool by generation. */
export const scenariosAddress = (pool: Address, generation: number) => find('scenarios', key(pool), u16(generation));

/** Portfolio of an owner by sub-account. */
export const portfolioAddress = (pool: Address, owner: Address, subAccount: number) =>
  find('portfolio', key(pool), key(owner), u16(subAccount));

/** Change of a pool by its number. */
export const changeAddress = (pool: Address, number: bigint) => find('change', key(pool), getU64Encoder().encode(number));

/** Committee of a pool. */
export const committeeAddress = (pool: Address) => find('committee', key(pool));

/** What members of the committee forecast of an asset. */
export const forecastsAddress = (asset: Address) => find('forecasts', key(asset));

/** Venue of a pool by the key that signs its reports. */
export const venueAddress = (pool: Address, signer: Address) => find('venue', key(pool), key(signer));
