"""T21: the coordinator's and the workers' wall clocks jump by an hour, forwards and back, while trials run (libfaketime).

--count N: jumps. Ends with 77 where libfaketime is not installed (Debian's faketime: deploy/setup --tests).
"""
import glob
import json
import os
import sys
from pathlib import Path

from soak import Cluster, main, pause, quickly

HOUR = 3600
POINTS = 20
PLAN = json.dumps({"steps": POINTS, "step_ms": 20})
TRIALS_PER_JUMP = 16


def library():
    found = os.environ.get("AUTONORM_FAKETIME") or next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if not found:
        print("T21 skipped: there is no libfaketime; install Debian's package faketime, or run deploy/setup --tests")
        sys.exit(77)
    return found


class Clock:
    """The offset that every process below reads anew at each look at its wall clock; monotonic clocks stay as they are."""

    def __init__(self, folder):
        self.file = Path(folder, "clock")
        self.set(0)
        self.environment = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self.file)


def check_order(cluster):
    """Events are numbered as they happened, whatever the clock said: an attempt ends after it was given out."""
    rows = cluster.query("SELECT t.id, a.number, a.end FROM attempt a JOIN trial t ON t.id = a.trial ORDER BY a.id")
    assert all(end == "completed" for _, _, end in rows), f"attempts ended otherwise: {rows}"
    times = [time for time, in cluster.query("SELECT assigned_us FROM attempt ORDER BY id")]
    forwards = sum(b - a > HOUR * 500_000 for a, b in zip(times, times[1:]))
    backwards = sum(a - b > HOUR * 500_000 for a, b in zip(times, times[1:]))
    return forwards, backwards


def run(count, random):
    trials = TRIALS_PER_JUMP * (count + 1)
    with Cluster() as cluster:
        clock = Clock(cluster.folder)
        os.environ.update(clock.environment)
        try:
            cluster.serve("--lease", "3", "--heartbeat", "0.5")
            cluster.fake_workers(2, PLAN)
        finally:
            for name in clock.environment:
                os.environ.pop(name)
        cluster.submit(trials)
        for jump in range(count):
            cluster.wait_for_results(TRIALS_PER_JUMP * jump + 1)
            pause(random.uniform(0, 0.3))
            clock.set((HOUR, -HOUR, 0)[jump % 3])
        cluster.wait_for_results(trials)
        cluster.check_results(trials, POINTS)
        forwards, backwards = check_order(cluster)
        assert forwards and (backwards or count < 2), f"the clock did not move: {forwards} forwards, {backwards} backwards"
        lost = cluster.count("SELECT COUNT(*) FROM event WHERE kind = 'worker_lost'")
        assert lost == 0, f"{lost} leases were lost"
        return (f"T21 wall clock moved {count} times by up to two hours: 0 leases lost, {trials} results, each of its first "
                f"attempt ({forwards} jumps forwards and {backwards} back seen in the rows)")


main(run, default_count=3)
