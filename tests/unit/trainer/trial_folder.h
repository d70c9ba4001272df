// A folder for a test with a small trial on data of its own.
#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gtest/gtest.h"

namespace autonorm::trainer {

class TrialFolder {
 public:
  TrialFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("trainer.") + test->test_suite_name() + "." + test->name());
    std::filesystem::remove_all(path_);
    write_data();
  }
  ~TrialFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path path() const { return path_; }

  // An MLP on 230 images of 4 x 4: a step takes well under a millisecond.
  nlohmann::json config() const {
    return {{"seed", 1},
            {"data", {{"kind", "idx"}, {"path", (path_ / "set").string()}}},
            {"model", {{"family", "mlp"}, {"hidden", 16}}},
            {"norm", {{"kind", "layer"}}},
            {"train", {{"epochs", 2}, {"batch", 32}, {"log_every", 2}}}};
  }
  std::string write_config(const nlohmann::json& config, const std::string& name = "trial.json") const {
    std::ofstream(path_ / name) << config.dump(1);
    return (path_ / name).string();
  }

 private:
  static std::string big_endian(uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
  }
  void write(const std::string& name, uint32_t dimensions, const std::string& header, const std::string& data) const {
    std::ofstream(path_ / "set" / name, std::ios::binary) << big_endian(0x0800u | dimensions) << header << data;
  }
  // Images whose brightness is their label's.
  void write_data() const {
    std::filesystem::create_directories(path_ / "set");
    for (const auto& [name, count] : {std::pair("train", 230u), {"t10k", 50u}}) {
      std::string images, labels;
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t label = i * 7 % 5;
        labels += static_cast<char>(label);
        for (uint32_t pixel = 0; pixel < 16; ++pixel)
          images += static_cast<char>(label * 45 + (i * 31 + pixel * 17) % 40);
      }
      write(std::string(name) + "-images-idx3-ubyte", 3, big_endian(count) + big_endian(4) + big_endian(4), images);
      write(std::string(name) + "-labels-idx1-ubyte", 1, big_endian(count), labels);
    }
  }

  std::filesystem::path path_;
};

}  // namespace autonorm::trainer
