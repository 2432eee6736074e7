// 14 pixels by 32 columns: 28 of the 32 registers hold sums.
#if defined(__x86_64__)
#include "CKernels.h"
#define SUFFIX avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"), min_vector_width(512)))
#define VECTOR_WIDTH 16
#define TILE_PIXELS 14
#define BLOCK_VECTORS 2
#include "KernelSet.inc"
#endif
