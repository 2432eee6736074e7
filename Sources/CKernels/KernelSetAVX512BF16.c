// As AVX-512, and two bfloat16 products a lane in one instruction.
#if defined(__x86_64__)
#include "CKernels.h"
#include <immintrin.h>
#define SUFFIX avx512bf16
#define TARGET                                                                                                         \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,fma"), min_vector_width(512)))
#define VECTOR_WIDTH 16
#define TILE_PIXELS 14
#define BLOCK_VECTORS 2
#define PAIR_PRODUCT(sum, weights, operand)                                                                            \
    ((vf)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(weights), (__m512bh)(operand)))
#define NARROW(target, values) _mm256_storeu_si256((__m256i *)(target), (__m256i)_mm512_cvtneps_pbh((__m512)(values)))
#include "KernelSet.inc"
#endif
