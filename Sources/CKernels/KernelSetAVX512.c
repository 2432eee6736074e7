// AVX-512.
#if defined(__x86_64__)
#include "CKernels.h"
#define SUFFIX avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"), min_vector_width(512)))
#include "AVX512.inc"
#include "KernelSet.inc"
#endif
