#!/usr/bin/env python3
"""The portfolio-margin model of docs/margin.md in double precision.

Double precision, no dependencies, inputs on the grid of the fixed-point types, written for reading: every function names the
rule (MRG-..) that it states. It is the judge of the fixed-point implementation,
not a model of how to write it.

  margin_model.py table                 the canonical portfolios, as in docs/margin.md
  margin_model.py vectors SEED COUNT    random portfolios with every intermediate value, as JSON
  margin_model.py linear SEED COUNT     the same without options and futures
  margin_model.py smile SEED COUNT      the same with every vol from an arbitrage-free SVI smile, one per
                                        underlying and expiry, at most 24 strikes each: what a chain can hold
  margin_model.py full SEED             one portfolio of 48 positions and 16 balances
  margin_model.py time FILE             how many of a file's portfolios it judges in a second
"""
import json
import math
import random
import sys
import time

DAYS_PER_YEAR = 365.0
NODE_STEPS = 8                       # 17 spot nodes: -8..8 eighths of the scan range
TAILS = (-0.66, -0.33, 0.50, 1.00, 2.00)          # absolute moves
RANGE_TAILS = (-2.0, -1.5, 1.5, 2.0)              # in scan ranges

PARAMS = {
    "tail_factor": 0.75,             # MRG-13
    "vol_up": 0.50, "vol_down": 0.30, "vol_up_floor": 0.40,      # MRG-12
    "es_tail_count": 3, "es_credit": 0.90, "diversified_floor": 0.35,   # MRG-20..22
    "basis_rate": 0.01, "basis_rate_per_year": 0.05,             # MRG-30
    "net_delta_floor": 0.02,                                     # MRG-31
    "naked_short_rate": 0.005,                                   # MRG-32
    "long_option_discount": 0.03, "short_option_premium": 0.01,  # MRG-33
    "term_vega_rate": 0.40,                                      # MRG-37
    "outside_initial_multiple": 1.25,                            # MRG-38
    "confidence_multiple": 2.12,                                 # MRG-34
    "depeg_threshold": 0.99, "depeg_slope": 4.0,                 # MRG-36
    "maintenance_ratio": 0.80,                                   # MRG-40
}


# ---- MRG-1x: one underlying ------------------------------------------------

def cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black76(forward, strike, years, vol, is_call):
    """Undiscounted Black-76 premium, per contract, in USD. (MRG-10)"""
    intrinsic = max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)
    if years <= 0.0 or vol <= 0.0 or forward <= 0.0:
        return intrinsic
    sd = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / sd + sd / 2.0
    call = forward * cdf(d1) - strike * cdf(d1 - sd)
    return call if is_call else call - forward + strike


def black76_delta(forward, strike, years, vol, is_call):
    if years <= 0.0 or vol <= 0.0:
        itm = forward > strike if is_call else forward < strike
        return (1.0 if is_call else -1.0) if itm else 0.0
    sd = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / sd + sd / 2.0
    return cdf(d1) - (0.0 if is_call else 1.0)


def svi_vol(k, years, v):
    """Vol at log-moneyness k = ln(K/F). (MRG-10)"""
    k = max(-1.0, min(1.0, k / (4.0 * math.sqrt(v["a"] + v["b"] * v["sigma"])))) * 4.0 * math.sqrt(v["a"] + v["b"] * v["sigma"])
    w = v["a"] + v["b"] * (v["rho"] * (k - v["m"]) + math.sqrt((k - v["m"]) ** 2 + v["sigma"] ** 2))
    return math.sqrt(w / years)


def shocked_vol(vol, days, direction, p):
    """direction -1, 0, +1. (MRG-12)"""
    if direction == 0:
        return vol
    scale = (30.0 / max(1.0, days)) ** (0.30 if days < 30.0 else 0.13)
    if direction > 0:
        return max(vol * (1.0 + p["vol_up"] * scale), p["vol_up_floor"])
    return max(vol * (1.0 - p["vol_down"] * scale), 0.0)


