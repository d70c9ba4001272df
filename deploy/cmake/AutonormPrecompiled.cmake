# Precompiled headers of what costs more to read than the code of a unit that includes it: the standard library with JSON,
# LibTorch, GoogleTest. They save half of a full build and most of a change in one file. Each set lives in a host target
# without code of its own; it is valid only for units with the same code generation flags, hence two hosts for libraries
# (-fPIC) and two for tests (-fPIE, -O0). Sources still include what they use: with -DAUTONORM_PRECOMPILE=OFF everything
# builds.
option(AUTONORM_PRECOMPILE "precompile the headers of the standard library, LibTorch and GoogleTest" ON)
set(autonorm_common_headers <algorithm> <array> <chrono> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional>
  <set> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector> <nlohmann/json.hpp>)
set(autonorm_tensor_headers <ATen/core/Tensor.h> <ATen/TensorOperators.h>)

# A test's own code is not worth optimizing; what it tests is.
set(AUTONORM_TEST_OPTIONS $<$<NOT:$<CONFIG:Debug>>:-O0>)

function(autonorm_header_host name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;HEADERS" ${ARGN})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} nlohmann_json::nlohmann_json)
  target_precompile_headers(${name} PRIVATE ${autonorm_common_headers} ${ARG_HEADERS})
endfunction()

if(AUTONORM_PRECOMPILE)
  file(WRITE ${CMAKE_BINARY_DIR}/header_host.cpp.new "int main() {}\n")
  file(COPY_FILE ${CMAKE_BINARY_DIR}/header_host.cpp.new ${CMAKE_BINARY_DIR}/header_host.cpp ONLY_IF_DIFFERENT)
  # -pthread defines a macro, so every unit has it or none.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-pthread>)
  add_library(autonorm_common_headers STATIC ${CMAKE_BINARY_DIR}/header_host.cpp)
  autonorm_header_host(autonorm_common_headers)
  if(AUTONORM_TRAINER)
    add_library(autonorm_tensor_headers STATIC ${CMAKE_BINARY_DIR}/header_host.cpp)
    autonorm_header_host(autonorm_tensor_headers DEPENDS autonorm_torch_cpu HEADERS ${autonorm_tensor_headers})
    add_executable(autonorm_tensor_test_headers ${CMAKE_BINARY_DIR}/header_host.cpp)
    target_compile_options(autonorm_tensor_test_headers PRIVATE ${AUTONORM_TEST_OPTIONS})
    autonorm_header_host(autonorm_tensor_test_headers DEPENDS autonorm_torch_cpu GTest::gmock
      HEADERS ${autonorm_tensor_headers} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  add_executable(autonorm_test_headers ${CMAKE_BINARY_DIR}/header_host.cpp)
  target_compile_options(autonorm_test_headers PRIVATE ${AUTONORM_TEST_OPTIONS})
  autonorm_header_host(autonorm_test_headers DEPENDS GTest::gmock HEADERS <gmock/gmock.h> <gtest/gtest.h>)
endif()

# Lets a target use the header set `host`; without effect where nothing is precompiled.
function(autonorm_use_headers name host)
  if(TARGET ${host})
    target_precompile_headers(${name} REUSE_FROM ${host})
  endif()
endfunction()
