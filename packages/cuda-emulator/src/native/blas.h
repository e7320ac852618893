// cuBLAS and cuBLASLt, of which the rest needs only this.
#pragma once
#include <cstdint>

namespace emu {

/// Forgets all handles of cuBLAS.
void releaseBlas();
/// Forgets all handles and descriptors of cuBLASLt.
void releaseBlasLt();

/// How many products cuBLASLt was given that it computed.
extern uint64_t ltProductsRun;

}  // namespace emu
