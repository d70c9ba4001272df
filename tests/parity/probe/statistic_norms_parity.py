"""Norms with statistics over the tokens of a sample, without state, against formulas written here."""
from norm_compare import B, C, N, compare
from probe import assert_near, main
import torch

GROUPS = 4


def affine(h, p):
    return h * p["weight"] + p["bias"]


def group(x, p, eps=1e-5):
    h = torch.empty_like(x)
    size = C // GROUPS
    for b in range(x.shape[0]):
        for g in range(GROUPS):
            part = x[b, :, g * size : (g + 1) * size]
            mean = part.sum() / part.numel()
            h[b, :, g * size : (g + 1) * size] = (part - mean) / torch.sqrt(((part - mean) ** 2).sum() / part.numel() + eps)
    return affine(h, p)


def group_norm(probe):
    compare(probe, {"kind": "group"}, group, steps=2)
    compare(probe, {"kind": "group", "groups": 8, "affine": False},
            lambda x, p: torch.nn.functional.group_norm(x.transpose(1, 2), 8).transpose(1, 2), steps=1)


def instance_norm(probe):
    def formula(divisor, eps=1e-5):
        def f(x, p):
            mean = x.sum(1, keepdim=True) / N
            return affine((x - mean) / torch.sqrt(((x - mean) ** 2).sum(1, keepdim=True) / divisor + eps), p)

        return f

    compare(probe, {"kind": "instance"}, formula(N))
    compare(probe, {"kind": "instance", "unbiased": True}, formula(N - 1))


def zscore(x, dim, eps=1e-5, detach=False):
    n = x.shape[dim]
    mean = x.sum(dim, keepdim=True) / n
    sigma = torch.sqrt(((x - mean) ** 2).sum(dim, keepdim=True) / (n - 1) + eps)
    return (x - mean.detach()) / sigma.detach() if detach else (x - mean) / sigma


def minmax(x, dim, eps=1e-5, detach=False):
    low, high = x.min(dim, keepdim=True).values, x.max(dim, keepdim=True).values
    if detach:
        low, high = low.detach(), high.detach()
    return (x - low) / (high - low + eps)


def features(probe):
    for axis, dim in (("channel", 2), ("token", 1)):
        for detach in (False, True):
            config = {"axis": axis, "detach_stats": detach}
            compare(probe, {"kind": "zscore", **config}, lambda x, p: affine(zscore(x, dim, detach=detach), p), steps=1)
            compare(probe, {"kind": "minmax", **config}, lambda x, p: affine(minmax(x, dim, detach=detach), p), steps=1)

            def mix(x, p):
                share = 1 / (1 + torch.exp(-p["mix"]))
                return affine(share * zscore(x, dim, detach=detach) + (1 - share) * minmax(x, dim, detach=detach), p)

            compare(probe, {"kind": "feature_mix", **config}, mix, steps=1)


def features_by_hand(probe):
    """normalization.md 3.8, over the channels, without affine part; eps as small as it may be."""
    eps = 1e-300

    def zscore_run(x, p, state, training, dy):
        with torch.no_grad():
            sigma = x.std(-1, keepdim=True)
            h = (x - x.mean(-1, keepdim=True)) / sigma
            return h, (dy - dy.mean(-1, keepdim=True) - h * (dy * h).sum(-1, keepdim=True) / (C - 1)) / sigma, {}

    def minmax_run(x, p, state, training, dy):
        with torch.no_grad():
            low, high = x.min(-1, keepdim=True), x.max(-1, keepdim=True)
            d = high.values - low.values
            y = (x - low.values) / d
            dx = dy / d
            dx.scatter_add_(-1, low.indices, (dy * (y - 1)).sum(-1, keepdim=True) / d)
            dx.scatter_add_(-1, high.indices, -(dy * y).sum(-1, keepdim=True) / d)
            return y, dx, {}

    compare(probe, {"kind": "zscore", "affine": False, "eps": eps}, zscore_run, backward=True, steps=1)
    compare(probe, {"kind": "minmax", "affine": False, "eps": eps}, minmax_run, backward=True, steps=1)


def padded_tokens_are_refused_where_tokens_mix(probe):
    x, mask = torch.randn(B, N, C), torch.ones(B, N, dtype=torch.bool)
    for kind in ("group", "instance"):
        assert "takes no mask" in probe.error({"op": "norm", "config": {"kind": kind, "channels": C}}, {"x": x, "dy": x, "mask": mask})


