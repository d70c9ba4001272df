"""Training speed beside PyTorch, as ratios of one run.

    .venv/bin/python tests/bench/train/train_bench.py [--only NAME | --gang] [--rounds N] [--no-compile] [--tiny]
    .venv/bin/python tests/bench/train/train_bench.py --profile [--only NAME]

For each model the trainer and PyTorch (eager, then torch.compile) train the same steps in turn, one thread each. Printed are
milliseconds per step, both in wall time and in CPU time of the process, and the trainer's speed as a multiple of each peer's,
the median over the rounds. The CPU-time ratio holds on a busy machine too. The trainer's start, its evaluation and its last
checkpoint are left out: a short trial is taken from a long one. --profile shows instead where the trainer's time goes
(needs `perf`, Debian's linux-perf).
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PEER = pathlib.Path(__file__).with_name("peer.py")
BIN = pathlib.Path(os.environ.get("AUTONORM_BIN", ROOT / "build" / "bin"))
DIGITS = {"height": 8, "width": 8, "channels": 1, "classes": 10}
FASHION = {"height": 28, "width": 28, "channels": 1, "classes": 10}  # the size of its images; the pixels are random
VAL_FRACTION = 0.1
TRAIN = {"batch": 64, "lr": 1e-3, "label_smoothing": 0.1, "weight_decay": 0.05, "clip": 1.0}

MODELS = {
    "quickstart-vit": {
        "model": {"family": "vit", "patch": 2, "dim": 64, "depth": 2, "heads": 4, "mlp_ratio": 2.0, "pool": "cls"},
        "train": TRAIN, "images": DIGITS, "samples": 1280, "epochs": (4, 34), "wanted": 1.3,
    },
    "mae-tiny": {
        "model": {"family": "mae", "patch": 7, "dim": 64, "depth": 4, "heads": 4, "mlp_ratio": 4.0, "decoder_dim": 64,
                  "decoder_depth": 2, "decoder_heads": 4, "mask_ratio": 0.75, "positions": "learned", "init": "torch",
                  "cls": False, "norm_pix": False},
        "train": {"batch": 64, "lr": 1.5e-4, "weight_decay": 0.05, "decay_all": True, "warmup": 0.0,
                  "schedule": "cosine_epochs", "horizon": 60, "clip": 0.0},
        "images": FASHION, "samples": 1280, "epochs": (2, 22), "wanted": 1.3,
    },
    "vit-12x192": {
        "model": {"family": "vit", "patch": 1, "dim": 192, "depth": 12, "heads": 3, "mlp_ratio": 4.0, "pool": "mean"},
        "train": TRAIN, "images": DIGITS, "samples": 256, "epochs": (1, 3), "wanted": 1.1,
    },
}


def environment():
    env = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", MKL_NUM_THREADS="1")
    return env


def timed(command):
    """Runs a command to its end: (stdout, CPU seconds, wall seconds)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"train_bench: {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def write_idx(path, sizes):
    """Random bytes as an IDX file; labels stay below 10."""
    count = 1
    for size in sizes:
        count *= size
    noise = random.Random(0).randbytes(count)
    body = noise if len(sizes) > 1 else bytes(byte % 10 for byte in noise)
    path.write_bytes(struct.pack(f">I{len(sizes)}I", 0x0800 + len(sizes), *sizes) + body)


def trial_data(spec, folder):
    """The trial's data block: digits, or images of the same size as Fashion-MNIST's in files of our own."""
    if spec["images"] is DIGITS:
        limit = round(spec["samples"] / (1 - VAL_FRACTION))
        return {"name": "digits", "train_limit": limit, "val_fraction": VAL_FRACTION}
    for split, count in (("train", spec["samples"]), ("t10k", 64)):
        write_idx(folder / f"{split}-images-idx3-ubyte", (count, spec["images"]["height"], spec["images"]["width"]))
        write_idx(folder / f"{split}-labels-idx1-ubyte", (count,))
    return {"kind": "idx", "path": str(folder), "pixels": "unit", "val_fraction": 0.0}


