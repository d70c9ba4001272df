"""Rules about single lines. Usage: text_rules.py ROOT RULE, with RULE one of sleeps, markers, readmes."""
import re
import sys

from source_tree import Tree, report

CODE = (".h", ".cpp", ".cu", ".cuh", ".py", ".sh")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|\btime\.sleep\b|(?<![\w.\"'/])sleep\s*\(")
SHELL_SLEEP = re.compile(r"(^|[;&|]|\bdo\b|\bthen\b)\s*sleep\s+[\d.$]")
MARKER = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
TOP_FOLDERS = ("proto", "coordinator", "worker", "core", "sweeps", "deploy", "tests")
MOST_README_LINES = 150


def sleeps(tree):
    """Tests wait on conditions, pipes or virtual time; a sleep is either too short or too long."""
    for name in tree.files:
        if not name.startswith("tests/") or name.startswith("tests/lint/") or not name.endswith(CODE):
            continue
        pattern = SHELL_SLEEP if name.endswith(".sh") else SLEEP
        for line, text in tree.lines(name):
            if pattern.search(text):
                yield name, line, "tests do not sleep: wait on a condition, a pipe or poll() with a deadline"


def markers(tree):
    for name in tree.files:
        if not name.endswith(CODE + (".md", ".txt", ".cmake", ".toml", ".proto", ".sql")) and "." in name.rsplit("/", 1)[-1]:
            continue
        for line, text in tree.lines(name):
            if MARKER.search(text):
                yield name, line, "finish it or write an issue: no unfinished marks in the tree"


def readmes(tree):
    wanted = ["README.md"] + [f"{folder}/README.md" for folder in TOP_FOLDERS]
    for name in wanted:
        if name not in tree.files:
            yield name, 1, "each top folder has a README.md"
    if "README.md" in tree.files:
        count = len(tree.read("README.md").splitlines())
        if count > MOST_README_LINES:
            yield "README.md", count, f"the README has at most {MOST_README_LINES} lines"


RULES = {"sleeps": sleeps, "markers": markers, "readmes": readmes}

if __name__ == "__main__":
    sys.exit(report(list(RULES[sys.argv[2]](Tree(sys.argv[1])))))
