#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Error-safe calls into libpng and libjpeg. Both picture libraries report errors by longjmp; here it never
// leaves the C function that called setjmp, so Swift only ever sees a status. Nothing is kept between calls: each
// one creates its library state and releases it before it returns, whatever happened.

#pragma clang assume_nonnull begin

typedef enum {
    CODEC_OK = 0,
    /// The data breaks the format: bad CRC, bad code, warning of corrupt data, ...
    CODEC_CORRUPT,
    /// The data ends before the picture does.
    CODEC_TRUNCATED,
    /// The monitor asked to stop.
    CODEC_CANCELLED,
    /// A progressive JPEG with more scans than the limit.
    CODEC_TOO_MANY_SCANS,
    /// More output than its limit.
    CODEC_OVER_LIMIT,
    /// An allocation failed.
    CODEC_NO_MEMORY,
} codec_status;

/// What happened, with the library's own words where it had any.
typedef struct {
    codec_status status;
    char message[208];
} codec_report;

/// The report's message: a C string inside `report`, empty where the library said nothing.
const char *codec_report_message(const codec_report *report);

/// Asked every few rows; false stops the work with CODEC_CANCELLED.
typedef struct {
    bool (*should_continue)(void *_Nullable context);
    void *_Nullable context;
} codec_monitor;

/// Where decoded pixels go. The pixel stored in the file at (x, y) lands at index
/// `origin + x * column_step + y * row_step`, which turns and mirrors it as its EXIF orientation asks:
/// three bytes a pixel in `rgb`, one in `alpha`.
typedef struct {
    uint8_t *rgb;
    uint8_t *_Nullable alpha;
    ptrdiff_t origin, column_step, row_step;
} codec_surface;

typedef struct {
    const uint8_t *bytes;
    size_t count;
    /// As the caller read them from the header; the library must find the same.
    uint32_t width, height;
} codec_input;

/// Growing output; release with `codec_output_free`.
typedef struct {
    uint8_t *_Nullable bytes;
    size_t count, capacity;
} codec_output;

void codec_output_free(codec_output *output);

/// An opaque or transparent 8-bit picture to encode: interleaved RGB, and one opacity byte a pixel or null.
typedef struct {
    const uint8_t *rgb;
    const uint8_t *_Nullable alpha;
    uint32_t width, height;
    const uint8_t *_Nullable profile;
    size_t profile_count;
    const uint8_t *_Nullable exif;
    size_t exif_count;
} codec_picture;

/// Decodes a PNG of any kind to 8-bit RGB. `surface.alpha` must be given exactly where the file has an alpha
/// channel or a tRNS chunk. Ancillary chunks other than tRNS are skipped, but their CRC is checked.
void codec_png_decode(const codec_input *input, const codec_surface *surface, uint32_t cached_chunks,
                      size_t chunk_bytes, const codec_monitor *monitor, codec_report *report);

/// Decodes a JPEG of one or three components to 8-bit RGB. Any warning of corrupt data is an error, except of
/// extraneous bytes before a marker. libjpeg's memory has no limit of its own: it follows from the picture's size, at most
/// two bytes a sample, which the caller has read and limited.
void codec_jpeg_decode(const codec_input *input, const codec_surface *surface, int scans,
                       const codec_monitor *monitor, codec_report *report);

/// Encodes an 8-bit RGB or RGBA PNG. `level` is zlib's, 0...9.
void codec_png_encode(const codec_picture *picture, int level, const codec_monitor *monitor, codec_output *output,
                      codec_report *report);

typedef struct {
    /// 1...100.
    int quality;
    /// Colour at half resolution in both directions (4:2:0) rather than full (4:4:4).
    bool halves_colour;
    bool is_progressive;
} codec_jpeg_options;

/// Encodes a JPEG, over white where the picture is transparent.
void codec_jpeg_encode(const codec_picture *picture, const codec_jpeg_options *options,
                       const codec_monitor *monitor, codec_output *output, codec_report *report);

#pragma clang assume_nonnull end
