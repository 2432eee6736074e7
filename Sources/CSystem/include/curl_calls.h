// libcurl's variadic functions, one function a type of argument, which Swift can call.
#ifndef CURL_CALLS_H
#define CURL_CALLS_H

#include <curl/curl.h>
#include <stddef.h>

/// Takes `count` bytes at `bytes`; returns how many it took, fewer to stop the transfer.
typedef size_t (*ccurl_write_function)(char *bytes, size_t size, size_t count, void *context);
/// Called about once a second, and whenever something was sent or received; anything but 0 stops the transfer.
typedef int (*ccurl_progress_function)(
    void *context, curl_off_t to_receive, curl_off_t received, curl_off_t to_send, curl_off_t sent);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
/// libcurl keeps a copy of the text.
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
/// Where libcurl says what went wrong: CURL_ERROR_SIZE bytes, which must outlive the handle.
CURLcode ccurl_set_reason(CURL *handle, char *reason);
/// The list must outlive the transfer.
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *list);
/// The body goes to `function`, which gets `context`; both must outlive the transfer.
CURLcode ccurl_set_writer(CURL *handle, ccurl_write_function function, void *context);
/// Likewise each line of the heads of answers, the empty one at the end included.
CURLcode ccurl_set_head_reader(CURL *handle, ccurl_write_function function, void *context);
CURLcode ccurl_set_progress(CURL *handle, ccurl_progress_function function, void *context);
CURLcode ccurl_get_status(CURL *handle, long *status);
/// NULL where there is none; it lives as long as the handle, or until its next transfer.
CURLcode ccurl_get_text(CURL *handle, CURLINFO information, const char **text);
/// Of information that is a curl_off_t.
CURLcode ccurl_get_number(CURL *handle, CURLINFO information, curl_off_t *number);
/// Of a connection that was made with CURLOPT_CONNECT_ONLY: its descriptor, -1 where it is gone.
CURLcode ccurl_get_socket(CURL *handle, int *descriptor);

#endif
