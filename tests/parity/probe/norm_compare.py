"""One normalizer through the probe and through a formula: output, gradients and state of three steps, in training and
evaluation, float64 and float32, with random parameters and random state."""
import functools
import json

from probe import assert_near
import torch

EXACT = 1e-10  # float64
ROUNDED = 256 * 2**-23  # float32: some hundred roundings of half a unit, relative to 1 + |value|
B, N, C = 4, 5, 8


names = functools.cache(lambda probe, config: probe.names({"op": "norm", "config": json.loads(config)}))


def shapes_of(probe, spec, group):
    shapes = {}
    for line in names(probe, json.dumps(spec["config"])):
        name, rest = line.split(" ", 1)
        if not name.startswith(group + "."):
            continue
        shape = rest[rest.index("[") + 1 : rest.index("]")]
        shapes[name.removeprefix(group + ".")] = [int(n) for n in shape.split(",") if n.strip()]
    return shapes


def parameters_of(probe, spec):
    return {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes_of(probe, spec, "param").items()}


def states_of(probe, spec):
    """Positive, because some are variances; a formula that wants others passes its own."""
    return {name: torch.rand(shape, dtype=torch.float64) + 0.5 for name, shape in shapes_of(probe, spec, "state").items()}


def compare_once(probe, config, run, mode, dtype, steps, shape, parameters, state, mask, after):
    spec = {"op": "norm", "config": {**config, "channels": C}, "mode": mode, "dtype": dtype, "steps": steps}
    real = torch.float64 if dtype == "float64" else torch.float32
    bound = EXACT if dtype == "float64" else ROUNDED
    # Both sides start from the same numbers: float32 ones are exact in float64.
    parameters = {k: v.to(real) for k, v in {**parameters_of(probe, spec), **(parameters or {})}.items()}
    state = {k: v if v.dtype == torch.int64 else v.to(real) for k, v in {**states_of(probe, spec), **(state or {})}.items()}
    tensors = {f"param.{k}": v for k, v in parameters.items()} | {f"state.{k}": v for k, v in state.items()}
    if mask is not None:
        tensors["mask"] = mask
    for k in range(steps):
        tensors[f"x.{k}"] = torch.randn(shape, dtype=real)
        tensors[f"dy.{k}"] = torch.randn(shape, dtype=real)
    out = probe.run(spec, tensors)
    wide = {k: v.clone() if v.dtype == torch.int64 else v.double().clone() for k, v in state.items()}
    for k in range(steps):
        x = tensors[f"x.{k}"].double().clone().requires_grad_()
        p = {name: value.double().clone().requires_grad_() for name, value in parameters.items()}
        y, dx, grads = run(x, p, wide, mode == "train", tensors[f"dy.{k}"].double())
        if after is not None and mode == "train":
            after(grads, wide)
        assert_near(f"y.{k}", out[f"y.{k}"].double(), y, bound)
        assert_near(f"dx.{k}", out[f"dx.{k}"].double(), dx, bound * 4)
        for name, gradient in grads.items():
            assert_near(f"grad.{name}.{k}", out[f"grad.{name}.{k}"].double(), gradient, bound * 16)
        for name, value in wide.items():
            assert_near(f"state.{name}.{k}", out[f"state.{name}.{k}"].double(), value.double(), bound)
    for name, value in parameters.items():
        assert torch.equal(out[f"param.{name}"], value), f"{name} changed without an optimizer"


def by_autograd(formula, stateful):
    """A formula y = f(x, p), or f(x, p, state, training) that moves `state`; PyTorch derives its gradients."""

    def run(x, p, state, training, dy):
        y = formula(x, p, state, training) if stateful else formula(x, p)
        y.backward(dy)
        return y.detach(), x.grad, {name: value.grad for name, value in p.items() if value.grad is not None}

    return run


def compare(probe, config, formula, *, steps=3, shape=(B, N, C), stateful=False, backward=False, parameters=None, state=None,
            mask=None, after=None, modes=("train", "eval")):
    """backward: `formula` is run(x, p, state, training, dy) → y, dx, {parameter: gradient}, derived by hand."""
    run = formula if backward else by_autograd(formula, stateful)
    for mode in modes:
        for dtype in ("float64", "float32"):
            compare_once(probe, config, run, mode, dtype, steps, shape, parameters, state, mask, after)
