#include "noise.h"

#include <string.h>

// A fused multiply-add rounds once where two operations round twice: without this, machines would differ.
#pragma STDC FP_CONTRACT OFF

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// MARK: - Philox4x32-10

typedef struct {
    uint32_t word[4];
} philox_block;

ALWAYS_INLINE philox_block philox(philox_block counter, uint32_t key0, uint32_t key1) {
    uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t next0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        uint32_t next2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)product1;
        c3 = (uint32_t)product0;
        c0 = next0;
        c2 = next2;
        // Weyl sequences: the golden ratio and sqrt(3) - 1.
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return (philox_block){{c0, c1, c2, c3}};
}

void restored_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t output[4]) {
    philox_block block = philox((philox_block){{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]);
    memcpy(output, block.word, sizeof block.word);
}

// MARK: - Box-Muller

ALWAYS_INLINE float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

ALWAYS_INLINE uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/// sqrt(-2 ln u), u = (the upper 31 bits + 1/2) / 2^31 in (0, 1]: at most 6.67.
ALWAYS_INLINE float radius_from(uint32_t random) {
    float u = ((float)(int32_t)(random >> 1) + 0.5f) * 0x1p-31f;
    uint32_t bits = bits_of_float(u);
    // u = 2^exponent * mantissa, mantissa in [sqrt(1/2), sqrt(2)).
    int32_t exponent = (int32_t)(bits - 0x3F3504F3u) >> 23;
    float mantissa = float_of_bits(bits - ((uint32_t)exponent << 23));
    // ln m = 2 artanh(s), |s| < 0.172: five terms leave an error below 1e-9.
    float s = (mantissa - 1.0f) / (mantissa + 1.0f);
    float z = s * s;
    float series = 1.0f + z * (1.0f / 3.0f + z * (0.2f + z * (1.0f / 7.0f + z * (1.0f / 9.0f))));
    float logarithm = (float)exponent * 0.693147180559945f + 2.0f * s * series;
    return __builtin_sqrtf(-2.0f * logarithm);
}

/// Cosine and sine of a uniform angle: the top two bits choose the quadrant, the others an angle of at most pi/4.
ALWAYS_INLINE void direction_from(uint32_t random, float *cosine, float *sine) {
    uint32_t quadrant = random >> 30;
    float angle = (float)(int32_t)(random << 2) * (0.785398163397448f * 0x1p-31f);
    float z = angle * angle;
    float s = angle * (1.0f + z * (-1.0f / 6.0f + z * (1.0f / 120.0f + z * (-1.0f / 5040.0f + z * (1.0f / 362880.0f)))));
    float c = 1.0f + z * (-0.5f + z * (1.0f / 24.0f + z * (-1.0f / 720.0f + z * (1.0f / 40320.0f))));
    float across = (quadrant & 1) ? s : c;
    float along = (quadrant & 1) ? c : s;
    *cosine = float_of_bits(bits_of_float(across) ^ (((quadrant + 1) & 2) << 30));
    *sine = float_of_bits(bits_of_float(along) ^ ((quadrant & 2) << 30));
}

// MARK: - Rows

/// Pixels computed together: four arrays of them stay in the first-level cache.
enum { block_pixels = 128 };

ALWAYS_INLINE void normal_row(
    float *output, size_t pixels, size_t channels, uint32_t x, uint32_t y, uint32_t draw, uint32_t stream, uint64_t seed
) {
    float normals[4][block_pixels];
    for (size_t start = 0; start < pixels; start += block_pixels) {
        // Always a whole block: one vector loop without a tail, so a pixel's value can't depend on its place in it.
        for (uint32_t lane = 0; lane < block_pixels; lane++) {
            philox_block counter = {{x + (uint32_t)start + lane, y, draw, stream}};
            philox_block random = philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
            float cosine, sine;
            float radius = radius_from(random.word[0]);
            direction_from(random.word[1], &cosine, &sine);
            normals[0][lane] = radius * cosine;
            normals[1][lane] = radius * sine;
            radius = radius_from(random.word[2]);
            direction_from(random.word[3], &cosine, &sine);
            normals[2][lane] = radius * cosine;
            normals[3][lane] = radius * sine;
        }
        size_t count = pixels - start < block_pixels ? pixels - start : block_pixels;
        float *block = output + start * channels;
        if (channels == 3) {
            for (size_t lane = 0; lane < count; lane++) {
                block[3 * lane] = normals[0][lane];
                block[3 * lane + 1] = normals[1][lane];
                block[3 * lane + 2] = normals[2][lane];
            }
            continue;
        }
        for (size_t lane = 0; lane < count; lane++) {
            for (size_t channel = 0; channel < channels; channel++) block[lane * channels + channel] = normals[channel][lane];
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void normal_row_avx2(
    float *output, size_t pixels, size_t channels, uint32_t x, uint32_t y, uint32_t draw, uint32_t stream, uint64_t seed
) {
    normal_row(output, pixels, channels, x, y, draw, stream, seed);
}
#endif

void restored_normal_row(
    float *output, size_t pixels, size_t channels, uint32_t x, uint32_t y, uint32_t draw, uint32_t stream, uint64_t seed
) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        normal_row_avx2(output, pixels, channels, x, y, draw, stream, seed);
        return;
    }
#endif
    normal_row(output, pixels, channels, x, y, draw, stream, seed);
}