def trainer_command(spec, epochs, data, folder):
    trial = {"seed": 0, "data": data, "model": spec["model"], "norm": {"kind": "layer"},
             "train": dict(spec["train"], epochs=epochs, eval_every=100_000)}
    path = folder / "trial.json"
    path.write_text(json.dumps(trial))
    return [BIN / "trainer", "run", path, "--output", folder / f"out-{epochs}", "--quiet"]


def trainer_step(spec, folder):
    """Milliseconds per step: (CPU, wall)."""
    seconds = []
    data = trial_data(spec, folder)
    for epochs in spec["epochs"]:
        _, cpu, wall = timed(trainer_command(spec, epochs, data, folder))
        seconds.append((cpu, wall))
    steps = (spec["epochs"][1] - spec["epochs"][0]) * -(-spec["samples"] // spec["train"]["batch"])
    return tuple(1e3 * (seconds[1][i] - seconds[0][i]) / steps for i in (0, 1))


def peer_step(spec, folder, compiled):
    path = folder / "recipe.json"
    path.write_text(json.dumps({"model": spec["model"], "train": spec["train"], "compile": compiled,
                                "data": dict(spec["images"], samples=spec["samples"]),
                                "epochs": spec["epochs"][1] - spec["epochs"][0]}))
    out, _, _ = timed([sys.executable, PEER, path])
    result = json.loads(out.strip().splitlines()[-1])
    return 1e3 * result["cpu_s"] / result["steps"], 1e3 * result["wall_s"] / result["steps"]


def compiler_problem():
    """Why torch.compile does not work here, or None."""
    done = subprocess.run([sys.executable, PEER, "--compiles"], env=environment(), capture_output=True, text=True)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in said if re.match(r"[\w.]+(Error|Exception|Compiler)\b.*: ", line)]
    return (errors or said or [f"it ended with {done.returncode}"])[-1].strip()


def measure(name, spec, rounds, with_compile, folder):
    runners = {"trainer": lambda: trainer_step(spec, folder), "eager": lambda: peer_step(spec, folder, False)}
    if with_compile:
        runners["compile"] = lambda: peer_step(spec, folder, True)
    times = {runner: [] for runner in runners}
    for _ in range(rounds):
        for runner, run in runners.items():
            times[runner].append(run())
    for runner, values in times.items():
        cpu, wall = (statistics.median(value[i] for value in values) for i in (0, 1))
        line = f"{name:16s} {runner:8s} {wall:9.2f} ms/step wall {cpu:9.2f} ms/step CPU"
        if runner != "trainer":
            ratios = [statistics.median(v[i] / t[i] for v, t in zip(values, times["trainer"])) for i in (0, 1)]
            line += f"   trainer is {ratios[1]:.2f}x (wall), {ratios[0]:.2f}x (CPU)"
            if runner == "eager":
                line += f", wanted {spec['wanted']}x"
        print(line, flush=True)


# Where a sample of the profile belongs: the first expression found in "object symbol" decides.
PARTS = [
    ("matrix products, and GELU where oneDNN makes its code",
     r"[gs]emm|mkl_blas|brgemm|dnnl|jit|\[JIT\]|perf-\d+\.map|\[anon|//anon|memfd"),
    ("attention", r"attend_head|attention|softmax|kernels::.*(forward|backward)_(avx|default)"),
    ("norms", r"autonorm::kernels::.*(layer|squash|blend|moments)"),
    ("GELU", r"[Gg]elu"),
    ("optimizer and clipping", r"adam|Adam|norm_kernel|NormTwo|linalg"),
    ("additions, copies, sums", r"add_kernel|copy|sum_kernel|cat_|Vectorized|vectorized|binary_kernel|memcpy|memmove|reduce"),
    ("memory: page faults, clearing", r"\[k\]|kernel\.kallsyms|memset|malloc|free|unlink_chunk|operator (new|delete)"),
    ("LibTorch's dispatch and autograd", r"libtorch|libc10|torch::|at::|c10::"),
]


def part_of(text):
    return next((name for name, pattern in PARTS if re.search(pattern, text)), "the rest")


