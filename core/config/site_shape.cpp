#include "core/config/site_shape.h"

#include <cmath>

#include "core/base/text.h"
#include "core/config/catalogue.h"

namespace autonorm::config {
namespace {

using Grid = SiteShape::Grid;
using Image = std::optional<ImageShape>;

std::string no_grid_of(ModelFamily family) {
  return cat("model family '", name(family),
             "' has none; allowed: vit, t2t_vit, autonorm, autonorm_corrected, site decoder of mae");
}

std::string no_cls_of(ModelFamily family) { return cat("model family '", name(family), "' has none"); }

// One token for all values of a sample.
SiteShape one_token(ModelFamily family, int64_t channels) {
  return {.channels = {channels},
          .tokens = 1,
          .grid = {},
          .no_grid = no_grid_of(family),
          .no_cls = "this model has one token for all values of a sample"};
}

std::optional<Grid> patch_grid(const TrialConfig& c, const Image& image) {
  if (!image) return std::nullopt;
  return Grid{.rows = image->height / c.model.patch, .columns = image->width / c.model.patch};
}

// `no_cls`: the setting that leaves the cls token out, where it does.
SiteShape of_patches(const TrialConfig& c, const Image& image, bool cls, const char* no_cls = "") {
  SiteShape shape{.channels = {c.model.dim}, .tokens = {}, .grid = patch_grid(c, image), .no_grid = ""};
  if (!cls) shape.no_cls = cat("this model has none (", no_cls, ")");
  if (shape.grid) shape.tokens = shape.grid->rows * shape.grid->columns + (cls ? 1 : 0);
  return shape;
}

SiteShape of_vit(const TrialConfig& c, const std::string& site, const Image& image) {
  const bool pools_first = c.model.pool == Pool::kPatches;
  if (site != "head" && !(site == "final" && pools_first)) {
    return of_patches(c, image, has_cls(c.model.pool), "model.pool = 'mean'");
  }
  const std::string one = site == "head"
                              ? "site 'head' sees one token, what is pooled"
                              : "site 'final' sees one token, the mean of the patches (model.pool = 'patches')";
  return {.channels = {c.model.dim},
          .tokens = 1,
          .grid = {},
          .no_grid = cat(one, "; allowed: pre_attn, pre_ffn", pools_first ? "" : ", final"),
          .no_cls = one};
}

SiteShape of_mae(const TrialConfig& c, const std::string& site, const Image& image) {
  SiteShape shape = of_patches(c, image, c.model.cls, "model.cls = false");
  if (site == "decoder") {
    shape.channels = {c.model.decoder_dim};
    return shape;
  }
  if (shape.grid) {
    const auto patches = static_cast<double>(shape.grid->rows * shape.grid->columns);
    shape.tokens = static_cast<int64_t>(patches * (1.0 - c.model.mask_ratio)) + (c.model.cls ? 1 : 0);
  }
  shape.grid.reset();
  shape.no_grid = "the encoder of 'mae' sees patches from random places; allowed: site decoder";
  return shape;
}

// A soft split makes one token of each window.
int64_t split_side(int64_t side, int64_t kernel, int64_t stride, int64_t padding) {
  return (side + 2 * padding - kernel) / stride + 1;
}

SiteShape of_t2t(const TrialConfig& c, const std::string& site, const Image& image) {
  const int64_t image_channels = image ? image->channels : 1;
  SiteShape shape{.channels = {c.model.dim}, .tokens = {}, .grid = {}, .no_grid = ""};
  const auto third = [](int64_t side) { return split_side(split_side(split_side(side, 7, 4, 2), 3, 2, 1), 3, 2, 1); };
  if (image) {
    shape.grid = Grid{.rows = third(image->height), .columns = third(image->width)};
    shape.tokens = shape.grid->rows * shape.grid->columns + 1;
  }
  if (site != "token") return shape;
  shape.channels = {49 * image_channels, 9 * c.model.token_dim, c.model.token_dim};
  shape.grid.reset();
  shape.no_cls = "site 'token' stands before the cls token joins the others";
  shape.no_grid = "site 'token' of 't2t_vit' has maps of several sizes; allowed: pre_attn, pre_ffn, final";
  if (image) {
    const auto second = [](int64_t side) { return split_side(split_side(side, 7, 4, 2), 3, 2, 1); };
    shape.tokens = second(image->height) * second(image->width);
  }
  return shape;
}

// Only attention sees all tokens: the last block and the head read the cls token alone.
SiteShape of_ft_transformer(const TrialConfig& c, const std::string& site, const Image& image) {
  SiteShape shape = one_token(c.model.family, c.model.dim);
  shape.no_cls.clear();
  if (site != "pre_attn") return shape;
  if (image) shape.tokens = image->channels * image->height * image->width + 1;
  if (!image) shape.tokens.reset();
  return shape;
}

SiteShape of_resnet(const TrialConfig& c, const Image& image) {
  const int64_t width = c.model.width;
  SiteShape shape{.channels = {width, 2 * width, 4 * width},
                  .tokens = {},
                  .grid = {},
                  .no_grid = no_grid_of(c.model.family),
                  .no_cls = no_cls_of(c.model.family)};
  if (image) shape.tokens = ((image->height + 3) / 4) * ((image->width + 3) / 4);
  return shape;
}

SiteShape of_blocks(const TrialConfig& c, const std::string& site, const Image& image) {
  switch (c.model.family) {
    case ModelFamily::kVit:
      return of_vit(c, site, image);
    case ModelFamily::kMlp:
      return one_token(c.model.family, c.model.hidden);
    case ModelFamily::kAutonorm:
    case ModelFamily::kAutonormCorrected:
      return c.model.input == ModelInput::kTable ? one_token(c.model.family, c.model.dim) : of_patches(c, image, true);
    case ModelFamily::kAutonormV0:
      return one_token(c.model.family, c.model.dim);
    case ModelFamily::kMae:
      return of_mae(c, site, image);
    case ModelFamily::kT2tVit:
      return of_t2t(c, site, image);
    case ModelFamily::kFtTransformer:
      return of_ft_transformer(c, site, image);
    case ModelFamily::kResnet:
      return of_resnet(c, image);
  }
  return {};
}

}  // namespace

bool has_site(const ModelConfig& model, const std::string& site) {
  if (model.family != ModelFamily::kFtTransformer) return true;
  return site.starts_with("post_") != model.prenorm && !(site == "pre_attn" && model.depth == 1);
}

std::optional<ImageShape> image_shape(const DataConfig& data) {
  const DataSet* set = find_data_set(data.source);
  if (set == nullptr) return std::nullopt;
  return ImageShape{.channels = set->channels, .height = set->height, .width = set->width};
}

SiteShape site_shape(const TrialConfig& config, const std::string& site, const std::optional<ImageShape>& image) {
  SiteShape shape = of_blocks(config, site, image);
  if (site != "qk") return shape;
  // Queries and keys by head: [B, heads · T, dim / heads].
  shape.channels = {config.model.dim / config.model.heads};
  if (shape.tokens) shape.tokens = *shape.tokens * config.model.heads;
  shape.grid.reset();
  shape.no_grid = "site 'qk' has the tokens of all heads one after the other; allowed: pre_attn, pre_ffn, final";
  shape.no_cls = "site 'qk' has the tokens of all heads one after the other";
  return shape;
}

}  // namespace autonorm::config
