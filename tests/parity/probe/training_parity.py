"""Layer-wise rates, schedule, images and losses against torch.optim and torch.nn.functional."""
from probe import assert_near, main
import torch
import torch.nn.functional as F


def adamw_by_layer(probe):
    """Layer-wise rates of finetuning, as the MAE repository's param_groups_lrd assigns them, in a ViT of three blocks."""
    depth, decay = 3, 0.65
    config = {"family": "vit", "patch": 4, "dim": 8, "depth": depth, "heads": 2, "pool": "patches", "classes": 3}
    tensors = {"x": torch.randn(4, 1, 8, 8, dtype=torch.float64), "y": torch.randint(3, (4,))}
    spec = {"op": "model", "config": config, "dtype": "float64"}
    before = probe.run(spec, tensors)
    train = {"lr": 0.01, "weight_decay": 0.1, "clip": 0.0, "layer_decay": decay}
    after = probe.run({**spec, "steps": 1, "train": train}, tensors)

    def layer(name):
        if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
            return 0
        return int(name.split(".")[1]) + 1 if name.startswith("blocks") else depth + 1

    for name, value in before.items():
        if not name.startswith("param."):
            continue
        name = name.removeprefix("param.")
        p = torch.nn.Parameter(value.clone())
        p.grad = before[f"grad.{name}"].clone()
        rate = 0.01 * decay ** (depth + 1 - layer(name))
        torch.optim.AdamW([p], lr=rate, weight_decay=0.1 if p.dim() > 1 else 0.0, foreach=False).step()
        assert_near(name, after[f"param.{name}"], p.detach(), 1e-10)


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


def cosine_to_a_smallest_rate(probe):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.1)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    config = {"lr": 1.0, "min_lr": 0.1, "warmup": 0, "schedule": "cosine"}
    assert_near("lr", probe.run({"op": "schedule", "config": config, "total_steps": 20}, {})["lr"],
                torch.tensor(rates, dtype=torch.float64), 1e-12)
    text = probe.error({"op": "schedule", "config": {**config, "min_lr": 2.0}, "total_steps": 20}, {})
    assert "train.min_lr = 2 is above train.lr = 1" in text, text


def mixed_images_are_those_of_the_formula(probe):
    """What comes out is λx + (1 − λ)x' or a box of x', x' the mirrored batch, with the share that is reported."""
    x = torch.randn(5, 2, 12, 16)
    shares = []
    for step in range(12):
        out = probe.run({"op": "augment", "config": {"mixup": 0.8}, "step": step}, {"x": x})
        share = out["share"].item()
        assert torch.equal(out["partner"], torch.arange(4, -1, -1)) and 0 <= share <= 1
        assert_near(f"mixup {share:.3f}", out["x"], share * x + (1 - share) * x.flip(0), 1e-6)
        shares.append(share)
        out = probe.run({"op": "augment", "config": {"cutmix": 1.0}, "step": step}, {"x": x})
        cut = (out["x"] != x).any(1)[0]  # image 2 is its own partner, image 0 is not
        rows, columns = cut.any(1).nonzero().flatten(), cut.any(0).nonzero().flatten()
        assert cut.sum() == len(rows) * len(columns), "a box"
        assert torch.equal(out["x"][:, :, cut], x.flip(0)[:, :, cut]) and torch.equal(out["x"][:, :, ~cut], x[:, :, ~cut])
        assert abs(out["share"].item() - (1 - cut.double().mean().item())) < 1e-12
    assert len(set(shares)) == 12
    again = probe.run({"op": "augment", "config": {"mixup": 0.8}, "step": 11}, {"x": x})
    other = probe.run({"op": "augment", "config": {"mixup": 0.8}, "step": 11, "seed": 1}, {"x": x})
    assert again["share"].item() == shares[-1] != other["share"].item()
    still = probe.run({"op": "augment", "config": {"mixup": 0.8, "mix_prob": 0}}, {"x": x})
    assert torch.equal(still["x"], x) and still["share"].item() == 1


def erased_pieces_are_rectangles(probe):
    x = torch.full((40, 1, 24, 24), 9.0)
    changed = probe.run({"op": "augment", "config": {"erase": 0.5}}, {"x": x})["x"] != 9.0
    erased = [image[0] for image in changed if image.any()]
    assert 10 <= len(erased) <= 30, len(erased)
    for image in erased:
        assert image.sum() == image.any(1).sum() * image.any(0).sum()
        assert 0.01 < image.double().mean() < 0.36


def moved_images_are_pieces_of_padded_ones(probe):
    """torchvision's RandomCrop(padding=4): each result is one of the 81 pieces of the image in a black frame, perhaps mirrored."""
    x = torch.rand(60, 2, 9, 7)
    padded = F.pad(x, (4, 4, 4, 4), value=-1.0)
    for augment in ("pad_crop", "pad_crop_flip"):
        out = probe.run({"op": "augment", "config": {"augment": augment}}, {"x": x})["x"]
        seen, mirrored = set(), 0
        for result, frame in zip(out, padded):
            hits = [(i, j, flip) for i in range(9) for j in range(9) for flip in (False, True)
                    if torch.equal(result.flip(2) if flip else result, frame[:, i : i + 9, j : j + 7])]
            assert len(hits) == 1, hits
            seen.add(hits[0][:2])
            mirrored += hits[0][2]
        assert len(seen) > 30, len(seen)
        assert (15 <= mirrored <= 45) if augment == "pad_crop_flip" else mirrored == 0, mirrored


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


def hard_distillation(probe):
    student, teacher = torch.randn(6, 10, dtype=torch.float64), torch.randn(6, 10, dtype=torch.float64)
    out = probe.run({"op": "loss", "loss": "hard_distillation"}, {"logits": student, "teacher": teacher})
    x = student.clone().requires_grad_()
    loss = F.nll_loss(F.log_softmax(x, 1), teacher.max(1).indices, reduction="none")
    loss.sum().backward()
    assert_near("loss", out["loss"], loss.detach(), 1e-12)
    assert_near("gradient", out["grad.logits"], x.grad, 1e-12)


if __name__ == "__main__":
    main([adamw_by_layer, cosine_to_a_smallest_rate, mixed_images_are_those_of_the_formula, erased_pieces_are_rectangles, moved_images_are_pieces_of_padded_ones,
          cosine_schedule, cosine_in_steps_of_an_epoch,
          horizon_is_the_start_of_a_longer_training, weight_decay_on_all, constant_schedule, label_smoothing, distillation, hard_distillation])
