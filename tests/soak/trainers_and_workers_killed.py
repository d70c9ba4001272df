"""T2: random trainers under a plain mpirun, and random workers under deploy/local/workers, are killed with SIGKILL.

--count N: kills; four of five hit a trainer, the fifth a worker.
"""
import json
import os
import signal
import time

from soak import FAKE_TRAINER, SOURCE, Cluster, expect_gone, main, quickly

LEASE_S = 15
PLAN = json.dumps({"steps": 20, "step_ms": 40, "checkpoint_every": 5})
MAX_ATTEMPTS = 3
STEADY_S = 21  # deploy/local/workers gives up after three worlds in a row that ended within 20 s
TRIALS_MEANWHILE = 150


class Victims:
    """Kills one after the other and notes how long the hit trials waited for their next attempt."""

    def __init__(self, cluster, random):
        self.cluster, self.random, self.slowest = cluster, random, 0.0

    def kill_trainer(self):
        attempt, trial, pids = quickly(self.with_trainer, "a trial with a trainer runs")
        began = time.monotonic()
        os.kill(pids[0], signal.SIGKILL)
        expect_gone(pids, 5, "the killed trainer has gone")
        self.expect_next_attempt(trial, attempt, began)

    def kill_worker(self):
        attempt, trial, trainers = quickly(self.with_trainer, "a trial with a trainer runs", 120)
        pid = self.cluster.worker_pid(attempt)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        expect_gone([pid, *trainers], 5, "the killed worker and its trainer have gone")
        self.expect_next_attempt(trial, attempt, began)

    def with_trainer(self):
        running = self.cluster.running()
        self.random.shuffle(running)
        for trial, _, attempt, _ in running:
            if pids := self.cluster.trainers(attempt):
                return attempt, trial, pids
        return None

    def expect_next_attempt(self, trial, attempt, began):
        quickly(lambda: self.cluster.over(attempt), f"attempt {attempt} has ended", LEASE_S + 1)
        quickly(lambda: self.cluster.count(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE trial = ?1 AND id > ?2) OR "
            "(SELECT state IN ('succeeded', 'failed') FROM trial WHERE id = ?1)", trial, attempt),
            f"trial {trial} is given to a worker again", LEASE_S + 1)
        self.slowest = max(self.slowest, time.monotonic() - began)


def check(cluster, trials):
    quickly(lambda: cluster.count("SELECT COUNT(*) FROM trial WHERE state IN ('succeeded', 'failed')") == trials,
            "all trials have ended", 300)
    failed = cluster.count("SELECT COUNT(*) FROM trial WHERE state = 'failed'")
    early = cluster.query("SELECT id, counted FROM trial WHERE (state = 'failed') != (counted >= ?)", MAX_ATTEMPTS)
    assert not early, f"failed before its attempts were used up, or went on after: (trial, counted) {early}"
    results = cluster.count("SELECT COUNT(*) FROM result WHERE metric = 'test/accuracy'")
    assert results == trials - failed, f"{results} results of {trials - failed} trials that succeeded"
    assert cluster.query("PRAGMA integrity_check") == [("ok",)]
    return cluster.count("SELECT MAX(number) FROM attempt")


def kill_trainers(kills, random):
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0")
        trials = 2 * kills + 4
        cluster.submit(trials)
        cluster.fake_workers(4, PLAN)
        victims = Victims(cluster, random)
        for _ in range(kills):
            victims.kill_trainer()
        return trials, victims.slowest, check(cluster, trials)


def kill_workers(kills, random):
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0")
        trials = 16 + TRIALS_MEANWHILE * (kills - 1)
        cluster.submit(trials)
        cluster.spawn([str(SOURCE / "deploy" / "local" / "workers"), "4", "--coordinator", cluster.address, "--work-dir",
                       str(cluster.folder / "work"), "--trainer", FAKE_TRAINER, "--device", "cpu"], "workers.log",
                      AUTONORM_FAKE_TRAINER=PLAN)
        victims = Victims(cluster, random)
        for kill in range(kills):
            if kill > 0:
                began = time.monotonic()
                quickly(lambda: time.monotonic() > began + STEADY_S, "the new world is steady")
            victims.kill_worker()
            quickly(lambda: (cluster.folder / "workers.log").read_text().count("starting a new one") == kill + 1,
                    "deploy/local/workers starts a new world", 60)
        return trials, victims.slowest, check(cluster, trials)


def run(count, random):
    workers = count // 5
    trials, slowest, attempts = kill_trainers(count - workers, random)
    if workers:
        more, slower, most = kill_workers(workers, random)
        trials, slowest, attempts = trials + more, max(slowest, slower), max(attempts, most)
    assert slowest <= LEASE_S + 1, f"a trial waited {slowest:.1f} s"
    return (f"T2 {count - workers} trainers and {workers} worker(s) killed: {trials} of {trials} trials ended, given out again "
            f"within {slowest:.2f} s (lease {LEASE_S} s), at most {attempts} attempts")


main(run, default_count=5)
