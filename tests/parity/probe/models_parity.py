"""Logits, loss and gradients of ViT, MLP and ResNet against models written here with torch.nn.functional."""
from model_compare import block, compare, linear, norm, ten_steps
from probe import main
import torch
import torch.nn.functional as F


def vit(x, p, patch, heads, depth, pool, before_head=lambda pooled: pooled):
    kernel = p["patch_embed.weight"].reshape(-1, x.shape[1], patch, patch)
    x = F.conv2d(x, kernel, p["patch_embed.bias"], stride=patch).flatten(2).transpose(1, 2)
    if pool != "mean":
        x = torch.cat([p["cls_token"].expand(x.shape[0], -1, -1), x], 1)
    x = norm(x + p["pos_embed"], p, "embed")
    for i in range(depth):
        x = block(x, p, f"blocks.{i}", heads)
    if pool == "patches":
        return linear(before_head(norm(x[:, 1:].mean(1), p, "final")), p, "head")
    x = norm(x, p, "final")
    return linear(before_head(x[:, 0] if pool == "cls" else x.mean(1)), p, "head")


def teacher(x, p):
    return linear(F.relu(norm(linear(x.flatten(1), p, "layers.0.linear"), p, "layers.0.hidden")), p, "head")


def resnet(x, p, blocks):
    def normed(y, name):  # LayerNorm over the channels of each position
        return norm(y.permute(0, 2, 3, 1), p, name).permute(0, 3, 1, 2)

    x = F.relu(normed(F.conv2d(x, p["stem_conv.weight"], padding=1), "stem"))
    for stage in range(3):
        for i in range(blocks):
            name, stride = f"stages.{stage}.{i}", 2 if stage > 0 and i == 0 else 1
            y = F.relu(normed(F.conv2d(x, p[name + ".conv1.weight"], stride=stride, padding=1), name + ".norm1"))
            y = normed(F.conv2d(y, p[name + ".conv2.weight"], padding=1), name + ".norm2")
            if stride == 2:
                more = y.shape[1] - x.shape[1]
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
            x = F.relu(x + y)
    return linear(x.mean((2, 3)), p, "head")


def vit_with_mean_pooling(probe):
    config = {"family": "vit", "patch": 2, "dim": 16, "depth": 2, "heads": 4, "mlp_ratio": 2.0}
    compare(probe, config, lambda x, p: vit(x, p, 2, 4, 2, "mean"), (3, 1, 8, 8))


def vit_with_cls_token_on_colour_images(probe):
    config = {"family": "vit", "patch": 4, "dim": 24, "depth": 3, "heads": 3, "mlp_ratio": 4.0, "pool": "cls"}
    compare(probe, config, lambda x, p: vit(x, p, 4, 3, 3, "cls"), (2, 3, 8, 12), classes=7, label_smoothing=0.1)


def vit_that_pools_before_its_last_norm(probe):
    config = {"family": "vit", "patch": 2, "dim": 16, "depth": 2, "heads": 4, "mlp_ratio": 2.0, "pool": "patches"}
    compare(probe, config, lambda x, p: vit(x, p, 2, 4, 2, "patches"), (3, 1, 8, 8))


def vit_with_a_norm_at_every_site(probe):
    config = {"family": "vit", "patch": 4, "dim": 24, "depth": 2, "heads": 3, "pool": "cls", "qkv_bias": False,
              "norm_sites": {site: "layer" for site in ("embed", "post_attn", "post_ffn", "qk")}}
    compare(probe, config, lambda x, p: vit(x, p, 4, 3, 2, "cls"), (2, 1, 8, 8))


def vit_with_the_batch_norm_of_maes_linear_probe(probe):
    config = {"family": "vit", "patch": 4, "dim": 24, "depth": 2, "heads": 3, "pool": "cls",
              "norm_sites": {"head": {"kind": "batch", "affine": False, "eps": 1e-6}}}
    for mode in ("train", "eval"):  # which has the running values of no training, 0 and 1
        def normed(z):
            zeros, ones = torch.zeros_like(z[0]), torch.ones_like(z[0])
            return F.batch_norm(z, zeros, ones, training=mode == "train", eps=1e-6)

        compare(probe, config, lambda x, p: vit(x, p, 4, 3, 2, "cls", normed), (6, 1, 8, 8), mode=mode)


def mlp_teacher(probe):
    compare(probe, {"family": "mlp"}, teacher, (4, 1, 6, 6))


def regression_losses(probe):
    for loss in ("mse", "mae"):
        compare(probe, {"family": "mlp", "hidden": 16}, teacher, (4, 1, 3, 3), classes=2, loss=loss)


