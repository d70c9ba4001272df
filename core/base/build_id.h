// Which build of a program runs: the identifier that the linker writes into it (ELF note NT_GNU_BUILD_ID), a hash of
// its contents. It changes with the code, the compiler and the flags, and with nothing else; `readelf -n FILE` shows
// it.
#pragma once
#include <string>
#include <string_view>

namespace autonorm {

// 40 hex digits as a rule; empty when it was linked without. Reads memory only.
std::string program_build_id();
// The same of a loaded shared library, by its file's name ("libx.so"); empty when it is not loaded, too.
std::string library_build_id(std::string_view file_name);

}  // namespace autonorm
