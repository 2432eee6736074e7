#pragma once

#include <stddef.h>
#include <stdint.h>

/// One block of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
void restored_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t output[4]);

/// Standard normal numbers for `pixels` neighbouring pixels of one row, starting at (x, y).
///
/// Pixel p, channel c goes to `output[p * channels + c]`; `channels` is 1...4. Each pixel is one Philox block with counter
/// (x + p, y, draw, stream) and the seed as key, so a number depends on nothing else. Every operation is an IEEE one
/// rounded on its own (no contraction, no libm): all machines and vector widths agree to the bit.
void restored_normal_row(
    float *output, size_t pixels, size_t channels, uint32_t x, uint32_t y, uint32_t draw, uint32_t stream, uint64_t seed);
