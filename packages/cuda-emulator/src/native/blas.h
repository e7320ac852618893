// cuBLAS, of which the rest needs only this.
#pragma once

namespace emu {

/// Forgets all handles.
void releaseBlas();

}  // namespace emu
