#include "CKernels.h"

extern const kernel_set kernel_set_portable;

#if defined(__x86_64__)
extern const kernel_set kernel_set_avx512bf16, kernel_set_avx512, kernel_set_avx2;

static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

const kernel_set *kernel_set_at(size_t index) {
#if defined(__x86_64__)
    if (has_avx512() && __builtin_cpu_supports("avx512bf16") && index-- == 0) return &kernel_set_avx512bf16;
    if (has_avx512() && index-- == 0) return &kernel_set_avx512;
    if (has_avx2() && index-- == 0) return &kernel_set_avx2;
#endif
    return index == 0 ? &kernel_set_portable : NULL;
}

const kernel_set *kernel_set_best(void) {
    return kernel_set_at(0);
}
