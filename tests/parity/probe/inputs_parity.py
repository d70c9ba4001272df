"""What the probe takes: layouts of images, vectors, tables, masks, targets; and what it says of those it does not take."""
from norms_parity import dyt, layer
from probe import assert_near, main
import torch

C = 6


def affine(bias=True):
    p = {"weight": torch.randn(C, dtype=torch.float64), "alpha": torch.tensor([0.7], dtype=torch.float64)}
    return p | {"bias": torch.randn(C, dtype=torch.float64)} if bias else p


def channels_first_and_last(probe):
    """DyT's two layouts: [B, C, H, W], and [B, H, W, C] with channels_last."""
    p = affine()
    images = torch.randn(2, C, 3, 5, dtype=torch.float64)
    last = images.permute(0, 2, 3, 1).contiguous()
    tensors = {f"param.{name}": value for name, value in p.items()}
    spec = {"op": "norm", "config": {"kind": "dyt", "channels": C, "channels_last": False}, "dtype": "float64"}
    first = probe.run(spec, {"x": images, "dy": images, **tensors})
    spec["config"]["channels_last"] = True
    other = probe.run(spec, {"x": last, "dy": last, **tensors})
    wanted = dyt(last, p)
    assert_near("last", other["y.0"], wanted, 1e-12)
    assert_near("first", first["y.0"], wanted.permute(0, 3, 1, 2), 1e-12)
    assert_near("dx", first["dx.0"], other["dx.0"].permute(0, 3, 1, 2), 1e-12)
    tokens = probe.run(spec, {"x": last.flatten(1, 2), "dy": last.flatten(1, 2), **tensors})
    assert_near("tokens", tokens["y.0"], wanted.flatten(1, 2), 1e-12)
    assert "[B, H, W, 6]" in probe.error(spec, {"x": images, "dy": images, **tensors})


def vectors(probe):
    x = torch.randn(7, C, dtype=torch.float64)
    p = {name: value for name, value in affine().items() if name != "alpha"}
    out = probe.run({"op": "norm", "config": {"kind": "layer", "channels": C}, "dtype": "float64"},
                    {"x": x, "dy": x, **{f"param.{name}": value for name, value in p.items()}})
    assert_near("y", out["y.0"], layer(x, p), 1e-10)
    assert out["dx.0"].shape == x.shape


def functions_of_the_zoo_are_kinds(probe):
    x = torch.randn(2, 3, C, dtype=torch.float64)
    for name in ("arctan", "satursin", "expsign"):
        specs = [{"op": "norm", "config": config | {"channels": C, "alpha0": 0.3}, "dtype": "float64"}
                 for config in ({"kind": name}, {"kind": "derf", "function": name})]
        short, long = (probe.run(spec, {"x": x, "dy": x}) for spec in specs)
        assert torch.equal(short["y.0"], long["y.0"]), name


def masks_are_checked(probe):
    x = torch.randn(2, 9, C)
    spec = {"op": "norm", "config": {"kind": "batch", "channels": C}}
    assert "tensor 'mask' has shape [2, 8]; allowed: [2, 9]" in probe.error(spec, {"x": x, "dy": x, "mask": torch.ones(2, 8, dtype=torch.bool)})
    assert "tensor 'mask' is Float; allowed: bool" in probe.error(spec, {"x": x, "dy": x, "mask": torch.ones(2, 9)})


def a_mask_without_a_valid_token_changes_no_state(probe):
    x = torch.randn(2, 9, C, dtype=torch.float64)
    nothing = torch.zeros(2, 9, dtype=torch.bool)
    for kind in ("unified", "power_norm", "batch"):
        spec = {"op": "norm", "config": {"kind": kind, "channels": C}, "dtype": "float64"}
        out = probe.run(spec, {"x": x, "dy": x, "mask": nothing})
        start = probe.run({**spec, "mode": "eval"}, {"x": x, "dy": x})
        for name, value in start.items():
            if name.startswith("state.") and name.endswith(".0") and "iters" not in name:
                assert torch.equal(out[name], value), (kind, name)


def samples_without_tokens(probe):
    empty, none_at_all = torch.zeros(2, 0, C), torch.zeros(0, 4, C)
    for kind in ("layer", "dyt", "batch", "unified", "zscore"):
        for x in (empty, none_at_all):
            y = probe.run({"op": "norm", "config": {"kind": kind, "channels": C}}, {"x": x, "dy": x})["y.0"]
            assert y.shape == x.shape, kind
    text = probe.error({"op": "norm", "config": {"kind": "minmax", "axis": "token", "channels": C}}, {"x": empty, "dy": empty})
    assert "here is none" in text, text


def tables_and_real_targets(probe):
    x, y = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    config = {"family": "mlp", "hidden": 8, "layers": 1, "classes": 1, "replace_norm": {"layer": "rms"}}
    for loss, rule in (("mse", torch.nn.functional.mse_loss), ("mae", torch.nn.functional.l1_loss)):
        spec = {"op": "model", "config": config, "dtype": "float64", "loss": loss}
        flat = probe.run(spec, {"x": x, "y": y})
        square = probe.run(spec, {"x": x.view(5, 1, 1, 8), "y": y[:, None]})
        assert torch.equal(flat["logits"], square["logits"]) and torch.equal(flat["loss"], square["loss"])
        assert_near(loss, flat["loss"], rule(flat["logits"][:, 0], y), 1e-12)
    assert not any("bias" in name and "norm" in name for name in flat), "rms has none"


def an_autoencoder_has_its_own_loss(probe):
    config = {"family": "mae", "patch": 2, "dim": 8, "depth": 1, "heads": 2, "decoder_dim": 8, "decoder_depth": 1, "decoder_heads": 2}
    x = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    spec = {"op": "model", "config": config, "dtype": "float64"}
    named = probe.run({**spec, "loss": "reconstruction"}, {"x": x})
    assert torch.equal(probe.run(spec, {"x": x, "y": torch.zeros(3, dtype=torch.int64)})["loss"], named["loss"])
    assert "reconstruction" in probe.error({**spec, "loss": "cross_entropy"}, {"x": x})


if __name__ == "__main__":
    main([channels_first_and_last, vectors, functions_of_the_zoo_are_kinds, masks_are_checked,
          a_mask_without_a_valid_token_changes_no_state, samples_without_tokens, tables_and_real_targets, an_autoencoder_has_its_own_loss])
