// What a norm meets at a site of a model, as far as it can be known before the data is read.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/trial_config.h"

namespace autonorm::config {

struct ImageShape {
  int64_t channels = 1, height = 0, width = 0;
};
// Of a catalogue's data set; nothing for files of the user's own, whose shape only they know.
std::optional<ImageShape> image_shape(const DataConfig& data);
// Whether the model builds a norm at a site of its family: an FT-Transformer has those of one placement, and none
// before its first attention.
bool has_site(const ModelConfig& model, const std::string& site);

struct SiteShape {
  struct Grid {
    int64_t rows = 0, columns = 0;
  };
  std::vector<int64_t> channels;  // C of every norm at the site
  std::optional<int64_t> tokens;  // the smallest N; nothing where the image's size is not known
  std::optional<Grid> grid;       // where the tokens lie, a cls token apart; nothing likewise
  std::string no_grid;            // why they have no such place, with what is allowed; empty where they have one
  std::string no_cls = "";        // why the first token is no cls token; empty where it is
};

// REQUIRES: `site` is one of the family's. `image`: what the model gets, where that is known.
SiteShape site_shape(const TrialConfig& config, const std::string& site, const std::optional<ImageShape>& image);

}  // namespace autonorm::config
