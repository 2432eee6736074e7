// Weights in the panels that the kernels read.
#pragma once

#include <stddef.h>
#include <stdint.h>

// One panel of `columns` (1...32) outputs, each `inputs * taps` weights as PyTorch stores a convolution's: for each input
// all taps; `stride` floats lie between the outputs. The panel has taps * inputs rows of 32, for each tap all inputs; columns that are not there are zeros.
void kernel_pack_panel(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, float *panel);

// The same as pairs of bfloat16: taps * ((inputs + 1) / 2) rows of 32 pairs, the last input of an odd number beside a zero.
void kernel_pack_pairs(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint32_t *panel);

// The first form with each weight in bfloat16, to the nearest one.
void kernel_pack_halves(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint16_t *panel);

// A panel of a 3x3 convolution (as `kernel_pack_panel` makes it) as Winograd's filtering on tiles of 2x2 multiplies pairs of bfloat16:
// for each of the 16 positions (inputs + 1) / 2 rows of 32 pairs.
void kernel_pack_filtered(const float *panel, size_t inputs, uint32_t *filtered);