def profile(name, spec, folder):
    """Shares of the trainer's CPU time, its start and end included, by part and by function."""
    if not shutil.which("perf"):
        sys.exit("train_bench: --profile needs `perf`; install Debian's linux-perf")
    record = folder / "perf.data"
    command = trainer_command(spec, spec["epochs"][1], trial_data(spec, folder), folder)
    timed(["perf", "record", "--freq", "999", "--output", record, "--", *command])
    out, _, _ = timed(["perf", "report", "--input", record, "--stdio", "--sort", "dso,symbol", "--field-separator", "\t",
                       "--percent-limit", "0"])
    shares, functions = {}, []
    for line in out.splitlines():
        fields = [field.strip() for field in line.split("\t")]
        if line.startswith("#") or len(fields) < 3:
            continue
        share, text = float(fields[0].rstrip("%")), f"{fields[1]} {fields[2]}"
        shares[part_of(text)] = shares.get(part_of(text), 0.0) + share
        functions.append((share, text))
    print(f"{name}: the trainer's CPU time")
    for part, share in sorted(shares.items(), key=lambda entry: -entry[1]):
        print(f"  {share:5.1f} %  {part}")
        for own, text in [entry for entry in sorted(functions, reverse=True) if part_of(entry[1]) == part][:3]:
            print(f"           {own:5.1f} %  {text[:110]}")


GANG_SWEEP = """
[sweep]
name     = "ranks-{ranks}"
question = "How fast is one trial on {ranks} ranks?"
baseline = "gang"
metric   = "train/samples_per_s"
seeds    = {{ count = {rounds} }}
[base]
data  = {{ name = "digits", train_limit = {limit}, val_fraction = {val} }}
model = {{ family = "vit", patch = 1, dim = 192, depth = 12, heads = 3, mlp_ratio = 4.0, pool = "mean" }}
train = {{ epochs = {epochs}, batch = 64, lr = 1e-3, label_smoothing = 0.1, eval_every = 100000 }}
[[variant]]
name  = "gang"
norm  = {{ kind = "layer" }}
ranks = {ranks}
"""


def samples_per_second(ranks, rounds, folder):
    """Median over whole trials of `ranks` ranks, one after the other, through coordinator, workers and relay."""
    spec, state, sweep = MODELS["vit-12x192"], folder / f"state-{ranks}", folder / f"ranks-{ranks}.toml"
    sweep.write_text(GANG_SWEEP.format(ranks=ranks, rounds=rounds, limit=round(spec["samples"] / (1 - VAL_FRACTION)),
                                       val=VAL_FRACTION, epochs=spec["epochs"][1]))
    timed([BIN / "coordinator", "run", sweep, "--workers", str(ranks), "--state", state])
    out, _, _ = timed([BIN / "coordinator", "report", "--state", state, "--trials", "--format", "csv"])
    return statistics.median(float(row["train/samples_per_s"]) for row in csv.DictReader(out.splitlines()))


def measure_gang(rounds, folder):
    one, two = (samples_per_second(ranks, rounds, folder) for ranks in (1, 2))
    print(f"vit-12x192       two ranks {two:.1f} samples/s, one rank {one:.1f}: {two / one:.2f}x, wanted 1.7x", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(MODELS), help="one model")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default 3)")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    parser.add_argument("--tiny", action="store_true", help="the fewest steps, to see that it works")
    parser.add_argument("--gang", action="store_true", help="only two ranks of one trial beside one (needs two idle cores)")
    parser.add_argument("--profile", action="store_true", help="where the trainer's time goes, by `perf`")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, one thread each")
    with tempfile.TemporaryDirectory(prefix="autonorm-train-bench-") as folder:
        if options.gang:
            measure_gang(options.rounds, pathlib.Path(folder))
            return
        if options.profile:
            for name, spec in MODELS.items():
                if options.only in (None, name):
                    profile(name, spec, pathlib.Path(folder))
            return
        with_compile = not options.no_compile and not options.tiny
        problem = compiler_problem() if with_compile else None
        if problem:
            print(f"torch.compile is left out, it does not work here (it needs a C++ compiler, $CXX or g++): {problem}")
        for name, spec in MODELS.items():
            if options.only not in (None, name):
                continue
            if options.tiny:
                spec = dict(spec, epochs=(1, 2))
            rounds = 1 if options.tiny else options.rounds
            measure(name, spec, rounds, with_compile and not problem, pathlib.Path(folder))


if __name__ == "__main__":
    main()
