"""T1: the coordinator is killed with SIGKILL at random moments while four workers with an instant trainer deliver."""
import json
import time

from soak import Cluster, main, pause

POINTS = 20
PLAN = json.dumps({"steps": POINTS, "log": "a log stays when the rest of an attempt is dropped"})


def kill_and_start(cluster, server):
    """Returns (server, seconds until it listens again, what was acknowledged before)."""
    server.kill()
    server.wait()
    acknowledged = cluster.acknowledged()
    began = time.monotonic()
    return cluster.serve(listen=cluster.address), time.monotonic() - began, acknowledged


def check_acknowledged(cluster, acknowledged):
    ended = set(cluster.query("SELECT t.hash, a.number FROM attempt a JOIN trial t ON t.id = a.trial "
                              "WHERE a.ended_us IS NOT NULL"))
    lost = acknowledged - ended
    assert not lost, f"acknowledged and lost: {sorted(lost)}"


def run(count, random):
    trials = max(40, 10 * count)
    with Cluster() as cluster:
        server = cluster.serve()
        cluster.submit(trials)
        cluster.fake_workers(4, PLAN)
        slowest, seen = 0.0, 0
        for kill in range(count):
            cluster.wait_for_results(trials * kill // count)
            pause(random.uniform(0, 0.2))
            before = cluster.ended()
            server, seconds, acknowledged = kill_and_start(cluster, server)
            slowest = max(slowest, seconds)
            assert cluster.ended() >= before, f"{before} results were there before kill {kill + 1}, now {cluster.ended()}"
            check_acknowledged(cluster, acknowledged)
            seen += len(acknowledged)
        cluster.wait_for_results(trials)
        cluster.check_results(trials, POINTS)
        assert seen > 0 or count < 3, "no acknowledged attempt was ever looked at"
        assert slowest < 1, f"it took {slowest:.2f} s until it listened again"
        return (f"T1 coordinator killed {count} times: {trials} results, 0 acknowledged lost, 0 duplicate, integrity ok, "
                f"back in {slowest:.2f} s")


main(run, default_count=5)
