// Data files of images and labels, and tables of numbers, plain or gzipped; the first byte chooses the reader.
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/durable_file.h"
#include "core/data/digits.h"
#include "core/data/idx.h"
#include "core/data/table.h"
#include "tests/fuzz/fuzz_target.h"

namespace autonorm {
namespace {

// A file in memory that readers open by its path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("input", MFD_CLOEXEC)) {
    fuzz::require(fd_.valid() && write_all(fd_.get(), bytes, "input").ok(), "the input is written");
  }
  std::filesystem::path path() const { return cat("/proc/self/fd/", fd_.get()); }

 private:
  Fd fd_;
};

void check_idx(const std::filesystem::path& path, int rank) {
  const auto array = data::read_idx(path, rank);
  if (!array.ok()) return;
  fuzz::require(std::cmp_equal(array->sizes.size(), rank), "it has the rank that was asked for");
  size_t elements = 1;
  for (const int64_t size : array->sizes) elements *= static_cast<size_t>(size);
  fuzz::require(array->data_offset + elements == array->content.size(), "its elements fill the file");
}

void check_images(const Result<data::RawImages>& images) {
  if (!images.ok()) return;
  fuzz::require(std::cmp_equal(images->pixels.size(), images->count() * images->pixels_per_image()),
                "each image has its pixels");
}

void check_table(const Result<data::Table>& table) {
  if (!table.ok()) return;
  fuzz::require(std::cmp_equal(table->values.size(), table->rows() * table->columns), "each line has its cells");
  fuzz::require(table->names.empty() || std::cmp_equal(table->names.size(), table->columns),
                "each column has its name");
}

}  // namespace
}  // namespace autonorm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autonorm;
  if (size == 0) return 0;
  const MemoryFile file(fuzz::text_of(data + 1, size - 1));
  switch (data[0] % 5) {
    case 0:
      check_idx(file.path(), 3);
      break;
    case 1:
      check_idx(file.path(), 1);
      break;
    case 2: {
      static const MemoryFile labels(std::string_view("\0\0\x08\x01\0\0\0\x02\x01\x02", 10));
      check_images(data::read_idx_pair(file.path(), labels.path(), 10));
      break;
    }
    case 3:
      check_images(data::read_digits(file.path()));
      break;
    default:
      check_table(data::read_table(file.path()));
  }
  return 0;
}
