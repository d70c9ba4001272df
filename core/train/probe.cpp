#include "core/train/probe.h"

#include <array>

#include "core/base/durable_file.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {
namespace {

struct Operation {
  std::string_view name;
  Status (*run)(const nlohmann::json&, ProbeInput&, checkpoint::NamedTensors&);
  Result<std::string> (*names)(const nlohmann::json&);  // null: nothing to list
};
constexpr auto kOperations = std::to_array<Operation>({
    {"norm", probe_norm, norm_names},
    {"model", probe_model, model_names},
    {"optimizer", probe_optimizer, nullptr},
    {"schedule", probe_schedule, nullptr},
    {"loss", probe_loss, nullptr},
    {"augment", probe_augment, nullptr},
    {"corruption", probe_corruption, nullptr},
});

Result<nlohmann::json> read_spec(const std::filesystem::path& path) {
  const auto text = read_file(path);
  if (!text.ok()) return text.status();
  nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid(path.string(), " is not a JSON object");
  return json;
}

Result<Operation> operation(const nlohmann::json& spec) {
  std::vector<std::string> names;
  for (const Operation& candidate : kOperations) {
    if (spec.contains("op") && spec.at("op") == candidate.name) return candidate;
    names.emplace_back(candidate.name);
  }
  return invalid("'op' is ", spec.contains("op") ? spec.at("op").dump() : "missing", "; allowed: ", join(names));
}

}  // namespace

Status run_probe(const std::filesystem::path& spec_path, const std::filesystem::path& in,
                 const std::filesystem::path& out) {
  const auto spec = read_spec(spec_path);
  if (!spec.ok()) return spec.status();
  const auto op = operation(*spec);
  if (!op.ok()) return op.status().with_context(spec_path.string());
  auto tensors = checkpoint::read_safetensors(in);
  if (!tensors.ok()) return tensors.status();
  ProbeInput input(*std::move(tensors));
  checkpoint::NamedTensors output;
  if (const Status status = op->run(*spec, input, output); !status.ok()) return status.with_context(spec_path.string());
  AUTONORM_RETURN_IF_ERROR(input.check_all_used());
  return checkpoint::write_safetensors(out, output, {});
}

Result<std::string> probe_names(const std::filesystem::path& spec_path) {
  const auto spec = read_spec(spec_path);
  if (!spec.ok()) return spec.status();
  const auto op = operation(*spec);
  if (!op.ok()) return op.status().with_context(spec_path.string());
  if (op->names == nullptr)
    return invalid(spec_path.string(), ": op '", op->name, "' has no parameters or state of its own");
  auto names = op->names(*spec);
  if (!names.ok()) return names.status().with_context(spec_path.string());
  return names;
}

}  // namespace autonorm::train
