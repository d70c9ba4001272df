"""RandAugment and AutoAugment against Pillow, byte by byte, and their arguments against timm's and torchvision's formulas."""
import math
import sys

from probe import main
import torch

try:
    from PIL import Image, ImageEnhance, ImageOps
except ImportError:
    print(f"skipped: {sys.executable} has no Pillow")
    sys.exit(77)

OPS = ("AutoContrast Equalize Invert Rotate Posterize Solarize SolarizeAdd Color Contrast Brightness Sharpness ShearX ShearY "
       "TranslateX TranslateY").split()
FACTORS = {"Color", "Contrast", "Brightness", "Sharpness"}
# Paper, table 7: operation, probability, level of 9.
CIFAR10 = """Invert .1, Contrast .2 6; Rotate .7 2, TranslateX .3 9; Sharpness .8 1, Sharpness .9 3; ShearY .5 8, TranslateY .7 9;
AutoContrast .5, Equalize .9; ShearY .2 7, Posterize .3 7; Color .4 3, Brightness .6 7; Sharpness .3 9, Brightness .7 9;
Equalize .6, Equalize .5; Contrast .6 7, Sharpness .6 5; Color .7 7, TranslateX .5 8; Equalize .3, AutoContrast .4;
TranslateY .4 3, Sharpness .2 6; Brightness .9 6, Color .2 8; Solarize .5 2, Invert 0; Equalize .2, AutoContrast .6;
Equalize .2, Equalize .6; Color .9 9, Equalize .6; AutoContrast .8, Solarize .2 8; Brightness .1 3, Color .7 0;
Solarize .4 5, AutoContrast .9; TranslateY .9 9, TranslateY .7 9; AutoContrast .9, Solarize .8 3; Equalize .8, Invert .1;
TranslateY .7 9, AutoContrast .9"""


def solarize_add(image, gain):
    table = [min(255, value + gain) if value < 128 else value for value in range(256)]
    return image.point(table * len(image.getbands()))


def affine(image, matrix):
    fill = 128 if image.mode == "L" else (128, 128, 128)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill)


def pillow(image, op, v):
    if op in FACTORS:
        return getattr(ImageEnhance, op)(image).enhance(v)
    if op == "Rotate":
        fill = 128 if image.mode == "L" else (128, 128, 128)
        return image.rotate(v, Image.Resampling.BILINEAR, fillcolor=fill)
    if op == "Posterize" and v == 0:  # refused by newer versions
        return image.point([0] * 256 * len(image.getbands()))
    if op in ("ShearX", "TranslateX"):
        return affine(image, (1, v, 0, 0, 1, 0) if op == "ShearX" else (1, 0, v, 0, 1, 0))
    if op in ("ShearY", "TranslateY"):
        return affine(image, (1, 0, 0, v, 1, 0) if op == "ShearY" else (1, 0, 0, 0, 1, v))
    return {"AutoContrast": lambda: ImageOps.autocontrast(image), "Equalize": lambda: ImageOps.equalize(image),
            "Invert": lambda: ImageOps.invert(image), "Posterize": lambda: ImageOps.posterize(image, int(v)),
            "Solarize": lambda: ImageOps.solarize(image, v), "SolarizeAdd": lambda: solarize_add(image, int(v))}[op]()


def to_pillow(image):
    return Image.fromarray(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).contiguous().numpy())


def from_pillow(image):
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return values.reshape(image.height, image.width, -1).permute(2, 0, 1)


def some_images(channels, height, width):
    """Half of them noise, of full and of little contrast; half smooth; one of a single colour. [320, C, H, W] bytes"""
    noise = torch.randint(256, (160, channels, height, width))
    noise[80:] = noise[80:] // 5 + 60
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    a, b, c = torch.rand(3, 160, channels, 1, 1) * 6
    smooth = ((torch.sin(a * x + b) * torch.cos(c * y) + 1) * 127.5).long()
    smooth[0] = 77
    return torch.cat([noise, smooth]).to(torch.uint8)


def run(probe, config, images, step=0, seed=0):
    """Bytes, and for each image its list of (name, argument)."""
    values = (images.float() / 255 - 0.5) / 0.5
    out = probe.run({"op": "augment", "config": config, "step": step, "seed": seed}, {"x": values})
    scaled = (out["x"] + 1) * 127.5
    assert (scaled - scaled.round()).abs().max() < 1e-3, "whole bytes"
    drawn = [[(OPS[int(op)], value) for op, value in layers if op >= 0] for layers in out["policy"].tolist()]
    return scaled.round().to(torch.uint8), drawn


def compare(probe, config, often):
    """Until every operation of `often` was replayed that many times."""
    for channels in (1, 3):
        for height, width in ((28, 28), (32, 32), (20, 32)):
            images, seen, step = some_images(channels, height, width), dict.fromkeys(OPS, 0), 0
            while any(seen[op] < times for op, times in often.items()):
                assert step < 100, seen
                out, drawn = run(probe, config, images, step, seed=1000 * channels + height + width)
                step += 1
                for before, after, ops in zip(images, out, drawn):
                    expected = to_pillow(before)
                    for op, value in ops:
                        expected = pillow(expected, op, value)
                        seen[op] += 1
                    wrong = (from_pillow(expected) != after).sum().item()
                    assert wrong == 0, f"{channels}x{height}x{width} {ops}: {wrong} of {after.numel()} bytes differ"
            print(f"{channels}x{height}x{width}: {sum(seen.values())} operations")


def each_operation_has_pillows_bytes(probe):
    spread = {"policy": "rand_augment", "rand_layers": 1, "rand_magnitude": 5, "rand_deviation": 4}
    compare(probe, {**spread, "rand_increasing": True}, dict.fromkeys(OPS, 40))
    compare(probe, {**spread, "rand_increasing": False}, dict.fromkeys(OPS, 15))


