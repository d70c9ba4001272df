"""A worker is told to leave (SIGTERM, as a batch system does before it takes a machine away): its trial writes a checkpoint, ends
as preempted, which is no failure, and goes on elsewhere to the same weights."""
import os
import signal
import unittest

from harness import Study, descendants, poll

# The only checkpoints are those that a preemption asks for.
SWEEP = """
[sweep]
name     = "preempted"
question = "does leaving early change anything?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = {{ count = 1 }}

[base]
ranks = {ranks}
data  = {{ name = "digits" }}
model = {{ family = "vit", patch = 2, dim = 32, depth = 2, heads = 4 }}
train = {{ epochs = 30, batch = 64, lr = 3e-3, log_every = 10, checkpoint_every = 1000000 }}

[[variant]]
name = "LayerNorm"
"""
STEPS = 30 * 21  # of 1,293 images in batches of 64
SETTLED = 40     # steps after which a worker is told to leave


class Preemption(Study):
    def begin(self, ranks):
        self.serve("--heartbeat", "0.2")
        self.cli("submit", self.write_sweep(SWEEP.format(ranks=ranks)))

    def workers_below(self, world):
        return [pid for pid, name in descendants(world.pid) if name == "worker"]

    def step(self):
        return self.query("SELECT COALESCE(MAX(step), 0) FROM metric_point WHERE metric = 'train/loss'")[0][0]

    def weights(self):
        row, = self.trial_rows()
        self.assertEqual(row["state"], "succeeded", row)
        return row["weights_sha256"]

    def undisturbed_weights(self, ranks):
        clean = Preemption("undisturbed_weights")
        clean.setUp()
        try:
            clean.begin(ranks)
            clean.workers(ranks, "--device", "cpu")
            clean.wait_done()
            return clean.weights()
        finally:
            clean.stop_everything()

    def attempts(self):
        return self.query("SELECT number, end, COALESCE(resume_step, 0) FROM attempt ORDER BY number")

    def leave_and_go_on(self, ranks, victim):
        """The worker of rank `victim` is told to leave; then there is another world."""
        self.begin(ranks)
        first = self.workers(ranks, "--device", "cpu", work="first")
        poll(lambda: self.step() >= SETTLED, f"step {SETTLED}", 60)
        pid, = self.query("SELECT w.pid FROM attempt_member m JOIN worker w ON w.id = m.worker WHERE m.rank = ?", victim)[0]
        self.assertIn(pid, self.workers_below(first))
        os.kill(pid, signal.SIGTERM)
        poll(lambda: pid not in self.workers_below(first), "the worker has left", 25)
        poll(lambda: self.attempts()[0][1], "its attempt has ended", 10)

        checkpoints = self.query("SELECT step, durable FROM checkpoint")
        self.assertEqual(len(checkpoints), 1, f"one checkpoint, asked for by the preemption: {checkpoints}")
        (step, durable), = checkpoints
        self.assertTrue(durable)
        self.assertGreaterEqual(step, SETTLED)
        self.assertLess(step, STEPS, "the trial was not interrupted")
        self.assertEqual(self.attempts()[0], (1, "preempted", 0))
        self.assertEqual(self.query("SELECT counted, uncounted FROM trial"), [(0, 0)], "a preemption is no failure")

        self.workers(ranks, "--device", "cpu", work="second")
        self.wait_done()
        self.assertEqual(self.attempts(), [(1, "preempted", 0), (2, "completed", step)])
        before, after = ({worker for worker, in self.query("SELECT worker FROM attempt_member WHERE attempt = ?", attempt)}
                         for attempt in (1, 2))
        self.assertFalse(before & after, "it went on elsewhere")
        self.assertEqual(self.query("SELECT COUNT(*) FROM result WHERE metric = 'test/accuracy'"), [(1,)])
        self.assertEqual(self.weights(), self.undisturbed_weights(ranks))

    def test_a_trial_goes_on_elsewhere_from_the_checkpoint(self):
        self.leave_and_go_on(ranks=1, victim=0)

    def test_a_gang_leaves_together_when_one_of_its_workers_must(self):
        self.leave_and_go_on(ranks=2, victim=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
