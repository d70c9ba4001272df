"""Forward and backward of every norm in float64 against formulas written here, gradients by hand-derived expressions or autograd."""
from norm_compare import B, C, EXACT, N, compare, parameters_of
from probe import assert_near, main
import torch


def layer(x, p, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    var = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps) * p["weight"] + p["bias"]


def rms(x, p, eps=1e-6):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * p["weight"]


def scale(x, p):
    return x * p["alpha"]


def dyt(x, p):
    return p["weight"] * torch.tanh(p["alpha"] * x) + p["bias"]


def branch(p, name):
    return {key[len(name) + 1 :]: value for key, value in p.items() if key.startswith(name + ".")}


def selector(x, p):
    pooled = x.mean(dim=1)
    hidden = torch.clamp(pooled @ p["gate.fc1.weight"].T + p["gate.fc1.bias"], min=0)
    logits = hidden @ p["gate.fc2.weight"].T + p["gate.fc2.bias"]
    e = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
    w = e / e.sum(dim=1, keepdim=True)
    return w[:, 0, None, None] * scale(x, branch(p, "scale")) + w[:, 1, None, None] * layer(x, branch(p, "layer"))


def layer_norm(probe):
    compare(probe, {"kind": "layer"}, layer)
    compare(probe, {"kind": "layer", "eps": 0.1}, lambda x, p: layer(x, p, 0.1))


def rms_norm(probe):
    compare(probe, {"kind": "rms"}, rms)


def scale_norm(probe):
    compare(probe, {"kind": "scale"}, scale)
    compare(probe, {"kind": "scale", "scalar": True}, scale)
    for scalar, scale0, start in ((False, 1, 1), (True, 0, C**0.5), (False, 0.25, 0.25)):
        spec = {"op": "norm", "config": {"kind": "scale", "scalar": scalar, "scale0": scale0, "channels": C}}
        x = torch.randn(1, 1, C)
        alpha = probe.run(spec, {"x": x, "dy": x})["param.alpha"]
        assert torch.equal(alpha, torch.full((1,) if scalar else (1, C), start, dtype=torch.float32)), alpha


def dynamic_tanh(probe):
    compare(probe, {"kind": "dyt"}, dyt)
    compare(probe, {"kind": "dyt", "alpha0": 0.8, "bias": False}, lambda x, p: p["weight"] * torch.tanh(p["alpha"] * x))


def no_norm(probe):
    compare(probe, {"kind": "none"}, lambda x, p: x * 1.0)


def norm_selector(probe):
    compare(probe, {"kind": "selector"}, selector)


def fixed_selector(probe):
    config = {"kind": "selector", "gate": "fixed", "weights": [0.25, 0.75]}
    compare(probe, config, lambda x, p: 0.25 * scale(x, branch(p, "scale")) + 0.75 * layer(x, branch(p, "layer")))


def selector_gradients_of_the_paper(probe):
    """normalization.md 8.6 with the scale branch: the hand-derived backward pass, not autograd."""
    spec = {"op": "norm", "config": {"kind": "selector", "channels": C}, "dtype": "float64"}
    p = parameters_of(probe, spec)
    x, dy = torch.randn(B, N, C, dtype=torch.float64), torch.randn(B, N, C, dtype=torch.float64)
    out = probe.run(spec, {"x": x, "dy": dy, **{f"param.{k}": v for k, v in p.items()}})
    pooled = x.mean(1)
    pre = pooled @ p["gate.fc1.weight"].T + p["gate.fc1.bias"]
    w = torch.softmax(pre.clamp(min=0) @ p["gate.fc2.weight"].T + p["gate.fc2.bias"], dim=1)
    mean = x.mean(-1, keepdim=True)
    r = 1 / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
    h = (x - mean) * r
    w0, w1 = w[:, 0, None, None], w[:, 1, None, None]
    u = w1 * p["layer.weight"] * dy
    dx = r * (u - h * (u * h).mean(-1, keepdim=True) - u.mean(-1, keepdim=True)) + w0 * p["scale.alpha"] * dy
    dw0 = (dy * p["scale.alpha"] * x).sum((1, 2))
    dw1 = (dy * (p["layer.weight"] * h + p["layer.bias"])).sum((1, 2))
    dw = torch.stack([dw0, dw1], 1)
    dlogits = w * (dw - (w * dw).sum(1, keepdim=True))
    dpooled = ((dlogits @ p["gate.fc2.weight"]) * (pre > 0)) @ p["gate.fc1.weight"]
    assert_near("dx", out["dx.0"], dx + dpooled[:, None, :] / N, EXACT)
    assert_near("dalpha", out["grad.scale.alpha.0"], (w0 * dy * x).sum((0, 1))[None, :], EXACT)
    assert_near("dgamma", out["grad.layer.weight.0"], (w1 * dy * h).sum((0, 1)), EXACT)
    assert_near("dbeta", out["grad.layer.bias.0"], (w1 * dy).sum((0, 1)), EXACT)


