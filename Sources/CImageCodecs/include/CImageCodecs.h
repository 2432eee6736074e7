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
    /// What was asked for can't be done without loss, or within the memory for it.
    CODEC_NOT_EXACT,
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

/// A part of an input's bytes, inside them and not empty.
typedef struct {
    size_t offset, count;
} codec_span;

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
    /// Red, green and blue are equal in every pixel, and one channel of them is written.
    bool is_grey;
    /// What stands beside the pixels, in the file's own form: chunks of a PNG behind its header, segments of a JPEG
    /// behind its JFIF segment.
    const uint8_t *_Nullable segments;
    size_t segments_count;
} codec_picture;

/// Decodes a PNG of any kind to 8-bit RGB. `surface.alpha` must be given exactly where an alpha channel or a tRNS chunk
/// is in what libpng is to see: `spans`, in order, which together are a PNG file. Their checksums are the caller's to
/// check. What follows the last row in the pixel data is no error.
void codec_png_decode(const codec_input *input, const codec_span *spans, size_t span_count,
                      const codec_surface *surface, const codec_monitor *monitor, codec_report *report);

/// Decodes a JPEG of one or three components to 8-bit RGB. A warning that means lost pixels is an error. libjpeg's memory has no limit of its own: it follows from the picture's size, at most
/// two bytes a sample, which the caller has read and limited.
void codec_jpeg_decode(const codec_input *input, const codec_surface *surface, int scans,
                       const codec_monitor *monitor, codec_report *report);

/// Encodes an 8-bit PNG: RGB or grey, with opacity where there is one. `level` is zlib's, 0...9.
void codec_png_encode(const codec_picture *picture, int level, const codec_monitor *monitor, codec_output *output,
                      codec_report *report);

typedef struct {
    /// 1...100.
    int quality;
    /// Colour at half resolution in both directions (4:2:0) rather than full (4:4:4).
    bool halves_colour;
    bool is_progressive;
    /// As in the JFIF segment: 0 for an aspect ratio alone, 1 for an inch, 2 for a centimetre.
    uint8_t density_unit;
    uint16_t x_density, y_density;
} codec_jpeg_options;

/// Encodes a JPEG, over white where the picture is transparent.
void codec_jpeg_encode(const codec_picture *picture, const codec_jpeg_options *options,
                       const codec_monitor *monitor, codec_output *output, codec_report *report);

/// How stored blocks are moved: first mirrored, then, where the sides are swapped, rows become columns.
typedef struct {
    bool mirrors_columns, mirrors_rows, swaps_sides;
    /// How many bytes of coefficients, of the file's picture and the turned one, there may be for each pixel.
    size_t bytes_per_pixel;
} codec_turn;

/// Turns a JPEG without loss, or reports CODEC_NOT_EXACT. The file must be one that `codec_jpeg_decode` has accepted.
/// Of `options` only the density counts. `segments` replace those of applications in the file.
void codec_jpeg_turn(const codec_input *input, const codec_turn *turn, const codec_jpeg_options *options,
                     const uint8_t *_Nullable segments, size_t segments_count, const codec_monitor *monitor,
                     codec_output *output, codec_report *report);

#pragma clang assume_nonnull end
