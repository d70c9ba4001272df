"""What the fault programs share: their options, a cluster with the stand-in trainer, and the checks of the database.

A program defines `run(count, random)` that returns its one line, and raises AssertionError when the invariant is broken; one
whose faults last for a while defines `run(count, random, full)`: with full, as long as the specification says.
"""
import argparse
import contextlib
import os
import random
import select
import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from harness import BIN, COORDINATOR, SOURCE, WORKER, Study, descendants, environment, exists, poll  # noqa: E402

FAKE_TRAINER = str(BIN.parent / "tests" / "fake_trainer")

SWEEP = """
[sweep]
name     = "{name}"
question = "is anything lost?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = {{ count = {seeds}, first = {first} }}

[base]
ranks = {ranks}
data  = {{ name = "digits" }}
model = {{ family = "vit", patch = 2, dim = 32, depth = 2, heads = 4 }}
train = {{ epochs = 1, batch = 64 }}
{base}
[[variant]]
name = "LayerNorm"

[[variant]]
name = "RMSNorm"
norm = {{ kind = "rms" }}
"""


def pause(seconds):
    """A random moment is what is tested, so it has to be waited for; nothing is concluded from the time itself."""
    select.select([], [], [], seconds)


class Cluster(Study):
    """A state directory, a coordinator and workers. Ends everything that it started."""

    failed = False

    def __init__(self):
        super().__init__()
        self.setUp()

    def _outcome_failed(self):
        return self.failed

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.failed = kind is not None
        self.stop_everything()

    def fake_workers(self, count, plan, *options, work="work"):
        """One MPI world. `plan` is the JSON that the stand-in trainer takes from AUTONORM_FAKE_TRAINER."""
        return self.workers(count, "--trainer", FAKE_TRAINER, "--device", "cpu", *options, work=work,
                            AUTONORM_FAKE_TRAINER=plan)

    def sweep_file(self, trials, ranks=1, name="soak", base="", first=0):
        """An even number of trials."""
        assert trials % 2 == 0, f"two variants have an even number of trials, not {trials}"
        text = SWEEP.format(name=name, seeds=trials // 2, ranks=ranks, base=base, first=first)
        return self.write_sweep(text, f"{name}.toml")

    def submit(self, trials, **options):
        return self.cli("submit", self.sweep_file(trials, **options))

    @contextlib.contextmanager
    def database(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/autonorm.db?mode=ro", uri=True, timeout=20)) as db:
            yield db

    def query(self, sql, *values):
        with self.database() as db:
            return db.execute(sql, values).fetchall()

    def count(self, sql, *values):
        return self.query(sql, *values)[0][0]

    def ended(self):
        """Trials that have a result."""
        return self.count("SELECT COUNT(*) FROM trial WHERE state IN ('succeeded', 'diverged', 'stopped')")

    def wait_for_results(self, count, patience_s=120):
        """Fails when no further one comes for so long; how long all of them take is the machine's business."""
        while (before := self.ended()) < count:
            quickly(lambda: self.ended() > before, f"{count} trials have a result ({before} have one)", patience_s)

    def running(self):
        """[(trial id, hash, attempt id, attempt number)] of running trials."""
        return self.query("SELECT t.id, t.hash, a.id, a.number FROM trial t JOIN attempt a ON a.trial = t.id "
                          "AND a.number = t.attempt WHERE t.state = 'running' AND a.ended_us IS NULL ORDER BY t.id")

    def trainers(self, attempt):
        """Process ids of an attempt's trainers, by rank; fewer when some have gone."""
        pids = [pid for (pid,) in self.query("SELECT w.pid FROM attempt_member m JOIN worker w ON w.id = m.worker "
                                             "WHERE m.attempt = ? ORDER BY m.rank", attempt)]
        return [child for pid in pids for child, name in descendants(pid) if name in ("trainer", "fake_trainer")]

    def step(self, attempt):
        """The newest step of which a point has arrived."""
        return self.count("SELECT COALESCE(MAX(step), 0) FROM metric_point WHERE attempt = ?", attempt)

    def worker_pid(self, attempt):
        """Process id of the worker of rank 0."""
        return self.query("SELECT w.pid FROM attempt_member m JOIN worker w ON w.id = m.worker WHERE m.attempt = ? "
                          "ORDER BY m.rank", attempt)[0][0]

    def over(self, attempt):
        return self.count("SELECT ended_us IS NOT NULL FROM attempt WHERE id = ?", attempt)

    def check_results(self, trials, points=20):
        """Every trial has one result of one attempt with its whole curve, and the file is sound. Returns problems' counts."""
        assert self.count("SELECT COUNT(*) FROM trial") == trials, "trials are missing or too many"
        states = self.query("SELECT state, COUNT(*) FROM trial GROUP BY state")
        assert states == [("succeeded", trials)], states
        with_result = self.count("SELECT COUNT(*) FROM result WHERE metric = 'test/accuracy'")
        assert with_result == trials, f"{with_result} results of {trials} trials"
        twice = self.query("SELECT trial, COUNT(*) FROM attempt WHERE end = 'completed' GROUP BY trial HAVING COUNT(*) != 1")
        assert not twice, f"more than one accepted end: {twice}"
        self.check_curves(points)
        assert self.query("PRAGMA integrity_check") == [("ok",)]

    def check_curves(self, points):
        """The curve of each accepted attempt, which began at step 0, is the one that the stand-in trainer sends."""
        wrong = self.query(
            "SELECT a.trial, COUNT(p.step) FROM attempt a LEFT JOIN metric_point p ON p.attempt = a.id AND "
            "p.metric = 'train/loss' AND ABS(p.value - 1.0 / p.step) < 1e-9 "
            "WHERE a.end = 'completed' AND a.resume_step IS NULL GROUP BY a.id HAVING COUNT(p.step) != ?", points)
        assert not wrong, f"points are missing: (trial, points) {wrong[:10]}"

    def acknowledged(self):
        """(trial hash, attempt) whose worker has dropped its spool: the coordinator has acknowledged all of it."""
        trials = self.folder.glob("work*/rank-*/trials/*")
        return {(trial.name, int(name.split("-")[1])) for trial in trials for name in names_in(trial)
                if not (trial / name / "token").exists() and (trial / name / "log.txt").exists()}


def names_in(folder):
    """Attempts of a trial's folder; none when its worker has removed it meanwhile."""
    try:
        return [name for name in os.listdir(folder) if name.startswith("attempt-")]
    except FileNotFoundError:
        return []


def quickly(condition, what, deadline_s=60.0, every_s=0.01):
    """harness.poll with a finer grain, where the time until the answer is measured."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {deadline_s:.0f} s still not: {what}"
        select.select([], [], [], every_s)


def expect_gone(pids, deadline_s, what):
    quickly(lambda: not any(exists(pid) for pid in pids), what, deadline_s)


def main(run, default_count, lasting=False):
    """Parses the options, runs, prints the line. Exit status 1 when the invariant does not hold. `lasting`: `run` takes `full`."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--count", type=int, default=default_count, help=f"how often (default {default_count})")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments and victims (default 1)")
    if lasting:
        parser.add_argument("--full", action="store_true", help="faults last as long as specified (default: a tenth of it)")
    options = parser.parse_args()
    if options.count < 1:
        parser.error("--count must be 1 or more")
    if not os.access(FAKE_TRAINER, os.X_OK):
        parser.error(f"there is no {FAKE_TRAINER}; build it, or set AUTONORM_BIN to the bin folder of a build")
    try:
        print(run(options.count, random.Random(options.seed), *([options.full] if lasting else [])), flush=True)
    except AssertionError as error:
        print(f"FAILED (--count {options.count} --seed {options.seed}): {error}", flush=True)
        sys.exit(1)
