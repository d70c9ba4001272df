"""T3: a worker is stopped beyond its lease while its trainer finishes; when it goes on, its report comes too late.

Its connection is lost meanwhile; else the coordinator's Stop would reach it first, and it would not report at all.
"""
import json
import os
import signal

from proxy import Proxy
from soak import FAKE_TRAINER, WORKER, Cluster, main, pause, quickly

POINTS = 20
PLAN = json.dumps({"steps": POINTS, "step_ms": 40})


def refusals(cluster):
    rows = cluster.query("SELECT json FROM event WHERE kind = 'late_result_refused'")
    return {(event["trial"], event["attempt"]) for event in (json.loads(text) for text, in rows)}


def start_worker(cluster, name):
    """A worker of its own behind a proxy of its own: (its process, the proxy)."""
    proxy = Proxy(cluster.address)
    command = [WORKER, "--coordinator", proxy.address, "--work-dir", str(cluster.folder / name), "--trainer", FAKE_TRAINER,
               "--device", "cpu"]
    return cluster.spawn(command, f"{name}.log", AUTONORM_FAKE_TRAINER=PLAN), proxy


def stop_one(cluster, workers, random):
    """(hash, attempt number, worker, proxy) of an attempt that lost its lease because its worker was stopped."""
    while True:
        trial, hash_, attempt, number = random.choice(quickly(cluster.running, "a trial runs"))
        worker, proxy = next(pair for pair in workers if pair[0].pid == cluster.worker_pid(attempt))
        pause(random.uniform(0, 0.4))
        os.kill(worker.pid, signal.SIGSTOP)
        proxy.hold()
        proxy.cut()
        quickly(lambda: cluster.over(attempt), f"attempt {attempt} has ended", 20)
        end, = cluster.query("SELECT end FROM attempt WHERE id = ?", attempt)[0]
        if end == "worker_lost":
            quickly(lambda: cluster.count("SELECT state = 'succeeded' FROM trial WHERE id = ?", trial),
                    "the next attempt has a result", 60)
            return hash_, number, worker, proxy
        proxy.heal()
        os.kill(worker.pid, signal.SIGCONT)  # it had delivered already


def run(count, random):
    trials = 8 * count + 4
    with Cluster() as cluster:
        cluster.serve("--lease", "1.5", "--heartbeat", "0.3")
        cluster.submit(trials)
        workers = [start_worker(cluster, name) for name in ("first", "second")]
        for _ in range(count):
            hash_, number, worker, proxy = stop_one(cluster, workers, random)
            proxy.heal()
            os.kill(worker.pid, signal.SIGCONT)
            quickly(lambda: (hash_, number) in refusals(cluster), "the late report is refused", 20)
        cluster.wait_for_results(trials)
        cluster.check_results(trials, POINTS)
        return (f"T3 worker stopped beyond its lease {count} times: {count} of {count} late reports refused, "
                f"{trials} trials with one result each")


main(run, default_count=3)
