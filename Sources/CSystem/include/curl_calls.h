// libcurl's variadic functions, one function a type of argument, which Swift can call.
#ifndef CURL_CALLS_H
#define CURL_CALLS_H

#include <curl/curl.h>
#include <stddef.h>

/// Takes `count` bytes at `bytes`; returns how many it took, fewer to stop the transfer.
typedef size_t (*ccurl_write_function)(char *bytes, size_t size, size_t count, void *context);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
/// libcurl keeps a copy of the text.
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
/// The body goes to `function`, which gets `context`; both must outlive the transfer.
CURLcode ccurl_set_writer(CURL *handle, ccurl_write_function function, void *context);
CURLcode ccurl_get_status(CURL *handle, long *status);

#endif
