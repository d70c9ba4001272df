// Draws figures with the program gnuplot (Debian package gnuplot-nox), a process of its own.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "coordinator/plot/figure.h"
#include "core/base/status.h"

namespace autonorm::plot {

enum class ImageFormat { kSvg, kPng };

class Gnuplot {
 public:
  // `search_path`: as PATH. kNotFound: gnuplot is not there; the message says how to install it.
  static Result<Gnuplot> find(const std::string& search_path);

  // The picture's bytes. kInternal carries gnuplot's own words.
  Result<std::string> draw(const Figure& figure, ImageFormat format) const;
  // The script that draws the figure into `output`, for people who want to change it.
  static std::string full_script(const Figure& figure, ImageFormat format, const std::string& output);

 private:
  explicit Gnuplot(std::filesystem::path program) : program_(std::move(program)) {}
  std::filesystem::path program_;
};

}  // namespace autonorm::plot
