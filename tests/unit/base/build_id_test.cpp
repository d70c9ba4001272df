#include "core/base/build_id.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "core/base/text.h"

namespace autonorm {
namespace {

// The first build id that binutils finds in the file.
std::string read_by_readelf(const std::filesystem::path& file) {
  FILE* pipe = popen(cat("readelf -n '", file.string(), "' 2>/dev/null").c_str(), "r");
  std::string text;
  for (char buffer[4096]; pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr;) text += buffer;
  if (pipe != nullptr) pclose(pipe);
  const std::string label = "Build ID: ";
  const size_t at = text.find(label);
  if (at == std::string::npos) return "";
  const size_t begin = at + label.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST(BuildId, OfTheProgramIsTheOneInItsFile) {
  const std::string id = program_build_id();
  EXPECT_EQ(id, read_by_readelf(std::filesystem::read_symlink("/proc/self/exe")));
  EXPECT_EQ(id.size(), 40u);
}

TEST(BuildId, OfALibraryIsTheOneInItsFile) {
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&std::fgets), &info), 0);
  const std::filesystem::path libc = info.dli_fname;
  const std::string id = library_build_id(libc.filename().string());
  EXPECT_EQ(id, read_by_readelf(libc));
  EXPECT_FALSE(id.empty());
  EXPECT_NE(id, program_build_id());
}

TEST(BuildId, OfALibraryThatIsNotLoadedIsEmpty) { EXPECT_EQ(library_build_id("libnobody.so"), ""); }

}  // namespace
}  // namespace autonorm
