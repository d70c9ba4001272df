"""What the lints look at: the project's files, their includes, and how a finding is printed."""
import pathlib
import re
import subprocess
import sys

SKIPPED = 77  # exit status that ctest shows as "Skipped"
CPP = {".h", ".cpp", ".cu", ".cuh"}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


class Tree:
    """The files below `root` that git tracks or would track; without git, all but hidden folders and build folders."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = sorted(self._git_files() or self._walk())
        self._includes = {}

    def _git_files(self):
        try:
            listing = subprocess.run(["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others",
                                      "--exclude-standard"], capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return []
        names = [name for name in listing.decode().split("\0") if name]
        return [name for name in names if (self.root / name).is_file()]

    def _walk(self):
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root)
            if path.is_file() and not any(part.startswith((".", "build")) for part in name.parts[:-1]):
                yield name.as_posix()

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def lines(self, name):
        return enumerate(self.read(name).splitlines(), 1)

    def cpp(self, *below):
        """C++ and CUDA files, all or those below the given folders."""
        return [name for name in self.files if pathlib.PurePosixPath(name).suffix in CPP
                and (not below or name.startswith(tuple(folder + "/" for folder in below)))]

    def includes(self, name):
        """(line, is it <angled>, path) of each include of a file."""
        if name not in self._includes:
            found = [(line, INCLUDE.match(text)) for line, text in self.lines(name)]
            self._includes[name] = [(line, m.group(1) == "<", m.group(2)) for line, m in found if m]
        return self._includes[name]

    def reached(self, name):
        """Everything that `name` includes through our own headers: path -> the chain of files that leads there."""
        chains = {}
        pending = [(name, (name,))]
        while pending:
            file, chain = pending.pop()
            for _, _, path in self.includes(file):
                if path in chains:
                    continue
                chains[path] = chain
                if (self.root / path).is_file():
                    pending.append((path, chain + (path,)))
        return chains


def report(findings):
    """Prints (file, line, rule) triples; the exit status of a lint."""
    for file, line, rule in findings:
        print(f"{file}:{line}: {rule}")
    if findings:
        print(f"{len(findings)} finding{'s' if len(findings) > 1 else ''}", file=sys.stderr)
    return 1 if findings else 0


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)
