#include "core/kernels/rows/row_table.h"

namespace autonorm::kernels {

const RowKernels kRowKernelsDefault = row_table("DEFAULT");

}  // namespace autonorm::kernels