def images_are_normalized_per_pixel(probe):
    x, dy = torch.randn(2, C, 3, 4, dtype=torch.float64), torch.randn(2, C, 3, 4, dtype=torch.float64)
    spec = {"op": "norm", "config": {"kind": "layer", "channels": C}, "dtype": "float64"}
    out = probe.run(spec, {"x": x, "dy": dy})
    ones = {"weight": torch.ones(C, dtype=torch.float64), "bias": torch.zeros(C, dtype=torch.float64)}
    assert_near("y", out["y.0"], layer(x.permute(0, 2, 3, 1), ones).permute(0, 3, 1, 2), EXACT)


def low_precision_rounds_once(probe):
    x, dy = torch.randn(B, N, C).bfloat16(), torch.randn(B, N, C).bfloat16()
    for kind, formula in {"layer": layer, "rms": rms, "dyt": dyt}.items():
        p = {"weight": torch.ones(C), "bias": torch.zeros(C), "alpha": torch.tensor([0.5])}
        out = probe.run({"op": "norm", "config": {"kind": kind, "channels": C}, "dtype": "bfloat16"}, {"x": x, "dy": dy})
        reference = formula(x.float(), p)
        assert out["y.0"].dtype == torch.bfloat16
        assert_near(kind, out["y.0"].float(), reference, 2**-8)  # half a unit of bfloat16's 8 bits, relative


def gate_has_8386_parameters(probe):
    spec = {"op": "norm", "config": {"kind": "selector", "channels": 128}}
    gate = sum(p.numel() for name, p in parameters_of(probe, spec).items() if name.startswith("gate."))
    assert gate == 8386, gate


def gate_fixed_to_layer_norm_is_layer_norm_bitwise(probe):
    x, dy = torch.randn(B, N, C), torch.randn(B, N, C)
    fixed = {"kind": "selector", "gate": "fixed", "weights": [0.0, 1.0], "channels": C}
    a = probe.run({"op": "norm", "config": fixed}, {"x": x, "dy": dy})
    b = probe.run({"op": "norm", "config": {"kind": "layer", "channels": C}}, {"x": x, "dy": dy})
    assert torch.equal(a["y.0"], b["y.0"]) and torch.equal(a["dx.0"], b["dx.0"])
    assert torch.equal(a["grad.layer.weight.0"], b["grad.weight.0"])


def wrong_tensors_are_named(probe):
    x = torch.randn(B, N, C)
    spec = {"op": "norm", "config": {"kind": "layer", "channels": C}}
    assert "'dy'" in probe.error(spec, {"x": x})
    assert "param.gamma" in probe.error(spec, {"x": x, "dy": x, "param.gamma": torch.ones(C)})
    assert "param.weight" in probe.error(spec, {"x": x, "dy": x, "param.weight": torch.ones(C + 1)})
    assert "[B, N, 8]" in probe.error(spec, {"x": torch.randn(B, N, C + 1), "dy": x})
    assert "alpha0" in probe.error({"op": "norm", "config": {"kind": "dyt", "alpha_0": 1, "channels": C}}, {"x": x, "dy": x})
    assert "float64" in probe.error({**spec, "dtype": "float128"}, {"x": x, "dy": x})
    assert "norm, model" in probe.error({"op": "nrm"}, {})


if __name__ == "__main__":
    main([layer_norm, rms_norm, scale_norm, dynamic_tanh, no_norm, norm_selector, fixed_selector,
          selector_gradients_of_the_paper, images_are_normalized_per_pixel, low_precision_rounds_once,
          gate_has_8386_parameters, gate_fixed_to_layer_norm_is_layer_norm_bitwise, wrong_tensors_are_named])
