// Whatever the compiler's baseline is: SSE2 on x86-64, NEON on 64-bit Arm (32 registers: the larger tile fits).
#include "CKernels.h"
#define SUFFIX portable
#define TARGET
#define VECTOR_WIDTH 4
#if defined(__aarch64__)
#define TILE_PIXELS 14
#else
#define TILE_PIXELS 6
#endif
#define BLOCK_VECTORS 2
#include "KernelSet.inc"
