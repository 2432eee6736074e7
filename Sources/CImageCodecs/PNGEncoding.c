#include "Shared.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct {
    const codec_picture *picture;
    const codec_monitor *monitor;
    codec_output *output;
    codec_report *report;
    png_structp png;
    png_infop info;
    uint8_t *row;
} png_writing;

static void on_error(png_structp png, png_const_charp message) {
    png_writing *writing = png_get_error_ptr(png);
    codec_fail(writing->report, CODEC_CORRUPT, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void stop(png_writing *writing, codec_status status, const char *message) {
    codec_fail(writing->report, status, message);
    png_longjmp(writing->png, 1);
}

static void on_write(png_structp png, png_bytep bytes, size_t count) {
    png_writing *writing = png_get_io_ptr(png);
    if (!codec_output_reserve(writing->output, count)) stop(writing, CODEC_NO_MEMORY, "no memory for the file");
    memcpy(writing->output->bytes + writing->output->count, bytes, count);
    writing->output->count += count;
}

static void on_flush(png_structp png) { (void)png; }

/// One row as libpng takes it: opacity beside its colours, and one channel of a grey picture.
static const uint8_t *prepared_row(png_writing *writing, uint32_t y) {
    const codec_picture *picture = writing->picture;
    size_t width = picture->width, colours = picture->is_grey ? 1 : 3;
    const uint8_t *rgb = picture->rgb + 3 * width * y;
    if (!writing->row) return rgb;
    const uint8_t *alpha = picture->alpha ? picture->alpha + width * y : NULL;
    uint8_t *target = writing->row;
    for (size_t x = 0; x < width; x++) {
        memcpy(target, rgb + 3 * x, colours);
        target += colours;
        if (alpha) *target++ = alpha[x];
    }
    return writing->row;
}

static void write_rows(png_writing *writing) {
    const codec_picture *picture = writing->picture;
    if (picture->alpha || picture->is_grey) {
        writing->row = malloc((size_t)picture->width * 4);
        if (!writing->row) stop(writing, CODEC_NO_MEMORY, "no memory for a row");
    }
    for (uint32_t y = 0; y < picture->height; y++) {
        if (y % BAND_ROWS == 0 && !codec_may_continue(writing->monitor, writing->report))
            png_longjmp(writing->png, 1);
        png_write_row(writing->png, prepared_row(writing, y));
    }
}

static int colour_type(const codec_picture *picture) {
    return (picture->is_grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB) | (picture->alpha ? PNG_COLOR_MASK_ALPHA : 0);
}

static void encode(png_writing *writing, int level) {
    if (setjmp(png_jmpbuf(writing->png))) return;
    const codec_picture *picture = writing->picture;
    png_structp png = writing->png;
    png_set_write_fn(png, writing, on_write, on_flush);
    png_set_IHDR(png, writing->info, picture->width, picture->height, 8,
                 colour_type(picture), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, level);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB | PNG_FILTER_UP | PNG_FILTER_AVG | PNG_FILTER_PAETH);
    png_write_info_before_PLTE(png, writing->info);
    // Chunks are whole bytes of the file: libpng's own writers refuse profiles that are merely unusual.
    if (picture->segments_count > 0) on_write(png, (png_bytep)picture->segments, picture->segments_count);
    png_write_info(png, writing->info);
    write_rows(writing);
    png_write_end(png, writing->info);
}

void codec_png_encode(const codec_picture *picture, int level, const codec_monitor *monitor, codec_output *output,
                      codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    png_writing writing = {.picture = picture, .monitor = monitor, .output = output, .report = report};
    writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing, on_error, on_warning);
    if (!writing.png) return codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    writing.info = png_create_info_struct(writing.png);
    if (writing.info) encode(&writing, level);
    else codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    png_destroy_write_struct(&writing.png, &writing.info);
    free(writing.row);
}
