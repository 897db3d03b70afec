// What `import Glibc` leaves out: epoll, eventfd, timerfd, accept4, thread names.
#ifndef HOLDFAST_CLINUX_H
#define HOLDFAST_CLINUX_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
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

/// Names the calling thread; `Glibc` has no `pthread_setname_np`.
static inline void holdfast_set_thread_name(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

/// Adds a descriptor to an epoll instance; `epoll_data_t` is a union, awkward outside C.
static inline int holdfast_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

#endif
