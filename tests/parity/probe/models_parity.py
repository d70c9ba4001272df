"""Logits, loss and gradients of the models against models written here with torch.nn.functional."""
from probe import assert_near, main
import torch
import torch.nn.functional as F

EXACT = 1e-9  # float64 through some dozens of layers


def linear(x, p, name):
    return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))


def norm(x, p, name):
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], 1e-5)


def attention(x, p, name, heads):
    b, t, d = x.shape
    q, k, v = linear(x, p, name + ".qkv").reshape(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-1, -2) / (d // heads) ** 0.5
    return linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d), p, name + ".proj")


def vit(x, p, patch, heads, depth, pool):
    kernel = p["patch_embed.weight"].reshape(-1, x.shape[1], patch, patch)
    x = F.conv2d(x, kernel, p["patch_embed.bias"], stride=patch).flatten(2).transpose(1, 2)
    if pool == "cls":
        x = torch.cat([p["cls_token"].expand(x.shape[0], -1, -1), x], 1)
    x = x + p["pos_embed"]
    for i in range(depth):
        block = f"blocks.{i}."
        x = x + attention(norm(x, p, block + "pre_attn"), p, block + "attn", heads)
        hidden = F.gelu(linear(norm(x, p, block + "pre_ffn"), p, block + "mlp.fc1"))
        x = x + linear(hidden, p, block + "mlp.fc2")
    x = norm(x, p, "final")
    return linear(x[:, 0] if pool == "cls" else x.mean(1), p, "head")


def teacher(x, p):
    return linear(F.relu(norm(linear(x.flatten(1), p, "layers.0.linear"), p, "layers.0.hidden")), p, "head")


def compare(probe, config, formula, shape, classes=10, **spec):
    spec = {"op": "model", "config": {**config, "classes": classes}, "dtype": "float64", **spec}
    x, y = torch.randn(shape, dtype=torch.float64), torch.randint(classes, shape[:1])
    if spec.get("loss", "cross_entropy") != "cross_entropy":
        y = torch.randn(shape[0], classes, dtype=torch.float64)
    initial = {name: value for name, value in probe.run(spec, {"x": x, "y": y}).items() if name.startswith("param.")}
    # Initial weights are small: larger ones leave no layer near linear.
    given = {name: value + 0.2 * torch.randn(value.shape, dtype=torch.float64) for name, value in initial.items()}
    out = probe.run(spec, {"x": x, "y": y, **given})
    p = {name.removeprefix("param."): value.clone().requires_grad_() for name, value in given.items()}
    logits = formula(x, p)
    losses = {"cross_entropy": lambda: F.cross_entropy(logits, y, label_smoothing=spec.get("label_smoothing", 0.0)),
              "mse": lambda: F.mse_loss(logits, y), "mae": lambda: F.l1_loss(logits, y)}
    loss = losses[spec.get("loss", "cross_entropy")]()
    loss.backward()
    assert_near("logits", out["logits"], logits.detach(), EXACT)
    assert_near("loss", out["loss"], loss.detach(), EXACT)
    assert {name for name in out if name.startswith("grad.")} == {f"grad.{name}" for name in p}
    for name, value in p.items():
        assert_near(f"grad.{name}", out[f"grad.{name}"], value.grad, EXACT)
    return initial


def vit_with_mean_pooling(probe):
    config = {"family": "vit", "patch": 2, "dim": 16, "depth": 2, "heads": 4, "mlp_ratio": 2.0}
    compare(probe, config, lambda x, p: vit(x, p, 2, 4, 2, "mean"), (3, 1, 8, 8))


def vit_with_cls_token_on_colour_images(probe):
    config = {"family": "vit", "patch": 4, "dim": 24, "depth": 3, "heads": 3, "mlp_ratio": 4.0, "pool": "cls"}
    compare(probe, config, lambda x, p: vit(x, p, 4, 3, 3, "cls"), (2, 3, 8, 12), classes=7, label_smoothing=0.1)


def mlp_teacher(probe):
    compare(probe, {"family": "mlp"}, teacher, (4, 1, 6, 6))


def regression_losses(probe):
    for loss in ("mse", "mae"):
        compare(probe, {"family": "mlp", "hidden": 16}, teacher, (4, 1, 3, 3), classes=2, loss=loss)


def initial_values(probe):
    config = {"family": "vit", "patch": 2, "dim": 128, "depth": 1, "heads": 4}
    spec = {"op": "model", "config": config, "seed": 3}
    tensors = {"x": torch.zeros(1, 1, 8, 8), "y": torch.zeros(1, dtype=torch.int64)}
    first, again, other = (probe.run({**spec, "seed": seed}, tensors) for seed in (3, 3, 4))
    qkv = first["param.blocks.0.attn.qkv.weight"]
    assert torch.equal(qkv, again["param.blocks.0.attn.qkv.weight"])
    assert not torch.equal(qkv, other["param.blocks.0.attn.qkv.weight"])
    assert qkv.abs().max() <= 0.04 and abs(qkv.std() / (0.02 * 0.8796) - 1) < 0.02, qkv.std()
    assert first["param.blocks.0.attn.qkv.bias"].abs().max() == 0


if __name__ == "__main__":
    main([vit_with_mean_pooling, vit_with_cls_token_on_colour_images, mlp_teacher, regression_losses, initial_values])
