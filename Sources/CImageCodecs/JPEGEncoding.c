#include "JPEGDestination.h"

#include <stdlib.h>

typedef struct {
    struct jpeg_compress_struct jpeg;
    jpeg_failure failure;
    jpeg_destination destination;
    jmp_buf escape;
    const codec_picture *picture;
    const codec_monitor *monitor;
    codec_report *report;
    uint8_t *scratch;
} jpeg_writing;

static uint8_t over_white(uint8_t colour, uint8_t alpha) {
    return (uint8_t)((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

/// One row as libjpeg takes it: over white, and one channel of a grey picture.
static const uint8_t *prepared_row(jpeg_writing *writing, uint32_t y) {
    const codec_picture *picture = writing->picture;
    size_t width = picture->width, channels = picture->is_grey ? 1 : 3;
    const uint8_t *rgb = picture->rgb + 3 * width * y;
    if (!writing->scratch) return rgb;
    const uint8_t *alpha = picture->alpha ? picture->alpha + width * y : NULL;
    for (size_t x = 0; x < width; x++)
        for (size_t channel = 0; channel < channels; channel++) {
            uint8_t value = rgb[3 * x + channel];
            writing->scratch[channels * x + channel] = alpha ? over_white(value, alpha[x]) : value;
        }
    return writing->scratch;
}

static void write_rows(jpeg_writing *writing) {
    const codec_picture *picture = writing->picture;
    if (picture->alpha || picture->is_grey) {
        writing->scratch = malloc((size_t)picture->width * 3);
        if (!writing->scratch) jpeg_fail(&writing->failure, CODEC_NO_MEMORY, "no memory for a row");
    }
    for (uint32_t y = 0; y < picture->height; y++) {
        if (y % BAND_ROWS == 0 && !codec_may_continue(writing->monitor, writing->report)) longjmp(writing->escape, 1);
        JSAMPROW row = (JSAMPROW)prepared_row(writing, y);
        jpeg_write_scanlines(&writing->jpeg, &row, 1);
    }
}

static void encode(jpeg_writing *writing, const codec_jpeg_options *options) {
    if (setjmp(writing->escape)) return;
    j_compress_ptr jpeg = &writing->jpeg;
    jpeg_create_compress(jpeg);
    jpeg_destination_set(&writing->destination, jpeg);
    jpeg->image_width = writing->picture->width;
    jpeg->image_height = writing->picture->height;
    jpeg->input_components = writing->picture->is_grey ? 1 : 3;
    jpeg->in_color_space = writing->picture->is_grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, options->quality, TRUE);
    bool halves_colour = options->halves_colour && !writing->picture->is_grey;
    jpeg->comp_info[0].h_samp_factor = halves_colour ? 2 : 1;
    jpeg->comp_info[0].v_samp_factor = halves_colour ? 2 : 1;
    jpeg->density_unit = options->density_unit;
    jpeg->X_density = options->x_density;
    jpeg->Y_density = options->y_density;
    if (options->is_progressive) jpeg_simple_progression(jpeg);
    jpeg_start_compress(jpeg, TRUE);
    jpeg_destination_write(&writing->destination, jpeg, writing->picture->segments, writing->picture->segments_count);
    write_rows(writing);
    jpeg_finish_compress(jpeg);
}

void codec_jpeg_encode(const codec_picture *picture, const codec_jpeg_options *options, const codec_monitor *monitor,
                       codec_output *output, codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    jpeg_writing writing = {
        .picture = picture, .monitor = monitor, .report = report,
        .failure = {.report = report, .escape = &writing.escape},
        .destination = {.output = output, .failure = &writing.failure},
    };
    writing.jpeg.err = jpeg_failure_set(&writing.failure);
    encode(&writing, options);
    jpeg_destroy_compress(&writing.jpeg);
    free(writing.scratch);
}
