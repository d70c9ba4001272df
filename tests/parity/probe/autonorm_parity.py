"""The three forms of the AutoNorm transformer against formulas written from the description of its code."""
from model_compare import attention, compare, linear, norm, ten_steps
from probe import main
import torch
import torch.nn.functional as F


def embed_image(x, p, patch):
    if x.shape[1] == 1:
        x = x.repeat(1, 3, 1, 1)
    kernel = p["patch_embed.weight"].reshape(-1, 3, patch, patch)
    x = F.conv2d(x, kernel, p["patch_embed.bias"], stride=patch)
    x = x + F.interpolate(p["pos_embed"], size=x.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([p["cls_token"].expand(x.shape[0], -1, -1), x.flatten(2).transpose(1, 2)], 1)


def selector(x, p, name):
    """NormSelector with branches scale and layer and a softmax gate."""
    gate = linear(F.relu(linear(x.mean(1), p, name + ".gate.fc1")), p, name + ".gate.fc2").softmax(-1)
    branches = x * p[name + ".scale.alpha"], norm(x, p, name + ".layer")
    return sum(gate[:, k, None, None] * branch for k, branch in enumerate(branches))


def site(x, p, name):
    return selector(x, p, name) if name + ".gate.fc1.weight" in p else norm(x, p, name)


def mlp(x, p, name):
    x = linear(F.gelu(linear(x, p, name + ".mlp.fc1")), p, name + ".mlp.fc2")
    x = x * linear(F.gelu(linear(x.mean(1), p, name + ".se.fc1")), p, name + ".se.fc2").sigmoid()[:, None]
    return x * p[name + ".mlp_scale"]


def published(x, p, depth, patch=4):
    x = embed_image(x, p, patch) if patch else linear(x.flatten(1), p, "table_embed")[:, None]
    x = site(x, p, "embed")
    for i in range(depth):
        x = site(x + mlp(x, p, f"blocks.{i}"), p, f"blocks.{i}.post_ffn")
    return linear(x[:, 0], p, "head")


def corrected(x, p, depth, heads, patch=4):
    x = embed_image(x, p, patch) if patch else linear(x.flatten(1), p, "table_embed")[:, None]
    x = site(x, p, "embed")
    for i in range(depth):
        name = f"blocks.{i}"
        x = x + attention(site(x, p, name + ".pre_attn"), p, name + ".attn", heads) * p[name + ".attn_scale"]
        x = x + mlp(site(x, p, name + ".pre_ffn"), p, name)
    return linear(site(x, p, "final")[:, 0], p, "head")


def first_version(x, p, depth, heads):
    x = site(linear(x.flatten(1), p, "embed_input")[:, None], p, "embed")
    for i in range(depth):
        name = f"blocks.{i}"
        x = norm(x + attention(x, p, name + ".attn", heads), p, name + ".post_attn")
        x = linear(F.gelu(linear(x, p, name + ".mlp.fc1")), p, name + ".mlp.fc2")
    return linear(x[:, 0], p, "head")


SMALL = {"dim": 24, "depth": 3}


def published_form_on_images(probe):
    for shape in ((3, 1, 28, 28), (2, 3, 8, 16)):
        for norms in ({}, {"norm": {"kind": "selector"}}):
            compare(probe, {"family": "autonorm", **SMALL, **norms}, lambda x, p: published(x, p, 3), shape, mode="eval")


def published_form_on_a_table(probe):
    config = {"family": "autonorm", "input": "table", **SMALL, "norm": {"kind": "selector"}}
    compare(probe, config, lambda x, p: published(x, p, 3, patch=None), (5, 1, 1, 8), classes=1, mode="eval", loss="mse")


def training_without_noise_is_evaluation(probe):
    config = {"family": "autonorm", **SMALL, "dropout": 0.0, "drop_path": 0.0, "layer_scale": 0.5}
    compare(probe, config, lambda x, p: published(x, p, 3), (2, 1, 8, 8), mode="train")


def corrected_form(probe):
    for extra, patch, shape in (({}, 4, (3, 1, 12, 12)), ({"input": "table"}, None, (3, 1, 1, 8))):
        config = {"family": "autonorm_corrected", **SMALL, "heads": 3, "norm": {"kind": "selector"}, **extra}
        compare(probe, config, lambda x, p: corrected(x, p, 3, 3, patch), shape, mode="eval")


def first_form(probe):
    config = {"family": "autonorm_v0", "dim": 24, "depth": 2, "heads": 3, "norm": {"kind": "selector"}}
    compare(probe, config, lambda x, p: first_version(x, p, 2, 3), (3, 1, 6, 6), mode="eval")


def initial_values(probe):
    spec = {"op": "model", "config": {"family": "autonorm", "depth": 1, "norm": {"kind": "selector"}}}
    out = probe.run(spec, {"x": torch.zeros(1, 1, 28, 28), "y": torch.zeros(1, dtype=torch.int64)})
    assert torch.equal(out["param.blocks.0.mlp_scale"], torch.full((128,), 1e-4))
    assert out["param.pos_embed"].shape == (1, 128, 8, 8) and abs(out["param.pos_embed"].std() / 0.02 - 1) < 0.05
    weight = out["param.blocks.0.mlp.fc2.weight"]  # torch's default: uniform ± 1/√in
    assert weight.abs().max() <= 512**-0.5 and abs(weight.std() * 3**0.5 * 512**0.5 - 1) < 0.02


def dropout_keeps_the_mean(probe):
    """The first version with weights that pass its one dropout on: each hidden value is 0 or 1/(1 - p) times itself."""
    config = {"family": "autonorm_v0", "dim": 64, "depth": 1, "heads": 1, "dropout": 0.3, "classes": 64,
              "norm_sites": {"post_attn": "none", "embed": "none"}}
    spec = {"op": "model", "config": config, "dtype": "float64"}
    x, y = torch.randn(200, 1, 1, 4, dtype=torch.float64), torch.zeros(200, dtype=torch.int64)
    given = {name: value for name, value in probe.run(spec, {"x": x, "y": y}).items() if name.startswith("param.")}
    given["param.head.weight"] = torch.eye(64, dtype=torch.float64)
    given["param.head.bias"] = torch.zeros(64, dtype=torch.float64)
    train = probe.run({**spec, "mode": "train"}, {"x": x, "y": y, **given})["logits"]
    evaluated = probe.run({**spec, "mode": "eval"}, {"x": x, "y": y, **given})["logits"]
    ratio = train / evaluated
    assert ((ratio.abs() < 1e-12) | ((ratio - 1 / 0.7).abs() < 1e-6)).all()
    share = (ratio.abs() < 1e-12).double().mean().item()
    assert abs(share - 0.3) < 4.5 * (0.3 * 0.7 / 12800) ** 0.5, share
    rows = (ratio.abs() < 1e-12).double()
    assert len(torch.unique(rows, dim=0)) == 200, "each sample has noise of its own"


def ten_training_steps(probe):
    still = {"dropout": 0.0, "drop_path": 0.0, "layer_scale": 0.1, "norm": {"kind": "selector"}}
    ten_steps(probe, {"family": "autonorm", **SMALL, **still}, lambda x, p: published(x, p, 3), (4, 1, 8, 8))
    ten_steps(probe, {"family": "autonorm_corrected", **SMALL, "heads": 3, **still}, lambda x, p: corrected(x, p, 3, 3), (4, 1, 8, 8))


if __name__ == "__main__":
    main([published_form_on_images, published_form_on_a_table, training_without_noise_is_evaluation, corrected_form, first_form,
          initial_values, dropout_keeps_the_mean, ten_training_steps])
