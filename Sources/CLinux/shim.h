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
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
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

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin), in software: a nibble
/// at a time, for processors without the instruction.
static inline uint32_t holdfast_crc32c_software(uint32_t crc, const void *bytes, size_t length) {
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *next = (const uint8_t *)bytes;
    crc = ~crc;
    while (length-- > 0) {
        crc ^= *next++;
        crc = table[crc & 15] ^ (crc >> 4);
        crc = table[crc & 15] ^ (crc >> 4);
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static inline uint32_t
holdfast_crc32c_hardware(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = (const uint8_t *)bytes;
    uint64_t sum = (uint32_t)~crc;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; length > 0; length--) sum = __builtin_ia32_crc32qi((uint32_t)sum, *next++);
    return ~(uint32_t)sum;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
static inline uint32_t
holdfast_crc32c_hardware(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = (const uint8_t *)bytes;
    uint32_t sum = ~crc;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, sizeof word);
        sum = __builtin_arm_crc32cd(sum, word);
    }
    for (; length > 0; length--) sum = __builtin_arm_crc32cb(sum, *next++);
    return ~sum;
}
#endif

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin), by the processor's
/// instruction where it has one.
static inline uint32_t holdfast_crc32c(uint32_t crc, const void *bytes, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return holdfast_crc32c_hardware(crc, bytes, length);
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
    return holdfast_crc32c_hardware(crc, bytes, length);
#endif
    return holdfast_crc32c_software(crc, bytes, length);
}

#endif
