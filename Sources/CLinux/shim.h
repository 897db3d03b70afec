// What `import Glibc` leaves out: epoll, eventfd, timerfd, accept4, thread names.
//
// `_GNU_SOURCE` must not be defined here: `Glibc` is compiled without it, and types that differ by
// it (`fd_set`) then clash in whoever imports both. What needs it is declared by hand.
#ifndef HOLDFAST_CLINUX_H
#define HOLDFAST_CLINUX_H
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

extern int pthread_setname_np(pthread_t thread, const char *name);
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// Names the calling thread; `Glibc` has no `pthread_setname_np`.
static inline void holdfast_set_thread_name(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

/// Accepts a connection, non-blocking and closed on exec; -1 with `errno` when there is none.
static inline int holdfast_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Adds a descriptor to an epoll instance; `epoll_data_t` is a union, awkward outside C.
static inline int holdfast_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

#endif
