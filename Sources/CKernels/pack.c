#include "CKernels.h"

#include <string.h>

// Inputs packed together: what is read of 32 outputs, up to 9 taps each, stays in the first-level cache.
enum { input_block = 16 };

static uint32_t nearest_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return bits >> 16 | 0x40;
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

// Puts each weight into a panel of `taps` times `rows` rows, which are of `inputs_in_row` inputs each: `place` gets the row, and is
// inlined with this.
static inline __attribute__((always_inline)) void
each_weight(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, size_t rows, void *panel,
            void (*place)(void *row, size_t input, size_t column, float weight), size_t row_bytes, size_t inputs_in_row) {
    memset(panel, 0, taps * rows * row_bytes);
    for (size_t start = 0; start < inputs; start += input_block) {
        size_t end = inputs - start < input_block ? inputs : start + input_block;
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t input = start; input < end; input++) {
                void *row = (char *)panel + (tap * rows + input / inputs_in_row) * row_bytes;
                for (size_t column = 0; column < columns; column++)
                    place(row, input, column, weights[column * stride + input * taps + tap]);
            }
        }
    }
}

static inline void place_single(void *row, size_t input, size_t column, float weight) {
    (void)input;
    ((float *)row)[column] = weight;
}

static inline void place_in_pair(void *row, size_t input, size_t column, float weight) {
    ((uint32_t *)row)[column] |= nearest_bf16(weight) << input % 2 * 16;
}

static inline void place_half(void *row, size_t input, size_t column, float weight) {
    (void)input;
    ((uint16_t *)row)[column] = (uint16_t)nearest_bf16(weight);
}

void kernel_pack_panel(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, float *panel) {
    each_weight(weights, stride, columns, inputs, taps, inputs, panel, place_single, KERNEL_PANEL_WIDTH * sizeof *panel, 1);
}

void kernel_pack_pairs(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint32_t *panel) {
    each_weight(weights, stride, columns, inputs, taps, (inputs + 1) / 2, panel, place_in_pair,
                KERNEL_PANEL_WIDTH * sizeof *panel, 2);
}

void kernel_pack_halves(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint16_t *panel) {
    each_weight(weights, stride, columns, inputs, taps, inputs, panel, place_half, KERNEL_PANEL_WIDTH * sizeof *panel, 1);
}

void kernel_pack_filtered(const float *panel, size_t inputs, uint32_t *filtered) {
    const size_t tap = inputs * KERNEL_PANEL_WIDTH, pairs = (inputs + 1) / 2;
    memset(filtered, 0, 16 * pairs * KERNEL_PANEL_WIDTH * sizeof *filtered);
    for (size_t input = 0; input < inputs; input++) {
        const float *weights = panel + input * KERNEL_PANEL_WIDTH;
        uint32_t *target = filtered + input / 2 * KERNEL_PANEL_WIDTH;
        for (size_t column = 0; column < KERNEL_PANEL_WIDTH; column++) {
            // G g, then (G g) G^T.
            float half[4][3];
            for (size_t j = 0; j < 3; j++) {
                float a = weights[j * tap + column], b = weights[(3 + j) * tap + column], c = weights[(6 + j) * tap + column];
                half[0][j] = a;
                half[1][j] = (a + b + c) * 0.5f;
                half[2][j] = (a - b + c) * 0.5f;
                half[3][j] = c;
            }
            for (size_t i = 0; i < 4; i++) {
                float a = half[i][0], b = half[i][1], c = half[i][2];
                float row[4] = {a, (a + b + c) * 0.5f, (a - b + c) * 0.5f, c};
                for (size_t j = 0; j < 4; j++)
                    target[(i * 4 + j) * pairs * KERNEL_PANEL_WIDTH + column] |= nearest_bf16(row[j]) << input % 2 * 16;
            }
        }
    }
}
