// Amounts are integers of a unit; these are the units, and their way from and to decimal text.

/** Decimals of USD, of the settlement asset, of ratios and moves. */
export const USD = 6;
/** Decimals of contracts. */
export const CONTRACTS = 9;
/** Decimals of a price, in USD per contract. */
export const PRICE = 9;

/** A decimal number as an integer of the unit. Refuses what is no decimal number, or has more decimals than the unit. */
export function parse(text: string, decimals: number): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const [, sign, whole = '', fraction = ''] = parts ?? [];
  if (!parts || fraction.length > decimals) throw new RangeError(`${text} is no number with at most ${decimals} decimals`);
  return BigInt(`${sign}${whole}${fraction.padEnd(decimals, '0')}`);
}

/** An integer of the unit as a decimal number, without zeros at its end. */
export function format(amount: bigint, decimals: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const [whole, fraction] = [digits.slice(0, digits.length - decimals), digits.slice(digits.length - decimals)];
  const rest = fraction.replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${whole}${rest && `.${rest}`}`;
}

/** A 128-bit value that stands in an account as two words. */
export const wide = (words: { low: bigint; high: bigint }): bigint => (words.high << 64n) | words.low;