def leg_value(leg, underlying, move, direction, p):
    """USD value of the whole leg after a relative spot move. (MRG-10, MRG-11)"""
    spot = underlying["price"] * (1.0 + move)
    if leg["kind"] in ("spot", "perp"):
        return leg["qty"] * spot
    forward = spot * (1.0 + leg["basis"])
    if leg["kind"] == "future":
        return leg["qty"] * forward
    vol = shocked_vol(leg["vol"], leg["days"], direction, p)
    return leg["qty"] * black76(forward, leg["strike"], leg["days"] / DAYS_PER_YEAR, vol, leg["kind"] == "call")


def leg_delta(leg, underlying):
    """Contracts of spot-equivalent delta of the whole leg."""
    if leg["kind"] in ("spot", "perp"):
        return leg["qty"]
    if leg["kind"] == "future":
        return leg["qty"] * (1.0 + leg["basis"])
    forward = underlying["price"] * (1.0 + leg["basis"])
    unit = black76_delta(forward, leg["strike"], leg["days"] / DAYS_PER_YEAR, leg["vol"], leg["kind"] == "call")
    return leg["qty"] * unit * (1.0 + leg["basis"])


def pnl(legs, underlying, move, direction, p):
    return sum(leg_value(l, underlying, move, direction, p) - leg_value(l, underlying, 0.0, 0, p) for l in legs)


def scan(legs, underlying, p):
    """Every node's profit and loss, and the scan loss G_u. (MRG-11..14)"""
    r = underlying["scan_range"]
    grid = {d: [pnl(legs, underlying, r * j / NODE_STEPS, d, p) for j in range(-NODE_STEPS, NODE_STEPS + 1)]
            for d in (-1, 0, 1)}
    moves = [max(-0.95, k * r) for k in RANGE_TAILS] + list(TAILS)
    tails = [pnl(legs, underlying, m, 1, p) * min(1.0, p["tail_factor"] * r / abs(m)) for m in moves]
    worst = min(min(min(row) for row in grid.values()), min(tails))
    return {"grid": grid, "tails": tails, "scan_loss": max(0.0, -worst)}


# ---- MRG-2x: across underlyings --------------------------------------------

def interpolate(row, z):
    x = (max(-1.0, min(1.0, z)) + 1.0) * NODE_STEPS
    i = min(int(x), 2 * NODE_STEPS - 1)
    return row[i] + (row[i + 1] - row[i]) * (x - i)


def joint_pnl(grid, z, nu):
    """P&L at z scan ranges of spot and nu of the vol shock. (MRG-20)"""
    flat = interpolate(grid[0], z)
    other = interpolate(grid[1 if nu > 0 else -1], z)
    return flat + abs(nu) * (other - flat)


def expected_shortfall(losses, k):
    """Mean of the k largest losses, never negative. (MRG-21)"""
    return max(0.0, sum(sorted(losses, reverse=True)[:k]) / k)


def diversified(scans, scenarios, p):
    """(MRG-20..22) returns ES by underlying, joint ES, core requirement."""
    gross = sum(s["scan_loss"] for s in scans.values())
    by_row = [{u: -joint_pnl(s["grid"], row[u][0], row[u][1]) for u, s in scans.items()} for row in scenarios]
    k = p["es_tail_count"]
    alone = {u: expected_shortfall([r[u] for r in by_row], k) for u in scans}
    joint = expected_shortfall([sum(r.values()) for r in by_row], k)
    saved = max(0.0, sum(alone.values()) - joint)
    core = max(p["diversified_floor"] * gross, gross - p["es_credit"] * saved)
    return {"gross": gross, "es_alone": alone, "es_joint": joint, "core": core}


# ---- MRG-3x: contingencies --------------------------------------------------

