// The configuration keys of model families. A key that several families have has a row for each default.
#include "core/config/key_rows.h"

namespace autonorm::config {
namespace {

using enum KeyType;
constexpr std::string_view kVitOnly = "model.family = vit";
constexpr std::string_view kBoth = "model.family = autonorm, autonorm_corrected";
constexpr std::string_view kMae = "model.family = mae";
constexpr std::string_view kT2t = "model.family = t2t_vit";
constexpr std::string_view kFt = "model.family = ft_transformer";

Key patch(std::string_view fallback) {
  return integer("model.patch", fallback, 1, 256, "side of a patch in pixels; divides the image");
}
Key dim(std::string_view fallback) { return integer("model.dim", fallback, 2, 16384, "channels of a token"); }
Key depth(std::string_view fallback) { return integer("model.depth", fallback, 1, 256, "transformer blocks"); }
Key heads(std::string_view fallback) {
  return integer("model.heads", fallback, 1, 256, "attention heads; divides dim");
}
Key ratio(std::string_view fallback) {
  return positive("model.mlp_ratio", fallback, 16, "width of a block's MLP as a multiple of dim");
}
Key drop_path(std::string_view fallback) {
  return real("model.drop_path", fallback, 0, 0.9999999,
              "share of samples that skip the last block; linear over depth");
}
Key dropout(std::string_view fallback) {
  return real("model.dropout", fallback, 0, 0.9999999, "dropout of the MLP's layers");
}

std::vector<Key> vit_keys() {
  return {
      of(kVitOnly, patch("2")),
      of(kVitOnly, dim("64")),
      of(kVitOnly, depth("2")),
      of(kVitOnly, heads("4")),
      of(kVitOnly, ratio("2.0")),
      of(kVitOnly, word("model.pool", "\"mean\"", words<Pool>(),
                        "what the head reads: the cls token, the mean of all tokens, or with `patches` the mean of the "
                        "patches beside a cls token, normalized after pooling")),
      of(kVitOnly, plain(kFlag, "model.qkv_bias", "true", "bias of the query, key and value projections")),
      of("model.family = vit, t2t_vit", drop_path("0")),
      of("model.family = mlp", integer("model.hidden", "128", 1, 65536, "width of a hidden layer")),
      of("model.family = mlp", integer("model.layers", "1", 1, 64, "hidden layers")),
  };
}

std::vector<Key> autonorm_keys() {
  constexpr std::string_view kV0 = "model.family = autonorm_v0";
  return {
      of(kBoth, word("model.input", "\"image\"", words<ModelInput>(),
                     "patches of an image with a cls token, or all values as one token")),
      of(kBoth, patch("4")),
      of(kBoth, dim("128")),
      of(kBoth, depth("12")),
      of("model.family = autonorm_corrected", heads("4")),
      of(kBoth, ratio("4.0")),
      of(kBoth, dropout("0.3")),
      of(kBoth, drop_path("0.1")),
      of(kBoth, real("model.layer_scale", "0.0001", 0, 100, "initial gain of a block's branch")),
      of(kV0, dim("192")),
      of(kV0, depth("2")),
      of(kV0, heads("4")),
      of(kV0, ratio("2.0")),
      of(kV0, dropout("0.1")),
  };
}

std::vector<Key> mae_keys() {
  return {
      of(kMae, patch("16")),
      of(kMae, dim("768")),
      of(kMae, depth("12")),
      of(kMae, heads("12")),
      of(kMae, ratio("4.0")),
      of(kMae, integer("model.decoder_dim", "512", 2, 16384, "channels of a token in the decoder")),
      of(kMae, integer("model.decoder_depth", "8", 1, 256, "blocks of the decoder")),
      of(kMae, integer("model.decoder_heads", "16", 1, 256, "its attention heads; divides decoder_dim")),
      of(kMae, real("model.mask_ratio", "0.75", 0, 0.9999999, "share of the patches that the encoder does not see")),
      of(kMae, word("model.positions", "\"sincos\"", words<Positions>(),
                    "fixed sines and cosines of the patch's place, or learned")),
      of(kMae, word("model.init", "\"xavier\"", words<WeightInit>(),
                    "initial weights: xavier uniform as the MAE repository, or torch's defaults")),
      of(kMae, plain(kFlag, "model.cls", "true", "a cls token beside the patches")),
      of(kMae, plain(kFlag, "model.norm_pix", "false", "targets with mean 0 and variance 1 in each patch")),
  };
}

std::vector<Key> other_keys() {
  return {
      of(kT2t, dim("384")),
      of(kT2t, depth("14")),
      of(kT2t, heads("6")),
      of(kT2t, ratio("3.0")),
      of(kT2t, plain(kFlag, "model.qkv_bias", "false", "bias of the query, key and value projections")),
      of(kT2t, integer("model.token_dim", "64", 1, 4096, "channels between the soft splits")),
      of(kT2t, word("model.token_layer", "\"performer\"", words<TokenLayer>(), "the layer between the soft splits")),
      of(kT2t, plain(kFlag, "model.token_bias", "false",
                     "bias of a transformer's projections between the soft splits; a performer has one anyway")),
      of(kFt, dim("192")),
      of(kFt, depth("3")),
      of(kFt, heads("8")),
      of(kFt, ratio("1.333333333333333")),
      of(kFt, plain(kFlag, "model.prenorm", "true",
                    "norms before attention and MLP and at the end; false: after each residual sum")),
      of(kFt, real("model.attention_dropout", "0.2", 0, 0.9999999, "dropout of the attention's weights")),
      of(kFt, real("model.ffn_dropout", "0.1", 0, 0.9999999, "dropout inside the MLP")),
      of(kFt, real("model.residual_dropout", "0", 0, 0.9999999, "dropout of what a residual sum adds")),
      of("model.family = resnet", integer("model.depth", "20", 8, 1202, "layers, 6n + 2")),
      of("model.family = resnet", integer("model.width", "16", 1, 4096, "channels of the first of three stages")),
      of("model.family = resnet", plain(kFlag, "model.conv_bias", "false", "bias of the convolutions")),
  };
}

}  // namespace

std::vector<Key> family_keys() {
  std::vector<Key> all;
  for (const auto& group : {vit_keys(), autonorm_keys(), mae_keys(), other_keys()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace autonorm::config
