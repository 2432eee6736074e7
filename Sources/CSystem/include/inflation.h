// One bounded way to expand compressed data, by zlib.
#ifndef INFLATION_H
#define INFLATION_H

#include <stddef.h>
#include <stdint.h>

typedef enum { INFLATION_ZLIB, INFLATION_GZIP } inflation_format; // RFC 1950, RFC 1952

typedef enum {
    INFLATION_COMPLETE,
    INFLATION_TOO_LONG,  // it expands to more than there is room for, or is itself over 4 GiB
    INFLATION_CORRUPT,   // damaged, incomplete, or with a wrong checksum
    INFLATION_NO_MEMORY,
} inflation_status;

/// Expands `count` bytes into at most `capacity`, and tells how many were written.
inflation_status inflate_within(
    const uint8_t *bytes, size_t count, inflation_format format, uint8_t *output, size_t capacity, size_t *produced);

#endif
