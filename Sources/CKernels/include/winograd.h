// Convolutions of 3x3 by Winograd's minimal filtering (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural
// Networks"): a tile of m x m outputs is made from n x n inputs, n = m + 2, with n * n products a channel instead of
// 9 * m * m. m is 4 (n * n = 36) or 2 (16).
//
//   Y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A
//
// Layouts, "plane" being one of the n * n positions:
//   values  V: chunk of channels, plane, tile, channel of the chunk
//   weights U: plane, channel of the chunk, 32 output columns
//   sums    M: plane, tile, 32 output columns
// Planes stand `kernel_winograd_plane(elements)` apart: a power of two would put all of them into one set of the cache.
#pragma once

#include <stddef.h>

// Channels that are multiplied at a time: their weights for one panel, n * n * 64 * 32 numbers, stay in the second-level cache.
#define KERNEL_WINOGRAD_CHUNK 64

static inline size_t kernel_winograd_plane(size_t elements) {
    return (elements + 31) / 16 * 16;
}

// Where a run of tiles of one sample lies: tiles are counted along rows, `tile_columns` in each.
typedef struct {
    size_t outputs; // m: 4 or 2
    size_t tile_columns;
    size_t first_tile;
    size_t tiles;
    size_t position; // of the first tile in a block of `capacity` tiles
    size_t capacity;
} kernel_winograd_tiles;

typedef struct {
    kernel_winograd_tiles tiles;
    const float *source; // one sample of one of the tensors that are joined: height x width x channels
    size_t height;
    size_t width;
    size_t channels;
    size_t zoom;    // 2 to double each pixel, else 1
    size_t padding; // zeros around what is convolved
    const float *zeros; // as many as channels
    size_t first_channel; // of the joined tensor
    float *values;
    size_t tile_stride;  // of values as pairs, in pairs: between tiles, whose channels all stand together,
    size_t plane_stride; // and between planes
} kernel_winograd_input;

typedef struct {
    size_t outputs;
    const float *weights; // a panel: 9 * channels rows of 32
    size_t channels;
    size_t first_channel;
    size_t count; // channels of this chunk, 1...64
    float *transformed;
} kernel_winograd_weights;

typedef struct {
    size_t outputs;
    const float *values; // of this chunk, from the first of these tiles on
    size_t value_capacity;
    size_t tiles;
    size_t depth; // channels of this chunk
    const float *weights; // transformed
    size_t columns;       // 1...32
    int accumulate;       // add to the sums there are; else begin anew
    float *sums;          // of these tiles
    size_t sum_capacity;
} kernel_winograd_product;

typedef struct {
    kernel_winograd_tiles tiles;
    const float *sums;
    const kernel_panel *epilogue; // columns and what follows the sums; `output` and `residual` at pixel 0 of the sample
    size_t height; // of the output
    size_t width;
} kernel_winograd_output;
