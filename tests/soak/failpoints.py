"""T9: at each named failpoint a program dies at once: the coordinator around commits, acknowledgements, answers and artifacts, a
worker around its spool and its folders, a trainer around its checkpoints. It is started again, and everything goes on.

--count N: deaths at each point. Every one is proved by the file that the dying process leaves.
"""
import contextlib
import hashlib
import json
import sqlite3
import subprocess

from soak import COORDINATOR, FAKE_TRAINER, WORKER, environment, main, quickly
from training import SWEEP, Training

TRIALS = 4  # of one round, at least
WORKERS = ("a", "b", "c")  # fewer than trials, and one more than two: a last trial fails beside an idle worker, which fetches
STEPS = 20
DEPTH = 3  # a process dies at one of its first passes
PATIENCE = 10  # sweeps without a death
ONCE = ("coordinator.reply.before", "coordinator.answer.before", "worker.fetch.before")  # passed once in a while only
# Every trial fails once after its second checkpoint, so that checkpoints are fetched.
PLAN = json.dumps({"steps": STEPS, "step_ms": 4, "checkpoint_every": 5, "at": 10, "do": "exit", "value": 3,
                   "log": "a log stays when the rest of an attempt is dropped"})


def points():
    """All names, from the program itself."""
    refused = subprocess.run([COORDINATOR, "list"], env=environment(AUTONORM_FAILPOINT="?:1:?"), capture_output=True, text=True)
    assert "there are: " in refused.stderr, refused.stderr
    return refused.stderr.strip().split("there are: ")[1].split(", ")


