"""Optimizer, schedule and losses against torch.optim and torch.nn.functional."""
from probe import assert_near, main
import torch
import torch.nn.functional as F

STEPS = 10


def adamw(probe, dtype, tolerance, clip):
    config = {"lr": 3e-3, "weight_decay": 0.05, "beta1": 0.9, "beta2": 0.95, "adam_eps": 1e-8, "clip": clip}
    shapes = {"w": (7, 5), "b": (5,), "alpha": (1, 5)}
    values = {name: torch.randn(shape, dtype=dtype) for name, shape in shapes.items()}
    gradients = [{name: torch.randn(shape, dtype=dtype) for name, shape in shapes.items()} for _ in range(STEPS)]
    tensors = {f"param.{name}": value for name, value in values.items()}
    for k, step in enumerate(gradients):
        tensors |= {f"grad.{name}.{k}": value for name, value in step.items()}
    spec = {"op": "optimizer", "config": config, "steps": STEPS, "dtype": str(dtype).removeprefix("torch.")}
    out = probe.run(spec, tensors)

    p = {name: torch.nn.Parameter(value.clone()) for name, value in values.items()}
    groups = [{"params": [p["w"], p["alpha"]], "weight_decay": 0.05}, {"params": [p["b"]], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95), eps=1e-8, foreach=False)
    for step in gradients:
        for name, gradient in step.items():
            p[name].grad = gradient.clone()
        if clip > 0:
            torch.nn.utils.clip_grad_norm_(p.values(), clip)
        reference.step()
    for name, value in p.items():
        assert_near(name, out[f"param.{name}"], value.detach(), tolerance)
        assert_near(f"exp_avg.{name}", out[f"exp_avg.{name}"], reference.state[value]["exp_avg"], tolerance)


def adamw_ten_steps(probe):
    adamw(probe, torch.float64, 1e-10, clip=0.0)
    adamw(probe, torch.float32, 1e-6, clip=0.0)


def adamw_with_clipping(probe):
    # The divisor of the gradients is a float32 tensor.
    adamw(probe, torch.float64, 1e-6, clip=1.0)
    adamw(probe, torch.float32, 1e-6, clip=1.0)


def cosine_schedule(probe):
    total, warmup, lr = 97, 0.1, 3e-3
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    w = int(warmup * total)
    warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / w)
    rates = []
    for _ in range(w):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        warm.step()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - w)
    for _ in range(total - w):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    spec = {"op": "schedule", "config": {"lr": lr, "warmup": warmup, "schedule": "cosine"}, "total_steps": total}
    assert_near("lr", probe.run(spec, {})["lr"], torch.tensor(rates, dtype=torch.float64), 1e-12)


def cosine_in_steps_of_an_epoch(probe):
    """MAE-tiny's: CosineAnnealingLR over 60 epochs, one step of it after each epoch; the first 10 epochs of it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.5e-4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
    rates = []
    for _ in range(10):
        rates += [optimizer.param_groups[0]["lr"]] * 7
        optimizer.step()
        cosine.step()
    config = {"epochs": 10, "lr": 1.5e-4, "warmup": 0, "schedule": "cosine_epochs", "horizon": 60}
    ours = probe.run({"op": "schedule", "config": config, "total_steps": 70}, {})["lr"]
    assert_near("lr / peak", ours / 1.5e-4, torch.tensor(rates, dtype=torch.float64) / 1.5e-4, 1e-12)


def horizon_is_the_start_of_a_longer_training(probe):
    config = {"lr": 1.0, "warmup": 0, "schedule": "cosine"}
    whole = probe.run({"op": "schedule", "config": {**config, "epochs": 12}, "total_steps": 120}, {})["lr"]
    start = probe.run({"op": "schedule", "config": {**config, "epochs": 5, "horizon": 12}, "total_steps": 50}, {})["lr"]
    assert_near("lr", start, whole[:50], 1e-12)
    text = probe.error({"op": "schedule", "config": {**config, "epochs": 5, "horizon": 4}, "total_steps": 50}, {})
    assert "train.horizon = 4 ends the cosine before train.epochs = 5" in text, text


def weight_decay_on_all(probe):
    config = {"lr": 0.1, "weight_decay": 0.5, "decay_all": True, "clip": 0.0}
    b = torch.randn(5, dtype=torch.float64)
    tensors = {"param.b": b, "grad.b.0": torch.zeros(5, dtype=torch.float64)}
    out = probe.run({"op": "optimizer", "config": config, "steps": 1, "dtype": "float64"}, tensors)
    assert_near("b", out["param.b"], b * 0.95, 1e-12)
    out = probe.run({"op": "optimizer", "config": {**config, "decay_all": False}, "steps": 1, "dtype": "float64"}, tensors)
    assert_near("b", out["param.b"], b, 1e-12)


def constant_schedule(probe):
    spec = {"op": "schedule", "config": {"lr": 0.5, "warmup": 0.5, "schedule": "constant"}, "total_steps": 4}
    assert_near("lr", probe.run(spec, {})["lr"], torch.tensor([0.0, 0.25, 0.5, 0.5], dtype=torch.float64), 1e-15)


def label_smoothing(probe):
    logits, labels = torch.randn(6, 10, dtype=torch.float64), torch.randint(10, (6,))
    for s in (0.0, 0.1, 0.2):
        out = probe.run({"op": "loss", "loss": "cross_entropy", "label_smoothing": s}, {"logits": logits, "labels": labels})
        x = logits.clone().requires_grad_()
        loss = F.cross_entropy(x, labels, label_smoothing=s, reduction="none")
        loss.sum().backward()
        assert_near(f"loss, s = {s}", out["loss"], loss.detach(), 1e-12)
        assert_near(f"gradient, s = {s}", out["grad.logits"], x.grad, 1e-12)


def distillation(probe):
    student, teacher = torch.randn(6, 10, dtype=torch.float64), torch.randn(6, 10, dtype=torch.float64)
    for t in (1.0, 2.0, 4.0):
        out = probe.run({"op": "loss", "loss": "distillation", "temperature": t}, {"logits": student, "teacher": teacher})
        x = student.clone().requires_grad_()
        loss = F.kl_div(F.log_softmax(x / t, 1), F.softmax(teacher / t, 1), reduction="batchmean") * t * t
        loss.backward()
        assert_near(f"loss, T = {t}", out["loss"].mean(), loss.detach(), 1e-12)
        assert_near(f"gradient, T = {t}", out["grad.logits"] / 6, x.grad, 1e-12)


if __name__ == "__main__":
    main([adamw_ten_steps, adamw_with_clipping, cosine_schedule, cosine_in_steps_of_an_epoch,
          horizon_is_the_start_of_a_longer_training, weight_decay_on_all, constant_schedule, label_smoothing, distillation])
