// 6 pixels by 16 columns: 12 of the 16 registers hold sums.
#if defined(__x86_64__)
#include "CKernels.h"
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR_WIDTH 8
#define TILE_PIXELS 6
#define BLOCK_VECTORS 2
#include "KernelSet.inc"
#endif