class World(Training):
    def __init__(self, random, real_trainer):
        super().__init__()
        self.random, self.real = random, real_trainer
        self.trials = self.rounds = self.acknowledged_then = 0
        self.server = self.serve(*self.serve_options())
        self.fleet = self.start_workers("")

    def serve_options(self):
        return ("--quarantine-crashes", "0", "--lease", "3", "--heartbeat", "0.3")

    def start_worker(self, name, armed):
        trainer = () if self.real else ("--trainer", FAKE_TRAINER)
        return self.spawn([WORKER, "--coordinator", self.address, "--work-dir", str(self.folder / f"work-{name}"), "--device",
                           "cpu", *trainer], f"worker-{name}.log", AUTONORM_FAKE_TRAINER=PLAN, AUTONORM_FAILPOINT=armed)

    def start_workers(self, armed):
        return {name: self.start_worker(name, armed) for name in WORKERS}

    def start_server(self, armed):
        """Not waited for: an armed one may die before it listens."""
        return self.spawn([COORDINATOR, "serve", "--listen", self.address, "--state", str(self.state), *self.serve_options()],
                          "serve-again.log", AUTONORM_FAILPOINT=armed)

    def stop(self, *processes):
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)

    def new_sweep(self):
        """A file with trials that no other one has."""
        first, self.trials = self.trials, self.trials + TRIALS
        if not self.real:
            return self.sweep_file(TRIALS, name=f"round-{first}", base="run = { max_attempts = 1000 }", first=first)
        text = SWEEP.format(seeds=TRIALS // 2, epochs=1, ranks=1, second="")
        text = text.replace("count = ", f"first = {first}, count = ").replace('"training"', f'"round-{first}"')
        return self.write_sweep(text, f"round-{first}.toml")

    def die_once(self, point):
        """One process dies at the point and is started again."""
        self.rounds += 1
        hit = self.folder / f"hit-{self.rounds}"
        armed = f"{point}:{1 if point in ONCE else self.random.randint(1, DEPTH)}:{hit}"
        coordinator = point.startswith("coordinator.")
        if coordinator:
            self.stop(self.server)
            self.server = self.start_server(armed)
        else:
            self.stop(*self.fleet.values())
            self.fleet = self.start_workers(armed)
        for _ in range(PATIENCE):
            path = self.new_sweep()
            quickly(lambda: self.run_cli("submit", path, "--coordinator", self.address).returncode == 0 or hit.exists(),
                    "the sweep is submitted", 30, 0.05)
            if point == "coordinator.answer.before":
                self.back_up()
            quickly(lambda: hit.exists() or self.ended() == self.trials, f"a program dies at {point}, or the trials end", 120)
            if hit.exists():
                break
        assert hit.exists(), f"nothing died at {point} within {PATIENCE * TRIALS} trials: {armed}"
        if coordinator:
            self.restart_server()
        elif point.startswith("worker."):
            self.restart_worker()
        self.cli("submit", path)  # the same sweep, whether its first submission was answered or not
        self.wait_for_results(self.trials)

    def back_up(self):
        """The coordinator dies when the copy is made; the copy is whole."""
        copy = self.folder / f"copy-{self.rounds}.db"
        assert self.run_cli("backup", copy, "--coordinator", self.address).returncode != 0, "somebody answered"
        with contextlib.closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def restart_server(self):
        status = self.server.wait(timeout=20)
        assert status == -9, f"the coordinator ended with {status}"
        acknowledged = self.acknowledged()
        self.server = self.start_server("")
        quickly(lambda: self.run_cli("list", "--coordinator", self.address).returncode == 0, "the coordinator is back", 20, 0.05)
        ended = set(self.query("SELECT t.hash, a.number FROM attempt a JOIN trial t ON t.id = a.trial WHERE ended_us IS NOT NULL"))
        assert acknowledged <= ended, f"acknowledged and lost: {sorted(acknowledged - ended)}"
        self.acknowledged_then += len(acknowledged)

    def restart_worker(self):
        name, dead = quickly(lambda: next((pair for pair in self.fleet.items() if pair[1].poll() is not None), None),
                             "the worker has died", 20)
        assert dead.returncode == -9, f"the worker ended with {dead.returncode}"
        self.fleet[name] = self.start_worker(name, "")

    def check(self):
        """One result for each trial with its whole curve, whole artifacts, nothing left undelivered."""
        assert self.query("SELECT state, COUNT(*) FROM trial GROUP BY state") == [("succeeded", self.trials)]
        assert self.count("SELECT COUNT(*) FROM result WHERE metric = 'test/accuracy'") == self.trials
        twice = self.query("SELECT trial FROM attempt WHERE end = 'completed' GROUP BY trial HAVING COUNT(*) != 1")
        assert not twice, f"more than one accepted end: {twice}"
        curves = [[step for step, _ in curve] for (_, _, metric), curve in self.curves().items() if metric == "train/loss"]
        whole = curves[0] if self.real else list(range(1, STEPS + 1))
        assert len(curves) == self.trials and all(curve == whole for curve in curves), "points are missing or there twice"
        quickly(lambda: not list(self.folder.glob("work-*/rank-*/trials/*/*/token")), "the workers have delivered everything", 30)
        models = {hash_ for hash_, in self.query("SELECT model FROM trial")}
        kept = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in self.state.glob("artifacts/??/*")}
        assert models <= set(kept), "models are missing"
        assert all(name == content for name, content in kept.items()), "an artifact is not what its name says"
        assert not list(self.state.glob("artifacts/incoming/*")), "unfinished uploads are left"
        assert self.query("PRAGMA integrity_check") == [("ok",)]


def run(count, random):
    names = points()
    trials = acknowledged = 0
    for real, programs in ((False, ("coordinator", "worker")), (True, ("trainer",))):
        with World(random, real) as world:
            for point in (name for name in names if name.split(".")[0] in programs):
                for _ in range(count):
                    world.die_once(point)
            world.check()
            trials += world.trials
            acknowledged += world.acknowledged_then
    return (f"T9 {len(names)} failpoints, {count} deaths at each ({len(names) * count} hit): {trials} results with whole curves, "
            f"0 of {acknowledged} acknowledged lost, 0 duplicate, artifacts whole, integrity ok")


main(run, default_count=1)
