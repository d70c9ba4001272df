"""clang-format would change nothing. Usage: formatting.py ROOT; skips without clang-format. Remedy: clang-format -i FILE"""
import re
import shutil
import subprocess
import sys

from source_tree import Tree, report, skip


def first_lines(output):
    """File -> line of its first difference."""
    first = {}
    for file, line in re.findall(r"^(.+?):(\d+):\d+: (?:warning|error): code should be clang-formatted", output, re.MULTILINE):
        first.setdefault(file, int(line))
    return first


def main():
    program = shutil.which("clang-format") or shutil.which("clang-format-14")
    if program is None:
        skip("clang-format is not installed")
    tree = Tree(sys.argv[1])
    done = subprocess.run([program, "--dry-run", "--ferror-limit=1", *tree.cpp()], cwd=tree.root, capture_output=True, text=True)
    first = first_lines(done.stderr)
    if done.returncode != 0 and not first:
        print(done.stderr)
        return 1
    return report([(file, line, "clang-format -i " + file) for file, line in sorted(first.items())])


if __name__ == "__main__":
    sys.exit(main())
