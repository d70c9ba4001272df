"""What people take away from a finished sweep, with the real programs: pictures, exports, a page, a verification."""
import csv
import json
import shutil
import unittest
from pathlib import Path

from harness import TRAINER, Study, poll

SWEEP = """
[sweep]
name     = "results"
question = "does RMSNorm do as well?"
baseline = "LayerNorm"
metric   = "test/accuracy"
margin   = 0.05
seeds    = { count = 2 }

[base]
data  = { name = "digits" }
model = { family = "vit", patch = 4, dim = 16, depth = 1, heads = 2 }
train = { epochs = 2, batch = 64, lr = 3e-3, log_every = 10 }

[[variant]]
name = "LayerNorm"
norm = { kind = "layer" }
[[variant]]
name = "RMSNorm"
norm = { kind = "rms" }
[[variant]]
name = "DyT"
norm = { kind = "dyt" }
"""


class Results(Study):
    def first_results(self):
        return self.query("SELECT trial, metric, value FROM result WHERE trial IN (SELECT trial FROM claim WHERE sweep = 1) "
                          "ORDER BY trial, metric")

    def test_from_a_finished_sweep_to_pictures_exports_and_a_verification(self):
        self.serve()
        self.workers(2)
        self.cli("submit", self.write_sweep(SWEEP))
        self.wait_done()
        before = self.first_results()
        self.look_at_pictures()
        self.look_at_exports()

        text = self.cli("verify", "1", "--sample", "2")
        self.assertIn("2 trained again: 2 bit-exact, 0 within ±0.05, 0 irreproducible", text)
        self.assertEqual(self.first_results(), before, "the first results are as they were")
        self.assertEqual(self.query("SELECT count(*) FROM attempt JOIN claim ON claim.trial = attempt.trial WHERE sweep = 1"),
                         [(6,)], "no trial of the first sweep was trained again")
        self.assertEqual(self.query("SELECT name FROM sweep WHERE id = 2"), [("results (again, 1)",)])
        rows = list(csv.DictReader(self.cli("report", "--format", "csv").splitlines()))
        self.assertEqual({row["sweep"] for row in rows}, {"1"}, "what people look at stays the study")
        rerun = self.cli("report", "2")
        self.assertIn("POST HOC: a re-run for verification", rerun)
        self.assertNotIn("missing", rerun)
        again = self.cli("verify", "1", "--sample", "2")
        self.assertIn("which exists already", again)
        self.assertIn("2 bit-exact", again)

    def fact(self, name):
        return {value for value, in self.query("SELECT value FROM fact WHERE name = ?", name)}

    def rebuilt_trainer(self, build):
        """A copy of the trainer that is another build by nothing but its name."""
        path = self.folder / "rebuilt" / "trainer"
        path.parent.mkdir()
        code = Path(TRAINER).read_bytes()
        self.assertEqual(code.count(bytes.fromhex(build)), 1, "the recorded build is the program's")
        path.write_bytes(code.replace(bytes.fromhex(build), bytes.fromhex("ab" * (len(build) // 2))))
        path.chmod(0o755)
        return path

    def test_results_name_build_and_data_and_reports_say_where_builds_mix(self):
        self.serve()
        world = self.workers(2)
        self.cli("submit", self.write_sweep(SWEEP))
        self.wait_done()
        build, = self.fact("build")
        digits = [one for one in json.loads(self.run_cli("catalogue", "--output", "json").stdout)["kinds"]
                  if one["name"] == "digits"]
        self.assertEqual(self.fact("data_sha256"), {digits[0]["fingerprint"]})
        cell = self.cli("report", "--explain-cell", "RMSNorm/digits")
        for line in (f"  build: {build}\n", f"  data_sha256: {digits[0]['fingerprint']}\n", "  torch_version: ",
                     "  device: cpu\n", "  configuration: "):
            self.assertEqual(cell.count(line), 2, f"{line} of variant and baseline in\n{cell}")
        self.assertNotIn("builds", self.cli("report"))

        world.terminate()
        world.wait(timeout=60)
        self.workers(2, "--trainer", str(self.rebuilt_trainer(build)), work="work-2")
        text = self.cli("verify", "1", "--sample", "2")
        self.assertIn("2 trained again: 2 bit-exact", text)
        self.assertEqual(text.count("another build"), 2, text)
        self.cli("submit", self.write_sweep(SWEEP.replace("count = 2", "count = 3"), "more.toml"))
        poll(lambda: all(sweep["state"] == "done" for sweep in self.sweeps()), "every sweep is done")
        self.assertEqual(self.fact("build"), {build, "ab" * (len(build) // 2)})
        report = self.cli("report")
        self.assertIn("these trials come from 2 builds", report)
        self.assertIn("no pair mixes them", report)

    def test_results_that_were_trained_again_make_the_earlier_report_post_hoc(self):
        self.serve()
        self.workers(2)
        path = self.write_sweep(SWEEP)
        self.cli("submit", path)
        self.wait_done()
        self.assertIn("PRE-REGISTERED", self.cli("report", "1"))
        self.cli("submit", path, "--fresh")
        poll(lambda: all(sweep["state"] == "done" for sweep in self.sweeps()), "both sweeps are done")
        self.assertIn("POST HOC: 6 of 6 trials were trained again by sweep 2 (submit --fresh) after their results were known",
                      self.cli("report", "1"))
        self.cli("export", "1", "--format", "csv", "--out", str(self.folder / "tables"))
        with open(self.folder / "tables" / "comparison.csv", newline="") as file:
            self.assertEqual({row["registration"] for row in csv.DictReader(file)}, {"post hoc"}, "rows that came by parts")
        second = self.cli("report", "2")
        self.assertIn("POST HOC: 4 of 4 trials of the variants had ended before the sweep was submitted", second)
        self.assertNotIn("trained again", second)

    def look_at_pictures(self):
        self.cli("plot", "--format", "data", "--out", str(self.folder / "data"))
        names = {path.name for path in (self.folder / "data").iterdir()}
        self.assertIn("forest-test_accuracy.csv", names)
        self.assertIn("norms-DyT-data.name_digits.gp", names)
        with open(self.folder / "data" / "norms-DyT-data.name_digits.csv", newline="") as file:
            quantities = {row["quantity"] for row in csv.DictReader(file)}
        self.assertIn("alpha", quantities, "what DyT learned is stored and drawn")
        page = self.cli("report", "--format", "html")
        if shutil.which("gnuplot") is None:
            self.assertNotIn("<svg", page)
            return
        self.cli("plot", "--kind", "curves", "--format", "png", "--out", str(self.folder / "pictures"))
        picture = (self.folder / "pictures" / "curves-val_accuracy-data.name_digits.png").read_bytes()
        self.assertEqual(picture[:4], b"\x89PNG")
        self.assertGreaterEqual(page.count("<svg"), 8)
        self.assertNotIn("src=", page)

    def look_at_exports(self):
        self.cli("export", "--format", "jsonl", "--out", str(self.folder / "lines"))
        lines = [json.loads(line) for line in (self.folder / "lines" / "trials.jsonl").read_text().splitlines()]
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertEqual(line["curves"]["val/accuracy"][-1][1], line["results"]["val/accuracy"])
        self.cli("export", "--format", "csv", "--out", str(self.folder / "tables"))
        with open(self.folder / "tables" / "curves.csv", newline="") as file:
            self.assertGreater(len(list(csv.DictReader(file))), 50)
        self.cli("export", "--format", "tensorboard", "--out", str(self.folder / "board"))
        self.assertEqual(len(list((self.folder / "board").glob("*/*/seed-*/events.out.tfevents.*"))), 6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
