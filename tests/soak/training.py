"""A cluster with the real trainer, and what two runs of one sweep are compared by: stitched curves and final weights."""
import os
import signal

from soak import Cluster

SWEEP = """
[sweep]
name     = "training"
question = "does anything change the numbers?"
baseline = "LayerNorm"
metric   = "test/accuracy"
seeds    = {{ count = {seeds} }}

[base]
ranks = {ranks}
data  = {{ name = "digits" }}
model = {{ family = "vit", patch = 2, dim = 32, depth = 2, heads = 4 }}
train = {{ epochs = {epochs}, batch = 64, lr = 3e-3, log_every = 5, checkpoint_every = 10 }}
run   = {{ max_attempts = 1000 }}

[[variant]]
name  = "LayerNorm"

[[variant]]
name  = "RMSNorm"
norm  = {{ kind = "rms" }}
{second}
"""


class Training(Cluster):
    """Short heartbeats, so that steps are seen as they pass; crashes are planned, so no worker is set aside."""

    def begin(self, workers, seeds, epochs, ranks=1, second=""):
        server = self.serve("--heartbeat", "0.2", "--quarantine-crashes", "0")
        self.world = self.workers(workers, "--device", "cpu")
        self.cli("submit", self.write_sweep(SWEEP.format(seeds=seeds, epochs=epochs, ranks=ranks, second=second)))
        return server

    def weights(self):
        """(variant, seed) → SHA-256 of the final weights."""
        return {(variant, seed): value for variant, seed, value in self.query(
            "SELECT c.variant, c.seed, f.value FROM fact f JOIN claim c ON c.trial = f.trial "
            "WHERE f.name = 'weights_sha256'")}

    def curves(self):
        """(variant, seed, metric) → [(step, value)]: of each attempt the points in (its resume step, the next one's]."""
        rows = self.query(
            "SELECT c.variant, c.seed, p.metric, p.step, p.value FROM metric_point p JOIN attempt a ON a.id = p.attempt "
            "JOIN claim c ON c.trial = a.trial WHERE p.step > COALESCE(a.resume_step, 0) AND p.step <= COALESCE("
            "(SELECT MIN(COALESCE(n.resume_step, 0)) FROM attempt n WHERE n.trial = a.trial AND n.number > a.number), 1e18) "
            "ORDER BY c.variant, c.seed, p.metric, p.step")
        curves = {}
        for variant, seed, metric, step, value in rows:
            curves.setdefault((variant, seed, metric), []).append((step, value))
        return curves


def kill_one(cluster, attempt, random):
    """Kills one rank's trainer; the process ids of the gang, or None when the attempt had ended already."""
    gang = cluster.trainers(attempt)
    ranks = cluster.count("SELECT COUNT(*) FROM attempt_member WHERE attempt = ?", attempt)
    if len(gang) != ranks or cluster.count("SELECT ended_us IS NOT NULL FROM attempt WHERE id = ?", attempt):
        return None
    os.kill(random.choice(gang), signal.SIGKILL)
    return gang
