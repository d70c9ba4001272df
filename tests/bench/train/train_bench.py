"""Training speed beside PyTorch, as ratios of one run.

    .venv/bin/python tests/bench/train/train_bench.py [--only NAME | --gang] [--rounds N] [--no-compile] [--tiny]

For each model the trainer and PyTorch (eager, then torch.compile) train the same steps in turn, one thread each. Printed are
milliseconds per step, both in wall time and in CPU time of the process, and the trainer's speed as a multiple of each peer's,
the median over the rounds. The CPU-time ratio holds on a busy machine too. The trainer's start, its evaluation and its last
checkpoint are left out: a short trial is taken from a long one.
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("AUTONORM_BIN", ROOT / "build" / "bin"))
IMAGES = {"height": 8, "width": 8, "channels": 1, "classes": 10}
VAL_FRACTION = 0.1
TRAIN = {"batch": 64, "lr": 1e-3, "label_smoothing": 0.1, "weight_decay": 0.05, "clip": 1.0}

MODELS = {
    "quickstart-vit": {
        "model": {"family": "vit", "patch": 2, "dim": 64, "depth": 2, "heads": 4, "mlp_ratio": 2.0, "pool": "cls"},
        "samples": 1280, "epochs": (4, 34), "wanted": 1.3,
    },
    "vit-12x192": {
        "model": {"family": "vit", "patch": 1, "dim": 192, "depth": 12, "heads": 3, "mlp_ratio": 4.0, "pool": "mean"},
        "samples": 256, "epochs": (1, 3), "wanted": 1.1,
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


def trainer_step(spec, folder):
    """Milliseconds per step: (CPU, wall)."""
    seconds = []
    data = {"name": "digits", "train_limit": round(spec["samples"] / (1 - VAL_FRACTION)), "val_fraction": VAL_FRACTION}
    for epochs in spec["epochs"]:
        trial = {"seed": 0, "data": data, "model": spec["model"], "norm": {"kind": "layer"},
                 "train": dict(TRAIN, epochs=epochs, eval_every=100_000)}
        path = folder / "trial.json"
        path.write_text(json.dumps(trial))
        _, cpu, wall = timed([BIN / "trainer", "run", path, "--output", folder / f"out-{epochs}", "--quiet"])
        seconds.append((cpu, wall))
    steps = (spec["epochs"][1] - spec["epochs"][0]) * -(-spec["samples"] // TRAIN["batch"])
    return tuple(1e3 * (seconds[1][i] - seconds[0][i]) / steps for i in (0, 1))


def peer_step(spec, folder, compiled):
    path = folder / "recipe.json"
    path.write_text(json.dumps({"model": spec["model"], "train": TRAIN, "compile": compiled,
                                "data": dict(IMAGES, samples=spec["samples"]),
                                "epochs": spec["epochs"][1] - spec["epochs"][0]}))
    out, _, _ = timed([sys.executable, pathlib.Path(__file__).with_name("peer.py"), path])
    result = json.loads(out.strip().splitlines()[-1])
    return 1e3 * result["cpu_s"] / result["steps"], 1e3 * result["wall_s"] / result["steps"]


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
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, one thread each")
    with tempfile.TemporaryDirectory(prefix="autonorm-train-bench-") as folder:
        if options.gang:
            measure_gang(options.rounds, pathlib.Path(folder))
            return
        for name, spec in MODELS.items():
            if options.only not in (None, name):
                continue
            if options.tiny:
                spec = dict(spec, epochs=(1, 2))
            rounds = 1 if options.tiny else options.rounds
            measure(name, spec, rounds, not options.no_compile and not options.tiny, pathlib.Path(folder))


if __name__ == "__main__":
    main()
