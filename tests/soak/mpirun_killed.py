"""T5: under mpirun -np 4 each trainer is killed in turn, the others go on; then mpirun itself is killed, nothing stays behind.

--count N: rounds of four trainers and one mpirun.
"""
import json
import os
import signal
import time

from soak import Cluster, descendants, exists, main, quickly

PLAN = json.dumps({"steps": 60, "step_ms": 40, "checkpoint_every": 5})
RANKS = 4
TRIALS_PER_ROUND = 16


def trainers(world):
    """Worker's process id → its trainer's, of the slots that have one."""
    return {pid: child for pid, name in descendants(world.pid) if name == "worker"
            for child, name in descendants(pid) if name == "fake_trainer"}


def all_train(cluster, world):
    found = trainers(world)
    return found if len(found) == RANKS and len(cluster.running()) == RANKS else None


def kill_trainer(cluster, world, rank):
    """One trainer ends, the other three stay and step on."""
    before = quickly(lambda: all_train(cluster, world), "four trainers train")
    worker = sorted(before)[rank]
    victims = [(t, a) for t, _, a, _ in cluster.running() if cluster.worker_pid(a) == worker]
    os.kill(before[worker], signal.SIGKILL)
    for trial, attempt in victims:
        quickly(lambda: cluster.over(attempt), "the attempt of the killed trainer has ended", 10)
    quickly(lambda: all_train(cluster, world), "four trainers train again")
    after = trainers(world)
    replaced = {pid for pid in before if before[pid] != after.get(pid)}
    assert replaced == {worker}, f"killed the trainer of worker {worker}, replaced were those of {replaced}"


def kill_mpirun(world):
    """Seconds until no process of this world is left."""
    family = [pid for pid, name in descendants(world.pid) if name in ("worker", "fake_trainer")]
    assert len(family) == 2 * RANKS, f"{len(family)} workers and trainers"
    began = time.monotonic()
    world.kill()
    world.wait()
    quickly(lambda: not any(exists(pid) for pid in family), "no orphan is left", 5)
    return time.monotonic() - began


def run(count, random):
    trials, slowest = TRIALS_PER_ROUND * count, 0.0
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0")
        cluster.submit(trials)
        for _ in range(count):
            world = cluster.fake_workers(RANKS, PLAN)
            for rank in random.sample(range(RANKS), RANKS):
                kill_trainer(cluster, world, rank)
            slowest = max(slowest, kill_mpirun(world))
        cluster.fake_workers(RANKS, PLAN)
        cluster.wait_for_results(trials)
        cluster.check_results(trials, 60)
        ends = dict(cluster.query("SELECT end, COUNT(*) FROM attempt GROUP BY end"))
        surplus = set(ends) - {"completed", "trainer_crashed", "worker_lost"}
        assert not surplus and ends["trainer_crashed"] <= RANKS * count, f"attempts ended as {ends}"
        return (f"T5 {RANKS * count} trainers and {count} mpirun killed: the other trainers went on {RANKS * count} times, "
                f"0 orphans after {slowest:.2f} s, {trials} trials with one result each")


main(run, default_count=1)
