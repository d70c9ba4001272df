"""Headers have #pragma once and compile alone. Usage: headers.py ROOT [COMPILER]

A header that some unit includes first is compiled alone by the build. The others are checked here, as far as they are cheap:
without LibTorch, CUDA, generated wire code and large third-party headers.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

from source_tree import Tree, report

EXPENSIVE = re.compile(r"(ATen|c10|torch|caffe2|grpc|grpcpp|google/protobuf|cuda|CLI|nlohmann|SQLiteCpp|spdlog)/|(cuda|nccl)\w*\.h$|.*\.pb\.h$")


def without_guard(tree):
    for name in tree.cpp():
        if name.endswith((".h", ".cuh")) and "#pragma once" not in [text.strip() for _, text in tree.lines(name)]:
            yield name, 1, "a header begins with #pragma once"


def unproven(tree):
    """Headers that no unit includes first."""
    first = set()
    for name in tree.cpp():
        if name.endswith(".cpp") and tree.includes(name):
            first.add(tree.includes(name)[0][2])
    for name in tree.cpp():
        if name.endswith(".h") and name not in first and not any(EXPENSIVE.match(path) for path in tree.reached(name)):
            yield name


def compile_alone(tree, compiler, name):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-DAUTONORM_VERSION=\"lint\"", "-x", "c++", "-I", str(tree.root), "-"]
    done = subprocess.run(command, input=f'#include "{name}"\n', capture_output=True, text=True)
    if done.returncode == 0:
        return None
    reason = next((text for text in done.stderr.splitlines() if "error" in text), "the compiler failed")
    return name, 1, f"does not compile alone: {reason}"


def main():
    tree = Tree(sys.argv[1])
    compiler = sys.argv[2] if len(sys.argv) > 2 else "c++"
    findings = list(without_guard(tree))
    if shutil.which(compiler):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda name: compile_alone(tree, compiler, name), list(unproven(tree)))
            findings += [finding for finding in results if finding]
    return report(findings)


if __name__ == "__main__":
    sys.exit(main())
