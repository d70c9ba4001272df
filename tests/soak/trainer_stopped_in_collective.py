"""T7: one trainer of a gang is stopped with SIGSTOP inside a collective; separately, one rank of a gang evaluates or writes a
checkpoint for much longer than stall_timeout.

--count N: trainers stopped, one gang each; then one gang for each of the two phases.
"""
import json
import os
import signal
import time

from soak import Cluster, expect_gone, main, quickly

NAMED_S = 10
STALL_S = 2
FULL_PHASE_S = 60
PLAN = json.dumps({"steps": 60, "step_ms": 50, "checkpoint_every": 5})
ONE_CULPRIT = ("SELECT end, message, a.culprit, m.rank FROM attempt a LEFT JOIN attempt_member m ON m.attempt = a.id AND "
               "m.worker = a.culprit WHERE a.id = ?")


def has_checkpoint(cluster, attempt):
    return cluster.count("SELECT COUNT(*) FROM checkpoint WHERE attempt = ? AND durable", attempt) > 0


def stop_one(cluster, random):
    """Seconds until the stopped trainer was named and ended."""
    trial, _, attempt, _ = quickly(lambda: [row for row in cluster.running() if cluster.step(row[2]) < 40 and
                                            has_checkpoint(cluster, row[2]) and len(cluster.trainers(row[2])) == 2],
                                   "a gang trains and has a checkpoint", 60)[0]
    gang = cluster.trainers(attempt)
    rank = random.randrange(2)
    began = time.monotonic()
    os.kill(gang[rank], signal.SIGSTOP)
    quickly(lambda: cluster.over(attempt), "the attempt has ended", NAMED_S)
    seconds = time.monotonic() - began
    end, message, _, culprit = cluster.query(ONE_CULPRIT, attempt)[0]
    assert end == "stalled" and f"rank {rank}" in message and culprit == rank, \
        f"rank {rank} was stopped; the attempt ended as {end} of rank {culprit}: {message}"
    expect_gone(gang, 5, "the gang's trainers were ended, the stopped one too")
    quickly(lambda: cluster.count("SELECT state IN ('running', 'succeeded') FROM trial WHERE id = ?", trial),
            "the gang was started again", 60)
    return seconds


def stop_trainers(count, random):
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0", "--heartbeat", "0.5")
        trials = 2 * count
        cluster.submit(trials, ranks=2)
        cluster.fake_workers(2, PLAN)
        slowest = max(stop_one(cluster, random) for _ in range(count))
        cluster.wait_for_results(trials)
        resumed = cluster.count("SELECT COUNT(*) FROM attempt WHERE resume_step > 0")
        assert resumed == count, f"{resumed} of {count} gangs went on from a checkpoint"
        cluster.check_results(trials, 60)
        return trials, slowest, resumed


def long_phase(phase, seconds):
    """Rank 0 is in a declared phase for longer than stall_timeout, rank 1 waits for it in a collective: both are left alone."""
    plan = {"steps": 10, "at": 5, "do": "phase", "text": phase, "value": seconds * 1000, "rank": 0}
    with Cluster() as cluster:
        cluster.serve("--heartbeat", "0.5")
        cluster.submit(2, ranks=2, base=f"run = {{ stall_timeout_s = {STALL_S} }}")
        cluster.fake_workers(4, json.dumps(plan))
        cluster.wait_for_results(2, seconds + 60)
        ends = cluster.query("SELECT end, message FROM attempt")
        assert [end for end, _ in ends] == ["completed"] * 2, f"a gang that was {phase} did not go on: {ends}"


def run(count, random, full):
    seconds = FULL_PHASE_S if full else FULL_PHASE_S // 10
    trials, slowest, resumed = stop_trainers(count, random)
    for phase in ("evaluating", "checkpointing"):
        long_phase(phase, seconds)
    return (f"T7 {count} trainers stopped in a collective: named within {slowest:.1f} s, {resumed} gangs went on from a "
            f"checkpoint, {trials} results; rank 0 evaluating and checkpointing for {seconds} s with a stall timeout of "
            f"{STALL_S} s: 4 gangs left alone")


main(run, default_count=1, lasting=True)
