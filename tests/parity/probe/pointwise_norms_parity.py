"""Norms without statistics, or with those of a single token, against formulas written here."""
import math

from norm_compare import B, C, EXACT, N, compare, parameters_of
from probe import assert_near, main
import torch

LIMIT = math.pi / 2
ZOO = {
    "erf": torch.erf,
    "tanh_1205": lambda u: torch.tanh(1.205 * u),
    "tanh": torch.tanh,
    "satursin": lambda u: torch.sin(torch.clip(u, -LIMIT, LIMIT)),
    "arcsinhclip": lambda u: torch.clip(torch.sign(u) * torch.log(u.abs() + torch.sqrt(u * u + 1)), -1, 1),
    "exproot": lambda u: torch.sign(u) * (1 - torch.exp(-torch.sqrt(u.abs()))),
    "logsign_clip": lambda u: torch.clip(torch.sign(u) * torch.log(u.abs() + 1), -1, 1),
    "arctan": lambda u: 2 / math.pi * torch.atan(u),
    "smoothsign": lambda u: u / (1 + u.abs()),
    "isru": lambda u: u / torch.sqrt(u * u + 1),
    "linear_clip": lambda u: torch.clip(u, -1, 1),
    "relsign": lambda u: u / (torch.sqrt(u * u + 1) + 1),
    "expsign": lambda u: torch.sign(u) * (1 - torch.exp(-u.abs())),
    "logquad_clip": lambda u: torch.clip(torch.sign(u) * torch.log(u * u + 1), -1, 1),
    "power23_clip": lambda u: torch.clip(torch.sign(u) * u.abs() ** (2 / 3), -1, 1),
    "saturlog": lambda u: torch.sign(u) * torch.log(u.abs() + 1) / (torch.log(u.abs() + 1) + 1),
    "cubsign": lambda u: u**3 / (u.abs() ** 3 + 1),
}
# The table of derivatives in normalization.md 4.6.
SLOPES = {
    "erf": lambda u: 2 / math.sqrt(math.pi) * torch.exp(-u * u),
    "tanh_1205": lambda u: 1.205 * (1 - torch.tanh(1.205 * u) ** 2),
    "tanh": lambda u: 1 - torch.tanh(u) ** 2,
    "satursin": lambda u: torch.cos(u) * (u.abs() < LIMIT),
    "arcsinhclip": lambda u: (u.abs() < math.sinh(1)) / torch.sqrt(u * u + 1),
    "exproot": lambda u: torch.exp(-torch.sqrt(u.abs())) / (2 * torch.sqrt(u.abs())),
    "logsign_clip": lambda u: (u.abs() < math.e - 1) / (u.abs() + 1),
    "arctan": lambda u: 2 / math.pi / (1 + u * u),
    "smoothsign": lambda u: 1 / (1 + u.abs()) ** 2,
    "isru": lambda u: (u * u + 1) ** -1.5,
    "linear_clip": lambda u: (u.abs() < 1).double(),
    "relsign": lambda u: 1 / (torch.sqrt(u * u + 1) * (torch.sqrt(u * u + 1) + 1)),
    "expsign": lambda u: torch.exp(-u.abs()),
    "logquad_clip": lambda u: (u * u < math.e - 1) * 2 * u.abs() / (u * u + 1),
    "power23_clip": lambda u: (2 / 3) * u.abs() ** (-1 / 3) * (u.abs() < 1),
    "saturlog": lambda u: 1 / ((torch.log(u.abs() + 1) + 1) ** 2 * (u.abs() + 1)),
    "cubsign": lambda u: 3 * u * u / (u.abs() ** 3 + 1) ** 2,
}


def derf_by_hand(f, slope, shift):
    """normalization.md 4.5: the derived backward pass, not autograd."""

    def run(x, p, state, training, dy):
        with torch.no_grad():
            u = p["alpha"] * x + (p["shift"] if shift else 0.0)
            phi, weighted = slope(u), p["weight"] * dy
            grads = {"alpha": (x * weighted * phi).sum().reshape(1), "weight": (dy * f(u)).sum((0, 1)), "bias": dy.sum((0, 1))}
            if shift:
                grads["shift"] = (weighted * phi).sum().reshape(1)
            return p["weight"] * f(u) + p["bias"], p["alpha"] * weighted * phi, grads

    return run


def derf_and_its_zoo(probe):
    for name, f in ZOO.items():
        print(f"-- {name}")
        for shift in (True, False) if name == "erf" else (True,):
            config = {"kind": "derf", "function": name, "shift": shift}
            # Steep functions amplify a rounding of u: keep alpha and shift away from 0.
            parameters = {"alpha": torch.tensor([0.7])} | ({"shift": torch.tensor([0.3])} if shift else {})
            compare(probe, config, derf_by_hand(f, SLOPES[name], shift), backward=True, parameters=parameters, steps=1,
                    modes=("train",))
    compare(probe, {"kind": "derf"}, lambda x, p: p["weight"] * torch.erf(p["alpha"] * x + p["shift"]) + p["bias"])