def sequences_have_pillows_bytes(probe):
    compare(probe, {"policy": "rand_augment", "rand_layers": 5}, dict.fromkeys(OPS, 20))
    learned = set(OPS) - {"SolarizeAdd", "ShearX"}  # not in this policy
    compare(probe, {"policy": "auto_augment"}, dict.fromkeys(learned, 2))


def timm_argument(op, m, increasing, height, width):
    """For a positive sign and, where it has two, for a negative one."""
    if op in FACTORS:
        return {max(0.1, 1 + s * m * 0.09) for s in (1, -1)} if increasing else {m * 0.18 + 0.1}
    bits, threshold = int(m / 10 * 4), int(m / 10 * 256)
    single = {"Posterize": 4 - bits if increasing else bits, "Solarize": 256 - threshold if increasing else threshold,
              "SolarizeAdd": int(m / 10 * 110), "AutoContrast": 0, "Equalize": 0, "Invert": 0}
    if op in single:
        return {single[op]}
    size = {"Rotate": 30, "ShearX": 0.3, "ShearY": 0.3, "TranslateX": 0.45 * width, "TranslateY": 0.45 * height}[op]
    return {m / 10 * size, -m / 10 * size}


def rand_augments_arguments_are_timms(probe):
    images = torch.zeros(600, 1, 4, 8, dtype=torch.uint8)
    for increasing in (True, False):
        for m in (0, 2.5, 7, 9, 10):
            config = {"policy": "rand_augment", "rand_magnitude": m, "rand_deviation": 0, "rand_increasing": increasing}
            seen = {op: set() for op in OPS}
            for ops in run(probe, config, images)[1]:
                for op, value in ops:
                    seen[op].add(round(value, 9))
            for op in OPS:
                expected = {round(value, 9) for value in timm_argument(op, m, increasing, 4, 8)}
                assert seen[op] == expected, f"{op} at {m}: {seen[op]}, expected {expected}"


def torchvision_argument(op, level, height, width):
    """Without the sign; of a factor its distance from 1."""
    return {"Rotate": lambda: 30 * level / 9, "Posterize": lambda: 8 - round(level / (9 / 4)),
            "Solarize": lambda: 255 - 255 * level / 9, "ShearX": lambda: 0.3 * level / 9, "ShearY": lambda: 0.3 * level / 9,
            "TranslateX": lambda: int(150 / 331 * width * level / 9), "TranslateY": lambda: int(150 / 331 * height * level / 9),
            **{name: lambda: 0.9 * level / 9 for name in FACTORS}}.get(op, lambda: 0)()


def auto_augments_pairs_are_those_of_the_paper(probe):
    """How often each operation and argument comes first and second, within five standard errors."""
    height, width, shares = 8, 16, {}
    for pair in CIFAR10.split(";"):
        for place, entry in enumerate(pair.split(",")):
            op, share, *level = entry.split()
            key = place, op, round(torchvision_argument(op, int(level[0]) if level else 0, height, width), 9)
            shares[key] = shares.get(key, 0) + float(share) / 25
    count, seen, signs = 0, {}, 0
    for step in range(4):
        out = probe.run({"op": "augment", "config": {"policy": "auto_augment"}, "step": step},
                        {"x": torch.zeros(2000, 1, height, width)})["policy"]
        count += len(out)
        for layers in out.tolist():
            for place, (op, value) in enumerate(layers):
                if op < 0:
                    continue
                op = OPS[int(op)]
                key = place, op, round(abs(value - 1 if op in FACTORS else value), 9)
                seen[key] = seen.get(key, 0) + 1
                signs += (value < 0) if op.startswith("Translate") else 0
    assert set(seen) == {key for key, share in shares.items() if share > 0}, set(seen) ^ set(shares)
    for key, number in seen.items():
        error = math.sqrt(shares[key] * (1 - shares[key]) / count)
        assert abs(number / count - shares[key]) < 5 * error, f"{key}: {number / count:.4f}, expected {shares[key]:.4f}"
    shifts = sum(number for (_, op, _), number in seen.items() if op.startswith("Translate"))
    assert abs(signs / shifts - 0.5) < 2.5 / math.sqrt(shifts), signs / shifts


def operations_come_after_the_crop_and_before_erasing(probe):
    x = (torch.randint(256, (40, 1, 24, 24)).float() / 255 - 0.5) / 0.5
    crop, policy = {"augment": "crop_flip"}, {"policy": "rand_augment"}
    cropped = probe.run({"op": "augment", "config": crop}, {"x": x})["x"]
    changed = probe.run({"op": "augment", "config": policy}, {"x": cropped})["x"]
    assert torch.equal(probe.run({"op": "augment", "config": {**crop, **policy}}, {"x": x})["x"], changed)
    erased = probe.run({"op": "augment", "config": {"erase": 0.5}}, {"x": changed})["x"]
    assert not torch.equal(erased, changed)
    assert torch.equal(probe.run({"op": "augment", "config": {**crop, **policy, "erase": 0.5}}, {"x": x})["x"], erased)
    text = probe.error({"op": "augment", "config": policy}, {"x": torch.zeros(1, 2, 4, 4)})
    assert "tensor 'x' has 2 channels; allowed: 1 or 3" in text, text


if __name__ == "__main__":
    main([each_operation_has_pillows_bytes, sequences_have_pillows_bytes, rand_augments_arguments_are_timms,
          auto_augments_pairs_are_those_of_the_paper, operations_come_after_the_crop_and_before_erasing])
