// Finds the files of a data set in the folders a program was given.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace autonorm::data {

// The four files of an MNIST-like set, or the one of digits, by their plain name.
using FoundFiles = std::map<std::string, std::filesystem::path>;

// Looks for every file of `names` (plain or with ".gz") in one folder of `candidates`, in order; the first folder that
// holds any of them is taken. kNotFound lists the folders tried, or the missing file, and the remedy.
Result<FoundFiles> find_files(const std::string& data_set, const std::vector<std::string>& names,
                              const std::vector<std::filesystem::path>& candidates);

}  // namespace autonorm::data
