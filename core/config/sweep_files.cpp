#include "core/config/sweep_files.h"

#include <algorithm>
#include <filesystem>

#include "core/base/durable_file.h"
#include "core/base/text.h"
#include "core/config/sweep.h"
#include "core/config/toml_reader.h"

namespace autonorm::config {
namespace {

constexpr size_t kMaxFiles = 64;

class FileReader {
 public:
  FileReader(const FileProvider& provider, Diagnostics& diagnostics) : provider_(provider), diagnostics_(diagnostics) {}

  std::vector<ParsedFile> run(const std::string& root) {
    const auto text = provider_(root);
    if (!text.ok()) {
      diagnostics_.error({}, text.status().message());
      return {};
    }
    open_.push_back(root);
    if (!read(root, *text)) return {};
    // Only now: a syntax error is reported alone.
    for (const auto& [place, problem] : problems_) diagnostics_.error(place, problem);
    return problems_.empty() ? std::move(files_) : std::vector<ParsedFile>{};
  }

 private:
  // Parses one file and follows its includes depth first. False only for a syntax error.
  bool read(const std::string& name, const std::string& text) {
    const int index = diagnostics_.add_file(name, text);
    Value root;
    if (!read_toml(text, index, root, diagnostics_)) return false;
    files_.push_back({name, text, root});
    const Value* includes = root.find("include");
    if (includes == nullptr) return true;
    if (!includes->is_list()) {
      problems_.emplace_back(
          includes->place,
          cat("include must be a list of files like [\"presets/autonorm.toml\"], not ", type_text(*includes)));
      return true;
    }
    return std::ranges::all_of(*includes->list(), [&](const Value& item) { return follow(name, item); });
  }

  // False only for a syntax error.
  bool follow(const std::string& from, const Value& item) {
    if (item.text() == nullptr || item.text()->empty()) {
      problems_.emplace_back(item.place, cat("include must name files, not ", type_text(item)));
      return true;
    }
    const std::string name =
        (std::filesystem::path(from).parent_path() / *item.text()).lexically_normal().generic_string();
    if (std::ranges::find(open_, name) != open_.end()) {
      problems_.emplace_back(item.place, cat("include circle: ", join(open_, " -> "), " -> ", name));
      return true;
    }
    if (std::ranges::any_of(files_, [&](const ParsedFile& file) { return file.name == name; })) return true;
    if (files_.size() >= kMaxFiles) {
      problems_.emplace_back(item.place, cat("more than ", kMaxFiles, " files; put presets together"));
      return true;
    }
    const auto text = provider_(name);
    if (!text.ok()) {
      problems_.emplace_back(item.place, cat("cannot include ", quoted(*item.text()), ": ", text.status().message(),
                                             "; paths are relative to ", from));
      return true;
    }
    open_.push_back(name);
    const bool parsed = read(name, *text);
    open_.pop_back();
    return parsed;
  }

  const FileProvider& provider_;
  Diagnostics& diagnostics_;
  std::vector<ParsedFile> files_;
  std::vector<std::string> open_;  // the chain of includes being read
  std::vector<std::pair<Place, std::string>> problems_;
};

// With the reason that helps a person most: no file, a folder, too large.
Result<std::string> read_from_disk(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return invalid(path.generic_string(), " is a folder, not a file");
  const auto size = std::filesystem::file_size(path, ignored);
  if (!ignored && size > kMaxSweepFileBytes)
    return invalid(path.generic_string(), " has ", size, " bytes; allowed: at most ", kMaxSweepFileBytes);
  if (!std::filesystem::exists(path, ignored)) return not_found("there is no file ", path.generic_string());
  return read_file(path);
}

}  // namespace

std::vector<ParsedFile> read_sweep_files(const std::string& root, const FileProvider& provider,
                                         Diagnostics& diagnostics) {
  return FileReader(provider, diagnostics).run(root);
}

Result<SweepSource> load_sweep_source(const std::string& path) {
  const std::filesystem::path given(path);
  const auto first = read_from_disk(given);
  if (!first.ok()) {
    return Status(first.status().code(), cat("cannot read the sweep file: ", first.status().message(),
                                             "; give the path of a sweep file, for example sweeps/quickstart.toml"));
  }
  const std::filesystem::path folder = given.parent_path();
  const FileProvider provider = [&](const std::string& name) { return read_from_disk(folder / name); };
  Diagnostics diagnostics;
  SweepSource source;
  source.root = given.filename().generic_string();
  for (ParsedFile& file : read_sweep_files(source.root, provider, diagnostics))
    source.files[file.name] = std::move(file.text);
  if (!diagnostics.ok()) return invalid(diagnostics.error_text());
  return source;
}

}  // namespace autonorm::config
