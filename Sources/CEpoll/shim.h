#include <sys/epoll.h>
#include <sys/socket.h>

/* glibc shows it only under _GNU_SOURCE, which a module cannot set for headers that another module owns. */
extern int accept4(int, struct sockaddr *restrict, socklen_t *restrict, int);
