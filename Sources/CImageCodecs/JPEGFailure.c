#include "JPEGFailure.h"

#include <jerror.h>

static codec_status status_of(int code) {
    switch (code) {
    case JERR_NO_BACKING_STORE:
    case JERR_OUT_OF_MEMORY: return CODEC_NO_MEMORY;
    default: return CODEC_CORRUPT;
    }
}

static void on_error(j_common_ptr jpeg) {
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    jpeg_fail((jpeg_failure *)jpeg->err, status_of(jpeg->err->msg_code), message);
}

static void on_message(j_common_ptr jpeg, int level) {
    (void)jpeg;
    (void)level;
}

struct jpeg_error_mgr *jpeg_failure_set(jpeg_failure *failure) {
    struct jpeg_error_mgr *manager = jpeg_std_error(&failure->manager);
    manager->error_exit = on_error;
    manager->emit_message = on_message;
    return manager;
}

_Noreturn void jpeg_fail(jpeg_failure *failure, codec_status status, const char *message) {
    codec_fail(failure->report, status, message);
    longjmp(*failure->escape, 1);
}