def contingencies(legs, underlying, scan_loss, p):
    s = underlying["price"]
    buckets, years = {}, 0.0
    for l in legs:
        dated = l["kind"] in ("future", "call", "put")
        key = l["days"] if dated else l["kind"]
        buckets[key] = buckets.get(key, 0.0) + leg_delta(l, underlying)
        years = max(years, l["days"] / DAYS_PER_YEAR if dated else 0.0)
    longs = sum(d for d in buckets.values() if d > 0)
    shorts = -sum(d for d in buckets.values() if d < 0)
    net = abs(longs - shorts)
    basis = min(longs, shorts) * s * max(p["basis_rate"], p["basis_rate_per_year"] * years)     # MRG-30

    strikes, values, intrinsic, vegas = {}, {}, {}, {}
    for l in legs:
        if l["kind"] in ("call", "put"):
            e, forward = l["days"], s * (1.0 + l["basis"])
            strikes[(e, l["strike"])] = strikes.get((e, l["strike"]), 0.0) + l["qty"]
            values[e] = values.get(e, 0.0) + leg_value(l, underlying, 0.0, 0, p)
            intrinsic[e] = intrinsic.get(e, 0.0) + l["qty"] * max(0.0, (forward - l["strike"]) * (1 if l["kind"] == "call" else -1))
            vegas[e] = vegas.get(e, 0.0) + leg_value(l, underlying, 0.0, 1, p) - leg_value(l, underlying, 0.0, 0, p)
    naked = sum(max(0.0, -n) for n in strikes.values()) * s * p["naked_short_rate"]             # MRG-32
    options = sum(p["long_option_discount"] * max(0.0, v) + p["short_option_premium"] * max(0.0, -v)
                  + max(0.0, 1.0 - e) * max(0.0, v - intrinsic[e]) for e, v in values.items())  # MRG-33
    hedged_vega = min(sum(max(0.0, v) for v in vegas.values()), sum(max(0.0, -v) for v in vegas.values()))
    term = p["term_vega_rate"] * hedged_vega                                                    # MRG-37
    confidence = p["confidence_multiple"] * underlying["confidence"] * net                      # MRG-34
    notional, depth = max(net * s, scan_loss / underlying["scan_range"]), underlying["depth"]
    crowd = 0.0
    if depth > 0.0 and notional > depth:                                                        # MRG-35
        crowd = underlying["scan_range"] * notional * (math.sqrt(notional / depth) - 1.0)
    return {"net_delta": longs - shorts, "basis": basis, "naked_short": naked, "option_value": options,
            "confidence": confidence, "concentration": crowd, "term_vega": term,
            "total": basis + naked + options + confidence + crowd + term}


# ---- MRG-4x: the requirement ------------------------------------------------

def requirement(portfolio, p=PARAMS):
    legs, unders = portfolio["legs"], portfolio["underlyings"]
    held = sorted({l["underlying"] for l in legs})
    of = {u: [l for l in legs if l["underlying"] == u] for u in held}
    scans = {u: scan(of[u], unders[u], p) for u in held}
    joint = diversified(scans, portfolio["scenarios"], p)
    cont = {u: contingencies(of[u], unders[u], scans[u]["scan_loss"], p) for u in held}
    floor = sum(p["net_delta_floor"] * abs(cont[u]["net_delta"]) * unders[u]["price"] for u in held)   # MRG-31
    outside = sum(p["outside_initial_multiple"] * a["haircut"] * abs(a["value"]) for a in portfolio["outside"])   # MRG-38
    before = max(joint["core"], floor) + sum(c["total"] for c in cont.values()) + outside
    depeg = 1.0 + p["depeg_slope"] * max(0.0, p["depeg_threshold"] - portfolio["settlement_price"])    # MRG-36
    return {"scan": {u: {"scan_loss": s["scan_loss"], "flat": s["grid"][0], "up": s["grid"][1],
                         "down": s["grid"][-1], "tails": s["tails"]} for u, s in scans.items()},
            "joint": joint, "contingencies": cont, "net_delta_floor": floor, "outside": outside,
            "initial": before * depeg, "maintenance": p["maintenance_ratio"] * before}


