"""Reference values for the statistics: SciPy's paired t-test and permutation test, the noncentral t, Holm by hand.

Usage: reference_numbers.py paired|power|holm|quantiles; prints one JSON array. Inputs are drawn from a fixed seed and travel
in the output, so that both sides see the same numbers. Exit status 77: SciPy is not installed.
"""
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
        "quantiles": lambda: [{"probability": q, "df": df, "t": stats.t.ppf(q, df)}
                              for q in (0.6, 0.975, 0.9995) for df in (1, 4, 30)],
    }
    print(json.dumps(sections[sys.argv[1]]()))


main()
