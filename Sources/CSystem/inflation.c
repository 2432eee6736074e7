#include "inflation.h"

#include <zlib.h>

inflation_status inflate_within(
    const uint8_t *bytes, size_t count, inflation_format format, uint8_t *output, size_t capacity, size_t *produced
) {
    *produced = 0;
    if (count > UINT32_MAX || capacity > UINT32_MAX) return INFLATION_TOO_LONG;
    z_stream stream = {0};
    // 16 beyond the largest window asks for a gzip wrapper.
    if (inflateInit2(&stream, format == INFLATION_GZIP ? 15 + 16 : 15) != Z_OK) return INFLATION_NO_MEMORY;
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = output;
    stream.avail_out = (uInt)capacity;
    int status = inflate(&stream, Z_FINISH);
    int is_full = stream.avail_out == 0;
    *produced = capacity - stream.avail_out;
    inflateEnd(&stream);
    switch (status) {
    case Z_STREAM_END: return INFLATION_COMPLETE;
    case Z_MEM_ERROR: return INFLATION_NO_MEMORY;
    case Z_OK:
    case Z_BUF_ERROR: return is_full ? INFLATION_TOO_LONG : INFLATION_CORRUPT;
    default: return INFLATION_CORRUPT;
    }
}
