"""Corruptions of test images against SciPy, Pillow and colorsys; the random ones by their distributions."""
import colorsys
import math

from probe import assert_near, main
import numpy as np
from PIL import Image
from scipy import ndimage, stats
import torch

CONSTANTS = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "speckle_noise": (0.06, 0.1, 0.12, 0.16, 0.2),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "rotate": (0.2, 0.4, 0.6, 0.8, 1.0),
    "translate": (1, 2, 3, 4, 5),
    "shear": (0.2, 0.4, 0.6, 0.8, 1.0),
}
MNIST = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60, 25, 12, 5, 3),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
}


def pictures(channels=3, height=28, width=32, count=3):
    """Smooth shapes with edges, in bytes."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [np.sin(9 * x * (k + 1) + 3 * y) * np.cos(7 * y - k) + (x > 0.5) * 0.3 for k in range(channels * count)]
    scaled = [(p - p.min()) / (p.max() - p.min()) for p in planes]
    return torch.tensor(np.round(np.stack(scaled) * 255)).to(torch.uint8).reshape(count, channels, height, width)


def run(probe, kind, severity, x):
    return probe.run({"op": "corruption", "kind": kind, "severity": severity}, {"x": x})["x"]


def each(probe, kind, formula, tolerance=2e-6, **sizes):
    """`formula(channels as float64 in [0, 1], c)` of one image [C, H, W], at every severity."""
    for channels in (1, 3):
        x = pictures(channels, **sizes)
        for severity, c in enumerate(CONSTANTS[kind], 1):
            out = run(probe, kind, severity, x)
            for ours, image in zip(out, x.double() / 255):
                assert_near(f"{kind} {severity}", ours.double(), torch.tensor(np.clip(formula(image.numpy(), c), 0, 1)), tolerance)


def planes(change):
    return lambda image, c: np.stack([change(plane, c) for plane in image])


def blur(probe):
    each(probe, "gaussian_blur", planes(lambda p, c: ndimage.gaussian_filter(p, c, mode="nearest", truncate=4.0)))


def contrast(probe):
    each(probe, "contrast", planes(lambda p, c: (p - p.mean()) * c + p.mean()))


def brightness(probe):
    def lighter(image, c):
        if len(image) == 1:
            return image + c
        out = np.empty_like(image)
        for i, j in np.ndindex(image.shape[1:]):
            h, s, v = colorsys.rgb_to_hsv(*image[:, i, j])
            out[:, i, j] = colorsys.hsv_to_rgb(h, s, min(v + c, 1.0))
        return out

    each(probe, "brightness", lighter)


def pixelate(probe):
    def coarser(plane, c):
        height, width = plane.shape
        image = Image.fromarray(plane.astype(np.float32), mode="F")
        small = image.resize((int(width * c), int(height * c)), Image.BOX)
        return np.asarray(small.resize((width, height), Image.BOX), dtype=np.float64)

    for height, width in ((28, 28), (32, 32), (8, 8), (28, 32)):
        each(probe, "pixelate", planes(coarser), height=height, width=width)


def either(probe, kind, candidates):
    """Each image is one of the candidates of a drawn sign; all of them occur."""
    x = pictures(1, count=24)
    for severity, c in enumerate(CONSTANTS[kind], 1):
        seen = set()
        for ours, image in zip(run(probe, kind, severity, x), x.double() / 255):
            matches = [name for name, wanted in candidates(image[0].numpy(), c).items()
                       if np.abs(ours[0].double().numpy() - np.clip(wanted, 0, 1)).max() < 2e-6]
            assert matches, f"{kind} {severity}: no candidate"
            seen.update(matches)
        assert len(seen) == len(candidates(x[0, 0].double().numpy() / 255, c)), (kind, severity, seen)


def rotate(probe):
    def turned(plane, c):
        out = {}
        for angle in (c, -c):
            y, x = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(float)
            cy, cx = (plane.shape[0] - 1) / 2, (plane.shape[1] - 1) / 2
            u = math.cos(angle) * (x - cx) - math.sin(angle) * (y - cy) + cx
            v = math.sin(angle) * (x - cx) + math.cos(angle) * (y - cy) + cy
            out[angle] = ndimage.map_coordinates(plane, [v, u], order=1, mode="grid-constant", cval=0.0)
        return out

    either(probe, "rotate", turned)


def translate(probe):
    def moved(plane, c):
        return {(i, j): ndimage.shift(plane, (i * c, j * c), order=1, mode="grid-constant", cval=0.0)
                for i in (-1, 1) for j in (-1, 1)}

    either(probe, "translate", moved)


def grey(value, count=40):
    return torch.full((count, 1, 28, 28), value, dtype=torch.uint8)


def shear(probe):
    def sheared(plane, c):
        out = {}
        for angle in (c, -c):
            y, x = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(float)
            cy = (plane.shape[0] - 1) / 2
            u, v = x - math.sin(angle) * (y - cy), math.cos(angle) * (y - cy) + cy
            out[angle] = ndimage.map_coordinates(plane, [v, u], order=1, mode="grid-constant", cval=0.0)
        return out

    either(probe, "shear", sheared)


def constants_of_mnist_c(probe):
    """Noise around the middle has the deviation of its severity; contrast and brightness are exact; the rest stays as it is."""
    x = pictures(1)
    for severity in range(1, 6):
        def judged(kind, images):
            return probe.run({"op": "corruption", "kind": kind, "scale": "mnist", "severity": severity}, {"x": images})["x"].double()

        c = MNIST["contrast"][severity - 1]
        plain = x.double() / 255
        mean = plain.mean((2, 3), keepdim=True)
        assert_near("contrast", judged("contrast", x), ((plain - mean) * c + mean).clamp(0, 1), 2e-6)
        assert_near("brightness", judged("brightness", x), (plain + MNIST["brightness"][severity - 1]).clamp(0, 1), 2e-6)
        hit = (judged("impulse_noise", grey(102)) - 102 / 255).abs() > 1e-6
        share = MNIST["impulse_noise"][severity - 1]
        assert abs(hit.double().mean().item() - share) < 5 * math.sqrt(share / hit.numel())
        c = MNIST["shot_noise"][severity - 1]
        counts = judged("shot_noise", grey(51)) * c
        assert_near("whole numbers", counts, counts.round(), 1e-5)
        assert abs(counts.mean().item() - c / 5) < 5 * math.sqrt(c / 5 / counts.numel()) + 0.02 * c / 5
        noise = judged("gaussian_noise", grey(127)) - 127 / 255
        inside = noise.abs() < 0.45
        wanted = stats.truncnorm.std(-0.45 / MNIST["gaussian_noise"][severity - 1], 0.45 / MNIST["gaussian_noise"][severity - 1]) * MNIST["gaussian_noise"][severity - 1]
        assert abs(noise[inside].std().item() / wanted - 1) < 0.02, severity
        assert torch.equal(judged("pixelate", x).float(), run(probe, "pixelate", severity, x))


def normal_noise(probe):
    """Far from 0 and 1 nothing is cut, so the noise must be normal with the deviation of the severity."""
    for kind, factor in (("gaussian_noise", 1.0), ("speckle_noise", 102 / 255)):
        for severity, c in enumerate(CONSTANTS[kind], 1):
            noise = run(probe, kind, severity, grey(102)).double().numpy().ravel() - 102 / 255
            statistic = stats.kstest(noise / (c * factor), "norm")
            assert statistic.pvalue > 1e-4, (kind, severity, statistic)


def shot_noise(probe):
    for severity, c in enumerate(CONSTANTS["shot_noise"], 1):
        for value in (0, 3, 90):
            counts = np.rint(run(probe, "shot_noise", severity, grey(value)).double().numpy().ravel() * c)
            mean = c * np.float32(value) / np.float32(255)
            if value == 0:
                assert not counts.any()
                continue
            assert abs(counts.mean() - mean) < 5 * math.sqrt(mean / counts.size), (severity, value)
            found = np.cumsum(np.bincount(counts.astype(int), minlength=int(mean) + 40)) / counts.size
            wanted = stats.poisson.cdf(np.arange(len(found)), mean)
            assert np.abs(found - wanted).max() < 2 / math.sqrt(counts.size), (severity, value)


def impulse_noise(probe):
    for severity, c in enumerate(CONSTANTS["impulse_noise"], 1):
        out = run(probe, "impulse_noise", severity, grey(102)).double().numpy().ravel()
        hit = np.abs(out - 102 / 255) > 1e-6
        assert set(np.unique(out[hit])) == {0.0, 1.0}
        assert abs(hit.mean() - c) < 5 * math.sqrt(c / out.size)
        assert abs(out[hit].mean() - 0.5) < 2.5 / math.sqrt(hit.sum())


def refusals(probe):
    x = grey(1, 1)
    assert "'kind' is 'fog'; allowed: gaussian_noise" in probe.error({"op": "corruption", "kind": "fog"}, {"x": x})
    assert "'severity' is 6; allowed: 1 to 5" in probe.error({"op": "corruption", "kind": "contrast", "severity": 6}, {"x": x})
    assert "uint8" in probe.error({"op": "corruption", "kind": "contrast"}, {"x": x.float()})


if __name__ == "__main__":
    main([blur, contrast, brightness, pixelate, rotate, translate, shear, constants_of_mnist_c, normal_noise, shot_noise, impulse_noise, refusals])
