#include "worker/agent/device_inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/agent/temporary_folder.h"
#include "worker/agent/local_address.h"

namespace autonorm::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<Gpu> kTwo{{"H200", 100}, {"H200", 100}};

TEST(Devices, ARankGetsTheGpuOfItsNumber) {
  const auto device = choose_device("auto", 1, 2, kTwo, "EPYC");
  ASSERT_TRUE(device.ok());
  EXPECT_EQ(*device, (fleet::Device{"cuda", 1, "H200", 100}));
}

TEST(Devices, WithoutGpusRanksAreCpuSlotsHoweverMany) {
  const auto device = choose_device("auto", 7, 8, {}, "EPYC");
  ASSERT_TRUE(device.ok());
  EXPECT_EQ(*device, (fleet::Device{"cpu", 0, "EPYC", 0}));
  EXPECT_EQ(choose_device("cpu", 3, 4, kTwo, "EPYC")->kind, "cpu");
}

TEST(Devices, MoreRanksThanGpusIsAnErrorWithTheRemedy) {
  for (const char* wanted : {"auto", "cuda"}) {
    const auto device = choose_device(wanted, 0, 3, kTwo, "EPYC");
    ASSERT_FALSE(device.ok());
    EXPECT_EQ(device.status().message(),
              "3 worker ranks were started on a host with 2 GPUs; start at most 2 there (mpirun -np 2 worker), or CPU "
              "slots with "
              "--device cpu");
  }
}

TEST(Devices, CudaWithoutAGpuAndUnknownWordsAreErrors) {
  EXPECT_THAT(choose_device("cuda", 0, 1, {}, "EPYC").status().message(), HasSubstr("shows no GPU"));
  EXPECT_THAT(choose_device("tpu", 0, 1, {}, "EPYC").status().message(), HasSubstr("allowed are auto, cpu and cuda"));
}

TEST(Devices, TheDriversFolderListsGpusAndVisibleDevicesChoose) {
  const TemporaryFolder folder;
  for (const char* address : {"0000:41:00.0", "0000:01:00.0"}) {
    std::filesystem::create_directories(folder.path() / address);
    std::ofstream(folder.path() / address / "information") << "Model: \t\t NVIDIA " << address << "\nIRQ:   1\n";
  }
  const auto all = find_gpus("", folder.path());
  if (all.size() != 2 || all[0].memory_bytes != 0) GTEST_SKIP() << "this machine has real GPUs";
  EXPECT_THAT(all, ElementsAre(Gpu{"NVIDIA 0000:01:00.0"}, Gpu{"NVIDIA 0000:41:00.0"}));
  EXPECT_THAT(find_gpus("1,0", folder.path()), ElementsAre(Gpu{"NVIDIA 0000:41:00.0"}, Gpu{"NVIDIA 0000:01:00.0"}));
  EXPECT_THAT(find_gpus("1,7,0", folder.path()), ElementsAre(Gpu{"NVIDIA 0000:41:00.0"}));  // CUDA stops there too
  EXPECT_TRUE(find_gpus("-1", folder.path()).empty());
}

TEST(Devices, TheProcessorHasAName) { EXPECT_FALSE(cpu_name().empty()); }

TEST(LocalAddress, TowardsALocalCoordinatorItIsTheLoopback) {
  EXPECT_EQ(source_address_towards("127.0.0.1:50551"), "127.0.0.1");
  EXPECT_EQ(source_address_towards("no port"), "127.0.0.1");
}

}  // namespace
}  // namespace autonorm::agent