def dtn(heads, pool=1, cls=False, only_var=False, eps=1e-5):
    def f(x, p):
        size = C // heads
        split = x.reshape(*x.shape[:2], heads, size)
        x = (split / torch.sqrt((split**2).mean(-1, keepdim=True) + eps)).reshape(x.shape)
        own_mean, own_var = x.mean(-1, keepdim=True), x.var(-1, unbiased=True, keepdim=True)
        grid = x[:, 1:] if cls else x
        side = round(grid.shape[1] ** 0.5)
        small = side // pool
        if pool > 1:
            image = grid.transpose(1, 2).reshape(-1, C, side, side)
            grid = torch.nn.functional.avg_pool2d(image, pool).flatten(2).transpose(1, 2)
        mean, square = torch.zeros_like(grid), torch.zeros_like(grid)
        for h in range(heads):
            logits = torch.empty(small**2, small**2, dtype=x.dtype)
            for i in range(small**2):
                for j in range(small**2):
                    dx, dy = j % small - i % small, j // small - i // small
                    offset = torch.tensor([dx, dy, dx * dx + dy * dy], dtype=x.dtype)
                    logits[i, j] = p["position.weight"][h] @ offset + p["position.bias"][h]
            share = torch.softmax(logits, dim=0)
            part = slice(h * size, (h + 1) * size)
            mean[..., part] = torch.einsum("bic,ij->bjc", grid[..., part], share)
            square[..., part] = torch.einsum("bic,ij->bjc", grid[..., part] ** 2, share)
        var = torch.clip(square - mean**2, min=0)
        if pool > 1:
            up = [torch.nn.functional.interpolate(v.transpose(1, 2).reshape(-1, C, small, small), scale_factor=pool)
                  for v in (mean, var)]
            mean, var = (v.flatten(2).transpose(1, 2) for v in up)
        if cls:
            mean = torch.cat([own_mean[:, :1].expand(-1, 1, C), mean], 1)
            var = torch.cat([own_var[:, :1].expand(-1, 1, C), var], 1)
        share_mean = torch.zeros(heads, dtype=x.dtype) if only_var else torch.sigmoid(p["mean_mix"])
        share_mean, share_var = share_mean.repeat_interleave(size), torch.sigmoid(p["var_mix"]).repeat_interleave(size)
        mixed = own_mean if only_var else share_mean * own_mean + (1 - share_mean) * mean
        return affine((x - mixed) / torch.sqrt(share_var * own_var + (1 - share_var) * var + eps), p)

    return f


def norms_are_checked_against_the_channels_given(probe):
    """Not against a model's: six heads of twelve channels, groups of three."""
    x = torch.randn(2, 9, 12, dtype=torch.float64)
    probe.run({"op": "norm", "config": {"kind": "dtn", "heads": 6, "channels": 12}, "dtype": "float64"}, {"x": x, "dy": x})
    y = probe.run({"op": "norm", "config": {"kind": "group", "groups": 3, "channels": 12}, "dtype": "float64"}, {"x": x, "dy": x})
    assert_near("group", y["y.0"], torch.nn.functional.group_norm(x.transpose(1, 2), 3).transpose(1, 2), 1e-10)
    for config, shape, text in (({"kind": "dtn", "heads": 8}, (2, 9, 12), "norm.heads = 8 does not divide the 12 channels"),
                                ({"kind": "dtn"}, (2, 7, 12), "7 tokens are none; allowed: n x n tokens, or one more"),
                                ({"kind": "dtn", "grid": 2}, (2, 9, 12), "a square map of at most 2x2 tokens or a whole multiple"),
                                ({"kind": "dtn"}, (2, 12, 2, 3), "this model has 2x3"),
                                ({"kind": "instance"}, (2, 1, 12), "takes its statistics over the tokens of a sample"),
                                ({"kind": "zscore"}, (2, 9, 1), "takes the unbiased deviation of a token's channels")):
        channels = shape[1] if len(shape) == 4 else shape[2]
        z = torch.randn(shape)
        found = probe.error({"op": "norm", "config": {**config, "channels": channels}}, {"x": z, "dy": z})
        assert text in found, found


def token_norm(probe):
    compare(probe, {"kind": "dtn"}, dtn(4), shape=(2, 9, C), steps=1)
    compare(probe, {"kind": "dtn", "heads": 2}, dtn(2, cls=True), shape=(2, 5, C), steps=1)
    compare(probe, {"kind": "dtn", "heads": 1, "only_var": True}, dtn(1, only_var=True), shape=(2, 9, C), steps=1)
    compare(probe, {"kind": "dtn", "grid": 2}, dtn(4, pool=2), shape=(2, 16, C), steps=1)


def token_norm_vector(probe):
    """normalization.md 3.6: the published module in its initial state, H = 1, C = 2, a 2 x 2 grid."""
    wide = torch.float64
    x = torch.tensor([[(1, 2), (3, -2), (0, 1), (-1, 1)]], dtype=wide)
    dy = torch.tensor([[(1, 0), (0, 1), (1, 1), (0, 0)]], dtype=wide)
    out = probe.run({"op": "norm", "config": {"kind": "dtn", "heads": 1, "channels": 2}, "dtype": "float64"}, {"x": x, "dy": dy})
    y = [(-0.178798, 0.534104), (0.698115, -0.787360), (-0.434107, 0.602402), (-0.740462, 0.548030)]
    dx = [(0.535246, -0.267623), (-0.008954, -0.013431), (0.203429, 0.000003), (-0.217062, -0.217060)]
    assert_near("y", out["y.0"], torch.tensor([y], dtype=wide), 1e-6)
    assert_near("dx", out["dx.0"], torch.tensor([dx], dtype=wide), 1e-6)


def token_norm_starts_with_local_heads(probe):
    out = probe.run({"op": "norm", "config": {"kind": "dtn", "heads": 4, "channels": C}}, {"x": torch.randn(1, 4, C), "dy": torch.randn(1, 4, C)})
    wanted = torch.tensor([(-1, -1, -1), (-1, 1, -1), (1, -1, -1), (1, 1, -1)], dtype=torch.float32)  # head h1 + 2 h2
    assert torch.equal(out["param.position.weight"], wanted), out["param.position.weight"]


if __name__ == "__main__":
    main([group_norm, instance_norm, features, features_by_hand, padded_tokens_are_refused_where_tokens_mix,
          norms_are_checked_against_the_channels_given, token_norm,
          token_norm_vector, token_norm_starts_with_local_heads])
