#include "JPEGDestination.h"

/// A picture is turned by moving its blocks, and within each the coefficients: nothing is decoded to pixels, and nothing
/// lost. Where a picture is mirrored along a side, that side must have whole blocks only: those at its end would come to
/// stand at the beginning.
typedef struct {
    struct jpeg_decompress_struct source;
    struct jpeg_compress_struct turned;
    jpeg_failure failure;
    struct jpeg_progress_mgr progress;
    jpeg_destination destination;
    jmp_buf escape;
    const codec_input *input;
    const codec_turn *turn;
    const codec_monitor *monitor;
    codec_report *report;
} jpeg_turning;

static void on_progress(j_common_ptr jpeg) {
    jpeg_turning *turning = jpeg->client_data;
    if (!codec_may_continue(turning->monitor, turning->report)) longjmp(turning->escape, 1);
}

/// Of both pictures.
static size_t coefficients(j_decompress_ptr jpeg) {
    size_t count = 0;
    for (int index = 0; index < jpeg->num_components; index++) {
        jpeg_component_info *component = &jpeg->comp_info[index];
        count += 2 * (size_t)component->width_in_blocks * component->height_in_blocks * DCTSIZE2;
    }
    return count;
}

static void check(jpeg_turning *turning) {
    j_decompress_ptr jpeg = &turning->source;
    const codec_turn *turn = turning->turn;
    JDIMENSION block_width = jpeg->max_h_samp_factor * DCTSIZE, block_height = jpeg->max_v_samp_factor * DCTSIZE;
    if ((turn->mirrors_columns && jpeg->image_width % block_width != 0)
        || (turn->mirrors_rows && jpeg->image_height % block_height != 0))
        jpeg_fail(&turning->failure, CODEC_NOT_EXACT, "a side that is mirrored has no whole blocks");
    size_t pixels = (size_t)jpeg->image_width * jpeg->image_height;
    if (coefficients(jpeg) * sizeof(JCOEF) > pixels * turn->bytes_per_pixel)
        jpeg_fail(&turning->failure, CODEC_NOT_EXACT, "the coefficients would take more memory than there is for them");
}

static jvirt_barray_ptr *request_arrays(jpeg_turning *turning) {
    j_decompress_ptr jpeg = &turning->source;
    j_common_ptr common = (j_common_ptr)jpeg;
    jvirt_barray_ptr *arrays =
        jpeg->mem->alloc_small(common, JPOOL_IMAGE, sizeof(jvirt_barray_ptr) * jpeg->num_components);
    for (int index = 0; index < jpeg->num_components; index++) {
        jpeg_component_info *component = &jpeg->comp_info[index];
        JDIMENSION across = component->width_in_blocks, down = component->height_in_blocks;
        JDIMENSION across_factor = component->h_samp_factor, down_factor = component->v_samp_factor;
        if (turning->turn->swaps_sides) {
            JDIMENSION side = across, factor = across_factor;
            across = down, down = side;
            across_factor = down_factor, down_factor = factor;
        }
        // Whole MCUs, as libjpeg asks for them.
        across = (across + across_factor - 1) / across_factor * across_factor;
        down = (down + down_factor - 1) / down_factor * down_factor;
        arrays[index] = jpeg->mem->request_virt_barray(common, JPOOL_IMAGE, TRUE, across, down, down_factor);
    }
    return arrays;
}

static void turn_block(const codec_turn *turn, const JCOEF *source, JCOEF *target) {
    for (int row = 0; row < DCTSIZE; row++)
        for (int column = 0; column < DCTSIZE; column++) {
            int source_row = turn->swaps_sides ? column : row, source_column = turn->swaps_sides ? row : column;
            JCOEF value = source[source_row * DCTSIZE + source_column];
            // The odd waves change their sign where they are mirrored.
            bool is_negative = (turn->mirrors_columns && source_column % 2 == 1)
                != (turn->mirrors_rows && source_row % 2 == 1);
            target[row * DCTSIZE + column] = is_negative ? -value : value;
        }
}

