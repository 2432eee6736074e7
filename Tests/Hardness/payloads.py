"""Requests on which recipients have disagreed, and what a strict one answers (RFC 9110, RFC 9112).

Each row: a name, the bytes, and the statuses that the service gives when it gets them directly, a 400 being the last as
the connection closes. `@@@@` in the bytes stands for the payload's number, of four digits, so that every request is known by its path. All
paths lead nowhere: a request that is accepted is answered 404.
"""

HIDDEN = b"GET /hidden/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*fields, body=b"", version=b"HTTP/1.1", target=b"/first/@@@@", host=b"Host: a\r\n"):
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"POST " + target + b" " + version + b"\r\n" + host + lines + b"\r\n" + body


def sized(body, *fields, **options):
    return post(b"Content-Length: %d" % len(body), *fields, body=body, **options)


def chunked(body, *fields, coding=b"Transfer-Encoding: chunked", **options):
    return post(coding, *fields, body=body, **options)


def get(*fields, target=b"/first/@@@@", version=b"HTTP/1.1", host=b"Host: a\r\n"):
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"GET " + target + b" " + version + b"\r\n" + host + lines + b"\r\n"


# Read as chunked, the body ends before the hidden request; read by its length, it holds it.
END_THEN_HIDDEN = b"0\r\n\r\n" + HIDDEN
LENGTH = b"Content-Length: %d" % len(END_THEN_HIDDEN)
FOUR = b"Content-Length: 4"
# By its length a body of four bytes; chunked, one chunk that swallows what follows.
CHUNK_OVER_HIDDEN = b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n"

SOUND = [
    ("one request", get(), [404]),
    ("two in one piece", get() + NEXT, [404, 404]),
    ("five in one piece", get() + NEXT * 4, [404] * 5),
    ("a length over what looks like a request", sized(HIDDEN) + NEXT, [404, 404]),
    ("a chunk over what looks like a request", chunked(CHUNK_OVER_HIDDEN) + NEXT, [404, 404]),
    ("chunked", chunked(b"5\r\nabcde\r\n0\r\n\r\n") + NEXT, [404, 404]),
    ("chunk extension", chunked(b"5;a=b\r\nabcde\r\n0\r\n\r\n") + NEXT, [404, 404]),
    ("chunk extension with a quoted string", chunked(b'5;a="b;c"\r\nabcde\r\n0\r\n\r\n') + NEXT, [404, 404]),
    ("leading zeros of a chunk size", chunked(b"0005\r\nabcde\r\n0000\r\n\r\n") + NEXT, [404, 404]),
    ("chunk size in capitals", chunked(b"A\r\nabcdeabcde\r\n0\r\n\r\n") + NEXT, [404, 404]),
    ("trailers", chunked(b"5\r\nabcde\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n") + NEXT, [404, 404]),
    ("CHUNKED in capitals", chunked(b"0\r\n\r\n", coding=b"Transfer-Encoding: CHUNKED") + NEXT, [404, 404]),
    ("field names in capitals", post(b"CONTENT-LENGTH: 4", body=b"abcd") + NEXT, [404, 404]),
    ("blanks around a length", post(b"Content-Length: \t 4 \t", body=b"abcd") + NEXT, [404, 404]),
    ("no blank before a value", post(b"Content-Length:4", body=b"abcd") + NEXT, [404, 404]),
    ("leading zeros of a length", post(b"Content-Length: 004", body=b"abcd") + NEXT, [404, 404]),
    ("GET with a body", get(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN + NEXT, [404, 404]),
    ("GET with a chunked body", get(b"Transfer-Encoding: chunked") + CHUNK_OVER_HIDDEN + NEXT, [404, 404]),
    ("HEAD with a body", b"HEAD" + get(b"Content-Length: %d" % len(HIDDEN))[3:] + HIDDEN + NEXT, [404, 404]),
    ("DELETE with a body", b"DELETE" + sized(HIDDEN)[4:] + NEXT, [404, 404]),
    ("an unknown method with a body", b"BREW" + sized(HIDDEN)[4:] + NEXT, [404, 404]),
    ("absolute form", get(target=b"http://a/first/@@@@") + NEXT, [404, 404]),
    ("absolute form for another host", get(target=b"http://b/first/@@@@") + NEXT, [404, 404]),
    ("one empty line before", b"\r\n" + get() + NEXT, [404, 404]),
    ("two empty lines before", b"\r\n\r\n" + get() + NEXT, [404, 404]),
    ("two empty lines after a body", sized(b"abcd") + b"\r\n\r\n" + NEXT, [404, 404]),
    ("an empty host", get(host=b"Host:\r\n") + NEXT, [404, 404]),
    ("Connection: close, then another", get(b"Connection: close") + HIDDEN, [404]),
    ("HTTP/1.0, then another", get(version=b"HTTP/1.0") + HIDDEN, [404]),
    ("HTTP/1.0 kept alive", get(b"Connection: keep-alive", version=b"HTTP/1.0") + NEXT, [404, 404]),
    ("Connection names the length", sized(HIDDEN, b"Connection: Content-Length") + NEXT, [404, 404]),
    ("Connection names the coding", chunked(CHUNK_OVER_HIDDEN, b"Connection: Transfer-Encoding") + NEXT, [404, 404]),
    ("Upgrade to h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk") + NEXT,
     [404, 404]),
    ("a field X-Transfer-Encoding", sized(HIDDEN, b"X-Transfer-Encoding: chunked") + NEXT, [404, 404]),
    ("a field Transfer_Encoding", sized(HIDDEN, b"Transfer_Encoding: chunked") + NEXT, [404, 404]),
    ("a field Content_Length", post(b"Content_Length: 99") + NEXT, [404, 404]),
]

