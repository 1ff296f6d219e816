import { equal, throws } from 'node:assert/strict';
import { test } from 'node:test';

import { amounts, instrument, NOVATE_ERROR__BELOW_INITIAL_MARGIN, refusal, refusalOf } from '@novate/client';

test('amounts go to text and back', () => {
  for (const [text, units] of [['0', 0n], ['1', 1_000_000n], ['-0.000001', -1n], ['12.5', 12_500_000n], ['-3', -3_000_000n]] as const) {
    equal(amounts.parse(text, amounts.USD), units);
    equal(amounts.format(units, amounts.USD), text);
  }
  equal(amounts.parse('60000.25', amounts.PRICE), 60_000_250_000_000n);
  equal(amounts.format(5n, 0), '5');
  for (const wrong of ['', '.5', '1.', '1e3', '0.0000001', ' 1', '--1']) throws(() => amounts.parse(wrong, amounts.USD), RangeError);
});

test('wide values are their two words', () => {
  equal(amounts.wide({ low: 7n, high: 1n }), 2n ** 64n + 7n);
});

test('instruments take themselves apart', () => {
  const option = instrument.put(3, 28_333_440, 23);
  equal(option, (3n << 48n) | (4n << 40n) | (23n << 32n) | 28_333_440n);
  equal(instrument.marketOf(option), 3);
  equal(instrument.minutesOf(option), 28_333_440);
  equal(instrument.minutesOf(instrument.perpetual(3)), 0);
});

test('errors have their names', () => {
  equal(refusal(NOVATE_ERROR__BELOW_INITIAL_MARGIN)?.name, 'BelowInitialMargin');
  equal(refusal(1), undefined);
  equal(refusalOf(new Error('another', { cause: new Error('one') })), undefined);
});
