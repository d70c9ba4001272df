"""T26: a worker is stopped beyond its lease, its trainer goes on while the next attempt runs on another worker."""
import json
import os
import signal

from soak import Cluster, expect_gone, exists, main, quickly

STEPS = 100
PLAN = json.dumps({"steps": STEPS, "step_ms": 40, "checkpoint_every": 5})


def checkpoints(folder):
    return len(list(folder.glob("checkpoints/step-*/manifest.json")))


def folder_of(cluster, hash_, number):
    found = list(cluster.folder.glob(f"work/rank-*/trials/{hash_}/attempt-{number}"))
    assert len(found) == 1, f"attempt {number} has the folders {found}"
    return found[0]


def one_round(cluster, random):
    """Two trials for three workers. A worker is stopped, goes on when the next attempt trains; returns how many checkpoints the old trainer wrote meanwhile."""
    young = quickly(lambda: [row for row in cluster.running() if cluster.step(row[2]) < STEPS // 4], "a trial has begun")
    trial, hash_, attempt, number = random.choice(young)
    pid, old = cluster.worker_pid(attempt), quickly(lambda: cluster.trainers(attempt), "its trainer runs")
    folder = folder_of(cluster, hash_, number)
    os.kill(pid, signal.SIGSTOP)
    quickly(lambda: cluster.over(attempt), f"attempt {attempt} has ended", 20)
    end, = cluster.query("SELECT end FROM attempt WHERE id = ?", attempt)[0]
    assert end == "worker_lost", f"the attempt of a stopped worker ended as {end}"
    before = checkpoints(folder)
    later = quickly(lambda: next((a for t, _, a, n in cluster.running() if t == trial and n > number), None),
                    "the next attempt runs", 60)
    new = quickly(lambda: cluster.trainers(later), "the next attempt's trainer runs")
    assert exists(old[0]) and not set(old) & set(new), f"the old trainer {old} is not beside the new one {new}"
    quickly(lambda: checkpoints(folder) > before, "the old trainer writes on in its own folder", 10)
    assert folder_of(cluster, hash_, number + 1) != folder
    meanwhile = checkpoints(folder) - before
    os.kill(pid, signal.SIGCONT)
    expect_gone(old, 10, "the old trainer was ended")
    quickly(lambda: cluster.count("SELECT state = 'succeeded' FROM trial WHERE id = ?", trial), "the trial has a result")
    accepted, = cluster.query("SELECT value FROM fact WHERE trial = ? AND name = 'pid'", trial)[0]
    assert int(accepted) in new, f"the result is of process {accepted}, not of the next attempt's {new}"
    return meanwhile


def run(count, random):
    trials = 2 * count
    with Cluster() as cluster:
        cluster.serve("--lease", "1", "--heartbeat", "0.2")
        cluster.fake_workers(3, PLAN)
        written = 0
        for first in range(count):
            cluster.submit(2, name=f"round {first}", first=first)
            written += one_round(cluster, random)
            cluster.wait_for_results(2 * (first + 1))
        results = cluster.query("SELECT trial, COUNT(*) FROM result WHERE metric = 'test/accuracy' GROUP BY trial")
        assert len(results) == trials and all(n == 1 for _, n in results), results
        assert not cluster.query("SELECT trial FROM attempt WHERE end = 'completed' GROUP BY trial HAVING COUNT(*) > 1")
        return (f"T26 trainer went on without its lease {count} times ({written} checkpoints in its own folder): {trials} "
                f"results of the later attempt, {count} old trainers ended")


main(run, default_count=2)
