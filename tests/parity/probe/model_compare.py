"""One model through the probe and through a formula: logits, loss and all gradients, in float64 and float32."""
import itertools

from probe import assert_near
import torch
import torch.nn.functional as F

EXACT = 1e-10  # float64
ROUNDED = 4096 * 2**-23  # float32: thousands of roundings through some dozens of layers


def linear(x, p, name):
    return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))


def norm(x, p, name):
    """LayerNorm where the model has one of this name."""
    if name + ".weight" not in p:
        return x
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], 1e-5)


def attention(x, p, name, heads, scale=None):
    b, t, d = x.shape
    q, k, v = linear(x, p, name + ".qkv").reshape(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    q, k = norm(q, p, name + ".q_norm"), norm(k, p, name + ".k_norm")
    scores = q @ k.transpose(-1, -2) * (scale or (d // heads) ** -0.5)
    return linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d), p, name + ".proj")


def block(x, p, name, heads):
    x = norm(x + attention(norm(x, p, name + ".pre_attn"), p, name + ".attn", heads), p, name + ".post_attn")
    hidden = F.gelu(linear(norm(x, p, name + ".pre_ffn"), p, name + ".mlp.fc1"))
    return norm(x + linear(hidden, p, name + ".mlp.fc2"), p, name + ".post_ffn")


def targets(classes, shape, loss, real):
    if loss == "cross_entropy":
        return torch.randint(classes, shape[:1])
    return torch.randn(shape[0], classes, dtype=real)


def loss_of(logits, y, spec):
    return {"cross_entropy": lambda: F.cross_entropy(logits, y, label_smoothing=spec.get("label_smoothing", 0.0)),
            "mse": lambda: F.mse_loss(logits, y.double()),
            "mae": lambda: F.l1_loss(logits, y.double())}[spec.get("loss", "cross_entropy")]()


def initial_values(probe, spec, tensors):
    return {name: value for name, value in probe.run(spec, tensors).items() if name.startswith("param.")}


def compare(probe, config, formula, shape, classes=10, fixed=(), dtypes=("float64", "float32"), mode=None, **spec):
    """formula(x, p) → logits from float64 tensors, in training and evaluation unless `mode` says which. `fixed`: parameters
    that do not learn and keep their value."""
    for mode, dtype in itertools.product((mode,) if mode else ("train", "eval"), dtypes):
        real = getattr(torch, dtype)
        bound = EXACT if dtype == "float64" else ROUNDED
        full = {"op": "model", "config": {**config, "classes": classes}, "mode": mode, "dtype": dtype, **spec}
        x = torch.randn(shape, dtype=real)
        tensors = {"x": x, "y": targets(classes, shape, full.get("loss", "cross_entropy"), real)}
        initial = initial_values(probe, full, tensors)
        # Initial weights are small: larger ones leave no layer near linear.
        given = {name: value if name.removeprefix("param.") in fixed else value + 0.2 * torch.randn(value.shape, dtype=real)
                 for name, value in initial.items()}
        out = probe.run(full, {**tensors, **given})
        p = {name.removeprefix("param."): value.double().requires_grad_(name.removeprefix("param.") not in fixed)
             for name, value in given.items()}
        logits = formula(x.double(), p)
        loss = loss_of(logits, tensors["y"], full)
        loss.backward()
        assert_near(f"{dtype} logits", out["logits"].double(), logits.detach(), bound)
        assert_near(f"{dtype} loss", out["loss"].double(), loss.detach(), bound)
        assert_gradients(dtype, out, p, bound)
    return out


def assert_gradients(dtype, out, p, bound):
    learning = {name: value for name, value in p.items() if value.requires_grad}
    assert {name for name in out if name.startswith("grad.")} == {f"grad.{name}" for name in learning}
    worst = 0.0
    for name, value in learning.items():
        ours = out[f"grad.{name}"].double()
        error = ((ours - value.grad).abs() / (1.0 + value.grad.abs())).max().item()
        assert ours.shape == value.grad.shape and error <= bound, f"{dtype} grad.{name}: {error:.1e}, allowed {bound:.1e}"
        worst = max(worst, error)
    print(f"{dtype} gradients of {len(learning)} parameters: {worst:.1e}")


def ten_steps(probe, config, formula, shape, classes=10, fixed=(), bound=1e-9, **spec):
    """Ten steps of AdamW on one batch, from the initial weights: the curve of losses and the weights at its end."""
    train = {"lr": 1e-3, "weight_decay": 0.05, "clip": 0.0}
    full = {"op": "model", "config": {**config, "classes": classes}, "dtype": "float64", **spec}
    tensors = {"x": torch.randn(shape, dtype=torch.float64)}
    tensors["y"] = targets(classes, shape, full.get("loss", "cross_entropy"), torch.float64)
    p = {name.removeprefix("param."): value.clone().requires_grad_(name.removeprefix("param.") not in fixed)
         for name, value in initial_values(probe, full, tensors).items()}
    out = probe.run({**full, "steps": 10, "train": train}, tensors)
    learning = [value for value in p.values() if value.requires_grad]
    groups = [{"params": [v for v in learning if v.dim() > 1], "weight_decay": 0.05},
              {"params": [v for v in learning if v.dim() <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, eps=1e-8, foreach=False)
    for k in range(10):
        optimizer.zero_grad()
        loss = loss_of(formula(tensors["x"], p), tensors["y"], full)
        loss.backward()
        assert_near(f"loss.{k}", out[f"loss.{k}"], loss.detach(), bound)
        optimizer.step()
    for name, value in p.items():
        assert_near(f"param.{name}", out[f"param.{name}"], value.detach(), bound)
