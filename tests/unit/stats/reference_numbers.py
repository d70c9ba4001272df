"""Reference values for the statistics: SciPy's tests, bootstrap and intervals, statsmodels' procedures, definitions by hand.

Usage: reference_numbers.py SECTION (see main); prints one JSON array. Inputs are drawn from a fixed seed and travel in the
output, so that both sides see the same numbers. Exit status 77: SciPy, or what the section needs, is not installed.
"""
import itertools
import json
import sys

try:
    import numpy as np
    from scipy import integrate, optimize, stats
except ImportError as error:
    print(f"no SciPy: {error}", file=sys.stderr)
    sys.exit(77)


def paired_case(rng, n):
    baseline = rng.normal(0.9, 0.01, n)
    variant = baseline + rng.normal(0.003, 0.005, n)
    differences = (variant - baseline).tolist()
    test = stats.ttest_rel(variant, baseline)
    interval = test.confidence_interval(0.95)
    case = {"differences": differences, "t": test.statistic, "p": test.pvalue, "df": int(test.df), "low": interval.low,
            "high": interval.high, "mean": float(np.mean(differences)), "sd": float(np.std(differences, ddof=1))}
    if n <= 14:  # exact: SciPy enumerates all sign patterns
        flip = stats.permutation_test((np.array(differences),), np.sum, permutation_type="samples",
                                      alternative="two-sided", n_resamples=np.inf)
        case["sign_flip"] = float(np.mean(np.abs(flip.null_distribution) >= abs(np.sum(differences)) - 1e-15))
    return case


def power_of(n, effect, alpha):
    """1 - P(|T'| <= c), integrated over the chi distribution (SciPy's own noncentral t gives NaN in its far tail)."""
    critical = stats.t.isf(alpha / 2, n - 1)
    shift = effect * n ** 0.5
    def outside(s):
        return (stats.norm.sf(critical * s - shift) + stats.norm.cdf(-critical * s - shift)) * \
            stats.chi.pdf(s * (n - 1) ** 0.5, n - 1) * (n - 1) ** 0.5
    return integrate.quad(outside, 0, 12, limit=400, epsabs=1e-12, points=[shift / critical])[0]


def power_case(n, alpha):
    detectable = optimize.brentq(lambda d: power_of(n, d, alpha) - 0.8, 1e-3, 50, xtol=1e-12)
    case = {"n": n, "alpha": alpha, "detectable": detectable, "powers": []}
    for effect in (0.5, 1.0, 2.0):
        case["powers"].append({"effect": effect, "power": power_of(n, effect, alpha)})
    return case


def skewed(rng, n):
    return (rng.exponential(0.01, n) - 0.004).tolist()


def bootstrap_case(rng, n, resamples):
    differences = skewed(rng, n)
    interval = stats.bootstrap((differences,), np.mean, method="BCa", n_resamples=resamples, batch=10_000,
                               rng=np.random.default_rng(1)).confidence_interval
    return {"differences": differences, "low": interval.low, "high": interval.high}


def drawn_flip_case(rng, n):
    differences = rng.normal(0.002, 0.005, n).tolist()
    test = stats.permutation_test((np.array(differences),), np.sum, permutation_type="samples", vectorized=True,
                                  n_resamples=200_000, batch=10_000, rng=np.random.default_rng(2))
    return {"differences": differences, "p": test.pvalue}


def flip_interval_case(rng, n, alpha):
    """Bisection for the shifts at which the enumerated two-sided p crosses alpha."""
    differences = np.array(skewed(rng, n))
    signs = np.array(list(itertools.product((1, -1), repeat=n)))
    def p(shift):
        moved = differences - shift
        return np.mean(np.abs(signs @ moved) >= abs(moved.sum()) - 1e-13)
    mean, far = differences.mean(), 100 * np.abs(differences).max()
    def bound(outside):
        if p(outside) >= alpha:
            return None
        inside = mean
        for _ in range(200):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if p(middle) >= alpha else (inside, middle)
        return inside
    return {"differences": differences.tolist(), "alpha": alpha, "low": bound(mean - far), "high": bound(mean + far)}


def equivalence_case(rng, n, margin):
    differences = rng.normal(0.001, 0.004, n).tolist()
    lower = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    upper = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    return {"differences": differences, "margin": margin, "p": max(lower, upper)}


def equivalence_power_of(n, delta, margin, alpha):
    """Both one-sided tests reject, integrated over the scale; sd 1."""
    critical, root = stats.t.isf(alpha, n - 1), n ** 0.5
    def inside(s):
        low, high = (-margin - delta) * root + critical * s, (margin - delta) * root - critical * s
        return max(0.0, stats.norm.cdf(high) - stats.norm.cdf(low)) * stats.chi.pdf(s * (n - 1) ** 0.5, n - 1) * (n - 1) ** 0.5
    return integrate.quad(inside, 0, margin * root / critical, limit=400, epsabs=1e-12)[0]


