// What Debian's libraries and Linux offer to Swift, in one module: each header beside what it is for.
#pragma once

#include <cblas.h>     // OpenBLAS: matrix products
#include <lcms2.h>     // Little CMS: colour profiles
#include <malloc.h>    // when freed blocks go back to the system
#include <sys/epoll.h> // waiting for sockets
#include <sys/eventfd.h> // waking a thread that waits for them
#include <sys/socket.h>
#include <zlib.h>

#include "colour_forms.h"
#include "curl_calls.h"
#include "inflation.h"

// glibc shows these only under _GNU_SOURCE, which a module cannot set for headers that another module owns.
extern int accept4(int, struct sockaddr *restrict, socklen_t *restrict, int);
extern int renameat2(int, const char *, int, const char *, unsigned int);
