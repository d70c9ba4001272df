"""Norms that carry state from step to step, against formulas written here: three steps of y, dx, gradients and state."""
from norm_compare import B, C, EXACT, N, compare
from probe import assert_near, main
import torch


def affine(h, p):
    return h * p["weight"] + p["bias"]


def move(state, name, value, momentum):
    state[name] = (1 - momentum) * state[name] + momentum * value.detach()


def batch(momentum=0.1, eps=1e-5, mask=None):
    def formula(x, p, state, training):
        mean, var = state["running_mean"], state["running_var"]
        if training:
            rows = x.reshape(-1, C) if mask is None else x[mask]
            n = rows.shape[0]
            mean = rows.sum(0) / n
            var = ((rows - mean) ** 2).sum(0) / n
            move(state, "running_mean", mean, momentum)
            move(state, "running_var", var * n / (n - 1), momentum)
        return affine((x - mean) / torch.sqrt(var + eps), p)

    return formula


def batch_norm(probe):
    compare(probe, {"kind": "batch"}, batch(), stateful=True)
    compare(probe, {"kind": "batch", "statistics": "per_rank", "momentum": 0.5, "eps": 0.1}, batch(0.5, 0.1), stateful=True)


def batch_norm_without_padded_tokens(probe):
    mask = torch.rand(B, N) < 0.6
    compare(probe, {"kind": "batch"}, batch(mask=mask), stateful=True, mask=mask)


def batch_norm_is_torchs(probe):
    """BatchNorm1d of the transposed tokens, with its running statistics."""

    def formula(x, p, state, training):
        y = torch.nn.functional.batch_norm(x.transpose(1, 2), state["running_mean"], state["running_var"], p["weight"],
                                           p["bias"], training, 0.1, 1e-5)
        return y.transpose(1, 2)

    compare(probe, {"kind": "batch"}, formula, stateful=True)


def batch_features(probe):
    def zscore(x, state, training, eps=1e-5):
        mean, var = state["running_mean"], state["running_var"]
        if training:
            rows = x.reshape(-1, C)
            mean, var = rows.mean(0), rows.var(0, unbiased=True)
            move(state, "running_mean", mean, 0.1)
            move(state, "running_var", var, 0.1)
        return (x - mean) / torch.sqrt(var + eps)

    def minmax(x, state, training, eps=1e-5):
        low, high = state["running_min"], state["running_max"]
        if training:
            rows = x.reshape(-1, C)
            low, high = rows.min(0).values, rows.max(0).values
            move(state, "running_min", low, 0.1)
            move(state, "running_max", high, 0.1)
        return (x - low) / (high - low + eps)

    def mix(x, p, state, training):
        share = torch.sigmoid(p["mix"])
        return affine(share * zscore(x, state, training) + (1 - share) * minmax(x, state, training), p)

    wide = {"running_min": -torch.rand(C) - 1, "running_max": torch.rand(C) + 1}
    compare(probe, {"kind": "zscore", "axis": "batch"}, lambda x, p, s, t: affine(zscore(x, s, t), p), stateful=True)
    compare(probe, {"kind": "minmax", "axis": "batch"}, lambda x, p, s, t: affine(minmax(x, s, t), p), stateful=True, state=wide)
    compare(probe, {"kind": "feature_mix", "axis": "batch"}, mix, stateful=True, state=wide)


def adyt_by_hand(rate=0.1, beta_g=0.99, eps=1e-6, low=0.1, high=2.0):
    def run(x, p, state, training, dy):
        with torch.no_grad():
            factor = 1 + rate / (state["grad_norm"] + eps)
            free = p["alpha"] * factor
            alpha = torch.clip(free, low, high)
            t = torch.tanh(alpha * x)
            inner = p["weight"] * dy * (1 - t * t)
            unclamped = ((free > low) & (free < high)).double()
            grads = {"alpha": (x * inner).sum() * factor * unclamped, "weight": (dy * t).sum((0, 1)), "bias": dy.sum((0, 1))}
            return p["weight"] * t + p["bias"], alpha * inner, grads

    def after(grads, state):
        norm = torch.sqrt(sum((g * g).sum() for g in grads.values()))
        state["grad_norm"] = beta_g * state["grad_norm"] + (1 - beta_g) * norm

    return run, after


def adyt(probe):
    positive = {"alpha": torch.tensor([0.6])}
    run, after = adyt_by_hand()
    compare(probe, {"kind": "adyt"}, run, backward=True, after=after, parameters=positive)
    run, after = adyt_by_hand(0.5, 0.9, 1e-3, 0.2, 1.0)
    config = {"kind": "adyt", "lambda": 0.5, "beta_g": 0.9, "eps": 1e-3, "alpha_min": 0.2, "alpha_max": 1.0}
    compare(probe, config, run, backward=True, after=after, parameters=positive)
    clamped = {"grad_norm": torch.tensor([0.02])}  # alpha * (1 + 0.5 / 0.021) is far above 1: no gradient for alpha
    compare(probe, config, run, backward=True, after=after, parameters=positive, state=clamped)


def adyt_trace(probe):
    """normalization.md 4.4: gradient norm .02 at each step, made by dy on one element of a token of zeros (t = 0)."""
    spec = {"op": "norm", "config": {"kind": "adyt", "beta_g": 0.9, "channels": C}, "dtype": "float64", "steps": 3}
    x, dy = torch.zeros(1, 1, C, dtype=torch.float64), torch.zeros(1, 1, C, dtype=torch.float64)
    dy[0, 0, 3] = 0.02
    out = probe.run(spec, {"x": x, "dy": dy})
    for step, (norm, alpha) in enumerate([(0.902, 0.55), (0.8138, 0.555432), (0.73442, 0.561440)]):
        assert_near(f"G.{step}", out[f"state.grad_norm.{step}"], torch.tensor([norm], dtype=torch.float64), EXACT)
        assert_near(f"alpha.{step}", out[f"dx.{step}"][0, 0, 3:4] / 0.02, torch.tensor([alpha], dtype=torch.float64), 1e-6)


if __name__ == "__main__":
    main([batch_norm, batch_norm_without_padded_tokens, batch_norm_is_torchs, batch_features, adyt, adyt_trace])
