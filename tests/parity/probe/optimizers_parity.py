"""Optimizers and averaged weights against torch.optim, timm's rule for LAMB written out, and torch's averaged model."""
from probe import assert_near, main
import torch

STEPS = 10
SHAPES = {"w": (7, 5), "b": (5,), "alpha": (1, 5)}
CONFIG = {"lr": 3e-3, "weight_decay": 0.05, "clip": 0.0}
MATRICES, VECTORS = ("w", "alpha"), ("b",)


def trained(probe, dtype, config):
    """STEPS updates of two matrices and a vector → what the probe says, parameters at the start, gradients of each step."""
    values = {name: torch.randn(shape, dtype=dtype) for name, shape in SHAPES.items()}
    gradients = [{name: torch.randn(shape, dtype=dtype) for name, shape in SHAPES.items()} for _ in range(STEPS)]
    tensors = {f"param.{name}": value for name, value in values.items()}
    for k, step in enumerate(gradients):
        tensors |= {f"grad.{name}.{k}": value for name, value in step.items()}
    spec = {"op": "optimizer", "config": CONFIG | config, "steps": STEPS, "dtype": str(dtype).removeprefix("torch.")}
    return probe.run(spec, tensors), {name: torch.nn.Parameter(value) for name, value in values.items()}, gradients


def against(probe, reference_of, dtype, tolerance, kept, **config):
    """`reference_of(groups)`: the peer, with two groups of parameters; `kept`: our name of what it remembers → the peer's."""
    out, p, gradients = trained(probe, dtype, config)
    groups = [{"params": [p[name] for name in MATRICES], "weight_decay": 0.05},
              {"params": [p[name] for name in VECTORS], "weight_decay": 0.0}]
    reference = reference_of(groups)
    for step in gradients:
        for name, gradient in step.items():
            p[name].grad = gradient.clone()
        if config.get("clip", 0) > 0:
            torch.nn.utils.clip_grad_norm_(p.values(), config["clip"])
        reference.step()
    for name, value in p.items():
        assert_near(name, out[f"param.{name}"], value.detach(), tolerance)
        for ours, theirs in kept.items():
            assert_near(f"{ours}.{name}", out[f"{ours}.{name}"], reference.state[value][theirs], tolerance)


MOMENTS = {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"}


def adamw(probe):
    def peer(groups):
        return torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95), eps=1e-8, foreach=False)

    against(probe, peer, torch.float64, 1e-10, MOMENTS, beta2=0.95)
    against(probe, peer, torch.float32, 1e-6, MOMENTS, beta2=0.95)


def adamw_with_clipping(probe):
    def peer(groups):
        return torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95), eps=1e-8, foreach=False)

    # The divisor of the gradients is a float32 tensor.
    against(probe, peer, torch.float64, 1e-6, MOMENTS, beta2=0.95, clip=1.0)
    against(probe, peer, torch.float32, 1e-6, MOMENTS, beta2=0.95, clip=1.0)


def adam_decays_in_the_gradient(probe):
    def peer(groups):
        return torch.optim.Adam(groups, lr=3e-3, betas=(0.8, 0.99), eps=1e-7, foreach=False)

    config = {"optimizer": "adam", "beta1": 0.8, "beta2": 0.99, "adam_eps": 1e-7}
    against(probe, peer, torch.float64, 1e-10, MOMENTS, **config)
    against(probe, peer, torch.float32, 1e-6, MOMENTS, **config)


def sgd(probe):
    for momentum, nesterov in ((0.9, False), (0.9, True), (0.0, False)):
        def peer(groups):
            return torch.optim.SGD(groups, lr=3e-3, momentum=momentum, nesterov=nesterov, foreach=False)

        kept = {"momentum": "momentum_buffer"} if momentum else {}
        config = {"optimizer": "sgd", "momentum": momentum} | ({"nesterov": True} if nesterov else {})
        against(probe, peer, torch.float64, 1e-10, kept, **config)
        against(probe, peer, torch.float32, 1e-6, kept, **config)
        against(probe, peer, torch.float64, 1e-6, kept, clip=1.0, **config)


