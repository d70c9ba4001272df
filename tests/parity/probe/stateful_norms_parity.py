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


def prepbn(probe):
    def formula(warm, total, start, first="ln", every=1):
        bn = batch()

        def before(x, p):
            if first == "rms":
                return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * p["rms.weight"]
            mean = x.mean(-1, keepdim=True)
            return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5) * p["ln.weight"] + p["ln.bias"]

        def f(x, p, state, training):
            counts = int(state["iters"].item()) // every
            inner = {"running_mean": state["bn.running_mean"], "running_var": state["bn.running_var"]}
            bn_p = {"weight": p["bn.weight"], "bias": p["bn.bias"]}
            warming = training and counts < warm
            rep = bn(x, bn_p, inner, training and not warming) + p["eta"] * x
            if not training:
                return rep
            state["iters"] += 1
            state["bn.running_mean"], state["bn.running_var"] = inner["running_mean"], inner["running_var"]
            share = 1.0 if warming else start * max(0, total - (counts - warm)) / total
            return share * before(x, p) + (1 - share) * rep

        return f

    counted = {"iters": torch.zeros(1, dtype=torch.int64)}
    compare(probe, {"kind": "prepbn", "decay_iters": 2, "lambda_start": 0.8}, formula(0, 2, 0.8), stateful=True, state=counted)
    compare(probe, {"kind": "prepbn", "warmup_iters": 1, "decay_iters": 4}, formula(1, 4, 1.0), stateful=True, state=counted)
    language = {"kind": "prepbn", "first": "rms", "warmup_iters": 1, "decay_iters": 3, "count_every": 2}
    compare(probe, language, formula(1, 3, 1.0, "rms", 2), stateful=True, state=counted, steps=9)


def prepbn_of_language_models_starts_as_nothing(probe):
    x = torch.randn(2, 3, C)
    spec = {"op": "norm", "config": {"kind": "prepbn", "first": "rms", "eta0": 0, "batch_weight0": 0, "channels": C}, "mode": "eval"}
    out = probe.run(spec, {"x": x, "dy": x})
    assert out["y.0"].abs().max() == 0 and out["param.eta"].item() == 0 and out["param.bn.weight"].abs().max() == 0
    assert torch.equal(out["param.rms.weight"], torch.ones(C)) and "param.ln.weight" not in out


def switchable(probe):
    def mixed(x, p, parts):
        w, v = torch.softmax(p["mean_logits"], 0), torch.softmax(p["var_logits"], 0)
        mean = sum(w[k] * part[0] for k, part in enumerate(parts))
        var = sum(v[k] * part[1] for k, part in enumerate(parts))
        return affine((x - mean) / torch.sqrt(var + 1e-5), p)

    def remember(state, mean, var, decay):
        move(state, "running_mean", mean, 1 - decay)
        move(state, "running_var", var, 1 - decay)
        return mean, var

    def by_sample(x, p, state, training):
        mean, var = x.mean(1, keepdim=True), x.var(1, unbiased=True, keepdim=True)
        square = var + mean**2
        ln = mean.mean(2, keepdim=True), square.mean(2, keepdim=True) - mean.mean(2, keepdim=True) ** 2
        bn = state["running_mean"], state["running_var"]
        if training:
            bn = remember(state, mean.mean((0, 1)), square.mean((0, 1)) - mean.mean((0, 1)) ** 2, 0.9)
        return mixed(x, p, [(mean, var), ln, bn])

    def by_token(x, p, state, training):
        ln = x.mean(2, keepdim=True), x.var(2, unbiased=True, keepdim=True)
        bn = state["running_mean"], state["running_var"]
        if training:
            rows = x.reshape(-1, C)
            bn = remember(state, rows.mean(0), rows.var(0, unbiased=True), 0.997)
        return mixed(x, p, [ln, bn])

    compare(probe, {"kind": "switchable"}, by_sample, stateful=True)
    compare(probe, {"kind": "switchable", "form": "token", "decay": 0.997}, by_token, stateful=True)


