// SIMD micro-kernels with run-time dispatch: what Swift can't express without leaking newer instructions into shared
// code. Matrices are row-major fp32. Weights stand packed in panels of 32 output columns (`KERNEL_PANEL_WIDTH`).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pixel_kernels.h"

#define KERNEL_PANEL_WIDTH 32

typedef enum {
    KERNEL_ACTIVATION_NONE = 0,
    KERNEL_ACTIVATION_SILU = 1,
    KERNEL_ACTIVATION_GELU = 2, // exact: with the error function
    KERNEL_ACTIVATION_QUICK_GELU = 3, // x / (1 + e^(-1.702 x))
    KERNEL_ACTIVATION_RELU = 4, // max(x, 0); what is no number stays so
} kernel_activation;

// A run of output pixels times one panel of weights, with everything that follows folded into the store:
//
//   out[p][n] = activation(scale[n] * (sum over taps r and depth k of tap_r[p * pixel_stride + k * depth_stride]
//                                      * weights[r * depth + k][n] + bias[n]) + shift[n]) + residual[p][n]
//
// Each element is one chain of fused multiply-adds in the order of r and k, so it never depends on how the work was cut.
typedef struct {
    const float *const *taps; // one pointer a kernel row: the input of the first output pixel
    size_t tap_count;
    size_t depth;        // elements read per tap: kernel width times input channels
    size_t depth_stride; // between those: 1, or a row for a transposed operand
    size_t pixel_stride; // between the inputs of neighbouring output pixels
    size_t pixels;
    const float *weights; // tap_count * depth rows of 32
    size_t columns;       // 1...32, how many are stored
    int accumulate;       // within the kernels: the sums begin with those in the tile instead of zero
    const float *next;    // weights of the product after this one, as many: fetched into the cache meanwhile; or NULL
    const float *bias;    // `columns` long, or NULL
    const float *scale;   // likewise
    const float *shift;   // likewise
    kernel_activation activation;
    const float *residual; // may be the output itself; or NULL
    size_t residual_stride;
    float *output;
    size_t output_stride;
    int narrows; // results are stored as bfloat16, `output` and its stride in pairs of them
} kernel_panel;

#include "winograd.h"

typedef struct {
    const char *name;
    // Between the products of restoration networks.
    const pixel_kernel_set *pixels;
    void (*panel)(const kernel_panel *);
    // The same product over bfloat16, summed in fp32. Each element of `taps` and `weights` is a pair of neighbours in
    // depth, the earlier in the lower half of its 32 bits; `depth`, its stride and the pixels' count pairs.
    void (*pair_panel)(const kernel_panel *);
    // Whether the processor multiplies pairs itself; else it is no faster than fp32.
    int multiplies_pairs;
    // Rows of `count` values to the nearest bfloat16, the even one of two; a zero follows an odd number of them. May be done
    // in place: a row's result then begins where the row does, or before.
    void (*narrow)(const float *input, size_t input_stride, uint16_t *output, size_t output_stride, size_t rows,
                   size_t count);
    // Values in bfloat16 as floats, a multiple of 32 of them.
    void (*widen)(const uint16_t *halves, float *output, size_t count);
    // Rows of 32 floats as weights of `pair_panel`: neighbouring rows become pairs, the last of an odd number beside zeros. May be
    // done in place.
    void (*interleave)(const float *rows, size_t stride, size_t count, float *pairs);
    // 2^(factor * sum - bias) of the sums of `panel`, whole panels or half of one without anything else that follows, each row of them
    // a row of 32 at `output`; what each column of them comes to is added to `totals`. For exponents up to 126; relative error
    // under 2e-7 (and what is below 2^-126 is next to nothing).
    void (*numerators)(const kernel_panel *, float factor, float *totals);
    // The same of `pair_panel`, neighbouring rows as pairs of bfloat16 as `interleave` makes them; relative error under 1e-4
    // before rounding.
    void (*numerator_pairs)(const kernel_panel *, float factor, float *totals);
    // Rows of `width` values as columns, `column_stride` apart, times a factor; where `factors` are given, each column times its own.
    void (*turn_rows)(const float *rows, size_t stride, size_t count, size_t width, float factor, const float *factors,
                      float *columns, size_t column_stride);
    // The same without factors, neighbouring rows as pairs of bfloat16, the last of an odd number beside zeros; `column_stride` counts
    // pairs.
    void (*turn_pairs)(const float *rows, size_t stride, size_t count, size_t width, float *columns, size_t column_stride);
    // The greatest sum of squares among rows of `width` values; no number where one has none, or one that fp32 can't hold.
    float (*greatest_square)(const float *rows, size_t stride, size_t count, size_t width);
    // Each row of `width` values times its factor, in place.
    void (*scale_rows)(float *values, size_t rows, size_t stride, size_t width, const float *factors);
    // The parts of a 3x3 convolution by Winograd's minimal filtering, in the order of their use.
    void (*winograd_weights)(const kernel_winograd_weights *);
    void (*winograd_input)(const kernel_winograd_input *);
    // The input of tiles of 2x2 as pairs of bfloat16, which `pair_panel` multiplies by what `kernel_pack_filtered` makes.
    void (*winograd_input_pairs)(const kernel_winograd_input *);
    void (*winograd_product)(const kernel_winograd_product *);
    void (*winograd_output)(const kernel_winograd_output *);
    // Channel LayerNorm of `rows` rows: (x - mean) / sqrt(biased variance + epsilon) * gain + bias; bias may be NULL.
    void (*layer_norm)(const float *input, size_t input_stride, float *output, size_t output_stride, size_t rows,
                       size_t channels, const float *gain, const float *bias, float epsilon);
    // Softmax of each group of `width` neighbours, then times `factor`, in place.
    void (*softmax)(float *values, size_t rows, size_t row_stride, size_t width, float factor);
    // Softmax of each of `count` groups of 32 neighbours, then times `factor`, in place; where `narrows`, as pairs from the
    // beginning on.
    void (*softmax_heads)(float *values, size_t count, float factor, int narrows);
    // Column maxima of a rows x 32 block.
    void (*column_maximum)(const float *values, size_t rows, float *maximum);
    // values = exp(values - maximum) a column of a rows x 32 block; the column sums go to `sum`.
    void (*column_exponential)(float *values, size_t rows, const float *maximum, float *sum);
    // The same, neighbouring rows as pairs of bfloat16 as `interleave` makes them, in place. The sums are of what was not rounded.
    void (*column_exponential_pairs)(float *values, size_t rows, const float *maximum, float *sum);
    // y = activation(x), in place or not.
    void (*activate)(const float *input, float *output, size_t count, kernel_activation activation);
    // out = left * gelu(right): GEGLU with the gate second.
    void (*gated_gelu)(const float *left, const float *right, float *output, size_t count);
} kernel_set;

// The fastest set this processor runs.
const kernel_set *kernel_set_best(void);

// The sets this processor runs, fastest first; NULL past the last.
const kernel_set *kernel_set_at(size_t index);

// Rows that are wanted soon, on their way into the cache.
static inline void kernel_prefetch_rows(const float *rows, size_t stride, size_t count, size_t width) {
    for (size_t row = 0; row < count; row++)
        for (size_t i = 0; i < width; i += 16) __builtin_prefetch(rows + row * stride + i);
}

// Tells the processor that this thread only waits.
static inline void kernel_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