# ---- MRG-5x: volatility and scan range --------------------------------------

def ewma(variance_per_day, ret, days, half_life_decay):
    """One irregular-step EWMA update. (MRG-50)"""
    w = half_life_decay ** days
    return w * variance_per_day + (1.0 - w) * ret * ret / days


def scan_range(fast_var, slow_var, base):
    """(MRG-51)"""
    return min(2.0 * base, max(base, 3.0 * math.sqrt(max(fast_var, slow_var))))


# ---- command line -----------------------------------------------------------

def under(price, r, confidence=0.0, depth=0.0):
    return {"price": price, "scan_range": r, "confidence": confidence, "depth": depth}


def leg(kind, qty, underlying="BTC", strike=0.0, days=0.0, vol=0.5, basis=0.0):
    return {"kind": kind, "qty": qty, "underlying": underlying, "strike": strike, "days": days, "vol": vol, "basis": basis}


def scenario_rows(rng, unders, count=128):
    """Correlated, fat-tailed rows in units of each scan range, clamped to it."""
    rows = []
    for _ in range(count):
        common, shock = rng.gauss(0, 1), math.sqrt(4.0 / rng.gammavariate(2.0, 2.0))
        row = {}
        for u in unders:
            z = (0.85 * common + 0.53 * rng.gauss(0, 1)) * shock / 3.0
            nu = max(-1.0, min(1.0, -0.6 * z + 0.4 * rng.gauss(0, 1) * abs(z)))
            row[u] = [round(max(-1.0, min(1.0, z)) * 4096) / 4096, round(nu * 127) / 127]
        rows.append(row)
    return rows


def random_smile(rng, years):
    """SVI parameters on the 1e-6 grid, resampled until free of butterfly arbitrage."""
    while True:
        w = rng.uniform(.3, 1.2) ** 2 * years
        sigma = rng.uniform(.08, .4)
        v = {"a": round(w * rng.uniform(.3, .7), 6), "b": round(w * rng.uniform(.2, .6) / sigma, 6),
             "rho": round(rng.uniform(-.6, .3), 6), "m": round(rng.uniform(-.1, .1), 6), "sigma": round(sigma, 6)}
        if v["a"] <= 0 or v["b"] * (1 + abs(v["rho"])) >= 2:
            continue
        ok = True
        for i in range(-150, 151):
            x = i / 50 - v["m"]
            root = math.sqrt(x * x + v["sigma"] ** 2)
            t = v["a"] + v["b"] * (v["rho"] * x + root)
            d1, d2 = v["b"] * (v["rho"] + x / root), v["b"] * v["sigma"] ** 2 / root ** 3
            if (1 - i / 50 * d1 / (2 * t)) ** 2 - d1 * d1 / 4 * (1 / t + .25) + d2 / 2 < 0:
                ok = False
                break
        if ok:
            return v


def smile_case(rng, name):
    us = {u: under(round(p, 6), round(r, 6), 0, d) for u, p, r, d in
          (("BTC", rng.uniform(2e4, 2e5), rng.uniform(.15, .3), 5e6), ("ETH", rng.uniform(1e3, 8e3), rng.uniform(.18, .36), 2e6),
           ("SOL", rng.uniform(20, 400), rng.uniform(.25, .5), 1e6))}
    chains = []
    for u in rng.sample(list(us), rng.randint(1, 3)):
        for days in rng.sample([1, 3, 7, 14, 30, 60, 90, 180, 365], rng.randint(1, 3)):
            strikes = sorted({float(f"{us[u]['price'] * math.exp(x / 12):.3g}") for x in rng.sample(range(-12, 13), rng.randint(2, 12))})
            chains.append({"underlying": u, "days": days, "basis": round(rng.uniform(-.01, .03), 6),
                           "svi": random_smile(rng, days / DAYS_PER_YEAR), "strikes": strikes})
    legs = []
    for _ in range(rng.randint(2, 24)):
        c = rng.choice(chains)
        price, kind = us[c["underlying"]]["price"], rng.choice(["spot", "perp", "future", "call", "put", "call", "put"])
        qty = rng.choice([-1, 1]) * round(10 ** rng.uniform(3, 6) / price, 6)
        if kind in ("spot", "perp"):
            legs.append(leg(kind, qty, c["underlying"]))
        elif kind == "future":
            legs.append(leg(kind, qty, c["underlying"], 0.0, c["days"], 0.0, c["basis"]))
        else:
            k = rng.choice(c["strikes"])
            vol = svi_vol(math.log(k / (price * (1 + c["basis"]))), c["days"] / DAYS_PER_YEAR, c["svi"])
            legs.append(leg(kind, qty, c["underlying"], k, c["days"], vol, c["basis"]))
    case = {"name": name, "legs": legs, "underlyings": us, "chains": chains, "scenarios": scenario_rows(rng, us, 128),
            "settlement_price": 1.0, "outside": []}
    return case | {"expected": requirement(case)}


