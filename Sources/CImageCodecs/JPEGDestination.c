#include "JPEGDestination.h"

#include <string.h>

enum { FIRST_OUTPUT_BYTES = 65536 };

static void offer_space(jpeg_destination *destination) {
    codec_output *output = destination->output;
    if (!codec_output_reserve(output, FIRST_OUTPUT_BYTES))
        jpeg_fail(destination->failure, CODEC_NO_MEMORY, "no memory for the file");
    destination->manager.next_output_byte = output->bytes + output->count;
    destination->manager.free_in_buffer = output->capacity - output->count;
}

static void start_output(j_compress_ptr jpeg) { offer_space((jpeg_destination *)jpeg->dest); }

static boolean grow_output(j_compress_ptr jpeg) {
    jpeg_destination *destination = (jpeg_destination *)jpeg->dest;
    destination->output->count = destination->output->capacity;  // called only with the buffer full
    offer_space(destination);
    return TRUE;
}

static void end_output(j_compress_ptr jpeg) {
    jpeg_destination *destination = (jpeg_destination *)jpeg->dest;
    destination->output->count = destination->output->capacity - destination->manager.free_in_buffer;
}

void jpeg_destination_set(jpeg_destination *destination, j_compress_ptr jpeg) {
    destination->manager = (struct jpeg_destination_mgr){
        .init_destination = start_output, .empty_output_buffer = grow_output, .term_destination = end_output,
    };
    jpeg->dest = &destination->manager;
}

void jpeg_destination_write(jpeg_destination *destination, j_compress_ptr jpeg, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        struct jpeg_destination_mgr *manager = &destination->manager;
        size_t step = count < manager->free_in_buffer ? count : manager->free_in_buffer;
        memcpy(manager->next_output_byte, bytes, step);
        manager->next_output_byte += step;
        manager->free_in_buffer -= step;
        bytes += step;
        count -= step;
        if (manager->free_in_buffer == 0) grow_output(jpeg);
    }
}
