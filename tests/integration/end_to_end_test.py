"""The whole product with its real programs: a sweep through coordinator, mpirun workers and trainers, with things killed."""
import json
import os
import signal
import unittest

from harness import Study, descendants, exists, poll

# Trials of a few seconds with a checkpoint every 20 steps, so that something can be killed in the middle.
SWEEP = """
[sweep]
name     = "integration"
question = "does a killed sweep end with the same numbers?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = {{ count = {seeds} }}

[base]
data  = {{ name = "digits" }}
model = {{ family = "vit", patch = 2, dim = 32, depth = 2, heads = 4 }}
train = {{ epochs = {epochs}, batch = 64, lr = 3e-3, log_every = 10, checkpoint_every = 20 }}

[[variant]]
name = "LayerNorm"

[[variant]]
name = "RMSNorm on two ranks"
norm = {{ kind = "rms" }}
ranks = 2
"""


def running(study):
    trials = json.loads(study.cli("status", "--output", "json"))
    return [t for t in trials["trials"] if t["state"] == "running"]


def trainers_below(process):
    return [pid for pid, name in descendants(process.pid) if name == "trainer"]


class EndToEnd(Study):
    def weights(self):
        """(variant, seed) → SHA-256 of the final weights."""
        rows = self.trial_rows()
        self.assertTrue(all(row["state"] == "succeeded" for row in rows), rows)
        return {(row["variant"], row["seed"]): row["weights_sha256"] for row in rows}

    def assert_one_result_each(self, trials):
        rows = self.query("SELECT trial, COUNT(*) FROM result WHERE metric = 'test/accuracy' GROUP BY trial")
        self.assertEqual(len(rows), trials)
        self.assertTrue(all(count == 1 for _, count in rows), rows)
        self.assertEqual(self.query("PRAGMA integrity_check"), [("ok",)])

    def clean_run(self, seeds, epochs):
        """The same sweep in a state directory of its own, left alone."""
        clean = EndToEnd("clean_run")
        clean.setUp()
        try:
            clean.serve()
            clean.workers(2)
            clean.cli("submit", clean.write_sweep(SWEEP.format(seeds=seeds, epochs=epochs)))
            clean.wait_done()
            return clean.weights()
        finally:
            clean.stop_everything()

    def test_sweep_over_four_mpi_ranks_ends_in_a_report(self):
        self.serve()
        self.workers(4)
        poll(lambda: len(json.loads(self.cli("workers", "--output", "json"))) == 4, "four workers", 60)
        self.cli("submit", self.write_sweep(SWEEP.format(seeds=2, epochs=10)))
        sweep = self.wait_done()
        self.assertEqual(sweep["name"], "integration")
        self.assert_one_result_each(4)
        rows = self.trial_rows()
        self.assertEqual(sorted({row["ranks"] for row in rows}), ["1", "2"])
        for row in rows:
            self.assertGreater(float(row["test/accuracy"]), 0.5, row)
        text = self.cli("report")
        self.assertIn("RMSNorm on two ranks", text)
        self.assertEqual(self.run_cli("report", "--db", self.state / "autonorm.db", "--format", "csv").returncode, 0)

    def test_killed_trainer_and_coordinator_change_nothing(self):
        seeds, epochs = 2, 30
        server = self.serve()
        world = self.workers(4)
        self.cli("submit", self.write_sweep(SWEEP.format(seeds=seeds, epochs=epochs)))

        victim = poll(lambda: [t for t in running(self) if t["step"] >= 40 and t["ranks"] == 2], "a two-rank trial past step 40")[0]
        killed = trainers_below(world)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        poll(lambda: not any(exists(pid) for pid in killed), "the killed trainers are gone", 20)
        poll(lambda: [t for t in running(self) if t["attempt"] >= 2], "a second attempt runs")

        server.kill()
        server.wait()
        self.serve(listen=self.address)  # the workers go on and re-attach
        self.wait_done()

        self.assert_one_result_each(2 * seeds)
        attempts = {row["trial"]: int(row["attempts"]) for row in self.trial_rows()}
        self.assertGreaterEqual(attempts[victim["trial"]], 2)
        self.assertEqual(self.weights(), self.clean_run(seeds, epochs))

    def test_no_orphan_when_mpirun_is_killed(self):
        self.serve()
        world = self.workers(2)
        self.cli("submit", self.write_sweep(SWEEP.format(seeds=2, epochs=60)))
        poll(lambda: running(self), "a trial runs")
        family = descendants(world.pid)
        self.assertTrue(any(name == "trainer" for _, name in family), family)
        world.kill()
        world.wait()
        poll(lambda: not any(exists(pid) for pid, name in family if name in ("trainer", "worker")), "no orphan is left", 15)


class RunVerb(Study):
    def test_run_alone_trains_and_reports_and_is_resumable(self):
        sweep = self.write_sweep(SWEEP.format(seeds=2, epochs=3))
        command = ("run", sweep, "--workers", "2", "--state", self.state)
        first = self.run_cli(*command)
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        self.assertIn("RMSNorm on two ranks", first.stdout)
        attempts = self.query("SELECT COUNT(*) FROM attempt")
        again = self.run_cli(*command)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertEqual(self.query("SELECT COUNT(*) FROM attempt"), attempts, "finished trials are not repeated")


if __name__ == "__main__":
    unittest.main(verbosity=2)
