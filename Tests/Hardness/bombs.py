"""Pictures made to cost more than they should, each with the statuses that are right for it (api.md's order of faults)."""

import struct
import zlib

from service import PICTURES

MEGABYTE = 1 << 20


# PNG

def chunk(kind, data, length=None, crc=None):
    return struct.pack(">I", len(data) if length is None else length) + kind + data + \
        struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def header(width, height, depth=8, colour=2, interlaced=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def deflated(size):
    """Zeros, compressed a thousandfold, without making them all at once."""
    packer = zlib.compressobj(9)
    block = bytes(MEGABYTE)
    pieces = [packer.compress(block[:min(MEGABYTE, size - start)]) for start in range(0, size, MEGABYTE)]
    return b"".join(pieces) + packer.flush()


def png(*chunks, width=64, height=64, depth=8, colour=2, interlaced=0, pixels=None):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if pixels is None:
        pixels = deflated(passes_bytes(width, height, channels * depth // 8, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header(width, height, depth, colour, interlaced) + b"".join(chunks) + \
        chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def passes_bytes(width, height, pixel, interlaced):
    """The bytes of all lines, each with its filter's byte, in the seven passes of Adam7 where interlaced."""
    adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    total = 0
    for x, y, across, down in adam7 if interlaced else [(0, 0, 1, 1)]:
        columns, lines = -(-(width - x) // across), -(-(height - y) // down)
        if columns > 0 and lines > 0:
            total += lines * (1 + columns * pixel)
    return total


# JPEG

def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def patched_frame(data, height=None, width=None, precision=None):
    """A JPEG with another size or precision in its frame header."""
    start = next(at for marker in (0xC0, 0xC1, 0xC2) if (at := data.find(b"\xff" + bytes([marker]))) > 0) + 4
    old = struct.unpack(">BHH", data[start:start + 5])
    new = tuple(b if a is None else a for a, b in zip((precision, height, width), old))
    return data[:start] + struct.pack(">BHH", *new) + data[start + 5:]


def with_segments(data, *segments):
    return data[:2] + b"".join(segments) + data[2:]


def many_scans(side, scans):
    """A grey progressive JPEG: one scan of flat blocks, then scans of nothing, a few bytes each for a pass over all blocks."""
    blocks = (side // 8) ** 2
    tables = segment(0xDB, b"\0" + bytes([1] * 64))
    # One code of one bit in each table: a DC difference of 0, and an end-of-band run of 2^14 blocks and more.
    tables += segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\x00")
    tables += segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + packed("0" * blocks)
    runs, left = "", blocks
    while left > 0:
        run = min(left, (1 << 15) - 1)
        if run < 1 << 14:
            # The rest does not fill a run of that length: a longer one ends with the scan all the same.
            run = 1 << 14
        runs += "0" + format(run - (1 << 14), "014b")
        left -= run
    nothing = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + packed(runs)
    return b"\xff\xd8" + tables + frame + first + nothing * (scans - 1) + b"\xff\xd9"


def packed(bits):
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00") if bits else b""


def exif(entries):
    return segment(0xE1, b"Exif\0\0" + entries)


def profiles(count, size):
    return [segment(0xE2, b"ICC_PROFILE\0" + bytes([number + 1, count]) + bytes(size)) for number in range(count)]


def all_bombs():
    """Names, bytes, and the statuses that are right."""
    good_png, good_jpeg = (PICTURES / "source.png").read_bytes(), (PICTURES / "rgb.jpg").read_bytes()
    progressive = (PICTURES / "progressive-420.jpg").read_bytes()
    zeros = deflated(200 * MEGABYTE)
    yield "good PNG, for comparison", good_png, {200}
    yield "good JPEG, for comparison", good_jpeg, {200}
    # Sizes that the header claims
    yield "JPEG header of 65,535 x 65,535", patched_frame(good_jpeg, 65535, 65535), {422}
    yield "progressive JPEG header of 64,250 x 64,250", patched_frame(progressive, 64250, 64250), {422}
    yield "JPEG header of 16,384 x 3,052, over 50 megapixels", patched_frame(progressive, 16384, 3052), {422}
    yield "JPEG header of 7,071 x 7,071 and data for 61 x 45", patched_frame(good_jpeg, 7071, 7071), {400}
    yield "JPEG of no width", patched_frame(good_jpeg, width=0), {400}
    yield "JPEG of no height", patched_frame(good_jpeg, height=0), {400}
    yield "PNG with a side of 2^31", png(width=1 << 31, pixels=b""), {400, 422}
    yield "PNG with a side of 2^31 - 1", png(width=(1 << 31) - 1, pixels=b""), {422}
    yield "PNG with both sides of 2^31 - 1", png(width=(1 << 31) - 1, height=(1 << 31) - 1, pixels=b""), {422}
    yield "PNG of 16,384 x 16,384", png(width=16384, height=16384, pixels=deflated(8 * MEGABYTE)), {422}
    yield "PNG of 1 x 16,384", png(width=1, height=16384), {422}
    yield "PNG of no width", png(width=0, pixels=b""), {400}
    yield "PNG header of 7,071 x 7,071 and no pixels", png(width=7071, height=7071, pixels=deflated(0)), {400}
    yield "interlaced 16-bit PNG header of 7,071 x 7,071, no pixels", \
        png(width=7071, height=7071, depth=16, colour=6, interlaced=1, pixels=deflated(0)), {400}
    # Scans
    yield "progressive JPEG of 80,000 scans", many_scans(64, 80_000), {422}
    yield "progressive JPEG of 80,000 scans, 2,048 x 2,048", many_scans(2048, 80_000), {422}
    yield "progressive JPEG of 500 scans, 1,024 x 1,024", many_scans(1024, 500), {200, 400, 422}
    # What expands
    yield "PNG with zTXt of 200 MiB", png(chunk(b"zTXt", b"a\0\0" + zeros)), {200}
    yield "PNG with iTXt of 200 MiB", png(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros)), {200}
    yield "PNG with iCCP of 200 MiB", png(chunk(b"iCCP", b"a\0\0" + zeros)), {200}
    yield "PNG whose iCCP claims 4 GiB", png(chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\xff\xff\xff\xff" + bytes(200)))), {200}
    yield "PNG with 200 MiB of pixels for 64 x 64", png(pixels=zeros), {200}
    yield "PNG of 50,000 tEXt chunks", png(chunk(b"tEXt", b"a\0b") * 50_000), {200}
    yield "PNG of 50,000 zTXt chunks", png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5000))) * 50_000), {200}
    yield "PNG with an unknown chunk of 16 MiB", png(chunk(b"abCd", bytes(16 * MEGABYTE))), {200}
    yield "PNG of 100 animation frames", png(chunk(b"acTL", struct.pack(">II", 100, 0)), *(
        chunk(b"fdAT", struct.pack(">I", n) + deflated(MEGABYTE)) for n in range(100))), {200, 400}
    yield "PNG chunk that claims 2^31 - 1 bytes", good_png[:33] + chunk(b"tEXt", b"a\0b", length=(1 << 31) - 1), {400}
    # Broken
    yield "PNG with a wrong checksum", good_png[:29] + b"\0\0\0\0" + good_png[33:], {400}
    yield "PNG with a palette's pixels and no palette", png(colour=3), {400}
    yield "PNG with 5 bits a sample", png(depth=5, colour=0, pixels=deflated(64 * 65)), {400}
    yield "good PNG with 8 MiB after its end", good_png + bytes(8 * MEGABYTE), {200}
    yield "good JPEG with 8 MiB after its end", good_jpeg + bytes(8 * MEGABYTE), {200}
    # Kinds
    yield "CMYK JPEG", (PICTURES / "cmyk.jpg").read_bytes(), {422}
    yield "JPEG with arithmetic coding", (PICTURES / "arithmetic.jpg").read_bytes(), {422}
    yield "12-bit JPEG", patched_frame(good_jpeg, precision=12), {422}
    yield "16-bit interlaced PNG", png(depth=16, interlaced=1), {200}
    yield "16-bit interlaced PNG with alpha", png(depth=16, colour=6, interlaced=1), {200}
    # Beside the pixels
    yield "JPEG with 255 parts of a 16 MiB profile", with_segments(good_jpeg, *profiles(255, 65_000)), {200}
    yield "JPEG with 100,000 comments", with_segments(good_jpeg, segment(0xFE, b"comment") * 100_000), {200}
    yield "JPEG whose EXIF directory follows itself", with_segments(
        good_jpeg, exif(b"II*\0\x08\0\0\0\0\0\x08\0\0\0")), {200}
    yield "JPEG whose EXIF counts 65,535 entries", with_segments(good_jpeg, exif(b"II*\0\x08\0\0\0\xff\xff")), {200}
    yield "JPEG whose EXIF directory is 4 GiB away", with_segments(good_jpeg, exif(b"II*\0\xff\xff\xff\xff")), {200}
    for name, text in [("GIF", b"GIF89a\xff\xff\xff\xff\x00\x00\x00;"), ("BMP", b"BM" + bytes(60)), ("SVG", b"<svg/>"),
                       ("WebP", b"RIFF\x10\0\0\0WEBPVP8 "), ("TIFF", b"II*\0\x08\0\0\0")]:
        yield name, text, {415}
    for name, data in (("PNG", good_png), ("JPEG", good_jpeg), ("progressive JPEG", progressive)):
        for part in range(1, 16):
            yield f"{name} cut at {part}/16", data[:len(data) * part // 16], {400}
