"""T25: the same trials on one worker, once more, on four workers, and interrupted: the same curves and weights to the last bit.

--count N: trials of each run, an even number.
"""
import os
import signal

from soak import expect_gone, main, quickly
from training import Training

EPOCHS = 8
STEPS = EPOCHS * 21  # of 1,293 images in batches of 64


def numbers(cluster, trials):
    cluster.wait_for_results(trials, 900)
    return cluster.weights(), cluster.curves()


def undisturbed(workers, trials):
    with Training() as cluster:
        cluster.begin(workers, trials // 2, EPOCHS)
        return numbers(cluster, trials)


def interrupted(trials, random):
    """Every trial loses its trainer once at a random step, and the coordinator is killed in the middle. (numbers, attempts)"""
    with Training() as cluster:
        server = cluster.begin(4, trials // 2, EPOCHS)
        hit = set()
        while len(hit) < trials:
            trial, attempt = quickly(lambda: next(((t, a) for t, _, a, _ in cluster.running() if t not in hit), None),
                                     f"a trial runs that was not hit yet ({len(hit)} of {trials} were)")
            step = int(STEPS * random.uniform(0.1, 0.5))
            quickly(lambda: cluster.step(attempt) >= step, f"attempt {attempt} reaches step {step}")
            trainers = cluster.trainers(attempt)
            assert len(trainers) == 1, f"trial {trial} has {len(trainers)} trainers"
            os.kill(trainers[0], signal.SIGKILL)
            expect_gone(trainers, 5, "the killed trainer has gone")
            hit.add(trial)
            if len(hit) == (trials + 1) // 2:
                server.kill()
                server.wait()
                server = cluster.serve("--heartbeat", "0.2", "--quarantine-crashes", "0", listen=cluster.address)
        found = numbers(cluster, trials)
        attempts = cluster.count("SELECT COUNT(*) FROM attempt")
        resumed = cluster.count("SELECT COUNT(*) FROM attempt WHERE resume_step > 0")
        assert resumed >= trials // 2, f"only {resumed} of {attempts} attempts began from a checkpoint"
        return found, attempts


def run(count, random):
    trials = count + count % 2
    weights, curves = undisturbed(1, trials)
    assert len(weights) == trials and curves, "the first run left no numbers"
    points = sum(len(points) for points in curves.values())
    disturbed, attempts = interrupted(trials, random)
    for what, other in (("repeated", undisturbed(1, trials)), ("on four workers", undisturbed(4, trials)),
                        ("interrupted", disturbed)):
        assert other[0] == weights, f"{what}: the weights differ: {other[0]} and {weights}"
        different = [key for key in curves.keys() | other[1].keys() if curves.get(key) != other[1].get(key)]
        assert not different, f"{what}: the curves of {different} differ; the first: {curves.get(different[0])} " \
                              f"and {other[1].get(different[0])}"
    return (f"T25 {trials} trials on 1 worker, repeated, on 4 workers, interrupted ({attempts} attempts): {len(curves)} curves "
            f"of {points} points, 0 different points, 0 different weights")


main(run, default_count=2)
