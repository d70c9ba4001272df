"""T27: a member of a gang dies before, during and after the rendezvous. The gang is aborted and its next attempt begins at
once on the same workers: nothing hangs, and nothing of one attempt reaches another.

The stand-in trainer adds up the number of the attempt at every step, and fails when another attempt's data are in the sum.
"""
import json
import os
import signal
import time

from soak import Cluster, expect_gone, main, pause, quickly

RANKS = 3
STEPS = 60
PLAN = json.dumps({"steps": STEPS, "step_ms": 20, "checkpoint_every": 5, "before_ms": 150, "during_ms": 150})
KILLS_PER_TRIAL = 5
HANG_S = 10  # far less than a collective's deadline, start_timeout and stall_timeout
MOMENTS = ("before", "during", "after")


def live_attempt(cluster):
    """(attempt, "before" | "during" | "after" its rendezvous) of the gang that holds the workers; None when there is none."""
    rows = cluster.query("SELECT a.id, a.endpoint != '', a.running_us IS NOT NULL FROM attempt a JOIN trial t ON "
                         "t.id = a.trial AND t.attempt = a.number WHERE a.ended_us IS NULL")
    return next(((attempt, "after" if runs else "during" if listens else "before") for attempt, listens, runs in rows), None)


def members(cluster, attempt):
    return cluster.query("SELECT rank, worker FROM attempt_member WHERE attempt = ? ORDER BY rank", attempt)


def far_to_go(cluster, attempt):
    """A member that has finished keeps its trainer, whatever becomes of the others: no gang is killed near its end."""
    begun = cluster.count("SELECT COALESCE(resume_step, 0) FROM attempt WHERE id = ?", attempt)
    return max(begun, cluster.step(attempt)) < STEPS // 2


def find_gang(cluster, moment):
    """(attempt, its trainers) of a whole gang at this moment of its life."""
    def found():
        live = live_attempt(cluster)
        gang = cluster.trainers(live[0]) if live and live[1] == moment and far_to_go(cluster, live[0]) else []
        return (live[0], gang) if len(gang) == RANKS and live_attempt(cluster) == live else None
    return quickly(found, f"a gang of {RANKS} trainers {moment} its rendezvous", HANG_S)


def kill_member(cluster, moment, random):
    """(attempt, seconds until it was over everywhere), or None when it had ended by itself: then the signal met the next one,
    which uses the same trainers."""
    attempt, gang = find_gang(cluster, moment)
    pause(random.uniform(0, 0.4 if moment == "after" else 0.1))
    victim = random.choice(gang)
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return None
    began = time.monotonic()
    quickly(lambda: cluster.over(attempt), f"attempt {attempt} is over", HANG_S)
    (end, message), = cluster.query("SELECT end, message FROM attempt WHERE id = ?", attempt)
    if end == "completed":
        return None
    assert end in ("trainer_crashed", "collective_aborted"), f"attempt {attempt} ended as {end}: {message}"
    expect_gone(gang, HANG_S, f"the trainers of attempt {attempt} have gone")
    return attempt, time.monotonic() - began


def begin_again(cluster, attempt):
    """Seconds until the next gang has its place, which is the same."""
    began = time.monotonic()
    later, _ = quickly(lambda: (live := live_attempt(cluster)) and live[0] > attempt and live, "the next attempt", HANG_S)
    before, now = members(cluster, attempt), members(cluster, later)
    assert {worker for _, worker in now} == {worker for _, worker in before}, f"other members: {before}, then {now}"
    return time.monotonic() - began


def submit(cluster, trials, first):
    """Trials with the seeds from `first` on."""
    cluster.submit(trials, ranks=RANKS, name=f"from {first}", first=first, base="run = { max_attempts = 1000 }")


def run(count, random):
    trials = 2 * -(-count // (2 * KILLS_PER_TRIAL)) + 2
    kills = dict.fromkeys(MOMENTS, 0)
    abort_s = again_s = 0.0
    signals = 0
    with Cluster() as cluster:
        cluster.serve("--quarantine-crashes", "0", "--heartbeat", "0.5")
        submit(cluster, trials, 0)
        cluster.fake_workers(RANKS, PLAN)
        while sum(kills.values()) < count:
            if cluster.ended() >= trials - 1:  # signals that met no attempt have used trials up
                submit(cluster, 2, trials // 2)
                trials += 2
            moment = MOMENTS[sum(kills.values()) % len(MOMENTS)]
            killed = kill_member(cluster, moment, random)
            signals += 1
            if killed is None:
                continue
            abort_s = max(abort_s, killed[1])
            again_s = max(again_s, begin_again(cluster, killed[0]))
            kills[moment] += 1
        cluster.wait_for_results(trials)
        crosstalk = cluster.count("SELECT COUNT(*) FROM attempt WHERE message LIKE '%wrongly%' OR message LIKE '%disagree%'")
        assert crosstalk == 0, f"data of another attempt arrived {crosstalk} times"
        others = cluster.query("SELECT end, message FROM attempt WHERE end NOT IN ('completed', 'trainer_crashed', "
                               "'collective_aborted')")
        assert not others, f"attempts ended otherwise than by a kill: {others[:5]}"
        failed = cluster.count("SELECT COUNT(*) FROM attempt WHERE end != 'completed'")
        assert count <= failed <= signals, f"{failed} attempts failed after {signals} signals, of which {count} met their attempt"
        cluster.check_results(trials, STEPS)
    when = ", ".join(f"{number} {moment}" for moment, number in kills.items())
    return (f"T27 a member of {RANKS} killed {count} times ({when} the rendezvous): gang gone within {abort_s:.2f} s, next attempt "
            f"on the same workers within {again_s:.2f} s more, 0 hung, 0 met data of another attempt, {trials} results")


main(run, default_count=3)
