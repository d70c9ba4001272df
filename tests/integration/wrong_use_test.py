"""Wrong uses of the real programs: each gets a message that says what, where and the remedy, and a documented exit code."""
import json
import subprocess
import unittest

from harness import SOURCE, WORKER, Study, poll

TINY = """
[sweep]
name     = "tiny"
question = "does it say what is wrong?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = { count = 1 }
[base]
data  = { name = "digits" }
model = { family = "vit", patch = 2, dim = 16, depth = 1, heads = 2 }
train = { epochs = 1, batch = 64 }
[[variant]]
name = "LayerNorm"
"""


class WrongUse(Study):
    def test_no_server(self):
        done = self.run_cli("list", "--coordinator", "127.0.0.1:9")
        self.assertEqual(done.returncode, 3)
        self.assertIn("127.0.0.1:9", done.stderr)
        self.assertIn("coordinator serve", done.stderr)

    def test_port_taken(self):
        self.serve()
        done = self.run_cli("serve", "--listen", self.address, "--state", self.folder / "other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.address, done.stderr)
        self.assertIn("--listen", done.stderr)

    def test_second_server_on_one_state_directory(self):
        first = self.serve()
        done = self.run_cli("serve", "--listen", "127.0.0.1:0", "--state", self.state)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(first.pid), done.stderr)
        self.assertIn(str(self.state), done.stderr)

    def mounted(self, options):
        """A small file system of its own at self.state; skips where mounting is not allowed."""
        self.state.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.state)], capture_output=True).returncode:
            self.skipTest("mounting a tmpfs needs root")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.state)], check=False)

    def test_read_only_state_directory(self):
        self.mounted("ro")
        done = self.run_cli("serve", "--listen", "127.0.0.1:0", "--state", self.state)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(self.state), done.stderr)
        self.assertRegex(done.stderr.lower(), "read-only")
        self.assertIn("--state", done.stderr)

    def test_full_disk_at_start(self):
        self.mounted("size=16k")
        done = self.run_cli("serve", "--listen", "127.0.0.1:0", "--state", self.state)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr.lower(), "full|no space")
        self.assertIn(str(self.state), done.stderr)
        self.assertIn("choose another folder with --state", done.stderr)
        self.assertNotIn("by itself", done.stderr, "nobody tries again before the start")

    def test_unknown_key_names_position_and_nearest(self):
        path = self.write_sweep(TINY.replace("epochs = 1", "epoch = 1"))
        done = self.run_cli("plan", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{path.name}:11:", done.stderr)
        self.assertIn("epochs", done.stderr)
        self.assertIn("^", done.stderr)

    def test_missing_sweep_file(self):
        done = self.run_cli("plan", "nowhere.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.toml", done.stderr)

    def test_missing_data_folder(self):
        path = self.write_sweep(TINY.replace('name = "digits"', f'kind = "idx", path = "/nonexistent/pictures", sha256 = "{"0" * 64}"')
                                .replace("patch = 2", "patch = 7"))
        self.serve()
        self.workers(1)
        self.cli("submit", path)
        self.wait_done()
        row = self.trial_rows()[0]
        self.assertEqual(row["state"], "failed")
        self.assertEqual(row["end_reason"], "data_missing")
        explained = self.cli("explain", row["trial"])
        self.assertIn("/nonexistent/pictures", explained)

    def test_eight_ranks_with_two_workers_waits_and_says_so(self):
        self.serve()
        self.workers(2)
        self.cli("submit", self.write_sweep(TINY.replace("[base]", "[base]\nranks = 8")))
        poll(lambda: len(json.loads(self.cli("workers", "--output", "json"))) == 2, "two workers", 60)
        trial = self.trial_rows()[0]["trial"]
        explained = poll(lambda: (lambda text: text if "2" in text else None)(self.cli("explain", trial)), "explain knows", 30)
        self.assertIn("8", explained)
        self.assertRegex(explained, r"mpirun -np 8")
        self.assertEqual(self.sweeps()[0]["state"], "running")

    def test_worker_without_mpirun_is_one_rank(self):
        self.serve()
        self.spawn([WORKER, "--coordinator", self.address, "--work-dir", str(self.folder / "work")], "workers.log")
        self.cli("submit", self.write_sweep(TINY))
        self.wait_done()
        self.assertEqual(self.trial_rows()[0]["state"], "succeeded")
        self.assertIn("without mpirun", (self.folder / "workers.log").read_text())

    def test_unknown_verb_and_flag(self):
        for arguments in (["sumbit"], ["list", "--outputt", "json"]):
            done = self.run_cli(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("--help", done.stderr)

    def test_unknown_sweep(self):
        self.serve()
        done = self.run_cli("cancel", "no-such-sweep", "--coordinator", self.address)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no-such-sweep", done.stderr)


class ShippedSweeps(Study):
    def test_both_shipped_sweeps_plan(self):
        for name, trials in (("quickstart", 18), ("ablation", 60)):
            done = self.run_cli("plan", SOURCE / "sweeps" / f"{name}.toml")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, rf"\b{trials}\b")


if __name__ == "__main__":
    unittest.main(verbosity=2)
