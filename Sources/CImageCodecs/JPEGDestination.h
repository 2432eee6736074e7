#pragma once

#include "Shared.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

/// Where a JPEG that libjpeg writes goes: into growing output. Failures end in `escape`.
typedef struct {
    struct jpeg_destination_mgr manager;
    codec_output *output;
    codec_report *report;
    jmp_buf *escape;
} jpeg_destination;

/// Lets `jpeg` write there; both must stay where they are.
void jpeg_destination_set(jpeg_destination *destination, j_compress_ptr jpeg);

/// Puts whole segments behind what libjpeg has written so far: its own head and the JFIF segment, once it has begun.
void jpeg_destination_write(jpeg_destination *destination, j_compress_ptr jpeg, const uint8_t *bytes, size_t count);
