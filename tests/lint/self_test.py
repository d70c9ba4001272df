"""Each lint finds what it is for, in a small tree made for the purpose. Usage: self_test.py"""
import pathlib
import shutil
import tempfile
import unittest

import formatting
import headers
import include_rules
import linkage
import text_rules
import torch_units
from source_tree import Tree


class LintTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def tree(self, **files):
        """Keyword = path with __ for / and _DOT_ for the dot before the ending."""
        for key, content in files.items():
            path = self.folder / key.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return Tree(self.folder)


class IncludeRules(LintTest):
    def check(self, path, include, expected):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(f"// why\n#include {include}\n")
        found = list(include_rules.findings_of(Tree(self.folder)))
        (self.folder / path).unlink()
        self.assertEqual(bool(found), expected, f"{path} includes {include}: {found}")
        for file, line, _ in found:
            self.assertEqual((file, line), (path, 2))

    def test_forbidden(self):
        for path, include in [
                ("core/base/a.cpp", "<ATen/core/Tensor.h>"), ("core/config/a.h", "<sqlite3.h>"), ("core/stats/a.cpp", "<mpi.h>"),
                ("core/messages/a.h", "<grpcpp/channel.h>"), ("core/config/a.cpp", "<cuda_runtime.h>"),
                ("core/norms/a.cpp", "<torch/torch.h>"), ("core/models/a.cpp", "<torch/nn/modules.h>"),
                ("core/train/a.cpp", '"worker/agent/agent.h"'), ("core/base/a.cpp", '"core/norms/norm.h"'),
                ("coordinator/engine/a.cpp", '"autonorm/v1/fleet.pb.h"'), ("coordinator/engine/a.h", "<mutex>"),
                ("coordinator/scheduler/a.cpp", "<SQLiteCpp/SQLiteCpp.h>"), ("coordinator/scheduler/a.h", "<thread>"),
                ("coordinator/engine/a.cpp", '"coordinator/store/store.h"'),
                ("coordinator/scheduler/a.cpp", '"coordinator/engine/engine.h"'),
                ("coordinator/server/a.cpp", "<sqlite3.h>"), ("coordinator/cli/view_text.cpp", "<grpcpp/channel.h>"),
                ("coordinator/cli/a.cpp", '"worker/control_protocol.h"'), ("coordinator/main.cpp", '"core/train/run_trial.h"'),
                ("worker/agent/slot.cpp", '"autonorm/v1/fleet.grpc.pb.h"'), ("worker/agent/a.cpp", '"worker/trainer/run.h"'),
                ("worker/agent/a.cpp", "<c10/core/Device.h>"), ("worker/trainer/a.cpp", '"worker/agent/slot.h"'),
                ("worker/trainer/a.cpp", "<mpi.h>"), ("worker/relay_protocol.h", "<torch/version.h>"),
                ("proto/codec/a.cpp", '"coordinator/engine/engine.h"'), ("coordinator/store/a.cpp", '"proto/codec/fleet_codec.h"'),
                ("worker/agent/a.cpp", '"tests/support/fake.h"')]:
            with self.subTest(path=path, include=include):
                self.check(path, include, True)

    def test_allowed(self):
        for path, include in [
                ("core/norms/a.cpp", "<ATen/core/Tensor.h>"), ("coordinator/store/a.cpp", "<sqlite3.h>"),
                ("coordinator/server/a.cpp", "<grpcpp/server.h>"), ("coordinator/cli/control_client.cpp", "<grpcpp/channel.h>"),
                ("worker/agent/session_client.cpp", "<grpcpp/grpcpp.h>"), ("worker/agent/mpi_world.cpp", "<mpi.h>"),
                ("worker/trainer/a.cpp", '"worker/relay_protocol.h"'), ("coordinator/engine/a.cpp", '"coordinator/scheduler/scheduler.h"'),
                ("coordinator/server/a.cpp", "<mutex>"), ("tests/unit/store/a.cpp", "<sqlite3.h>"),
                ("tests/sim/a.cpp", '"tests/support/fake.h"')]:
            with self.subTest(path=path, include=include):
                self.check(path, include, False)


class TorchUnits(LintTest):
    def test_finds_a_clash_through_headers(self):
        tree = self.tree(a__log_DOT_h="#pragma once\n#include <spdlog/spdlog.h>\n",
                         a__tensor_DOT_h="#pragma once\n#include <ATen/core/Tensor.h>\n",
                         a__unit_DOT_cpp='#include "a/tensor.h"\n#include "a/log.h"\n')
        found = list(torch_units.findings_of(tree))
        self.assertEqual([(file, line) for file, line, _ in found], [("a/log.h", 2)])

    def test_either_alone_is_fine(self):
        tree = self.tree(a__log_DOT_cpp="#include <spdlog/spdlog.h>\n", a__tensor_DOT_cpp="#include <ATen/core/Tensor.h>\n")
        self.assertEqual(list(torch_units.findings_of(tree)), [])