def full_case(rng):
    """As much as a portfolio of the program holds: 48 positions and 16 balances, 128 rows."""
    us = {f"U{i}": under(100.0, .15 + .05 * i, .05, 0.0) for i in range(4)}
    expiries = [(u, 30 * (1 + i), .01 * i) for u in us for i in range(2)]
    legs = [leg("perp", rng.choice([-1, 1]) * rng.randint(1, 9), u) for u in us for _ in range(2)]
    legs += [leg("future", rng.choice([-1, 1]) * rng.randint(1, 9), u, 0.0, days, 0.0, basis) for u, days, basis in expiries]
    for n in range(32):
        u, days, basis = expiries[n % 8]
        legs.append(leg(rng.choice(["call", "put"]), rng.choice([-1, 1]) * rng.randint(1, 9), u, 60.0 + 20 * (n // 8), days, .6, basis))
    outside = [{"value": round(rng.uniform(1e3, 1e5), 6), "haircut": round(rng.uniform(.02, .6), 6)} for _ in range(16)]
    case = {"name": "full", "legs": legs, "underlyings": us, "scenarios": scenario_rows(rng, us, 128),
            "settlement_price": 1.0, "outside": outside}
    return case | {"expected": requirement(case)}


def canonical():
    d = black76_delta
    straddle = round(d(1e5, 1e5, 30 / 365, .5, True) + d(1e5, 1e5, 30 / 365, .5, False), 4)
    return [
        ("A  +1 spot, -1 perp", [leg("spot", 1), leg("perp", -1)]),
        ("B  -1 perp", [leg("perp", -1)]),
        ("C  +1 future 30d, -1 future 90d", [leg("future", 1, days=30), leg("future", -1, days=90)]),
        ("D  short 30d straddle, delta-hedged", [leg("call", -1, strike=1e5, days=30), leg("put", -1, strike=1e5, days=30), leg("perp", straddle)]),
        ("E  long box 100k/110k", [leg("call", 1, strike=1e5, days=30), leg("call", -1, strike=1.1e5, days=30), leg("put", -1, strike=1e5, days=30), leg("put", 1, strike=1.1e5, days=30)]),
        ("F  +1 perp, +90k put, -110k call", [leg("perp", 1), leg("put", 1, strike=9e4, days=30), leg("call", -1, strike=1.1e5, days=30)]),
        ("G  +$100k BTC perp, -$100k ETH perp", [leg("perp", 1), leg("perp", -25, "ETH")]),
        ("H  short 70k/130k strangle", [leg("put", -1, strike=7e4, days=30), leg("call", -1, strike=1.3e5, days=30)]),
    ]


def main(argv):
    unders = {"BTC": under(1e5, .15), "ETH": under(4e3, .18), "SOL": under(200.0, .25)}
    if argv[:1] == ["table"]:
        rows = scenario_rows(random.Random(7), unders)
        for name, legs in canonical():
            out = requirement({"legs": legs, "underlyings": unders, "scenarios": rows, "settlement_price": 1.0, "outside": []})
            gross = sum(requirement({"legs": [l], "underlyings": unders, "scenarios": rows, "settlement_price": 1.0, "outside": []})["initial"] for l in legs)
            print(f"{name:40s} leg by leg {gross:9.0f}   initial {out['initial']:9.0f}   maintenance {out['maintenance']:9.0f}")
        return 0
    if argv[:1] == ["full"] and len(argv) == 2:
        json.dump({"params": PARAMS, "cases": [full_case(random.Random(int(argv[1])))]}, sys.stdout)
        return 0
    if argv[:1] == ["time"] and len(argv) == 2:
        with open(argv[1]) as file:
            cases = json.load(file)["cases"]
        start, turns = time.perf_counter(), 0
        while time.perf_counter() - start < 2.0:
            for case in cases:
                requirement(case)
            turns += 1
        print(f"{turns * len(cases) / (time.perf_counter() - start):.0f} evaluations a second of {len(cases)} portfolios")
        return 0
    if argv[:1] == ["smile"] and len(argv) == 3:
        rng = random.Random(int(argv[1]))
        json.dump({"params": PARAMS, "cases": [smile_case(rng, f"smile_{argv[1]}_{n}") for n in range(int(argv[2]))]}, sys.stdout)
        return 0
    if argv[:1] in (["vectors"], ["linear"]) and len(argv) == 3:
        kinds = ["spot", "perp", "perp"] if argv[0] == "linear" else ["spot", "perp", "future", "call", "put", "call", "put"]
        rng = random.Random(int(argv[1]))
        out = {"params": PARAMS, "cases": []}
        for n in range(int(argv[2])):
            us = {"BTC": under(round(rng.uniform(2e4, 2e5), 6), round(rng.uniform(.15, .30), 6), 0, rng.choice([0.0, 5e6])),
                  "ETH": under(round(rng.uniform(1e3, 8e3), 6), round(rng.uniform(.18, .36), 6), 0, rng.choice([0.0, 2e6])),
                  "SOL": under(round(rng.uniform(20, 400), 6), round(rng.uniform(.25, .50), 6), 0, rng.choice([0.0, 1e6]))}
            for u in us.values():
                u["confidence"] = round(u["price"] * rng.choice([0.0, 0.0005, 0.004]), 6)
            expiries = [(d, rng.uniform(.25, 1.4), rng.uniform(-.01, .03)) for d in rng.sample([0.5, 1, 3, 7, 14, 30, 60, 90, 180, 365], 3)]
            legs = []
            for _ in range(rng.randint(1, 24)):
                name = rng.choice(list(us)[: rng.randint(1, 3)])
                price, (days, vol, basis) = us[name]["price"], rng.choice(expiries)
                kind = rng.choice(kinds)
                qty = rng.choice([-1, 1]) * round(10 ** rng.uniform(3, 6.3) / price, 6)
                strike = float(f"{price * rng.uniform(.5, 1.8):.3g}")
                legs.append(leg(kind, qty, name, strike if kind in ("call", "put") else 0.0,
                                days if kind in ("future", "call", "put") else 0.0,
                                round(vol * rng.uniform(.9, 1.2), 6) if kind in ("call", "put") else 0.0,
                                round(basis, 6) if kind in ("future", "call", "put") else 0.0))
            case = {"name": f"random_{argv[1]}_{n}", "legs": legs, "underlyings": us,
                    "scenarios": scenario_rows(rng, us, 128 if n % 4 == 0 else 32),
                    "settlement_price": rng.choice([1.0, 1.0, 0.995, 0.97]),
                    "outside": [{"value": round(rng.uniform(-2e5, 1e6), 6), "haircut": round(rng.uniform(.02, .6), 6)}
                                for _ in range(rng.randint(0, 3))]}
            out["cases"].append(case | {"expected": requirement(case)})
        json.dump(out, sys.stdout)
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
