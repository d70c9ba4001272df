// The operation corruption.
#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/data/corruption.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {

Status probe_corruption(const nlohmann::json& json, ProbeInput& input, checkpoint::NamedTensors& out) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "kind", "scale", "severity", "first_sample"}));
  const auto severity = spec.integer("severity", 1, 1), first = spec.integer("first_sample", 0, 0);
  const auto scale = spec.word("scale", {"cifar", "mnist"});
  const auto x = input.get("x");
  for (const Status& status : {severity.status(), first.status(), scale.status(), x.status()}) {
    if (!status.ok()) return status;
  }
  const auto words = config::words<config::Corruption>();
  const std::string word =
      json.contains("kind") && json.at("kind").is_string() ? json.at("kind").get<std::string>() : "";
  const auto kind = config::parse_word<config::Corruption>(word);
  if (!kind)
    return invalid("'kind' is '", word, "'; allowed: ", join(std::vector<std::string>(words.begin(), words.end())));
  if (*severity > data::kSeverities) return invalid("'severity' is ", *severity, "; allowed: 1 to ", data::kSeverities);
  if (x->dim() != 4 || x->scalar_type() != at::kByte) {
    return invalid("tensor 'x' is ", c10::toString(x->scalar_type()), " ", x->sizes(),
                   "; allowed: [B, channels, height, width] uint8");
  }
  out.emplace_back(
      "x", data::corrupted(*x, 255.0, *first, *kind, *config::parse_word<config::CorruptionScale>(*scale), *severity));
  return {};
}

}  // namespace autonorm::train
