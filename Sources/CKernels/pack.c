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

void kernel_pack_panel(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, float *panel) {
    memset(panel, 0, taps * inputs * KERNEL_PANEL_WIDTH * sizeof *panel);
    for (size_t start = 0; start < inputs; start += input_block) {
        size_t end = inputs - start < input_block ? inputs : start + input_block;
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t input = start; input < end; input++) {
                float *row = panel + (tap * inputs + input) * KERNEL_PANEL_WIDTH;
                for (size_t column = 0; column < columns; column++)
                    row[column] = weights[column * stride + input * taps + tap];
            }
        }
    }
}

void kernel_pack_pairs(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint32_t *panel) {
    size_t pairs = (inputs + 1) / 2;
    memset(panel, 0, taps * pairs * KERNEL_PANEL_WIDTH * sizeof *panel);
    for (size_t start = 0; start < inputs; start += input_block) {
        size_t end = inputs - start < input_block ? inputs : start + input_block;
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t input = start; input < end; input++) {
                uint32_t *row = panel + (tap * pairs + input / 2) * KERNEL_PANEL_WIDTH;
                unsigned shift = input % 2 * 16;
                for (size_t column = 0; column < columns; column++)
                    row[column] |= nearest_bf16(weights[column * stride + input * taps + tap]) << shift;
            }
        }
    }
}

void kernel_pack_halves(const float *weights, size_t stride, size_t columns, size_t inputs, size_t taps, uint16_t *panel) {
    memset(panel, 0, taps * inputs * KERNEL_PANEL_WIDTH * sizeof *panel);
    for (size_t start = 0; start < inputs; start += input_block) {
        size_t end = inputs - start < input_block ? inputs : start + input_block;
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t input = start; input < end; input++) {
                uint16_t *row = panel + (tap * inputs + input) * KERNEL_PANEL_WIDTH;
                for (size_t column = 0; column < columns; column++)
                    row[column] = (uint16_t)nearest_bf16(weights[column * stride + input * taps + tap]);
            }
        }
    }
}

void kernel_pack_words(const uint32_t *words, size_t stride, size_t columns, size_t rows, uint32_t *panel) {
    for (size_t start = 0; start < rows; start += input_block) {
        size_t end = rows - start < input_block ? rows : start + input_block;
        for (size_t column = 0; column < KERNEL_PANEL_WIDTH; column++) {
            const uint32_t *source = words + column * stride;
            for (size_t row = start; row < end; row++)
                panel[row * KERNEL_PANEL_WIDTH + column] = column < columns ? source[row] : 0;
        }
    }
}
