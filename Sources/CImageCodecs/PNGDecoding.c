#include "Shared.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

/// Lives in the caller's frame, so that nothing changed after setjmp is a local of the function that calls it.
typedef struct {
    const codec_input *input;
    size_t position;
    const codec_surface *surface;
    const codec_monitor *monitor;
    codec_report *report;
    png_structp png;
    png_infop info;
    uint8_t *band;
    /// While the last row is read, how much of the file it may still take. Behind it libpng expands whatever the
    /// stream goes on with only to count it: without a bound, megabytes of file would cost gigabytes of zeros.
    size_t last_row_allowance;
    bool is_last_row;
} png_reading;

enum { STREAM_SLACK_BYTES = 16384 };

static void on_error(png_structp png, png_const_charp message) {
    png_reading *reading = png_get_error_ptr(png);
    codec_fail(reading->report, CODEC_CORRUPT, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep bytes, size_t count) {
    png_reading *reading = png_get_io_ptr(png);
    if (count > reading->input->count - reading->position) {
        codec_fail(reading->report, CODEC_TRUNCATED, "the file ends inside the picture");
        png_longjmp(png, 1);
    }
    if (reading->is_last_row) {
        if (count > reading->last_row_allowance) {
            codec_fail(reading->report, CODEC_CORRUPT, "too much image data");
            png_longjmp(png, 1);
        }
        reading->last_row_allowance -= count;
    }
    memcpy(bytes, reading->input->bytes + reading->position, count);
    reading->position += count;
}

static void stop(png_reading *reading, codec_status status, const char *message) {
    codec_fail(reading->report, status, message);
    png_longjmp(reading->png, 1);
}

/// Every kind of PNG becomes 8-bit RGB, or RGBA where it is transparent; 16 bits are rounded, not cut.
static void request_transforms(png_reading *reading) {
    png_set_expand(reading->png);
    png_set_scale_16(reading->png);
    png_set_gray_to_rgb(reading->png);
}

static void read_row(png_reading *reading, uint8_t *row, bool is_last) {
    size_t stored_bytes = (size_t)reading->input->width * 8;  // at most: four channels of 16 bits
    reading->last_row_allowance = 2 * stored_bytes + STREAM_SLACK_BYTES;
    reading->is_last_row = is_last;
    png_read_row(reading->png, row, NULL);
    reading->is_last_row = false;
}

static void read_rows(png_reading *reading, int passes) {
    const codec_surface *surface = reading->surface;
    uint32_t width = reading->input->width, height = reading->input->height;
    size_t row_bytes = (size_t)width * (surface->alpha ? 4 : 3);
    bool is_direct = codec_surface_is_direct(surface);
    uint32_t band_rows = passes > 1 ? 1 : BAND_ROWS;
    if (!is_direct) {
        reading->band = malloc(row_bytes * band_rows);
        if (!reading->band) stop(reading, CODEC_NO_MEMORY, "no memory for rows");
    }
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < height; y += band_rows) {
            uint32_t rows = height - y < band_rows ? height - y : band_rows;
            if (y % BAND_ROWS == 0 && !codec_may_continue(reading->monitor, reading->report))
                png_longjmp(reading->png, 1);
            if (!is_direct && pass > 0) codec_gather(surface, reading->band, width, y);
            for (uint32_t row = 0; row < rows; row++)
                read_row(reading,
                         is_direct ? codec_surface_row(surface, y + row) : reading->band + row * row_bytes,
                         pass == passes - 1 && y + row == height - 1);
            if (!is_direct) codec_scatter(surface, reading->band, width, y, rows);
        }
}

static void decode(png_reading *reading, uint32_t cached_chunks, size_t chunk_bytes) {
    if (setjmp(png_jmpbuf(reading->png))) return;
    png_structp png = reading->png;
    png_set_read_fn(png, reading, on_read);
    png_set_user_limits(png, reading->input->width, reading->input->height);
    png_set_chunk_cache_max(png, cached_chunks);
    png_set_chunk_malloc_max(png, chunk_bytes);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, reading->info);
    if (png_get_image_width(png, reading->info) != reading->input->width
        || png_get_image_height(png, reading->info) != reading->input->height)
        stop(reading, CODEC_CORRUPT, "the size is not the header's");
    request_transforms(reading);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    size_t expected = (size_t)reading->input->width * (reading->surface->alpha ? 4 : 3);
    if (png_get_rowbytes(png, reading->info) != expected) stop(reading, CODEC_CORRUPT, "misplaced transparency");
    read_rows(reading, passes);
    png_read_end(png, NULL);
}

void codec_png_decode(const codec_input *input, const codec_surface *surface, uint32_t cached_chunks,
                      size_t chunk_bytes, const codec_monitor *monitor, codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    png_reading reading = {.input = input, .surface = surface, .monitor = monitor, .report = report};
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
    if (!reading.png) return codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    reading.info = png_create_info_struct(reading.png);
    if (reading.info) decode(&reading, cached_chunks, chunk_bytes);
    else codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    free(reading.band);
}
