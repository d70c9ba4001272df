"""What people take away from a finished sweep, with the real programs: pictures, exports, a page, a verification."""
import csv
import json
import shutil
import unittest

from harness import Study

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
