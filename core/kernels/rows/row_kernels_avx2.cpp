#include "core/kernels/rows/row_table.h"

namespace autonorm::kernels {

const RowKernels kRowKernelsAvx2 = row_table("AVX2");

}  // namespace autonorm::kernels