def resnets(probe):
    for depth in (8, 14):
        config = {"family": "resnet", "depth": depth, "width": 4}
        compare(probe, config, lambda x, p: resnet(x, p, (depth - 2) // 6), (3, 2, 9, 12))


def batch_norm_in_a_resnet_is_that_of_maps(probe):
    config = {"family": "resnet", "depth": 8, "width": 4, "norm": {"kind": "batch"}, "classes": 5}
    x, y = torch.randn(4, 1, 8, 8, dtype=torch.float64), torch.randint(5, (4,))
    out = probe.run({"op": "model", "config": config, "dtype": "float64"}, {"x": x, "y": y})
    p = {name.removeprefix("param."): value for name, value in out.items() if name.startswith("param.")}

    def normed(y, name):
        return F.batch_norm(y, None, None, p[name + ".weight"], p[name + ".bias"], training=True)

    z = F.relu(normed(F.conv2d(x, p["stem_conv.weight"], padding=1), "stem"))
    for stage in range(3):
        name, stride = f"stages.{stage}.0", 2 if stage else 1
        w = F.relu(normed(F.conv2d(z, p[name + ".conv1.weight"], stride=stride, padding=1), name + ".norm1"))
        w = normed(F.conv2d(w, p[name + ".conv2.weight"], padding=1), name + ".norm2")
        if stride == 2:
            z = F.pad(z[:, :, ::2, ::2], (0, 0, 0, 0, z.shape[1] // 2, z.shape[1] // 2))
        z = F.relu(z + w)
    assert (linear(z.mean((2, 3)), p, "head") - out["logits"]).abs().max() < 1e-10


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


def drop_path_is_of_whole_samples(probe):
    """In training a sample's block is left out or divided by the share that stays; at evaluation there is none."""
    config = {"family": "vit", "patch": 4, "dim": 8, "depth": 1, "heads": 2, "drop_path": 0.4, "classes": 3}
    samples = 256
    x, y = torch.randn(1, 1, 8, 8, dtype=torch.float64).expand(samples, 1, 8, 8).contiguous(), torch.zeros(samples, dtype=torch.int64)
    spec = {"op": "model", "config": config, "dtype": "float64"}
    given = {name: value + 0.2 * torch.randn(value.shape, dtype=torch.float64)
             for name, value in probe.run(spec, {"x": x, "y": y}).items() if name.startswith("param.")}
    train = probe.run({**spec, "mode": "train"}, {"x": x, "y": y, **given})["logits"]
    same = probe.run({**spec, "mode": "train"}, {"x": x, "y": y, **given})["logits"]
    evaluated = probe.run({**spec, "mode": "eval"}, {"x": x, "y": y, **given})["logits"]
    assert torch.equal(train, same) and (evaluated - evaluated[0]).abs().max() < 1e-12
    distinct = torch.unique(train.round(decimals=9), dim=0)
    assert len(distinct) == 4, "kept or dropped, of attention and of the MLP"
    p = {name.removeprefix("param."): value for name, value in given.items()}
    z = vit(x[:1], {**p, "blocks.0.attn.proj.weight": p["blocks.0.attn.proj.weight"] * 0,
                                               "blocks.0.attn.proj.bias": p["blocks.0.attn.proj.bias"] * 0,
                                               "blocks.0.mlp.fc2.weight": p["blocks.0.mlp.fc2.weight"] / 0.6,
                                               "blocks.0.mlp.fc2.bias": p["blocks.0.mlp.fc2.bias"] / 0.6}, 4, 2, 1, "mean")
    share = ((train - z).abs().max(1).values < 1e-9).double().mean().item()
    assert abs(share - 0.4 * 0.6) < 4.5 * (0.24 * 0.76 / samples) ** 0.5, share


def ten_training_steps(probe):
    config = {"family": "vit", "patch": 2, "dim": 16, "depth": 2, "heads": 4, "mlp_ratio": 2.0}
    ten_steps(probe, config, lambda x, p: vit(x, p, 2, 4, 2, "mean"), (8, 1, 8, 8))
    ten_steps(probe, {"family": "mlp"}, teacher, (8, 1, 6, 6))
    ten_steps(probe, {"family": "resnet", "depth": 8, "width": 4}, lambda x, p: resnet(x, p, 1), (8, 1, 8, 8))


if __name__ == "__main__":
    main([vit_with_mean_pooling, vit_with_cls_token_on_colour_images, vit_that_pools_before_its_last_norm,
          vit_with_a_norm_at_every_site, vit_with_the_batch_norm_of_maes_linear_probe, mlp_teacher, regression_losses,
          resnets, batch_norm_in_a_resnet_is_that_of_maps, initial_values, drop_path_is_of_whole_samples,
          ten_training_steps])
