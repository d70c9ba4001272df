#include "tests/support/temporary_folder.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/base/status.h"

namespace autonorm::testing {
namespace {

std::filesystem::path parent(TemporaryFolder::Where where) {
  const std::filesystem::path memory = "/dev/shm";
  const bool usable = std::filesystem::is_directory(memory) && ::access(memory.c_str(), W_OK) == 0;
  return where == TemporaryFolder::Where::kMemory && usable ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

TemporaryFolder::TemporaryFolder(Where where) {
  std::string name = (parent(where) / "autonorm-test-XXXXXX").string();
  AUTONORM_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder ", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a test that left a file open must not fail for that
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace autonorm::testing
