#include "JPEGFailure.h"

#include <stdlib.h>

#include <jerror.h>

/// Lives in the caller's frame, so that nothing changed after setjmp is a local of the function that calls it.
typedef struct {
    struct jpeg_decompress_struct jpeg;
    jpeg_failure failure;
    struct jpeg_progress_mgr progress;
    struct jpeg_source_mgr source;
    jmp_buf escape;
    const codec_input *input;
    /// Bytes of the input that libjpeg has been shown.
    size_t shown;
    const codec_surface *surface;
    const codec_monitor *monitor;
    codec_report *report;
    int scans;
    uint8_t *band;
} jpeg_reading;

/// Whether a warning means that pixels are lost. libjpeg goes on after any and leaves grey or garbled blocks; here such
/// a warning ends the picture. All that libjpeg has (jerror.h) stand here; one that it gets later loses pixels.
static bool loses_pixels(int warning) {
    switch (warning) {
    // Whole: what every viewer shows.
    case JWRN_NOT_SEQUENTIAL:   // odd spectral fields of a sequential scan, which has all coefficients whatever they say
    case JWRN_EXTRANEOUS_DATA:  // bytes between segments
    case JWRN_JFIF_MAJOR:       // an unknown version of the JFIF segment
    case JWRN_ADOBE_XFORM:      // an unknown colour transform in the Adobe segment: YCbCr is meant
    case JWRN_BOGUS_ICC:        // a profile that can't be put together
    case JWRN_TOO_MUCH_DATA: return false;  // a caller that asks for more rows than there are
    // Lost: coded data that is missing, damaged or at the wrong place.
    case JWRN_HIT_MARKER:         // a scan that ends too early
    case JWRN_JPEG_EOF:           // a file that does
    case JWRN_HUFF_BAD_CODE:      // a code that no table has
    case JWRN_ARITH_BAD_CODE:     // the same of arithmetic coding
    case JWRN_MUST_RESYNC:        // not the restart marker that is due
    case JWRN_BOGUS_PROGRESSION:  // bits of a coefficient that come twice or too early
    default: return true;
    }
}

static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && loses_pixels(jpeg->err->msg_code)) jpeg->err->error_exit(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
    jpeg_reading *reading = jpeg->client_data;
    if (reading->jpeg.input_scan_number > reading->scans) jpeg_fail(&reading->failure, CODEC_TOO_MANY_SCANS, "");
    if (!codec_may_continue(reading->monitor, reading->report)) longjmp(reading->escape, 1);
}

/// How much of the input libjpeg sees at a time. Where 512 bytes a block lie ahead, libjpeg-turbo takes a faster loop,
/// which passes over codes that no table has without a warning, and after an early marker leaves what it made of the
/// zeros behind it in the block: damaged data would be accepted, and what follows the picture would change it. The
/// other loop costs some 5 % (81 against 76 ms for 12 megapixels).
enum { WINDOW_BYTES = 511 };

static void begin_source(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean show_more(j_decompress_ptr jpeg) {
    jpeg_reading *reading = jpeg->client_data;
    size_t left = reading->input->count - reading->shown;
    if (left == 0) jpeg_fail(&reading->failure, CODEC_TRUNCATED, "the file ends within the picture");
    reading->source.next_input_byte = reading->input->bytes + reading->shown;
    reading->source.bytes_in_buffer = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    reading->shown += reading->source.bytes_in_buffer;
    return TRUE;
}

static void skip_input(j_decompress_ptr jpeg, long count) {
    struct jpeg_source_mgr *source = jpeg->src;
    while (count > 0) {
        if (source->bytes_in_buffer == 0) show_more(jpeg);
        size_t step = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
        source->next_input_byte += step;
        source->bytes_in_buffer -= step;
        count -= (long)step;
    }
}

static void read_rows(jpeg_reading *reading) {
    j_decompress_ptr jpeg = &reading->jpeg;
    const codec_surface *surface = reading->surface;
    uint32_t width = jpeg->output_width, height = jpeg->output_height;
    size_t row_bytes = (size_t)width * 3;
    bool is_direct = codec_surface_is_direct(surface);
    if (!is_direct) {
        reading->band = malloc(row_bytes * BAND_ROWS);
        if (!reading->band) jpeg_fail(&reading->failure, CODEC_NO_MEMORY, "no memory for rows");
    }
    JSAMPROW rows[BAND_ROWS];
    for (uint32_t y = 0; y < height;) {
        uint32_t count = height - y < BAND_ROWS ? height - y : BAND_ROWS;
        for (uint32_t row = 0; row < count; row++)
            rows[row] = is_direct ? codec_surface_row(surface, y + row) : reading->band + row * row_bytes;
        uint32_t done = 0;
        while (done < count) done += jpeg_read_scanlines(jpeg, rows + done, count - done);
        if (!is_direct) codec_scatter(surface, reading->band, width, y, count);
        y += count;
    }
}

static void decode(jpeg_reading *reading) {
    if (setjmp(reading->escape)) return;
    j_decompress_ptr jpeg = &reading->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &reading->progress;
    jpeg->src = &reading->source;
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->image_width != reading->input->width || jpeg->image_height != reading->input->height)
        jpeg_fail(&reading->failure, CODEC_CORRUPT, "the size is not the header's");
    if (jpeg->num_components != 1 && jpeg->num_components != 3)
        jpeg_fail(&reading->failure, CODEC_CORRUPT, "neither one nor three components");
    jpeg->out_color_space = JCS_RGB;
    jpeg_start_decompress(jpeg);
    if (jpeg->output_components != 3 || reading->surface->alpha)
        jpeg_fail(&reading->failure, CODEC_CORRUPT, "not three channels");
    read_rows(reading);
    jpeg_finish_decompress(jpeg);
}

void codec_jpeg_decode(const codec_input *input, const codec_surface *surface, int scans,
                       const codec_monitor *monitor, codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    jpeg_reading reading = {
        .input = input, .surface = surface, .monitor = monitor, .report = report, .scans = scans,
        .failure = {.report = report, .escape = &reading.escape},
        .progress = {.progress_monitor = on_progress},
        .source = {.init_source = begin_source, .fill_input_buffer = show_more, .skip_input_data = skip_input,
                   .resync_to_restart = jpeg_resync_to_restart, .term_source = begin_source},
    };
    reading.jpeg.err = jpeg_failure_set(&reading.failure);
    reading.failure.manager.emit_message = on_message;
    reading.jpeg.client_data = &reading;
    decode(&reading);
    jpeg_destroy_decompress(&reading.jpeg);
    free(reading.band);
}
