// Small data files for the tests of this folder.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace autonorm::data {

// A folder of its own, removed at the end.
class SampleFolder {
 public:
  SampleFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("data_test.") + test->test_suite_name() + "." + test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~SampleFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// An IDX file of unsigned bytes whose element i is i modulo `modulus`.
inline std::string idx_bytes(const std::vector<uint32_t>& sizes, uint32_t modulus = 251) {
  std::string out = big_endian(0x0800u | static_cast<uint32_t>(sizes.size()));
  size_t elements = 1;
  for (const uint32_t size : sizes) {
    out += big_endian(size);
    elements *= size;
  }
  for (size_t i = 0; i < elements; ++i) out += static_cast<char>(i % modulus);
  return out;
}

// The four files of a set with 50 + 20 images of 3 x 4 in five classes.
inline void write_idx_set(const SampleFolder& folder, const std::string& name) {
  folder.write(name + "/train-images-idx3-ubyte", idx_bytes({50, 3, 4}));
  folder.write(name + "/train-labels-idx1-ubyte.gz", gzip(idx_bytes({50}, 5)));
  folder.write(name + "/t10k-images-idx3-ubyte.gz", gzip(idx_bytes({20, 3, 4})));
  folder.write(name + "/t10k-labels-idx1-ubyte", idx_bytes({20}, 5));
}

}  // namespace autonorm::data
