// As AVX-512, and two bfloat16 products a lane in one instruction.
#if defined(__x86_64__)
#include "CKernels.h"
#define SUFFIX avx512bf16
#define TARGET                                                                                                         \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,fma"), min_vector_width(512)))
#include "AVX512.inc"
#define PAIR_PRODUCT(sum, weights, operand)                                                                            \
    ((vf)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(weights), (__m512bh)(operand)))
#define NARROW(target, values) _mm256_storeu_si256((__m256i *)(target), (__m256i)_mm512_cvtneps_pbh((__m512)(values)))
#define INTERLEAVE(target, even, odd)                                                                                  \
    _mm512_storeu_si512(target, _mm512_permutexvar_epi16(interleaved_avx512bf16(), (__m512i)_mm512_cvtne2ps_pbh(       \
                                                                                      (__m512)(odd), (__m512)(even))))

// The places of what stands in the lower half of a vector of 16-bit numbers and in the upper one, by turns.
static inline __attribute__((always_inline)) TARGET __m512i interleaved_avx512bf16(void) {
    typedef short halves __attribute__((ext_vector_type(32)));
    return (__m512i)(halves){0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                             8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
}

#include "KernelSet.inc"
#endif