class Headers(LintTest):
    def test_guard(self):
        tree = self.tree(a_DOT_h="// no guard\n", b_DOT_h="// purpose\n#pragma once\n")
        self.assertEqual([file for file, _, _ in headers.without_guard(tree)], ["a.h"])

    def test_only_headers_that_no_unit_includes_first_are_compiled(self):
        tree = self.tree(a_DOT_h="#pragma once\n", a_DOT_cpp='#include "a.h"\n#include "b.h"\n', b_DOT_h="#pragma once\n",
                         torch_DOT_h="#pragma once\n#include <ATen/core/Tensor.h>\n")
        self.assertEqual(list(headers.unproven(tree)), ["b.h"])

    def test_a_missing_include_is_found(self):
        if not shutil.which("c++"):
            self.skipTest("no compiler")
        tree = self.tree(good_DOT_h="#pragma once\n#include <string>\nstd::string f();\n",
                         bad_DOT_h="#pragma once\nstd::string f();\n")
        self.assertIsNone(headers.compile_alone(tree, "c++", "good.h"))
        self.assertEqual(headers.compile_alone(tree, "c++", "bad.h")[0], "bad.h")


class TextRules(LintTest):
    def test_sleeps(self):
        tree = self.tree(tests__a_DOT_cpp="int x;\nstd::this_thread::sleep_for(1s);\n", tests__b_DOT_py="time.sleep(1)\n",
                         tests__c_DOT_sh="do sleep 1; done\n", tests__d_DOT_cpp='// no sleep here\nrun("sleep 60");\n',
                         core__e_DOT_cpp="usleep(1);\n")
        self.assertEqual([(file, line) for file, line, _ in text_rules.sleeps(tree)],
                         [("tests/a.cpp", 2), ("tests/b.py", 1), ("tests/c.sh", 1)])

    def test_markers(self):
        tree = self.tree(a_DOT_cpp="// " + "TO" + "DO: later\n", b_DOT_md="XXXXXX\n", c_DOT_cpp="int to_do;\n")
        self.assertEqual([file for file, _, _ in text_rules.markers(tree)], ["a.cpp"])

    def test_readmes(self):
        folders = {f"{folder}__README_DOT_md": "# x\n" for folder in text_rules.TOP_FOLDERS if folder != "proto"}
        found = list(text_rules.readmes(self.tree(README_DOT_md="line\n" * 151, **folders)))
        self.assertEqual([(file, line) for file, line, _ in found], [("proto/README.md", 1), ("README.md", 151)])


class Linkage(LintTest):
    def findings(self, **libraries):
        """Programs by path with __ for /; the loader's answer is given instead of asked for."""
        for key in libraries:
            path = self.folder / key.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text("")
            path.chmod(0o755)
        answers = {key.split("__")[1]: names for key, names in libraries.items()}
        original = linkage.libraries
        linkage.libraries = lambda program: answers[program.name]
        try:
            return sorted({path.name for path, _, _ in linkage.findings_of(self.folder)})
        finally:
            linkage.libraries = original

    def test_forbidden(self):
        self.assertEqual(self.findings(bin__coordinator=["libgrpc.so.29", "libmpi.so.40"],
                                       bin__worker=["libtorch_cpu.so", "libmpi.so.40"],
                                       bin__trainer=["libtorch_cpu.so", "libgrpc++.so.1"],
                                       tests__some_test=["libtorch_cpu.so", "libprotobuf.so.32"]),
                         ["coordinator", "some_test", "trainer", "worker"])

    def test_allowed(self):
        self.assertEqual(self.findings(bin__coordinator=["libgrpc.so.29", "libprotobuf.so.32", "libc.so.6"],
                                       bin__worker=["libmpi.so.40", "libgrpc++.so.1"],
                                       bin__trainer=["libtorch_cpu.so", "libc10.so"],
                                       tests__some_test=["libprotobuf.so.32"]), [])


class Formatting(LintTest):
    def test_names_files_with_their_first_line(self):
        text = "a.cpp:3:1: warning: code should be clang-formatted [-Wclang-format-violations]\n" \
               "a.cpp:9:1: warning: code should be clang-formatted [-Wclang-format-violations]\n"
        self.assertEqual(formatting.first_lines(text), {"a.cpp": 3})


if __name__ == "__main__":
    unittest.main()
