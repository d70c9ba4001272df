"""Every gate of the selector at every granularity and input, the fused blend of dyt and layer, and its entropy and freeze rules."""
from norm_compare import B, C, EXACT, N, compare
from norms_parity import branch, dyt, layer, rms, scale
from probe import assert_near, main
import torch

PAIR = {"scale": scale, "layer": layer}


def logits_of(x, p, outputs):
    """Two layers on the gate's input [..., C] → [..., outputs]."""
    hidden = torch.clamp(x @ p["gate.fc1.weight"].T + p["gate.fc1.bias"], min=0)
    return (hidden @ p["gate.fc2.weight"].T + p["gate.fc2.bias"]).unflatten(-1, outputs)


def gate_input(x, granularity, source):
    if granularity == "token":
        return x
    return x[:, 0] if source == "cls" else x.mean(1)


def softmax_weights(x, p, granularity, source):
    """[B, N or 1, C or 1, 2]"""
    h = gate_input(x, granularity, source)
    if granularity == "channel":
        return torch.softmax(logits_of(h, p, (C, 2)), -1)[:, None]
    w = torch.softmax(logits_of(h, p, (2,)), -1)
    return w[:, :, None] if granularity == "token" else w[:, None, None]


def sigmoid_weights(x, p, granularity, source):
    h = gate_input(x, granularity, source)
    second = torch.sigmoid(h @ p["gate.fc.weight"].T + p["gate.fc.bias"])  # [B, N, 1], [B, C] or [B, 1]
    second = second if granularity == "token" else second[:, None]
    return torch.stack([1 - second, second], -1)


def static_weights(x, p, granularity, source):
    w = torch.softmax(p["gate.logits"].reshape(-1, 2), -1)  # [C or 1, 2]
    return w[None, None]


def blended(weights, branches, *how):
    def formula(x, p):
        w = weights(x, p, *how)
        parts = [f(x, branch(p, name)) for name, f in branches.items()]
        return sum(w[..., k] * part for k, part in enumerate(parts))

    return formula


def gates(probe):
    rules = {"softmax": softmax_weights, "sigmoid": sigmoid_weights, "static": static_weights}
    for gate, weights in rules.items():
        for granularity in ("sample", "token", "channel"):
            for source in ("mean", "cls"):
                if (gate == "static" and (granularity == "token" or source == "cls")) or (granularity == "token" and source == "cls"):
                    continue
                config = {"kind": "selector", "gate": gate, "granularity": granularity}
                if gate != "static":
                    config["gate_input"] = source
                print(gate, granularity, source)
                compare(probe, config, blended(weights, PAIR, granularity, source))


def fused_blend(probe):
    """dyt and layer go through one kernel, in either order."""
    def stiff(x, p):
        return layer(x, p, 1e-3)

    fine = {"kind": "layer", "eps": 1e-3}
    for gate, weights in {"softmax": softmax_weights, "sigmoid": sigmoid_weights, "static": static_weights}.items():
        for branches, formulas in ((["dyt", fine], {"dyt": dyt, "layer": stiff}), ([fine, "dyt"], {"layer": stiff, "dyt": dyt})):
            for tokens in (1, N, 65):
                config = {"kind": "selector", "gate": gate, "branches": branches}
                compare(probe, config, blended(weights, formulas, "sample", "mean"), steps=1, shape=(B, tokens, C))


