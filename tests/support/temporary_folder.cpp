#include "tests/support/temporary_folder.h"

#include <cstdlib>
#include <string>

#include "core/base/status.h"

namespace autonorm::testing {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "autonorm-test-XXXXXX").string();
  AUTONORM_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder ", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a test that left a file open must not fail for that
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace autonorm::testing
