#include "worker/agent/device_inventory.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <optional>

namespace autonorm::agent {
namespace {

// The value behind "key : value", or "".
std::string field(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

// NVIDIA's management library, loaded at run time: its header is not needed for four calls of a stable interface.
class ManagementLibrary {
 public:
  ManagementLibrary() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {}
  ~ManagementLibrary() {
    if (library_ != nullptr) dlclose(library_);
  }
  ManagementLibrary(const ManagementLibrary&) = delete;

  std::optional<std::vector<Gpu>> list() const {
    const auto init = find<int()>("nvmlInit_v2");
    const auto shutdown = find<int()>("nvmlShutdown");
    const auto count = find<int(unsigned*)>("nvmlDeviceGetCount_v2");
    const auto handle = find<int(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    const auto name = find<int(void*, char*, unsigned)>("nvmlDeviceGetName");
    const auto memory = find<int(void*, unsigned long long*)>("nvmlDeviceGetMemoryInfo");
    if (!init || !shutdown || !count || !handle || !name || !memory || init() != 0) return std::nullopt;
    std::vector<Gpu> gpus;
    unsigned found = 0;
    if (count(&found) != 0) found = 0;
    for (unsigned i = 0; i < found; ++i) {
      void* device = nullptr;
      std::array<char, 128> text{};
      std::array<unsigned long long, 3> total_free_used{};
      if (handle(i, &device) != 0) continue;
      if (name(device, text.data(), text.size()) != 0) text = {"NVIDIA GPU"};
      if (memory(device, total_free_used.data()) != 0) total_free_used = {};
      gpus.push_back({text.data(), static_cast<int64_t>(total_free_used[0])});
    }
    shutdown();
    return gpus;
  }

 private:
  template <class Function>
  Function* find(const char* symbol) const {
    return library_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library_, symbol));
  }
  void* library_;
};

std::vector<Gpu> list_driver_folder(const std::filesystem::path& driver) {
  std::vector<std::filesystem::path>
      folders;  // named by PCI address, which orders them as CUDA_DEVICE_ORDER=PCI_BUS_ID does
  std::error_code error;
  for (std::filesystem::directory_iterator it(driver, error), end; !error && it != end; it.increment(error))
    folders.push_back(it->path());
  std::sort(folders.begin(), folders.end());
  std::vector<Gpu> gpus;
  for (const auto& folder : folders) {
    const std::string model = field(folder / "information", "Model");
    gpus.push_back({model.empty() ? "NVIDIA GPU" : model, 0});
  }
  return gpus;
}

// CUDA_VISIBLE_DEVICES: ordinals or UUIDs, in the order that the process sees; CUDA stops at the first that is none.
std::vector<Gpu> visible_of(const std::vector<Gpu>& all, const std::string& visible) {
  std::vector<Gpu> seen;
  for (size_t begin = 0; begin <= visible.size();) {
    const size_t comma = std::min(visible.find(',', begin), visible.size());
    const std::string entry = visible.substr(begin, comma - begin);
    begin = comma + 1;
    const bool number = !entry.empty() && entry.size() < 6 &&
                        std::all_of(entry.begin(), entry.end(), [](unsigned char c) { return std::isdigit(c); });
    if (number) {
      const size_t index = std::stoul(entry);
      if (index >= all.size()) break;
      seen.push_back(all[index]);
    } else if (entry.starts_with("GPU-") || entry.starts_with("MIG-")) {
      seen.push_back({all.empty() ? "NVIDIA GPU" : all.front().name, 0});
    } else {
      break;
    }
  }
  return seen;
}

}  // namespace

std::vector<Gpu> find_gpus(const std::string& visible, const std::filesystem::path& driver) {
  std::vector<Gpu> all = ManagementLibrary().list().value_or(std::vector<Gpu>());
  if (all.empty()) all = list_driver_folder(driver);
  return visible.empty() ? all : visible_of(all, visible);
}

std::string cpu_name(const std::filesystem::path& cpuinfo) {
  const std::string name = field(cpuinfo, "model name");
  return name.empty() ? "CPU" : name;
}

Result<fleet::Device> choose_device(const std::string& wanted, int local_rank, int local_size,
                                    const std::vector<Gpu>& gpus, const std::string& cpu) {
  if (wanted != "auto" && wanted != "cpu" && wanted != "cuda") {
    return invalid("--device ", wanted, " is not known; allowed are auto, cpu and cuda");
  }
  if (wanted == "cpu" || (wanted == "auto" && gpus.empty())) return fleet::Device{"cpu", 0, cpu, 0};
  if (gpus.empty())
    return invalid("--device cuda was given, but this host shows no GPU; use --device cpu, or check nvidia-smi");
  if (local_size > static_cast<int>(gpus.size())) {
    return invalid(local_size, " worker ranks were started on a host with ", gpus.size(),
                   gpus.size() == 1 ? " GPU" : " GPUs", "; start at most ", gpus.size(), " there (mpirun -np ",
                   gpus.size(), " worker), or CPU slots with --device cpu");
  }
  const Gpu& gpu = gpus[static_cast<size_t>(local_rank)];
  return fleet::Device{"cuda", local_rank, gpu.name, gpu.memory_bytes};
}

}  // namespace autonorm::agent
