#include "Shared.h"

#include <stdlib.h>
#include <string.h>

const char *codec_report_message(const codec_report *report) { return report->message; }

void codec_fail(codec_report *report, codec_status status, const char *message) {
    if (report->status != CODEC_OK) return;
    report->status = status;
    strncpy(report->message, message, sizeof report->message - 1);
    report->message[sizeof report->message - 1] = 0;
}

bool codec_may_continue(const codec_monitor *monitor, codec_report *report) {
    if (monitor->should_continue(monitor->context)) return true;
    codec_fail(report, CODEC_CANCELLED, "");
    return false;
}

void codec_output_free(codec_output *output) {
    free(output->bytes);
    *output = (codec_output){0};
}

bool codec_output_reserve(codec_output *output, size_t more) {
    if (more > SIZE_MAX / 4 || output->count > SIZE_MAX / 4) return false;
    size_t needed = output->count + more;
    if (needed <= output->capacity) return true;
    size_t capacity = output->capacity * 2 > needed ? output->capacity * 2 : needed;
    uint8_t *bytes = realloc(output->bytes, capacity);
    if (!bytes) return false;
    output->bytes = bytes;
    output->capacity = capacity;
    return true;
}

bool codec_surface_is_direct(const codec_surface *surface) { return !surface->alpha && surface->column_step == 1; }

uint8_t *codec_surface_row(const codec_surface *surface, uint32_t y) {
    return surface->rgb + 3 * (surface->origin + (ptrdiff_t)y * surface->row_step);
}

static inline void put_pixel(const codec_surface *surface, ptrdiff_t place, const uint8_t *pixel) {
    uint8_t *rgb = surface->rgb + 3 * place;
    rgb[0] = pixel[0];
    rgb[1] = pixel[1];
    rgb[2] = pixel[2];
    if (surface->alpha) surface->alpha[place] = pixel[3];
}

void codec_scatter(const codec_surface *surface, const uint8_t *band, uint32_t width, uint32_t y, uint32_t rows) {
    size_t channels = surface->alpha ? 4 : 3, row_bytes = channels * width;
    ptrdiff_t first = surface->origin + (ptrdiff_t)y * surface->row_step;
    if (surface->column_step == 1 || surface->column_step == -1) {
        for (uint32_t row = 0; row < rows; row++) {
            const uint8_t *pixel = band + row * row_bytes;
            ptrdiff_t place = first + (ptrdiff_t)row * surface->row_step;
            for (uint32_t x = 0; x < width; x++, pixel += channels, place += surface->column_step)
                put_pixel(surface, place, pixel);
        }
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        const uint8_t *pixel = band + x * channels;
        ptrdiff_t place = first + (ptrdiff_t)x * surface->column_step;
        for (uint32_t row = 0; row < rows; row++, pixel += row_bytes, place += surface->row_step)
            put_pixel(surface, place, pixel);
    }
}

void codec_gather(const codec_surface *surface, uint8_t *row, uint32_t width, uint32_t y) {
    size_t channels = surface->alpha ? 4 : 3;
    ptrdiff_t place = surface->origin + (ptrdiff_t)y * surface->row_step;
    for (uint32_t x = 0; x < width; x++, row += channels, place += surface->column_step) {
        memcpy(row, surface->rgb + 3 * place, 3);
        if (surface->alpha) row[3] = surface->alpha[place];
    }
}
