#pragma once

#include "CImageCodecs.h"

/// Rows that are decoded together before they are scattered to their places: sixteen neighbouring pixels of a
/// turned picture are then written side by side.
enum { BAND_ROWS = 16 };

/// Notes a failure unless an earlier one is there already: the first cause is the one to report.
void codec_fail(codec_report *report, codec_status status, const char *message);

/// Whether the work may go on; false has noted the cancellation.
bool codec_may_continue(const codec_monitor *monitor, codec_report *report);

/// Makes room for `more` bytes after `output->count`.
bool codec_output_reserve(codec_output *output, size_t more);

/// Whether a stored row is a row of the surface, so that a library can write it there itself.
bool codec_surface_is_direct(const codec_surface *surface);

/// The place of the stored row `y` in a direct surface.
uint8_t *codec_surface_row(const codec_surface *surface, uint32_t y);

/// Copies `rows` stored rows from `y` on, of 3 bytes a pixel or of 4 where the surface has alpha, to their places.
void codec_scatter(const codec_surface *surface, const uint8_t *band, uint32_t width, uint32_t y, uint32_t rows);

/// The reverse for one row: an interlaced row goes back to the library to be completed.
void codec_gather(const codec_surface *surface, uint8_t *row, uint32_t width, uint32_t y);