def equivalence_power_case(n, delta, margin, alpha):
    return {"n": n, "delta": delta, "margin": margin, "alpha": alpha,
            "power": equivalence_power_of(n, delta, margin, alpha)}


def first_enough(power):
    """The smallest n >= 2 with power(n) >= 0.8, for a power that grows with n."""
    low, high = 1, 2
    while power(high) < 0.8:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= 0.8 else (middle, high)
    return high


def pairs_case(effect, alpha):
    return {"effect": effect, "alpha": alpha, "pairs": first_enough(lambda n: power_of(n, effect, alpha))}


def equivalence_pairs_case(delta, margin, alpha):
    return {"delta": delta, "margin": margin, "alpha": alpha,
            "pairs": first_enough(lambda n: equivalence_power_of(n, delta, margin, alpha))}


def wilson_case(hits, n, alpha):
    interval = stats.binomtest(hits, n).proportion_ci(1 - alpha, method="wilson")
    return {"hits": hits, "n": n, "alpha": alpha, "low": interval.low, "high": interval.high}


def mcnemar_case(b, c):
    return {"b": b, "c": c, "p": stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0}


def statsmodels_cases(rng):
    try:
        from statsmodels.stats import contingency_tables, multitest, power, proportion, weightstats
    except ImportError as error:
        print(f"no statsmodels: {error}", file=sys.stderr)
        sys.exit(77)
    differences = rng.normal(0.001, 0.004, 8)
    p = rng.uniform(0, 0.2, 7)
    low, high = proportion.proportion_confint(3, 10, 0.05, method="wilson")
    return [{"differences": differences.tolist(), "margin": 0.005,
             "tost": weightstats.DescrStatsW(differences).ttost_mean(-0.005, 0.005)[0],
             "p": p.tolist(), "holm": multitest.multipletests(p, method="holm")[1].tolist(),
             "wilson_low": low, "wilson_high": high,
             "mcnemar": contingency_tables.mcnemar([[5, 7], [1, 3]], exact=True).pvalue,
             "power": power.TTestPower().power(1.2, 8, 0.05)}]


def holm_case(rng, m):
    """Holm by its definition: adjusted p of the i-th smallest is the maximum over j <= i of (m - j + 1) p_(j)."""
    p = rng.uniform(0, 0.2, m).tolist()
    order = sorted(range(m), key=lambda i: p[i])
    adjusted = [0.0] * m
    for i, index in enumerate(order):
        adjusted[index] = min(1.0, max((m - j) * p[order[j]] for j in range(i + 1)))
    return {"p": p, "adjusted": adjusted}


def main():
    rng = np.random.default_rng(20240501)
    sections = {
        "paired": lambda: [paired_case(rng, n) for n in (2, 3, 4, 5, 8, 10, 14, 20, 50)],
        "power": lambda: [power_case(n, alpha) for n in (3, 5, 10, 20) for alpha in (0.05, 0.005)],
        "holm": lambda: [holm_case(rng, m) for m in (1, 2, 5, 12)],
        "bootstrap": lambda: [bootstrap_case(rng, n, 400_000) for n in (8, 12, 20)],
        "drawn_flip": lambda: [drawn_flip_case(rng, n) for n in (15, 20, 40)],
        "flip_interval": lambda: [flip_interval_case(rng, n, alpha) for n in (2, 5, 6, 9, 12) for alpha in (0.05, 0.1)],
        "equivalence": lambda: [equivalence_case(rng, n, margin) for n in (2, 5, 12) for margin in (0.001, 0.005, 0.02)],
        "equivalence_power": lambda: [equivalence_power_case(n, delta, margin, alpha) for n in (3, 8, 20)
                                      for delta in (0, 0.3) for margin in (0.5, 1, 2) for alpha in (0.05, 0.005)],
        "pairs": lambda: [pairs_case(effect, alpha) for effect in (0.3, 0.7, 1.5, 3) for alpha in (0.1, 0.05, 0.005)],
        "equivalence_pairs": lambda: [equivalence_pairs_case(delta, margin, alpha) for delta in (0, 0.2)
                                      for margin in (0.5, 1, 2) for alpha in (0.05, 0.005)],
        "wilson": lambda: [wilson_case(hits, n, alpha) for hits, n in ((0, 5), (1, 5), (5, 5), (3, 10), (40, 100))
                           for alpha in (0.05, 0.01)],
        "mcnemar": lambda: [mcnemar_case(b, c) for b, c in ((0, 0), (0, 1), (5, 0), (4, 2), (3, 3), (12, 30))],
        "statsmodels": lambda: statsmodels_cases(rng),
        "quantiles": lambda: [{"probability": q, "df": df, "t": stats.t.ppf(q, df)}
                              for q in (0.6, 0.975, 0.9995) for df in (1, 4, 30)],
    }
    print(json.dumps(sections[sys.argv[1]]()))


main()