AMBIGUOUS = [
    ("length and chunked", post(LENGTH, b"Transfer-Encoding: chunked", body=END_THEN_HIDDEN), [400]),
    ("chunked and length", post(b"Transfer-Encoding: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("short length and chunked", post(FOUR, b"Transfer-Encoding: chunked", body=CHUNK_OVER_HIDDEN), [400]),
    ("two lengths", post(FOUR, LENGTH, body=END_THEN_HIDDEN), [400]),
    ("two lengths, the other way", post(LENGTH, FOUR, body=END_THEN_HIDDEN), [400]),
    ("one length twice", post(FOUR, FOUR, body=b"abcd") + HIDDEN, [400]),
    ("a list of lengths", post(b"Content-Length: 4, 5", body=b"abcd" + HIDDEN), [400]),
    ("a list of equal lengths", post(b"Content-Length: 4, 4", body=b"abcd" + HIDDEN), [400]),
    *((f"length {text!r}", post(b"Content-Length: " + text, body=b"abcd" + HIDDEN), [400])
      for text in (b"+4", b"-4", b"-0", b"4_0", b"0x4", b"4Z", b"", b"4 4", b"4.0", b"4e0", b"99999999999999999999",
                   b"18446744073709551620", b"\x0b4", b"4\x0b", b"4\x00", b'"4"')),
    ("blank before a length's colon", post(b"Content-Length : 4", body=b"abcd" + HIDDEN), [400]),
    ("blank before a coding's colon", post(b"Transfer-Encoding : chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("tab before a coding's colon", post(b"Transfer-Encoding\t: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("byte 0 in a coding's name", post(b"Transfer-Encoding\x00: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("byte FF in a coding's name", post(b"Transfer-Encoding\xff: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    *((f"coding {text!r}", post(b"Transfer-Encoding: " + text, LENGTH, body=END_THEN_HIDDEN), [400])
      for text in (b"xchunked", b"chunked, chunked", b",chunked", b"chunked,", b"chunked;a=b", b"\x0bchunked",
                   b"\xa0chunked", b"chunked\xa0", b"identity", b"identity, chunked", b"chunked, identity", b"\"chunked\"",
                   b"chunk", b"gzip", b"")),
    *((f"coding {text!r} without a length", post(b"Transfer-Encoding: " + text, body=END_THEN_HIDDEN), [400])
      for text in (b"xchunked", b"chunked, chunked", b",chunked", b"chunked;a=b", b"\x0bchunked", b"\xa0chunked",
                   b"chunked, identity", b"gzip", b"")),
    ("gzip before chunked", chunked(END_THEN_HIDDEN, coding=b"Transfer-Encoding: gzip, chunked"), [501]),
    ("two codings, the second unknown",
     post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("two codings, the first unknown",
     post(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("folded coding", post(b"Transfer-Encoding:\r\n chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("folded length", post(b"Content-Length:\r\n 4", body=b"abcd" + HIDDEN), [400]),
    ("folded other field", get(b"X-A: b\r\n c: d") + HIDDEN, [400]),
    ("coding on a folded line", post(b"X-A: b", b" Transfer-Encoding: chunked", LENGTH, body=END_THEN_HIDDEN), [400]),
    ("chunked in HTTP/1.0", chunked(END_THEN_HIDDEN, version=b"HTTP/1.0"), [400]),
    ("chunked and length in HTTP/1.0",
     post(b"Transfer-Encoding: chunked", LENGTH, body=END_THEN_HIDDEN, version=b"HTTP/1.0"), [400]),
]


# No route takes the body, so the answer is 404 at once; a body without a sound end closes the connection after it.
def chunk_sizes():
    for text in (b"", b"+5", b"-0", b"0x5", b"5_0", b" 5", b"5 x", b"5\x00", b"5\r", b"5\n", b"FFFFFFFFFFFFFFFF0",
                 b"00000000000000005", b"5,5", b"5\x0b", b"5;\r;", b"5;a=\x00", b"G"):
        yield f"chunk size {text!r}", chunked(text + b"\r\nabcde\r\n0\r\n\r\n") + HIDDEN, [404]


CHUNKS = [
    *chunk_sizes(),
    ("a bare LF after a chunk size", chunked(b"5\nabcde\r\n0\r\n\r\n") + HIDDEN, [404]),
    ("a bare CR after a chunk size", chunked(b"5\rabcde\r\n0\r\n\r\n") + HIDDEN, [404]),
    ("a bare LF in an extension", chunked(b"5;a\nabcde\r\n0\r\n\r\n") + HIDDEN, [404]),
    ("no CRLF after a chunk", chunked(b"5\r\nabcde0\r\n\r\n") + HIDDEN, [404]),
    ("a bare LF after a chunk", chunked(b"5\r\nabcde\n0\r\n\r\n") + HIDDEN, [404]),
    ("a chunk longer than it says", chunked(b"5\r\nabcdefg\r\n0\r\n\r\n") + HIDDEN, [404]),
    ("a bare LF after the last chunk", chunked(b"0\r\n\n") + HIDDEN, [404]),
    ("a length as a trailer", chunked(b"0\r\nContent-Length: 99\r\n\r\n") + HIDDEN, [404]),
    ("a coding as a trailer", chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n") + HIDDEN, [404]),
    ("a host as a trailer", chunked(b"0\r\nHost: b\r\n\r\n") + HIDDEN, [404]),
    ("a folded trailer", chunked(b"0\r\nX-A: b\r\n c\r\n\r\n") + HIDDEN, [404]),
    ("a request as a trailer", chunked(b"0\r\n" + HIDDEN), [404]),
]

LINES = [
    ("bare LF throughout", get().replace(b"\r\n", b"\n") + HIDDEN, [400]),
    ("bare LF after a field", get().replace(b"a\r\n", b"a\n") + HIDDEN, [400]),
    ("bare LF ends the head", get()[:-2] + b"\n" + HIDDEN, [400]),
    ("bare CR after a field", get(b"X-A: b\rContent-Length: 4") + HIDDEN, [400]),
    ("bare CR throughout", get().replace(b"\r\n", b"\r") + HIDDEN, [400]),
    ("LF in a value, then a length", post(b"X-A: b\nContent-Length: %d" % len(HIDDEN), body=HIDDEN), [400]),
    ("byte 0 in a value", get(b"X-A: b\x00c") + HIDDEN, [400]),
    ("control byte in a value", get(b"X-A: b\x01c") + HIDDEN, [400]),
    ("a field without a colon", get(b"X-A") + HIDDEN, [400]),
    ("a field without a name", get(b": b") + HIDDEN, [400]),
    ("a blank before the first field", get(host=b" Host: a\r\n") + HIDDEN, [400]),
    ("two blanks after the method", b"GET  /first/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN, [400]),
    ("a tab after the method", b"GET\t/first/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN, [400]),
    ("a blank in the target", b"GET /first/@@@@ x HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN, [400]),
    ("two versions", b"GET /first/@@@@ HTTP/1.1 HTTP/1.0\r\nHost: a\r\n\r\n" + HIDDEN, [400]),
    ("no version", b"GET /first/@@@@\r\n\r\n" + HIDDEN, [400]),
    ("version 1.32", get(version=b"HTTP/1.32") + HIDDEN, [400]),
    ("version 9.9", get(version=b"HTTP/9.9") + HIDDEN, [505]),
    ("version in small letters", get(version=b"http/1.1") + HIDDEN, [400]),
    ("byte 0 in the target", get(target=b"/first/@@@@\x00") + HIDDEN, [400]),
    ("byte FF in the target", get(target=b"/first/@@@@\xff") + HIDDEN, [400]),
    ("a fragment in the target", get(target=b"/first/@@@@#x") + HIDDEN, [400]),
    ("three empty lines before", b"\r\n\r\n\r\n" + get() + NEXT, [400]),
    ("a bare LF before", b"\n" + get() + NEXT, [400]),
    ("no host", get(host=b"") + HIDDEN, [400]),
    ("two hosts", get(host=b"Host: a\r\nHost: b\r\n") + HIDDEN, [400]),
    ("an empty host and another", get(host=b"Host:\r\nHost: a\r\n") + HIDDEN, [400]),
    ("two equal hosts", get(host=b"Host: a\r\nHost: a\r\n") + HIDDEN, [400]),
    ("an invalid host", get(host=b"Host: a/b\r\n") + HIDDEN, [400]),
    ("a host with a comma", get(host=b"Host: a, b\r\n") + HIDDEN, [400]),
    ("user information in an absolute target", get(target=b"http://u@a/first/@@@@") + HIDDEN, [400]),
    ("another scheme", get(target=b"ftp://a/first/@@@@") + HIDDEN, [400]),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + HIDDEN, [501]),
    ("the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN, [505]),
    ("nonsense after a good one", get() + b"nonsense\r\n\r\n" + HIDDEN, [404, 400]),
    ("an unknown expectation", post(b"Expect: 200-ok", FOUR, body=b"abcd") + HIDDEN, [417]),
    # Where the next request begins is unknown, as the client may leave the body out (RFC 9110 section 10.1.1).
    ("an expectation answered finally", sized(HIDDEN, b"Expect: 100-continue") + HIDDEN, [404]),
    ("an expectation without a body", get(b"Expect: 100-continue") + NEXT, [404, 404]),
]

ALL = SOUND + AMBIGUOUS + CHUNKS + LINES