static void turn_component(jpeg_turning *turning, int index, jvirt_barray_ptr source, jvirt_barray_ptr target) {
    j_decompress_ptr jpeg = &turning->source;
    j_common_ptr common = (j_common_ptr)jpeg;
    const codec_turn *turn = turning->turn;
    JDIMENSION source_across = jpeg->comp_info[index].width_in_blocks;
    JDIMENSION source_down = jpeg->comp_info[index].height_in_blocks;
    JDIMENSION across = turn->swaps_sides ? source_down : source_across;
    JDIMENSION down = turn->swaps_sides ? source_across : source_down;
    for (JDIMENSION y = 0; y < down; y++) {
        if (!codec_may_continue(turning->monitor, turning->report)) longjmp(turning->escape, 1);
        JBLOCKROW row = jpeg->mem->access_virt_barray(common, target, y, 1, TRUE)[0];
        for (JDIMENSION x = 0; x < across; x++) {
            JDIMENSION source_x = turn->swaps_sides ? y : x, source_y = turn->swaps_sides ? x : y;
            if (turn->mirrors_columns) source_x = source_across - 1 - source_x;
            if (turn->mirrors_rows) source_y = source_down - 1 - source_y;
            JBLOCKROW from = jpeg->mem->access_virt_barray(common, source, source_y, 1, FALSE)[0];
            turn_block(turn, from[source_x], row[x]);
        }
    }
}

static void swap_sides(j_compress_ptr jpeg) {
    JDIMENSION width = jpeg->image_width;
    jpeg->image_width = jpeg->image_height;
    jpeg->image_height = width;
    for (int index = 0; index < jpeg->num_components; index++) {
        jpeg_component_info *component = &jpeg->comp_info[index];
        int factor = component->h_samp_factor;
        component->h_samp_factor = component->v_samp_factor;
        component->v_samp_factor = factor;
    }
    for (int index = 0; index < NUM_QUANT_TBLS; index++) {
        JQUANT_TBL *table = jpeg->quant_tbl_ptrs[index];
        for (int row = 0; table && row < DCTSIZE; row++)
            for (int column = 0; column < row; column++) {
                UINT16 value = table->quantval[row * DCTSIZE + column];
                table->quantval[row * DCTSIZE + column] = table->quantval[column * DCTSIZE + row];
                table->quantval[column * DCTSIZE + row] = value;
            }
    }
}

static void turn_picture(jpeg_turning *turning, const codec_jpeg_options *options, const uint8_t *segments,
                         size_t segments_count) {
    if (setjmp(turning->escape)) return;
    j_decompress_ptr source = &turning->source;
    j_compress_ptr turned = &turning->turned;
    jpeg_create_decompress(source);
    jpeg_create_compress(turned);
    source->progress = &turning->progress;
    jpeg_mem_src(source, turning->input->bytes, turning->input->count);
    jpeg_read_header(source, TRUE);
    check(turning);
    jvirt_barray_ptr *targets = request_arrays(turning);
    jvirt_barray_ptr *sources = jpeg_read_coefficients(source);
    jpeg_copy_critical_parameters(source, turned);
    if (turning->turn->swaps_sides) swap_sides(turned);
    turned->density_unit = options->density_unit;
    turned->X_density = options->x_density;
    turned->Y_density = options->y_density;
    turned->optimize_coding = TRUE;
    if (source->progressive_mode) jpeg_simple_progression(turned);
    jpeg_destination_set(&turning->destination, turned);
    jpeg_write_coefficients(turned, targets);
    jpeg_destination_write(&turning->destination, turned, segments, segments_count);
    for (int index = 0; index < source->num_components; index++)
        turn_component(turning, index, sources[index], targets[index]);
    jpeg_finish_compress(turned);
}

void codec_jpeg_turn(const codec_input *input, const codec_turn *turn, const codec_jpeg_options *options,
                     const uint8_t *segments, size_t segments_count, const codec_monitor *monitor,
                     codec_output *output, codec_report *report) {
    *report = (codec_report){CODEC_OK, {0}};
    jpeg_turning turning = {
        .input = input, .turn = turn, .monitor = monitor, .report = report,
        .progress = {.progress_monitor = on_progress},
        .failure = {.report = report, .escape = &turning.escape},
        .destination = {.output = output, .failure = &turning.failure},
    };
    // The picture has been decoded before, so warnings are of the harmless kind.
    turning.source.err = turning.turned.err = jpeg_failure_set(&turning.failure);
    turning.source.client_data = turning.turned.client_data = &turning;
    turn_picture(&turning, options, segments, segments_count);
    jpeg_destroy_compress(&turning.turned);
    jpeg_destroy_decompress(&turning.source);
}
