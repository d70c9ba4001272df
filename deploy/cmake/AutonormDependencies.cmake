# Third-party packages. Order matters: Protobuf and gRPC are found before anything of LibTorch, whose configuration files
# would otherwise shadow them; LibTorch itself comes through two imported targets of our own because find_package(Torch)
# fails on a machine without the CUDA toolkit.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)

if(AUTONORM_CONTROL_PLANE)
  find_package(fmt REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(tomlplusplus REQUIRED)
  find_package(Boost REQUIRED)  # headers only: Boost.Math
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_package(SQLite3 REQUIRED)
  find_package(SQLiteCpp REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(MPI REQUIRED COMPONENTS C)
endif()

if(BUILD_TESTING OR NOT DEFINED BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()

if(AUTONORM_TRAINER)
  if(NOT AUTONORM_TORCH)
    file(GLOB autonorm_venv_torch ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
    list(GET autonorm_venv_torch 0 AUTONORM_TORCH)
  endif()
  if(NOT EXISTS "${AUTONORM_TORCH}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "LibTorch not found in '${AUTONORM_TORCH}'.\n"
      "Run ./deploy/setup, or pass -DAUTONORM_TORCH=/path/to/site-packages/torch.")
  endif()
  set(autonorm_torch_includes ${AUTONORM_TORCH}/include ${AUTONORM_TORCH}/include/torch/csrc/api/include)

  add_library(torch_cpu_imported SHARED IMPORTED)
  set_target_properties(torch_cpu_imported PROPERTIES IMPORTED_LOCATION ${AUTONORM_TORCH}/lib/libtorch_cpu.so)
  add_library(autonorm_torch_cpu INTERFACE)
  # SYSTEM, and after our own folders: torch's include folder carries its own fmt and protobuf.
  target_include_directories(autonorm_torch_cpu SYSTEM INTERFACE ${autonorm_torch_includes})
  target_compile_definitions(autonorm_torch_cpu INTERFACE USE_DISTRIBUTED)
  target_link_libraries(autonorm_torch_cpu INTERFACE torch_cpu_imported ${AUTONORM_TORCH}/lib/libc10.so)

  if(AUTONORM_CUDA)
    find_package(CUDAToolkit QUIET)
    if(CUDAToolkit_FOUND AND EXISTS "${AUTONORM_TORCH}/lib/libtorch_cuda.so")
      set(AUTONORM_HAVE_CUDA ON)
    endif()
  endif()
  message(STATUS "LibTorch: ${AUTONORM_TORCH}; CUDA part: ${AUTONORM_HAVE_CUDA}")
endif()
