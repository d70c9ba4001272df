"""What the programs link. Usage: linkage.py BUILD_FOLDER; skips when nothing is built."""
import os
import pathlib
import re
import subprocess
import sys

from source_tree import report, skip

# program -> (library, why not)
FORBIDDEN = {
    "coordinator": [("libtorch", "the coordinator never links LibTorch"), ("libmpi", "the coordinator never links MPI")],
    "worker": [("libtorch", "a worker hardly ever dies because LibTorch lives in its trainer"),
               ("libc10", "a worker hardly ever dies because LibTorch lives in its trainer")],
    "trainer": [("libgrpc", "the trainer speaks JSON over pipes, not gRPC"), ("libprotobuf", "the trainer has no wire code"),
                ("libmpi", "MPI lives in the worker, so that it survives its trainer")],
}


def libraries(program):
    """Names of all shared libraries the loader would load; empty for what is no program."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    return re.findall(r"^\s*(lib[\w.+-]+)", done.stdout, re.MULTILINE)


def has(names, library):
    return any(re.match(re.escape(library) + r"[^a-z]", name + " ") or name.startswith(library + "_") for name in names)


def programs(folder):
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_file() and os.access(path, os.X_OK):
            yield path


def findings_of(build):
    for path in list(programs(build / "bin")) + list(programs(build / "tests")):
        names = libraries(path)
        for library, why in FORBIDDEN.get(path.name, []) if path.parent.name == "bin" else []:
            if has(names, library):
                yield path, 0, f"links {library}: {why}"
        if has(names, "libtorch") and has(names, "libprotobuf"):
            yield path, 0, "links LibTorch and libprotobuf: LibTorch carries another protobuf, one of them gets the other's symbols"


def main():
    build = pathlib.Path(sys.argv[1])
    if not any(programs(build / "bin")):
        skip(f"nothing is built in {build / 'bin'}")
    return report(list(findings_of(build)))


if __name__ == "__main__":
    sys.exit(main())
