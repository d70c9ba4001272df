#include "coordinator/server/config_freezer.h"

#include <utility>

#include "core/base/sha256.h"
#include "core/config/cell_text.h"

namespace autonorm::server {

engine::FreezeConfig config_freezer(std::shared_ptr<const config::Sweep> sweep) {
  return
      [sweep = std::move(sweep), texts = config::CellTexts(), common = static_cast<const config::TrialConfig*>(nullptr),
       frozen = std::shared_ptr<const engine::FrozenConfig>()](size_t trial) mutable {
        const config::TrialConfig* wanted = sweep->trials.at(trial).common.get();
        if (std::exchange(common, wanted) == wanted) return frozen;
        std::string text = texts.of(*wanted);
        Sha256 hash = sha256(text);
        frozen = std::make_shared<const engine::FrozenConfig>(engine::FrozenConfig{std::move(hash), std::move(text)});
        return frozen;
      };
}

}  // namespace autonorm::server
