"""Norms with statistics over the tokens of a sample, without state, against formulas written here."""
from norm_compare import B, C, N, compare
from probe import main
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


if __name__ == "__main__":
    main([group_norm, instance_norm, features, features_by_hand, padded_tokens_are_refused_where_tokens_mix])