def power_by_hand(warm, groups, forward, backward, mask=None, eps=1e-5):
    def run(x, p, state, training, dy):
        leaf = x
        scaled = leaf
        if groups:
            split = leaf.reshape(*leaf.shape[:2], groups, C // groups)
            scaled = (split / torch.sqrt((split**2).mean(-1, keepdim=True) + eps)).reshape(leaf.shape)
        with torch.no_grad():
            if not training:
                z, scale = scaled / torch.sqrt(state["running_phi"] + eps), 1 / torch.sqrt(state["running_phi"] + eps)
                g, hat = p["weight"] * dy, p["weight"] * dy
            else:
                state["iters"] += 1
                t = int(state["iters"].item())
                rows = scaled.reshape(-1, C) if mask is None else scaled[mask]
                q = (rows**2).mean(0)
                z = scaled / torch.sqrt((q if t <= warm else state["running_phi"]) + eps)
                if t < warm:
                    state["running_phi"] = state["running_phi"] * (t - 1) / t + q / t
                state["running_phi"] = forward * state["running_phi"] + (1 - forward) * q
                hat = p["weight"] * dy - (1 - backward) * state["ema_gz"] * z
                state["ema_gz"] = state["ema_gz"] + (hat * z).mean((0, 1))
                scale = 1 / torch.sqrt((state["running_phi"] if t >= warm else q) + eps)
            grads = {"weight": (dy * z).sum((0, 1)), "bias": dy.sum((0, 1))}
            y = p["weight"] * z + p["bias"]
        scaled.backward(hat * scale)
        return y, leaf.grad, grads

    return run


def power_norm(probe):
    start = {"iters": torch.zeros(1, dtype=torch.int64)}
    compare(probe, {"kind": "power_norm"}, power_by_hand(10000, 1, 0.9, 0.9), backward=True, state=start)
    config = {"kind": "power_norm", "warmup_iters": 2, "scale_groups": 2, "alpha_forward": 0.7, "alpha_backward": 0.6}
    compare(probe, config, power_by_hand(2, 2, 0.7, 0.6), backward=True, state=start, steps=4)
    mask = torch.rand(B, N) < 0.6
    compare(probe, {**config, "scale_groups": 1}, power_by_hand(2, 1, 0.7, 0.6, mask), backward=True, state=start, mask=mask)


def unified_by_hand(m_f, m_b, warm, filtration, mask=None, decay=0.9, eps=1e-5):
    """normalization.md 3.4, step by step."""

    def run(x, p, state, training, dy):
        with torch.no_grad():
            if not training:
                z = x / torch.sqrt(state["running_var"] + eps)
                dx = dy * p["weight"] / torch.sqrt(state["running_var"] + eps)
                return p["weight"] * z + p["bias"], dx, {"weight": (dy * z).sum((0, 1)), "bias": dy.sum((0, 1))}
            state["iters"] += 1
            t = int(state["iters"].item())
            rows = x.reshape(-1, x.shape[-1]) if mask is None else x[mask]
            q = (rows**2).mean(0)
            recorded = torch.sqrt(state["buffer_x2"]).var(unbiased=True)
            state["buffer_x2"][t % m_f] = q
            skip = False
            if t >= warm and filtration:
                am, gm = state["buffer_x2"].mean(0), torch.exp(torch.log(state["buffer_x2"]).mean(0))
                if bool((am - gm > m_f * recorded).any()):
                    skip = True
                    state["buffer_x2"][t % m_f] = state["running_var"]
                    state["skip_counter"] += 1
            if m_f == 1:
                skip = True
            v = q if t <= m_f or t < warm or skip else torch.exp(torch.log(state["buffer_x2"]).mean(0))
            r = torch.ones_like(v)
            if not (t <= max(1000, warm) or skip):
                r = torch.clip(torch.sqrt(v + eps) / torch.sqrt(state["running_var"] + eps), 1 / 5, 5)
            z = x / torch.sqrt(v + eps)
            state["running_var"] = decay * state["running_var"] + (1 - decay) * v
            g = dy * p["weight"] * r
            gz = (g * z).mean((0, 1))
            state["buffer_gz"][t % m_b] = state["ema_gz"] if skip else gz
            s = gz if t <= m_b or t < warm or skip else state["buffer_gz"].mean(0)
            state["ema_gz"] = decay * state["ema_gz"] + (1 - decay) * s
            dx = (g - (s if skip else state["ema_gz"]) * z) / torch.sqrt(v + eps)
            return p["weight"] * z + p["bias"], dx, {"weight": (dy * r * z).sum((0, 1)), "bias": dy.sum((0, 1))}

    return run


def unified(probe):
    def at(t):
        return {"iters": torch.tensor([t], dtype=torch.int64)}

    compare(probe, {"kind": "unified"}, unified_by_hand(4, 4, 4000, True), backward=True, state=at(0))
    late = {"kind": "unified", "warmup_iters": 2, "window": 3, "window_backward": 2}
    compare(probe, late, unified_by_hand(3, 2, 2, True), backward=True, state=at(0), steps=6)
    compare(probe, {**late, "filtration": False}, unified_by_hand(3, 2, 2, False), backward=True, state=at(2000), steps=4)
    compare(probe, {**late, "window": 1}, unified_by_hand(1, 2, 2, True), backward=True, state=at(2000))
    mask = torch.rand(B, N) < 0.6
    compare(probe, late, unified_by_hand(3, 2, 2, True, mask), backward=True, state=at(2000), mask=mask)


def unified_table(probe):
    """The test vector of normalization.md 3.4, which the published module gives too."""
    xs = [[(1, 2), (3, -2)], [(2, 1), (2, 1)], [(1, 1), (3, 3)], [(2, 2), (2, -2)], [(1, 3), (2, 1)]]
    dys = [[(1, 0), (0, 1)], [(1, 1), (0, 0)], [(1, 0), (1, 1)], [(0, 1), (1, 0)], [(1, -1), (0, 2)]]
    skips = [0, 0, 1, 1, 1]
    running = [(1.4, 1.3), (1.66, 1.27), (1.994, 1.643), (2.052282, 1.704089), (2.163282, 1.980893)]
    ema = [(0.022361, -0.05), (0.070125, 0.005), (0.152555, 0.071582), (0.171953, 0.097978), (0.199964, 0.109663)]
    y = [(0.447213, 0.999999), (0.999999, 0.999995), (0.447213, 0.447213), (1.245911, 1.332181), (0.56234, 1.418611)]
    dx = [(0.442741, 0.025), (0.464937, 0.994995), (0.268328, -0.134164), (-0.133461, 0.579149), (0.499106, -0.546434)]
    config = {"kind": "unified", "window": 2, "window_backward": 2, "warmup_iters": 3, "channels": 2}
    wide = torch.float64
    tensors = {f"x.{k}": torch.tensor([rows], dtype=wide) for k, rows in enumerate(xs)}
    tensors |= {f"dy.{k}": torch.tensor([rows], dtype=wide) for k, rows in enumerate(dys)}
    out = probe.run({"op": "norm", "config": config, "dtype": "float64", "steps": 5}, tensors)
    for k in range(5):
        for name, ours, theirs in (("running", out[f"state.running_var.{k}"], running[k]), ("ema", out[f"state.ema_gz.{k}"], ema[k]),
                                   ("y", out[f"y.{k}"][0, 0], y[k]), ("dx", out[f"dx.{k}"][0, 0], dx[k]),
                                   ("skips", out[f"state.skip_counter.{k}"], [skips[k]])):
            assert_near(f"{name}.{k}", ours, torch.tensor(theirs, dtype=wide), 1e-6)


if __name__ == "__main__":
    main([batch_norm, batch_norm_without_padded_tokens, batch_norm_is_torchs, batch_features, adyt, adyt_trace, prepbn,
          prepbn_of_language_models_starts_as_nothing,          switchable, power_norm, unified, unified_table])
