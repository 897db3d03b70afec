import CLinux
import Glibc

/// Why the kernel refused to make or watch a descriptor.
package struct EventLoopError: Error, CustomStringConvertible {
    /// The call that failed, as `man 2` names it.
    package let call: String
    /// Its `errno`.
    package let code: CInt

    package init(call: String, code: CInt) {
        self.call = call
        self.code = code
    }

    package var description: String {
        "\(call): \(unsafe String(cString: strerror(code)))"
    }
}

/// An epoll instance with an eventfd that wakes it; owns both descriptors and the event buffer.
@safe struct EventLoopHandle: ~Copyable {
    private static let capacity = 256
    /// What `epoll_wait` reports for the eventfd; no registration has this tag.
    static let wakeUpTag = UInt64.max

    private let epoll: CInt
    private let wakeUpDescriptor: CInt
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(EventLoopError) {
        let epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw EventLoopError(call: "epoll_create1", code: errno) }
        let wakeUpDescriptor = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUpDescriptor >= 0 else {
            let code = errno
            close(epoll)
            throw EventLoopError(call: "eventfd", code: code)
        }
        // Edge-triggered: each write is an edge, so the counter never has to be read.
        let status = holdfast_epoll_add(
            epoll, wakeUpDescriptor, EPOLLIN.rawValue | EPOLLET.rawValue, Self.wakeUpTag)
        guard status == 0 else {
            let code = errno
            close(wakeUpDescriptor)
            close(epoll)
            throw EventLoopError(call: "epoll_ctl", code: code)
        }
        self.epoll = epoll
        self.wakeUpDescriptor = wakeUpDescriptor
        unsafe events = .allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe events.deallocate()
        close(wakeUpDescriptor)
        close(epoll)
    }

    /// Makes a waiting ``wait(timeoutMillis:_:)`` return; any thread.
    borrowing func wakeUp() {
        _ = eventfd_write(wakeUpDescriptor, 1)
    }

    /// Watches a descriptor, edge-triggered, for input, output and hang-up.
    borrowing func add(_ descriptor: CInt, tag: UInt64) throws(EventLoopError) {
        let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        guard holdfast_epoll_add(epoll, descriptor, interest, tag) == 0 else {
            throw EventLoopError(call: "epoll_ctl", code: errno)
        }
    }

    /// Stops watching a descriptor.
    borrowing func remove(_ descriptor: CInt) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Waits for events and hands each to `body` as its tag and epoll's event bits.
    ///
    /// - Parameter timeoutMillis: negative waits without end.
    borrowing func wait(timeoutMillis: CInt, _ body: (UInt64, UInt32) -> Void) {
        let count = unsafe epoll_wait(epoll, events, CInt(Self.capacity), timeoutMillis)
        // EINTR is the only failure a valid instance knows; the caller comes back anyway.
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = unsafe events[index]
            unsafe body(event.data.u64, event.events)
        }
    }
}
