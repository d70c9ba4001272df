// The operations that RandAugment and AutoAugment are made of, on images of bytes: Pillow's (ImageOps, ImageEnhance,
// Image.transform and Image.rotate, version 13), equal to it in every byte, and timm's SolarizeAdd.
//
// Beyond an image's edge lies grey, 128 in every channel; places between pixels are interpolated bilinearly.
// Differs from Pillow: kPosterize to 0 bits, which newer versions refuse, is black, as it was in older ones.
#pragma once
#include <cstdint>

namespace autonorm::data {

// The order is timm's. What the argument is; no argument where none is named.
enum class ImageOp {
  kAutoContrast,
  kEqualize,
  kInvert,
  kRotate,       // degrees, counter-clockwise
  kPosterize,    // bits that are kept, 0 to 8
  kSolarize,     // values from here on are inverted
  kSolarizeAdd,  // what values below 128 gain
  kColor,        // factor, as of the next three: 1 changes nothing; on a grey image none does
  kContrast,
  kBrightness,
  kSharpness,
  kShearX,  // pixels to the side per pixel down
  kShearY,
  kTranslateX,  // pixels
  kTranslateY,
};
inline constexpr int kImageOps = 15;

// [channels, height, width] somewhere else; 1 channel or 3 (RGB).
struct ByteImage {
  uint8_t* pixels = nullptr;
  int64_t channels = 1, height = 0, width = 0;
  int64_t area() const { return height * width; }
  int64_t size() const { return channels * area(); }
};

// Changes the image in place.
void apply(ImageOp op, double argument, const ByteImage& image);

}  // namespace autonorm::data