class Lamb(torch.optim.Optimizer):
    """timm's, with its own clipping to a global norm of 1: Lamb(…, max_grad_norm=1.0, trust_clip=False)."""

    def __init__(self, groups, clip):
        super().__init__(groups, {"lr": 3e-3})
        self.clip, self.count = clip, 0

    @torch.no_grad()
    def step(self):
        self.count += 1
        every = [p for group in self.param_groups for p in group["params"]]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(p.grad) for p in every]))
        divisor = torch.where(norm > self.clip, norm / self.clip, torch.ones_like(norm)) if self.clip else 1.0
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
                gradient = p.grad / divisor
                state["exp_avg"].mul_(0.9).add_(gradient, alpha=0.1)
                state["exp_avg_sq"].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                denominator = (state["exp_avg_sq"].sqrt() / (1 - 0.999**self.count) ** 0.5).add_(1e-6)
                update = (state["exp_avg"] / (1 - 0.9**self.count)).div_(denominator)
                if group["weight_decay"] != 0:
                    update.add_(p, alpha=group["weight_decay"])
                    w, u = p.norm(2.0), update.norm(2.0)
                    update.mul_(w / u if w > 0 and u > 0 else 1.0)
                p.add_(update, alpha=-group["lr"])


def lamb(probe):
    config = {"optimizer": "lamb", "adam_eps": 1e-6}
    against(probe, lambda groups: Lamb(groups, 0), torch.float64, 1e-10, MOMENTS, **config)
    against(probe, lambda groups: Lamb(groups, 0), torch.float32, 1e-6, MOMENTS, **config)
    against(probe, lambda groups: Lamb(groups, 1.0), torch.float64, 1e-6, MOMENTS, clip=1.0, **config)


class Lars(torch.optim.Optimizer):
    """The MAE repository's: trust coefficient .001, momentum .9, no adaptation of vectors."""

    def __init__(self, groups):
        super().__init__(groups, {"lr": 3e-3})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                d = p.grad
                if p.ndim > 1:
                    d = d.add(p, alpha=group["weight_decay"])
                    w, u = torch.norm(p), torch.norm(d)
                    d = d.mul(0.001 * w / u if w > 0 and u > 0 else 1.0)
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                momentum.mul_(0.9).add_(d)
                p.add_(momentum, alpha=-group["lr"])


def lars(probe):
    config = {"optimizer": "lars", "momentum": 0.9}
    against(probe, Lars, torch.float64, 1e-10, {"momentum": "momentum"}, **config)
    against(probe, Lars, torch.float32, 1e-6, {"momentum": "momentum"}, **config)
    out, p, _ = trained(probe, torch.float64, config | {"weight_decay": 0.0, "trust": 0.5, "lr": 1.0})
    assert not torch.equal(out["param.w"], p["w"]), "adapts without weight decay, too"


def averaged_weights(probe):
    """AveragedModel copies at its first update; ours begins as the initial weights, as timm's and AutoNorm's do."""
    for start in ("at_once", "ramp"):
        out, p, gradients = trained(probe, torch.float64, {"ema": 0.6, "ema_start": start})
        reference = torch.optim.AdamW([{"params": [p[name] for name in MATRICES], "weight_decay": 0.05},
                                       {"params": [p[name] for name in VECTORS], "weight_decay": 0.0}], lr=3e-3, foreach=False)
        average = {name: value.detach().clone() for name, value in p.items()}
        for t, step in enumerate(gradients, 1):
            for name, gradient in step.items():
                p[name].grad = gradient.clone()
            reference.step()
            decay = min(0.6, (1 + t) / (10 + t)) if start == "ramp" else 0.6
            rule = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
            rule(list(average.values()), [p[name].detach() for name in average], t)
        for name, value in average.items():
            assert_near(f"{name}, {start}", out[f"ema.{name}"], value, 1e-10)


if __name__ == "__main__":
    main([adamw, adamw_with_clipping, adam_decays_in_the_gradient, sgd, lamb, lars, averaged_weights])
