// What restoration networks do with the channels of single pixels and of their neighbours, between the products: each
// kernel reads its input once. Pixels are rows of fp32 channels.
#pragma once

#include <stddef.h>

typedef enum {
    KERNEL_GATE_NONE = 0,
    KERNEL_GATE_PRODUCT = 1, // a channel times its gate
    KERNEL_GATE_GELU = 2,    // gelu(channel) times its gate
} kernel_gate;

// A run of one output row of a depthwise 3x3 convolution, with a gate and the sums of what comes out folded in.
//
// Rows, weights and bias have to be readable up to the next multiple of 16 channels, and `sums` writable.
typedef struct {
    const float *rows[3]; // above, at and below the output row, from the pixel to the left of the first one on
    size_t pixel_stride;  // between neighbouring pixels of these rows
    size_t pixels;
    size_t channels;       // of the output
    size_t gate_distance;  // from a channel to its gate, in rows, weights and bias
    const float *weights;  // nine taps, row by row
    size_t weight_stride;  // between taps
    const float *bias;     // or NULL
    kernel_gate gate;
    float *output;
    size_t output_stride;
    float *sums; // each output is added to its channel's, pixel by pixel; or NULL
} kernel_depthwise;

typedef struct {
    void (*depthwise)(const kernel_depthwise *);
    // The channels of each of `rows` pixels: (x - mean) / sqrt(biased variance + epsilon) * gain + bias, where
    // `keeps_mean` x / sqrt(...) * gain + bias; bias may be NULL. What a row gets doesn't depend on the others.
    void (*normalise)(const float *input, size_t input_stride, float *output, size_t output_stride, size_t rows,
                      size_t channels, const float *gain, const float *bias, float epsilon, int keeps_mean);
    // output = input * scale + shift, a channel each; shift may be NULL.
    void (*scale)(const float *input, size_t input_stride, float *output, size_t output_stride, size_t rows,
                  size_t channels, const float *scale, const float *shift);
    // output = left * right of each of `rows` pixels, in place or not.
    void (*multiply)(const float *left, const float *right, size_t input_stride, float *output, size_t output_stride,
                     size_t rows, size_t channels);
    // As those, the results as pairs of bfloat16 (`pair_panel`): a zero beside the last of an odd number. Strides count
    // 32-bit elements.
    void (*normalise_pairs)(const float *input, size_t input_stride, float *output, size_t output_stride, size_t rows,
                            size_t channels, const float *gain, const float *bias, float epsilon, int keeps_mean);
    void (*scale_pairs)(const float *input, size_t input_stride, float *output, size_t output_stride, size_t rows,
                        size_t channels, const float *scale, const float *shift);
    void (*multiply_pairs)(const float *left, const float *right, size_t input_stride, float *output,
                           size_t output_stride, size_t rows, size_t channels);
    // output += input
    void (*accumulate)(const float *input, float *output, size_t count);
    // sums += the squares of each channel over `rows` pixels.
    void (*square_sums)(const float *input, size_t input_stride, size_t rows, size_t channels, float *sums);
} pixel_kernel_set;
