#include "core/base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <functional>
#include <span>

#include "core/base/text.h"

namespace autonorm {
namespace {

using Bytes = std::span<const unsigned char>;

size_t padded(size_t bytes) { return (bytes + 3) / 4 * 4; }

// `notes`: a PT_NOTE segment, entries of header, name and content, the latter two padded to four bytes.
std::string build_id_in(Bytes notes) {
  ElfW(Nhdr) header;
  while (notes.size() >= sizeof header) {
    std::memcpy(&header, notes.data(), sizeof header);
    const size_t content = sizeof header + padded(header.n_namesz);
    const size_t end = content + padded(header.n_descsz);
    if (end > notes.size()) return "";
    const std::string_view owner(reinterpret_cast<const char*>(notes.data()) + sizeof header, header.n_namesz);
    if (header.n_type == NT_GNU_BUILD_ID && owner == std::string_view("GNU", 4)) {
      return to_hex(notes.subspan(content, header.n_descsz));
    }
    notes = notes.subspan(end);
  }
  return "";
}

std::string build_id_of(const dl_phdr_info& object) {
  for (const ElfW(Phdr) & segment : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    if (segment.p_type != PT_NOTE) continue;
    const auto* begin = reinterpret_cast<const unsigned char*>(object.dlpi_addr + segment.p_vaddr);
    if (std::string id = build_id_in({begin, segment.p_memsz}); !id.empty()) return id;
  }
  return "";
}

struct Search {
  std::function<bool(const dl_phdr_info&)> wanted;
  std::string id = {};
};

// Called for each loaded object until it returns other than 0.
int visit(dl_phdr_info* object, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  if (!search.wanted(*object)) return 0;
  search.id = build_id_of(*object);
  return 1;
}

}  // namespace

std::string program_build_id() {
  Search search{[](const dl_phdr_info&) { return true; }};  // the program itself comes first
  dl_iterate_phdr(visit, &search);
  return search.id;
}

std::string library_build_id(std::string_view file_name) {
  Search search{[file_name](const dl_phdr_info& object) {
    const std::string_view path = object.dlpi_name;
    return path.substr(path.rfind('/') + 1) == file_name;
  }};
  dl_iterate_phdr(visit, &search);
  return search.id;
}

}  // namespace autonorm
