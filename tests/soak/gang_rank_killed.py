"""T6: one rank of a DDP gang is killed with SIGKILL at a random step; half of the trials have two ranks, half have four."""
import time

from soak import exists, main, quickly
from training import Training, kill_one

ABORT_S = 5
KILLS_PER_TRIAL = 5
EPOCHS = 12
STEPS = EPOCHS * 21  # of 1,293 images in batches of 64
FOUR_RANKS = "ranks = 4"


def clean_weights(seeds):
    with Training() as cluster:
        cluster.begin(4, seeds, EPOCHS, ranks=2, second=FOUR_RANKS)
        cluster.wait_for_results(2 * seeds, 900)
        return cluster.weights()


def checkpoint_step(cluster, trial):
    """The newest committed checkpoint that a next attempt can begin from."""
    return cluster.count("SELECT COALESCE(MAX(c.step), 0) FROM checkpoint c JOIN attempt a ON a.id = c.attempt "
                         "WHERE a.trial = ? AND c.durable", trial)


class Killer:
    """Half of the kills, rounded up, hit gangs of two ranks, the others gangs of four."""

    def __init__(self, cluster, random, count):
        self.cluster, self.random = cluster, random
        self.left = {2: count - count // 2, 4: count // 2}
        self.slowest, self.resumed = 0.0, 0

    def ranks(self, attempt):
        return self.cluster.count("SELECT COUNT(*) FROM attempt_member WHERE attempt = ?", attempt)

    def next_victim(self):
        """(trial, attempt) of a running gang of a size that is due; None when everything has ended."""
        def due():
            if self.cluster.ended() == self.cluster.count("SELECT COUNT(*) FROM trial"):
                return "ended"
            return next(((trial, attempt) for trial, _, attempt, _ in self.cluster.running()
                         if self.left[self.ranks(attempt)] > 0), None)
        found = quickly(due, "a gang runs of a size that is due", 300)
        return None if found == "ended" else found

    def hit(self, trial, attempt):
        """Waits for a random one of the next steps, kills a rank, follows the gang to its next attempt."""
        step = self.cluster.step(attempt) + int(STEPS * 0.6 * self.random.random() / KILLS_PER_TRIAL)
        quickly(lambda: self.cluster.step(attempt) >= step or self.cluster.over(attempt), f"attempt {attempt} reaches step {step}")
        before = checkpoint_step(self.cluster, trial)
        gang = kill_one(self.cluster, attempt, self.random)
        if gang is None:
            return
        began = time.monotonic()
        if self.met_the_last_step(gang, attempt):
            return
        quickly(lambda: self.cluster.over(attempt), "the attempt has ended", ABORT_S)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.left[len(gang)] -= 1
        self.follow(trial, attempt, before)

    def met_the_last_step(self, gang, attempt):
        """Waits until the gang has gone. True, and no kill that counts, when it had trained its last step: ranks that are done keep their
        trainers."""
        def answer():
            if not any(exists(pid) for pid in gang):
                return "gone"
            return "late" if self.cluster.step(attempt) >= STEPS else None
        return quickly(answer, f"all {len(gang)} trainers of the gang have gone", ABORT_S) == "late"

    def follow(self, trial, attempt, before):
        end, = self.cluster.query("SELECT end FROM attempt WHERE id = ?", attempt)[0]
        assert end in ("trainer_crashed", "collective_aborted"), f"the attempt ended as {end}"
        rows = quickly(lambda: self.cluster.query("SELECT COALESCE(resume_step, 0) FROM attempt WHERE trial = ? AND id > ?",
                                                  trial, attempt), "the next attempt", 120)
        assert rows[0][0] >= before, f"the next attempt began at step {rows[0][0]}, the checkpoint was at {before}"
        self.resumed += rows[0][0] > 0


def run(count, random):
    seeds = max(1, -(-count // (2 * KILLS_PER_TRIAL)))
    clean = clean_weights(seeds)
    with Training() as cluster:
        cluster.begin(4, seeds, EPOCHS, ranks=2, second=FOUR_RANKS)
        killer = Killer(cluster, random, count)
        while any(killer.left.values()) and (victim := killer.next_victim()):
            killer.hit(*victim)
        assert not any(killer.left.values()), f"of {count} kills these met no running gang, by ranks: {killer.left}"
        cluster.wait_for_results(2 * seeds, 900)
        assert cluster.weights() == clean, f"weights differ: {cluster.weights()} and undisturbed {clean}"
        assert killer.resumed > 0, "no attempt began from a checkpoint"
        return (f"T6 rank of a gang killed {count} times: {2 * seeds} trials of 2 and 4 ranks, gang gone within "
                f"{killer.slowest:.2f} s, {killer.resumed} resumed from a checkpoint, 0 different weights")


main(run, default_count=2)
