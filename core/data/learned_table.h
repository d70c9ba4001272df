// The table that a trial learns from (data.kind = "csv"): its file, its target column and its classes, and all that can
// be wrong with them. Without LibTorch, so that a sweep can be checked where it is planned.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/trial_config.h"
#include "core/data/table.h"

namespace autonorm::data {

struct LearnedTable {
  Table table;
  int64_t target = 0;   // column
  int64_t classes = 1;  // 1 of a regression

  int64_t features() const { return table.columns - 1; }
};

// `configured`: data.path, absolute or below one of `roots`; plain or with ".gz". kNotFound lists what was tried.
Result<std::filesystem::path> find_table(const std::string& configured,
                                         const std::vector<std::filesystem::path>& roots);

// kInvalid names file, line and column of a bad cell, another content than data.sha256, a target that is no column or
// whose values are no classes.
Result<LearnedTable> read_learned_table(const config::DataConfig& config, const std::filesystem::path& file);

}  // namespace autonorm::data