def slopes_at_the_origin_are_one_sided_limits(probe):
    """x = 0 and alpha = 1: sgn(u) · h(|u|) would say 0."""
    x, dy = torch.zeros(1, 1, C, dtype=torch.float64), torch.ones(1, 1, C, dtype=torch.float64)
    wanted = {"logsign_clip": 1.0, "expsign": 1.0, "saturlog": 1.0, "smoothsign": 1.0, "relsign": 0.5, "logquad_clip": 0.0,
              "cubsign": 0.0, "exproot": (1 - math.exp(-1e-3)) / 1e-6, "power23_clip": 100.0}
    for name, slope in wanted.items():
        spec = {"op": "norm", "config": {"kind": "derf", "function": name, "alpha0": 1.0, "channels": C}, "dtype": "float64"}
        out = probe.run(spec, {"x": x, "dy": dy})
        assert_near(f"{name}'(0)", out["dx.0"], torch.full_like(x, slope), 1e-9)


def isru(probe):
    root = math.sqrt(C)
    positive = {"beta": torch.tensor([1.7])}
    compare(probe, {"kind": "isru"}, lambda x, p: root * x / torch.sqrt(p["beta"] + x * x) * p["weight"], parameters=positive)
    compare(probe, {"kind": "isru", "affine": False}, lambda x, p: root * x / torch.sqrt(p["beta"] + x * x),
            parameters=positive)
    spec = {"op": "norm", "config": {"kind": "isru", "channels": C}}
    x = torch.randn(1, 1, C)
    assert probe.run(spec, {"x": x, "dy": x})["param.beta"].item() == C


def scale_norm(probe):
    def formula(x, p):
        return p["gain"] * x / torch.clip(torch.sqrt((x * x).sum(-1, keepdim=True)), min=1e-5)

    compare(probe, {"kind": "scale_norm"}, formula)
    compare(probe, {"kind": "scale_norm", "per_channel": True}, formula)

    def by_hand(x, p, state, training, dy):
        """normalization.md 3.9"""
        with torch.no_grad():
            n = torch.sqrt((x * x).sum(-1, keepdim=True))
            u = p["gain"] * dy
            dx = (u - x * (u * x).sum(-1, keepdim=True) / n**2) / n
            return p["gain"] * x / n, dx, {"gain": (dy * x / n).sum((0, 1))}

    compare(probe, {"kind": "scale_norm", "per_channel": True}, by_hand, backward=True)


def learnable_scaler(probe):
    compare(probe, {"kind": "learnable_scaler"}, lambda x, p: p["weight"] * x + p["bias"])
    image, dy = torch.randn(2, C, 3, 4, dtype=torch.float64), torch.randn(2, C, 3, 4, dtype=torch.float64)
    spec = {"op": "norm", "config": {"kind": "learnable_scaler", "channels": C}, "dtype": "float64"}
    p = parameters_of(probe, spec)
    out = probe.run(spec, {"x": image, "dy": dy, **{f"param.{k}": v for k, v in p.items()}})
    assert_near("image", out["y.0"], p["weight"][:, None, None] * image + p["bias"][:, None, None], EXACT)
    assert_near("dweight", out["grad.weight.0"], (dy * image).sum((0, 2, 3)), EXACT)


def learnable_scaler_starts_normal_or_at_one(probe):
    x = torch.randn(1, 1, 4096)
    spec = {"op": "norm", "config": {"kind": "learnable_scaler", "channels": 4096}}
    weight = probe.run(spec, {"x": x, "dy": x})["param.weight"]
    assert abs(weight.mean().item()) < 5 / 64 and abs(weight.std().item() - 1) < 5 / 90, (weight.mean(), weight.std())
    spec["config"]["init"] = "ones"
    assert torch.equal(probe.run(spec, {"x": x, "dy": x})["param.weight"], torch.ones(4096))


def bhyt(probe):
    """normalization.md 5: the derived backward pass, not autograd."""

    def by_hand(kappa, eps, learns):
        def run(x, p, state, training, dy):
            with torch.no_grad():
                r = 1 / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)
                h = r * x
                t = torch.tanh(p["lambda"] * h / kappa)
                du = dy * p["weight"] * (1 - t * t) * p["lambda"] / kappa
                grads = {"weight": (dy * t).sum((0, 1))}
                if learns:
                    grads["lambda"] = (dy * p["weight"] * (1 - t * t) * h / kappa).sum().reshape(1)
                return p["weight"] * t, r * (du - h * (du * h).mean(-1, keepdim=True)), grads

        return run

    compare(probe, {"kind": "bhyt"}, by_hand(10, 1e-6, True), backward=True)
    compare(probe, {"kind": "bhyt", "kappa": 2.0, "eps": 0.1, "learn_lambda": False}, by_hand(2, 0.1, False), backward=True)
    spec = {"op": "norm", "config": {"kind": "bhyt", "channels": C}}
    x = torch.randn(1, 1, C)
    assert probe.run(spec, {"x": x, "dy": x})["param.lambda"].item() == 2.0


if __name__ == "__main__":
    main([derf_and_its_zoo, slopes_at_the_origin_are_one_sided_limits, isru, scale_norm, learnable_scaler,
          learnable_scaler_starts_normal_or_at_one, bhyt])
