"""T7: one trainer of a gang is stopped with SIGSTOP inside a collective; separately, one rank of a gang evaluates, and one of
another writes a checkpoint, for much longer than stall_timeout.

--count N: trainers stopped, one gang each; then one gang for each of the two phases, both at once.
"""
import json
import os
import signal
import time

from soak import Cluster, expect_gone, main, quickly

NAMED_S = 10
STALL_S = 2
FULL_PHASE_S = 60
PHASES = ("evaluating", "checkpointing")
STEPS = 40
PLAN = json.dumps({"steps": STEPS, "step_ms": 50, "checkpoint_every": 5})
ONE_CULPRIT = ("SELECT end, message, a.culprit, m.rank FROM attempt a LEFT JOIN attempt_member m ON m.attempt = a.id AND "
               "m.worker = a.culprit WHERE a.id = ?")


def has_checkpoint(cluster, attempt):
    return cluster.count("SELECT COUNT(*) FROM checkpoint WHERE attempt = ? AND durable", attempt) > 0


def find_gang(cluster):
    """(trial, attempt, its two trainers) of a gang that has a checkpoint and far to go."""
    def found():
        for trial, _, attempt, _ in cluster.running():
            gang = cluster.trainers(attempt)
            if len(gang) == 2 and has_checkpoint(cluster, attempt) and cluster.step(attempt) < STEPS // 2:
                return trial, attempt, gang
        return None
    return quickly(found, "a gang trains and has a checkpoint", 60)


def stop_one(cluster, random):
    """Seconds until the stopped trainer was named; None when the gang was faster than the signal."""
    trial, attempt, gang = find_gang(cluster)
    rank = random.randrange(2)
    began = time.monotonic()
    os.kill(gang[rank], signal.SIGSTOP)
    quickly(lambda: cluster.over(attempt), "the attempt has ended", NAMED_S)
    seconds = time.monotonic() - began
    end, message, _, culprit = cluster.query(ONE_CULPRIT, attempt)[0]
    if end == "completed":
        os.kill(gang[rank], signal.SIGCONT)
        return None
    assert end == "stalled" and f"rank {rank}" in message and culprit == rank, \
        f"rank {rank} was stopped; the attempt ended as {end} of rank {culprit}: {message}"
    expect_gone(gang, 5, "the gang's trainers were ended, the stopped one too")
    quickly(lambda: cluster.count("SELECT state IN ('running', 'succeeded') FROM trial WHERE id = ?", trial),
            "the gang was started again", 60)
    return seconds


def stop_trainers(count, random):
    """(trials, seconds until the last one was named, gangs that went on from a checkpoint)"""
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0", "--heartbeat", "0.5")
        trials = 2 * -(-count // 2)  # the same one may be stopped again further on
        cluster.submit(trials, ranks=2)
        cluster.fake_workers(2, PLAN)
        named = []
        while len(named) < count:
            seconds = stop_one(cluster, random)
            named += [] if seconds is None else [seconds]
        cluster.wait_for_results(trials)
        resumed = cluster.count("SELECT COUNT(*) FROM attempt WHERE resume_step > 0")
        assert resumed == count, f"{resumed} of {count} gangs went on from a checkpoint"
        cluster.check_results(trials, STEPS)
        return trials, max(named), resumed


def long_phases(seconds):
    """In each of two gangs rank 0 is in a declared phase for longer than stall_timeout, rank 1 waits for it in a collective."""
    with Cluster() as cluster:
        cluster.serve("--heartbeat", "0.5")
        for phase in PHASES:
            plan = {"steps": 10, "at": 5, "do": "phase", "text": phase, "value": seconds * 1000, "rank": 0}
            cluster.fake_workers(2, json.dumps(plan), work=phase)
        quickly(lambda: cluster.count("SELECT COUNT(*) FROM worker") == 2 * len(PHASES), "all workers are there", 60)
        cluster.submit(len(PHASES), ranks=2, base=f"run = {{ stall_timeout_s = {STALL_S} }}")
        cluster.wait_for_results(len(PHASES), seconds + 60)
        ends = cluster.query("SELECT end, message FROM attempt")
        assert [end for end, _ in ends] == ["completed"] * len(PHASES), f"a gang did not go on: {ends}"
        busy = cluster.count("SELECT COUNT(DISTINCT worker) FROM attempt_member")
        assert busy == 2 * len(PHASES), f"{busy} workers took part: not every phase had its gang"


def run(count, random, full):
    seconds = FULL_PHASE_S if full else FULL_PHASE_S // 10
    trials, slowest, resumed = stop_trainers(count, random)
    long_phases(seconds)
    return (f"T7 {count} trainers stopped in a collective: named within {slowest:.1f} s, {resumed} gangs went on from a "
            f"checkpoint, {trials} results; rank 0 {' and '.join(PHASES)} for {seconds} s with a stall timeout of "
            f"{STALL_S} s: {len(PHASES)} gangs left alone")


main(run, default_count=1, lasting=True)
