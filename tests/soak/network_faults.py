"""T4: between coordinator and workers connections are cut, held up and delayed. With --full partitions last 0, 20 and 60 s and
the lease is the default one of 15 s; otherwise all of it is ten times as fast.
"""
import json

from proxy import TO_WORKER, Proxy
from soak import Cluster, main, pause, quickly

POINTS = 20
PLAN = json.dumps({"steps": POINTS, "step_ms": 15})
TRIALS_PER_FAULT = 30


# Of lease, heartbeat and partitions, in seconds.
FULL_LEASE, FULL_HEARTBEAT, FULL_SHORT, FULL_LONG = 15, 2, 20, 60


def partition(proxy, seconds):
    proxy.hold()
    pause(seconds)
    proxy.cut()
    proxy.heal()


def late(proxy, seconds):
    """Everything arrives, all at once, after the lease has expired."""
    proxy.hold()
    pause(seconds)
    proxy.heal()


def twice(proxy, seconds):
    """Events are committed, their acknowledgements lost: the workers send them again."""
    proxy.hold(TO_WORKER)
    pause(seconds)
    proxy.cut()
    proxy.heal()


def slow(proxy, seconds):
    proxy.delay_s = 0.1
    pause(seconds)
    proxy.heal()


def faults(pace):
    """[(what is done, for how many seconds)]"""
    return [(partition, 0), (twice, 0.5), (partition, FULL_SHORT * pace), (slow, 1), (late, FULL_SHORT * pace),
            (partition, FULL_LONG * pace)]


def identity(cluster):
    return cluster.query("SELECT id, incarnation, pid FROM worker ORDER BY id")


def all_attached(cluster):
    workers = json.loads(cluster.cli("workers", "--output", "json"))
    return len([w for w in workers if w["state"] in ("idle", "busy")]) == 4


def run(count, random, full):
    trials = TRIALS_PER_FAULT * count
    pace = 1 if full else 0.1
    with Cluster() as cluster:
        cluster.serve("--lease", str(FULL_LEASE * pace), "--heartbeat", str(FULL_HEARTBEAT * pace))
        cluster.submit(trials)
        direct, proxy = cluster.address, Proxy(cluster.address)
        try:
            cluster.address = proxy.address
            cluster.fake_workers(4, PLAN)
            cluster.address = direct
            quickly(lambda: cluster.ended() > 0, "the first results")
            before = identity(cluster)
            for fault in range(count):
                quickly(lambda: all_attached(cluster), "all workers are back", 30, 0.1)
                assert cluster.ended() < trials, f"all trials had ended before fault {fault + 1}"
                pause(random.uniform(0, 0.3))
                disturb, seconds = faults(pace)[fault % len(faults(pace))]
                disturb(proxy, seconds)
            quickly(lambda: all_attached(cluster), "all workers are back", 30, 0.1)
            cluster.wait_for_results(trials)
        finally:
            proxy.end()
        assert identity(cluster) == before, f"a worker was started again: {before}, now {identity(cluster)}"
        cluster.check_results(trials, POINTS)
        attempts = cluster.count("SELECT COUNT(*) FROM attempt")
        return (f"T4 {count} network faults, partitions of 0, {FULL_SHORT * pace:g} and {FULL_LONG * pace:g} s with a lease of "
                f"{FULL_LEASE * pace:g} s: {trials} results of {attempts} attempts, 0 lost, 0 duplicate, integrity ok, "
                f"4 workers attached again without a restart")


main(run, default_count=6, lasting=True)
