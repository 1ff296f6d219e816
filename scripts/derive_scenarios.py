#!/usr/bin/env python3
"""Joint scenario rows for a pool (MRG-23), from a table of daily returns.

    scripts/derive_scenarios.py daily_returns.csv > crates/cli/data/scenarios.json

The table has a column `date` and one column per underlying with simple daily returns, empty on days without trading.

1. z = return / scan range of that day. The range is MRG-51 over the EWMA variances of MRG-50, which start at zero,
   as they do on chain, and know the days before only.
2. Only days on which every underlying traded; an underlying with fewer than 250 of them cannot be a column.
3. z is clamped to [-1, 1] and rounded to 1/4096. The 128 days of largest norm stay, in order of date.
4. nu, the vol move: the table has no implied vols. The rule, an assumption and not a measurement: a fall of z scan
   ranges raises vol by |z| of the vol shock, a rise leaves it where it is. In 1/127. Linear books do not read it.

Only days up to LAST_DAY are used: the demo replays what came after, so its rows must not know it.
"""

import csv
import hashlib
import json
import math
import sys

LAST_DAY = "2022-11-02"
ROWS = 128
LEAST_DAYS = 250
MOVE_ONE = 4096
VOL_ONE = 127
DECAYS = (0.94, 0.99)
BASE_RANGE = {"BTC": 0.15, "ETH": 0.18, "SOL": 0.25}


def scan_range(variances, base):
    """MRG-51: three deviations of the wilder average, between the base and twice the base."""
    return min(max(3.0 * math.sqrt(max(variances)), base), 2.0 * base)


def moves(column, base):
    """Per day the return in scan ranges of that day, None where the underlying did not trade."""
    variances = [0.0 for _ in DECAYS]
    for value in column:
        if value is None:
            yield None
            continue
        yield value / scan_range(variances, base)
        variances = [d * v + (1.0 - d) * value * value for d, v in zip(DECAYS, variances)]


def joint_days(table, names):
    columns = [moves([float(r[n]) if r[n] else None for r in table], BASE_RANGE[n]) for n in names]
    for row, z in zip(table, zip(*columns)):
        if None not in z:
            yield row["date"], [max(-1.0, min(1.0, v)) for v in z]


def main(path):
    with open(path, "rb") as source:
        digest = hashlib.sha256(source.read()).hexdigest()
    with open(path, newline="") as source:
        table = [row for row in csv.DictReader(source) if row["date"] <= LAST_DAY]
    names = list(BASE_RANGE)
    days = list(joint_days(table, names))
    if len(days) < max(ROWS, LEAST_DAYS):
        sys.exit(f"{path}: {len(days)} days on which {', '.join(names)} all traded; {LEAST_DAYS} are needed (MRG-23)")
    largest = sorted(days, key=lambda day: (-math.hypot(*day[1]), day[0]))[:ROWS]
    rows = [[round(v * MOVE_ONE) for v in z] for _, z in sorted(largest)]
    vols = [[round(-min(m, 0) * VOL_ONE / MOVE_ONE) for m in row] for row in rows]
    lists = lambda table: "[\n    " + ",\n    ".join(json.dumps(row) for row in table) + "\n  ]"
    print("{")
    print(f'  "columns": {json.dumps(names)},')
    print(f'  "first_day": "{days[0][0]}",')
    print(f'  "last_day": "{LAST_DAY}",')
    print(f'  "days": {len(days)},')
    print(f'  "source_sha256": "{digest}",')
    print(f'  "moves": {lists(rows)},')
    print(f'  "vols": {lists(vols)}')
    print("}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
