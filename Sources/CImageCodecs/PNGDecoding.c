#include "Shared.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

/// Lives in the caller's frame, so that nothing changed after setjmp is a local of the function that calls it.
typedef struct {
    const codec_input *input;
    /// The parts of the file that libpng sees, and where it has come to.
    const codec_span *spans;
    size_t span_count, span, position;
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
    /// Whether the last row's pixels have come, so that what follows is behind the picture.
    bool is_complete;
    /// Rows that have been read and not yet been put in their places.
    uint32_t pending_row, pending_rows;
} png_reading;

enum { STREAM_SLACK_BYTES = 16384 };

static void on_error(png_structp png, png_const_charp message) {
    png_reading *reading = png_get_error_ptr(png);
    codec_fail(reading->report, CODEC_CORRUPT, message);
    png_longjmp(png, 1);
}

/// Benign errors are warnings. Behind the last row only some are harmless: others are of the pixels' checksum, say. Before it
/// pixels that are lost are no benign errors.
static void on_warning(png_structp png, png_const_charp message) {
    static const char *const harmless[] = {
        "Too much image data", "Extra compressed data", "Read palette index exceeding num_palette", "IEND: invalid",
    };
    png_reading *reading = png_get_error_ptr(png);
    if (!reading->is_complete) return;
    for (size_t index = 0; index < sizeof harmless / sizeof *harmless; index++)
        if (strstr(message, harmless[index])) return;
    on_error(png, message);
}

static void on_row(png_structp png, png_row_infop info, png_bytep row) {
    (void)info;
    (void)row;
    png_reading *reading = png_get_error_ptr(png);
    if (reading->is_last_row) reading->is_complete = true;
}

static void take(png_reading *reading, png_bytep bytes, size_t count) {
    while (count > 0) {
        if (reading->span == reading->span_count) {
            codec_fail(reading->report, CODEC_TRUNCATED, "the file ends inside the picture");
            png_longjmp(reading->png, 1);
        }
        const codec_span *span = reading->spans + reading->span;
        size_t left = span->count - reading->position, step = count < left ? count : left;
        memcpy(bytes, reading->input->bytes + span->offset + reading->position, step);
        bytes += step;
        count -= step;
        reading->position += step;
        if (reading->position == span->count) {
            reading->span++;
            reading->position = 0;
        }
    }
}

static void on_read(png_structp png, png_bytep bytes, size_t count) {
    png_reading *reading = png_get_io_ptr(png);
    if (reading->is_last_row) {
        if (count > reading->last_row_allowance) {
            // Every pixel is there: the picture ends here, however much follows.
            if (!reading->is_complete) codec_fail(reading->report, CODEC_CORRUPT, "too much image data");
            png_longjmp(png, 1);
        }
        reading->last_row_allowance -= count;
    }
    take(reading, bytes, count);
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
    png_set_read_user_transform_fn(reading->png, on_row);
}

static void put_pending_rows(png_reading *reading) {
    if (reading->pending_rows > 0 && reading->band)
        codec_scatter(reading->surface, reading->band, reading->input->width, reading->pending_row,
                      reading->pending_rows);
    reading->pending_rows = 0;
}

/// The last row of the last pass, with which libpng reads whatever the stream goes on with.
///
/// `has_data`: whether the row has pixels of its own in this pass.
static void read_last_row(png_reading *reading, uint8_t *row, bool has_data) {
    size_t stored_bytes = (size_t)reading->input->width * 8;  // at most: four channels of 16 bits
    reading->last_row_allowance = 2 * stored_bytes + STREAM_SLACK_BYTES;
    reading->is_last_row = true;
    reading->is_complete = !has_data;
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
            reading->pending_row = y;
            reading->pending_rows = rows;
            for (uint32_t row = 0; row < rows; row++) {
                uint8_t *target = is_direct ? codec_surface_row(surface, y + row) : reading->band + row * row_bytes;
                bool is_last = pass == passes - 1 && y + row == height - 1;
                // The last of the seven passes has every other row (PNG section 8.2).
                if (is_last) read_last_row(reading, target, passes == 1 || (height - 1) % 2 == 1);
                else png_read_row(reading->png, target, NULL);
            }
            put_pending_rows(reading);
        }
}

static void decode(png_reading *reading) {
    if (setjmp(png_jmpbuf(reading->png))) {
        if (reading->report->status == CODEC_OK) put_pending_rows(reading);
        return;
    }
    png_structp png = reading->png;
    png_set_read_fn(png, reading, on_read);
    png_set_user_limits(png, reading->input->width, reading->input->height);
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // the caller has looked at them
    png_set_benign_errors(png, 1);
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

void codec_png_decode(const codec_input *input, const codec_span *spans, size_t span_count,
                      const codec_surface *surface, const codec_monitor *monitor, codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    png_reading reading = {
        .input = input, .spans = spans, .span_count = span_count, .surface = surface, .monitor = monitor,
        .report = report,
    };
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
    if (!reading.png) return codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    reading.info = png_create_info_struct(reading.png);
    if (reading.info) decode(&reading);
    else codec_fail(report, CODEC_NO_MEMORY, "no memory for libpng");
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    free(reading.band);
}
