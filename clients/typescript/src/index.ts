export * from './addresses.js';
export * as amounts from './amounts.js';
export { type Refusal, refusal, refusalOf } from './errors.js';
export * from './generated/index.js';
export { Holdings } from './holdings.js';
export * as instrument from './instrument.js';
export { refreshAssets, refreshMarkets } from './refresh.js';
export { HealthError, Snapshot } from './snapshot.js';
