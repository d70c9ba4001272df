"""Starts the real programs for integration tests: coordinator, worker (under mpirun), trainer.

Every process started here is ended here, by its own id. Waiting is polling with a deadline; nothing depends on how long a
step takes, only on whether it happens at all.
"""
import csv
import io
import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("AUTONORM_BIN", SOURCE / "build" / "bin"))
COORDINATOR, WORKER, TRAINER = (str(BIN / name) for name in ("coordinator", "worker", "trainer"))

MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "orte_enable_recovery", "1"]


def environment(**extra):
    env = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", OMPI_ALLOW_RUN_AS_ROOT="1",
               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for name in ("AUTONORM_COORDINATOR", "AUTONORM_STATE"):
        env.pop(name, None)
    env.update({key: str(value) for key, value in extra.items()})
    return env


def poll(condition, what, deadline_s=120.0):
    """Calls `condition` until it returns something true; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline_s:.0f} s still not: {what}")
        select.select([], [], [], 0.1)  # give the programs the processor between two looks


def descendants(pid):
    """Process ids below `pid`, with their command names."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue  # ended while we looked
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if rest[0] != "Z":
            children.setdefault(int(rest[1]), []).append((int(entry), name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child[0])
    return found


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Study(unittest.TestCase):
    """A temporary folder with a state directory and the processes of one test."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="autonorm-test-"))
        self.state = self.folder / "state"
        self.processes = []
        self.address = None
        self.addCleanup(self.stop_everything)

    def stop_everything(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    for pid, _ in descendants(process.pid):
                        os.kill(pid, signal.SIGKILL)
                    process.kill()
                    process.wait()
        if self._outcome_failed():
            for log in sorted(self.folder.glob("*.log")):
                print(f"---- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _outcome_failed(self):
        result = getattr(self._outcome, "result", None)
        return bool(result and any(test is self for test, _ in result.failures + result.errors))

    def spawn(self, command, log, **env):
        with open(self.folder / log, "ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment(**env),
                                       cwd=self.folder)
        self.processes.append(process)
        return process

    def serve(self, *options, listen="127.0.0.1:0"):
        """Starts `coordinator serve`; returns the process once it says where it listens."""
        log = self.folder / f"serve-{len(self.processes)}.log"
        process = self.spawn([COORDINATOR, "serve", "--listen", listen, "--state", str(self.state), *options],
                             log.name)

        def listening():
            self.assertIsNone(process.poll(), f"serve ended: {log.read_text()}")
            return re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())

        self.address = poll(listening, "serve says where it listens", 30).group(1)
        return process

    def workers(self, count, *options, work="work", **env):
        """One MPI world, with `work` as its work-dir."""
        return self.spawn(MPIRUN + ["-np", str(count), WORKER, "--coordinator", self.address, "--work-dir",
                                    str(self.folder / work), *options], "workers.log", **env)

    def run_cli(self, *arguments, **env):
        """Runs a coordinator verb to its end: CompletedProcess with text output."""
        return subprocess.run([COORDINATOR, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=environment(**env), cwd=self.folder)

    def cli(self, *arguments):
        """As run_cli against the served coordinator; must succeed; returns standard output."""
        done = self.run_cli(*arguments, "--coordinator", self.address)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def write_sweep(self, text, name="sweep.toml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def sweeps(self):
        return json.loads(self.cli("list", "--output", "json"))

    def wait_done(self, deadline_s=240):
        return poll(lambda: [s for s in self.sweeps() if s["state"] == "done"], "the sweep is done", deadline_s)[0]

    def trial_rows(self):
        return list(csv.DictReader(io.StringIO(self.cli("report", "--trials", "--format", "csv"))))

    def query(self, sql, *values):
        """Rows of a read-only look into the database."""
        with sqlite3.connect(f"file:{self.state}/autonorm.db?mode=ro", uri=True) as database:
            return database.execute(sql, values).fetchall()
