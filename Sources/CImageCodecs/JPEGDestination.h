#pragma once

#include "JPEGFailure.h"

/// Where a JPEG that libjpeg writes goes: into growing output.
typedef struct {
    struct jpeg_destination_mgr manager;
    codec_output *output;
    jpeg_failure *failure;
} jpeg_destination;

/// Lets `jpeg` write there; both must stay where they are.
void jpeg_destination_set(jpeg_destination *destination, j_compress_ptr jpeg);

/// Puts whole segments behind what libjpeg has written so far: its own head and the JFIF segment, once it has begun.
void jpeg_destination_write(jpeg_destination *destination, j_compress_ptr jpeg, const uint8_t *bytes, size_t count);