def what_is_expected_of_noise(probe):
    """At evaluation a random gate weighs equally, any number of branches, and gumbel takes the branch of the largest logit."""
    three = {"kind": "selector", "branches": ["scale", "layer", "rms"], "gate_eval": "expected"}
    formulas = {"scale": scale, "layer": layer, "rms": rms}

    def equal(x, p):
        return sum(f(x, branch(p, name)) for name, f in formulas.items()) / 3

    def largest(x, p):
        logits = logits_of(x.mean(1), p, (3,))
        w = torch.nn.functional.one_hot(logits.argmax(-1), 3).to(x.dtype)
        return sum(w[:, None, None, k] * f(x, branch(p, name)) for k, (name, f) in enumerate(formulas.items()))

    compare(probe, {**three, "gate": "random"}, equal, modes=("eval",))
    x, dy = torch.randn(B, N, C, dtype=torch.float64), torch.randn(B, N, C, dtype=torch.float64)
    spec = {"op": "norm", "config": {**three, "gate": "gumbel", "channels": C}, "mode": "eval", "dtype": "float64"}
    out = probe.run(spec, {"x": x, "dy": dy})
    p = {name.removeprefix("param."): value for name, value in out.items() if name.startswith("param.")}
    assert_near("gumbel", out["y.0"], largest(x, p), EXACT)


def random_weights_lie_on_the_simplex(probe):
    """Three branches of different constants: 1, 100, 10,000; a weight is 1/3 on average, with deviation √(1/18)."""
    config = {"kind": "selector", "branches": [{"kind": "scale", "scale0": s} for s in (1.0, 100.0, 10000.0)], "gate": "random", "channels": C}
    x = torch.ones(256, N, C, dtype=torch.float64)
    y = probe.run({"op": "norm", "config": config, "dtype": "float64"}, {"x": x, "dy": x})["y.0"]
    assert_near("of a sample", y, y[:, :1, :1].expand_as(y), 1e-9)
    blend = y[:, 0, 0]
    assert blend.min() > 1 and blend.max() < 10000, blend
    assert abs(blend.mean().item() - 10101 / 3) < 5 * 10000 * (1 / 18 / 256) ** 0.5, blend.mean()
    assert abs(blend.std().item() / 10000 - (1 / 18) ** 0.5) < 0.04, blend.std()


def entropy_is_part_of_the_loss(probe):
    config = {"family": "vit", "patch": 2, "dim": 8, "depth": 1, "heads": 2, "classes": 3,
              "norm": {"kind": "selector", "entropy_weight": 5.0}}
    plain = {**config, "norm": {"kind": "selector"}}
    tensors = {"x": torch.randn(4, 1, 4, 4, dtype=torch.float64), "y": torch.randint(3, (4,))}
    spec = {"op": "model", "dtype": "float64"}
    with_it, without = (probe.run({**spec, "config": c}, tensors) for c in (config, plain))
    gain = (with_it["loss"] - without["loss"]).item() / 5
    assert 0.5 < gain < 3 * 0.6932, gain  # three gates near one half each, ln 2
    name = "grad.blocks.0.pre_attn.gate.fc2.weight"
    assert not torch.equal(with_it[name], without[name])
    evaluated = [probe.run({**spec, "config": c, "mode": "eval"}, tensors)["loss"] for c in (config, plain)]
    assert torch.equal(*evaluated), "only training has it"


def a_frozen_gate_stays(probe):
    """Steps 0 and 1 are the first epoch. Step 2 finds the gate's epoch over: what it had in that step's forward pass stays,
    whatever the update does with the last gradient, and step 3 has none."""
    config = {"kind": "selector", "freeze_epoch": 1, "channels": C}
    x = torch.randn(B, N, C, dtype=torch.float64)
    spec = {"op": "norm", "config": config, "dtype": "float64", "steps": 4, "steps_per_epoch": 2}
    out = probe.run(spec, {"x": x, "dy": torch.randn_like(x)})
    for k in range(4):
        gradient = out.get(f"grad.gate.fc2.weight.{k}")
        learns = gradient is not None and bool(gradient.abs().max() > 0)
        assert learns == (k < 3) and out[f"state.gate.frozen.{k}"].item() == (k >= 2), (k, gradient)


if __name__ == "__main__":
    main([gates, fused_blend, what_is_expected_of_noise, random_weights_lie_on_the_simplex, entropy_is_part_of_the_loss, a_frozen_gate_stays])
