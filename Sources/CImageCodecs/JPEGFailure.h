#pragma once

#include "Shared.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

/// How libjpeg's work ends where it can't go on: what was wrong stands in the report, and `escape` is jumped to.
typedef struct {
    struct jpeg_error_mgr manager;  // first, for libjpeg hands it back as this
    codec_report *report;
    jmp_buf *escape;
} jpeg_failure;

/// What a picture's `err` is to be. libjpeg's errors end the work; of what it warns nothing is said.
struct jpeg_error_mgr *jpeg_failure_set(jpeg_failure *failure);

/// Ends the work.
_Noreturn void jpeg_fail(jpeg_failure *failure, codec_status status, const char *message);
