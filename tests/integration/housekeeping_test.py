"""What keeps a long-lived installation in order, with the real programs: stopping and starting again, one server per state
directory, copies of the database, logs."""
import json
import os
import signal
import sqlite3
import time
import unittest

from harness import COORDINATOR, WORKER, Study, descendants, poll

SWEEP = """
[sweep]
name     = "housekeeping"
question = "does training go on while the coordinator is away?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = { count = 1 }

[base]
data  = { name = "digits" }
model = { family = "vit", patch = 2, dim = 32, depth = 2, heads = 4 }
train = { epochs = 40, batch = 64, lr = 3e-3, log_every = 10, checkpoint_every = 20 }

[[variant]]
name = "LayerNorm"
"""


class Housekeeping(Study):
    def worker(self):
        return self.spawn([WORKER, "--device", "cpu", "--coordinator", self.address, "--work-dir", str(self.folder / "work")],
                          "worker.log")

    def trial(self):
        return json.loads(self.cli("status", "--output", "json"))["trials"][0]

    def trainers(self, worker):
        return [pid for pid, name in descendants(worker.pid) if name == "trainer"]

    def test_a_clean_restart_is_quick_and_training_goes_on(self):
        server = self.serve()
        worker = self.worker()
        self.cli("submit", self.write_sweep(SWEEP))
        poll(lambda: self.trial()["state"] == "running" and self.trial()["step"] >= 20, "the trial trains")
        trainers = self.trainers(worker)
        self.assertEqual(len(trainers), 1)

        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=10), 0)
        self.assertLess(time.monotonic() - begun, 2.0, "a clean shutdown takes less than 2 s")
        self.assertEqual(self.trainers(worker), trainers, "the trainer goes on without a coordinator")

        self.serve(listen=self.address)
        poll(lambda: self.trial()["workers"] and self.trial()["state"] == "running", "the worker is back", 30)
        self.assertEqual(self.trainers(worker), trainers)
        self.wait_done()
        self.assertEqual(self.trainers(worker), trainers, "one process from the first step to the last")
        row, = self.trial_rows()
        self.assertEqual((row["state"], row["attempts"]), ("succeeded", "1"))
        self.assertEqual(self.query("SELECT COUNT(*) FROM result WHERE metric = 'test/accuracy'"), [(1,)])
        self.assertEqual(self.query("SELECT number, end FROM attempt"), [(1, "completed")])

    def test_logs_follow_an_attempt_to_its_end(self):
        self.serve()
        worker = self.worker()
        self.cli("submit", self.write_sweep(SWEEP))
        poll(lambda: self.trial()["state"] == "running" and self.trial()["step"] >= 20, "the trial trains")
        trial = self.trial()["trial"]
        follower = self.spawn([COORDINATOR, "logs", trial[:10], "--follow", "--coordinator", self.address], "follow.log")
        text = self.folder / "follow.log"
        poll(lambda: f"trial {trial[:12]}, attempt 1" in text.read_text(), "the follower says whose log it is", 30)
        self.assertIsNone(follower.poll(), "the attempt has not ended")
        for pid in self.trainers(worker):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(follower.wait(timeout=60), 0)
        self.assertIn("attempt 1 ended", text.read_text())
        self.assertIn("trainer_crashed (SIGKILL)", text.read_text())
        self.assertRegex(text.read_text(), r"memory at the end: trainer \d+\.\d MiB")
        self.assertIn("trainer_crashed", self.cli("logs", trial[:10], "--attempt", "1"))

    def test_a_second_server_is_refused_naming_the_first(self):
        server = self.serve()
        second = self.run_cli("serve", "--listen", "127.0.0.1:0", "--state", self.state)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"is in use by another coordinator (pid {server.pid})", second.stderr)

    def test_a_backup_is_taken_while_the_server_works(self):
        self.serve()
        self.cli("submit", self.write_sweep(SWEEP))
        self.cli("backup", self.folder / "copy.db")
        with sqlite3.connect(f"file:{self.folder}/copy.db?mode=ro", uri=True) as copy:
            self.assertEqual(copy.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(copy.execute("SELECT name FROM sweep").fetchall(), [("housekeeping",)])

    def test_gc_beside_a_running_trial_leaves_what_it_resumes_from(self):
        self.serve()
        worker = self.worker()
        self.cli("submit", self.write_sweep(SWEEP))
        newest = "SELECT resume_step, resume_manifest FROM trial"
        poll(lambda: (self.query(newest)[0][0] or 0) >= 60, "three checkpoints are durable")
        long_ago = time.time() - 3 * 3600
        for file in (self.state / "artifacts").rglob("*"):
            if file.is_file() and len(file.name) == 64:
                os.utime(file, (long_ago, long_ago))
        before = sum(1 for _ in (self.state / "artifacts").rglob("*"))
        self.assertIn("nothing was changed", self.cli("gc", "--keep-checkpoints", "1"))
        self.assertGreaterEqual(sum(1 for _ in (self.state / "artifacts").rglob("*")), before)
        self.assertRegex(self.cli("gc", "--yes", "--keep-checkpoints", "1"), r"removed [1-9][\d.]* [KM]iB")

        for pid in self.trainers(worker):
            os.kill(pid, signal.SIGKILL)
        self.wait_done()
        attempts = self.query("SELECT number, end, resume_step FROM attempt ORDER BY number")
        self.assertEqual([(number, end) for number, end, _ in attempts], [(1, "trainer_crashed"), (2, "completed")])
        self.assertGreaterEqual(attempts[1][2], 60, "the second attempt went on from a checkpoint")

    def test_log_lines_are_kept_in_files(self):
        self.serve()
        worker = self.worker()
        poll(lambda: json.loads(self.cli("workers", "--output", "json")), "a worker", 30)
        self.assertIn("start 1 at", (self.state / "coordinator.log").read_text())
        self.assertIn("connected to the coordinator", (self.folder / "work/rank-0/worker.log").read_text())
        worker.terminate()
        worker.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2)
