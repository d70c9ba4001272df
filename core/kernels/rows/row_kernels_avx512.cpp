#include "core/kernels/rows/row_table.h"

namespace autonorm::kernels {

const RowKernels kRowKernelsAvx512 = row_table("AVX512");

}  // namespace autonorm::kernels
