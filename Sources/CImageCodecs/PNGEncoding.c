#include "Shared.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

typedef struct {
    const codec_picture *picture;
    const codec_monitor *monitor;
    codec_output *output;
    codec_report *report;
    png_structp png;
    png_infop info;
    uint8_t *row;
    uint8_t *profile_chunk;
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

/// Written as a plain chunk: libpng's own writer refuses profiles that are merely unusual, and this one is to go
/// out as it came in.
static void write_profile(png_writing *writing) {
    static const char head[] = "ICC profile\0";  // the name, its end, and compression method 0
    const codec_picture *picture = writing->picture;
    if (!picture->profile) return;
    uLongf compressed = compressBound(picture->profile_count);
    writing->profile_chunk = malloc(sizeof head + compressed);
    if (!writing->profile_chunk) stop(writing, CODEC_NO_MEMORY, "no memory for the profile");
    memcpy(writing->profile_chunk, head, sizeof head);
    if (compress2(writing->profile_chunk + sizeof head, &compressed, picture->profile, picture->profile_count,
                  Z_DEFAULT_COMPRESSION) != Z_OK)
        stop(writing, CODEC_NO_MEMORY, "no memory for the profile");
    png_write_chunk(writing->png, (png_const_bytep) "iCCP", writing->profile_chunk, sizeof head + compressed);
}

static void write_rows(png_writing *writing) {
    const codec_picture *picture = writing->picture;
    size_t width = picture->width;
    if (picture->alpha) {
        writing->row = malloc(width * 4);
        if (!writing->row) stop(writing, CODEC_NO_MEMORY, "no memory for a row");
    }
    for (uint32_t y = 0; y < picture->height; y++) {
        if (y % BAND_ROWS == 0 && !codec_may_continue(writing->monitor, writing->report))
            png_longjmp(writing->png, 1);
        const uint8_t *rgb = picture->rgb + 3 * width * y;
        if (!picture->alpha) {
            png_write_row(writing->png, rgb);
            continue;
        }
        const uint8_t *alpha = picture->alpha + width * y;
        for (size_t x = 0; x < width; x++) {
            memcpy(writing->row + 4 * x, rgb + 3 * x, 3);
            writing->row[4 * x + 3] = alpha[x];
        }
        png_write_row(writing->png, writing->row);
    }
}

static void encode(png_writing *writing, int level) {
    if (setjmp(png_jmpbuf(writing->png))) return;
    const codec_picture *picture = writing->picture;
    png_structp png = writing->png;
    png_set_write_fn(png, writing, on_write, on_flush);
    png_set_IHDR(png, writing->info, picture->width, picture->height, 8,
                 picture->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, level);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB | PNG_FILTER_UP | PNG_FILTER_AVG | PNG_FILTER_PAETH);
    png_write_info_before_PLTE(png, writing->info);
    write_profile(writing);
    if (picture->exif) png_write_chunk(png, (png_const_bytep) "eXIf", picture->exif, picture->exif_count);
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
    free(writing.profile_chunk);
}
