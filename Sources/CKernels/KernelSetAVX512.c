// 14 pixels by 32 columns: 28 of the 32 registers hold sums.
#if defined(__x86_64__)
#include "CKernels.h"
#include <immintrin.h>
#define SUFFIX avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"), min_vector_width(512)))
#define VECTOR_WIDTH 16
#define TILE_PIXELS 14
#define BLOCK_VECTORS 2
#define LOAD_PART(p, count, filler)                                                                                    \
    ((vf)_mm512_mask_loadu_ps((__m512)(filler), (__mmask16)((1u << (count)) - 1), p))
#define STORE_PART(p, count, v) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (count)) - 1), (__m512)(v))
#define REDUCE_POWER(x) ((vf)_mm512_reduce_ps((__m512)(x), 0))
#define SCALE_POWER(x, power) ((vf)_mm512_scalef_ps((__m512)(x), (__m512)(power)))
#include "KernelSet.inc"
#endif
