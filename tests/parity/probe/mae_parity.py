"""The masked autoencoder against formulas of its own, for the patches that the probe says were hidden."""
from model_compare import EXACT, ROUNDED, assert_gradients, block, initial_values, linear, norm
from probe import assert_near, main
import torch
import torch.nn.functional as F

TINY = {"family": "mae", "patch": 7, "dim": 64, "depth": 4, "heads": 4, "decoder_dim": 64, "decoder_depth": 2,
        "decoder_heads": 4, "positions": "learned", "init": "torch", "cls": False}


def sincos(rows, columns, dim):
    """As the MAE repository computes it: halves of the channels for the column and the row, sines, then cosines."""
    def axis(positions):
        omega = 1.0 / 10000 ** (torch.arange(dim // 4, dtype=torch.float64) / (dim / 4))
        out = positions.reshape(-1)[:, None] * omega
        return torch.cat([out.sin(), out.cos()], 1)

    row, column = torch.meshgrid(torch.arange(rows, dtype=torch.float64), torch.arange(columns, dtype=torch.float64), indexing="ij")
    return torch.cat([axis(column), axis(row)], 1)


def patchify(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // patch, patch, w // patch, patch)
    return torch.einsum("nchpwq->nhwpqc", x).reshape(b, -1, patch * patch * c)


def mae(x, p, hidden, config):
    """Prediction of every patch; `hidden` [B, N] marks those that the encoder must not see."""
    patch, heads, cls = config["patch"], config["heads"], config.get("cls", True)
    kernel = p["patch_embed.weight"].reshape(-1, x.shape[1], patch, patch)
    z = F.conv2d(x, kernel, p["patch_embed.bias"], stride=patch).flatten(2).transpose(1, 2)
    first = 1 if cls else 0
    z = z + p["pos_embed"][:, first:]
    seen = [torch.nonzero(row == 0)[:, 0] for row in hidden]  # any order: no later part depends on it
    z = torch.stack([row[index] for row, index in zip(z, seen)])
    if cls:
        z = torch.cat([(p["cls_token"] + p["pos_embed"][:, :1]).expand(len(z), -1, -1), z], 1)
    for i in range(config["depth"]):
        z = block(z, p, f"blocks.{i}", heads)
    z = linear(norm(z, p, "final"), p, "decoder.embed")
    full = p["decoder.mask_token"].expand(len(z), hidden.shape[1], -1)
    full = torch.stack([row.index_copy(0, index, values) for row, index, values in zip(full, seen, z[:, first:])])
    if cls:
        full = torch.cat([z[:, :1], full], 1)
    full = full + p["decoder.pos_embed"]
    for i in range(config["decoder_depth"]):
        full = block(full, p, f"decoder.blocks.{i}", config["decoder_heads"])
    return linear(norm(full, p, "decoder.final"), p, "decoder.pred")[:, first:]


def target_of(x, config):
    target = patchify(x, config["patch"])
    if config.get("norm_pix"):
        target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
    return target


def compare(probe, config, shape):
    for dtype, bound in (("float64", EXACT), ("float32", ROUNDED)):
        real = getattr(torch, dtype)
        spec = {"op": "model", "config": config, "dtype": dtype, "loss": "reconstruction"}
        x = torch.rand(shape, dtype=real)
        initial = initial_values(probe, spec, {"x": x})
        fixed = [] if config.get("positions") == "learned" else ["pos_embed", "decoder.pos_embed"]
        given = {name: value if name.removeprefix("param.") in fixed else value + 0.1 * torch.randn(value.shape, dtype=real)
                 for name, value in initial.items()}
        out = probe.run(spec, {"x": x, **given})
        p = {name.removeprefix("param."): value.double().requires_grad_(name.removeprefix("param.") not in fixed)
             for name, value in given.items()}
        hidden = out["hidden"].double()
        prediction = mae(x.double(), p, hidden, config)
        error = prediction - target_of(x.double(), config)
        loss = (error.square() * hidden[..., None]).sum() / (hidden.sum() * error.shape[-1])
        loss.backward()
        assert_near(f"{dtype} prediction", out["logits"].double(), prediction.detach(), bound)
        assert_near(f"{dtype} loss", out["loss"].double(), loss.detach(), bound)
        assert_gradients(dtype, out, p, bound)
        if dtype == "float64":
            assert out["close"].item() == int(((error.abs() < 0.1) & (hidden[..., None] > 0)).sum())
    return out


def mae_tiny(probe):
    out = compare(probe, TINY, (5, 1, 28, 28))
    assert torch.equal(out["hidden"].sum(1), torch.full((5,), 12.0)), "4 of 16 patches are seen"
    assert out["macs"].item() == 2_549_760 + 4 * 64 * (9 * 4 + 5 * 16)  # and 14 LayerNorms
    assert sum(v.numel() for k, v in out.items() if k.startswith("param.")) == 312_817


def sincos_positions_with_a_cls_token(probe):
    config = {"family": "mae", "patch": 4, "dim": 24, "depth": 2, "heads": 3, "decoder_dim": 16, "decoder_depth": 2,
              "decoder_heads": 2}
    out = compare(probe, config, (3, 3, 12, 8))
    for name, dim in (("pos_embed", 24), ("decoder.pos_embed", 16)):
        ours = out[f"param.{name}"][0].double()
        assert ours[0].abs().max() == 0 and (ours[1:] - sincos(3, 2, dim)).abs().max() < 1e-7, name


def targets_by_patch(probe):
    compare(probe, {**TINY, "dim": 32, "depth": 1, "norm_pix": True, "mask_ratio": 0.6}, (3, 1, 28, 28))


def one_norm_for_the_decoder(probe):
    config = {**TINY, "depth": 1, "norm_sites": {"decoder": "none"}}
    compare(probe, config, (2, 1, 28, 28))


def masks_are_of_each_sample_and_seed(probe):
    x = torch.rand(64, 1, 28, 28)
    spec = {"op": "model", "config": {**TINY, "depth": 1}, "loss": "reconstruction"}
    first, again, other, evaluated = (probe.run({**spec, **change}, {"x": x})["hidden"]
                                      for change in ({}, {}, {"seed": 1}, {"mode": "eval"}))
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, evaluated)
    assert len(torch.unique(first, dim=0)) > 55 and (first.mean(0) - 0.75).abs().max() < 0.25


def initial_weights(probe):
    x = torch.zeros(1, 1, 28, 28)
    out = probe.run({"op": "model", "config": TINY, "loss": "reconstruction"}, {"x": x})
    assert out["param.blocks.0.attn.qkv.weight"].abs().max() <= (6 / 256) ** 0.5  # xavier of [192, 64]
    assert out["param.blocks.0.attn.qkv.weight"].abs().max() > 0.99 * (6 / 256) ** 0.5
    assert out["param.blocks.0.attn.proj.weight"].abs().max() <= 1 / 8 and out["param.blocks.0.attn.proj.bias"].abs().max() == 0
    assert 0 < out["param.blocks.0.mlp.fc1.bias"].abs().max() <= 1 / 8
    assert abs(out["param.pos_embed"].std() / 0.02 - 1) < 0.1 and 0 < out["param.decoder.mask_token"].abs().max() < 0.1
    base = {**TINY, "init": "xavier", "dim": 64}
    out = probe.run({"op": "model", "config": base, "loss": "reconstruction"}, {"x": x})
    assert out["param.blocks.0.mlp.fc1.bias"].abs().max() == 0
    assert out["param.blocks.0.mlp.fc1.weight"].abs().max() > 0.99 * (6 / 320) ** 0.5
    assert 0 < out["param.patch_embed.bias"].abs().max() <= 1 / 7


def a_masked_encoder_refuses_dtn(probe):
    for norms in ({"norm": {"kind": "dtn"}}, {"norm_sites": {"pre_attn": "dtn"}}):
        text = probe.error({"op": "model", "config": {**TINY, **norms}, "loss": "reconstruction"}, {"x": torch.rand(1, 1, 28, 28)})
        assert "sees patches from random places; allowed: site decoder" in text, text
    probe.run({"op": "model", "config": {**TINY, "norm_sites": {"decoder": "dtn"}}, "loss": "reconstruction"},
              {"x": torch.rand(1, 1, 28, 28)})


if __name__ == "__main__":
    main([mae_tiny, sincos_positions_with_a_cls_token, targets_by_patch, one_norm_for_the_decoder,
          masks_are_of_each_sample_and_seed, initial_weights, a_masked_encoder_refuses_dtn])
