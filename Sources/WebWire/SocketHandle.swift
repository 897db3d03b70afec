internal import CLinux
import Glibc

/// Why a socket call failed.
package struct SocketError: Error, CustomStringConvertible {
    /// The call that failed, as `man 2` names it.
    package let call: String
    /// Its `errno`.
    package let code: CInt

    package var description: String { "\(call): \(unsafe String(cString: strerror(code)))" }

    /// Whether another process holds the port.
    package var isAddressInUse: Bool { code == EADDRINUSE }
}

/// The address of one end of a TCP connection.
@safe package struct SocketAddress: Sendable {
    fileprivate var storage: sockaddr_storage
    fileprivate var length: socklen_t

    fileprivate init() {
        storage = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    /// An address from its numeric text, IPv4 or IPv6, or `localhost`; `nil` for any other name.
    package init?(numericHost host: String, port: Int) {
        guard let port = in_port_t(exactly: port) else { return nil }
        self.init()
        if !fill(host == "localhost" ? "127.0.0.1" : host, port) { return nil }
    }

    private mutating func fill(_ host: String, _ port: in_port_t) -> Bool {
        var four = sockaddr_in()
        if unsafe inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: four, as: sockaddr_in.self)
            }
            return true
        }
        var six = sockaddr_in6()
        guard unsafe inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return false }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.storeBytes(of: six, as: sockaddr_in6.self)
        }
        return true
    }

    /// Looks a name up; blocks, so never on an event loop or the cooperative pool.
    package static func resolve(host: String, port: Int) -> SocketAddress? {
        if let numeric = SocketAddress(numericHost: host, port: port) { return numeric }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0,
            let first = unsafe list
        else { return nil }
        defer { unsafe freeaddrinfo(first) }
        var address = SocketAddress()
        address.length = unsafe first.pointee.ai_addrlen
        unsafe withUnsafeMutableBytes(of: &address.storage) { bytes in
            unsafe bytes.copyMemory(
                from: UnsafeRawBufferPointer(
                    start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
        }
        return address
    }

    /// The host in numeric text, without the port.
    package var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = CInt(storage.ss_family)
        unsafe withUnsafeBytes(of: storage) { bytes in
            let offset =
                family == AF_INET
                ? MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)
                : MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)
            _ = unsafe inet_ntop(
                family, bytes.baseAddress?.advanced(by: offset ?? 0), &text,
                socklen_t(text.count))
        }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The port.
    package var port: Int {
        // The port lies at the same place in both families.
        unsafe withUnsafeBytes(of: storage) { bytes in
            Int(in_port_t(bigEndian: unsafe bytes.load(fromByteOffset: 2, as: in_port_t.self)))
        }
    }

    fileprivate func withPointer<Result>(
        _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafeBytes(of: storage) { bytes in
            unsafe body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}

/// What became of a read or a write on a non-blocking socket.
package enum SocketOutcome: Sendable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// The peer will send no more.
    case endOfStream
    /// Not now; the event loop will tell.
    case wouldBlock
    /// The connection is gone.
    case failed(SocketError)
}

/// What became of an attempt to accept.
package enum AcceptOutcome: Sendable {
    case accepted(CInt, SocketAddress)
    /// Nobody waits.
    case wouldBlock
    /// The process or the system is out of descriptors or memory; somebody may still wait.
    case exhausted(SocketError)
}

/// Non-blocking TCP sockets.
package enum Socket {
    /// Opens a listening socket.
    ///
    /// - Returns: its descriptor and its port, which differs from the one asked for if that was 0.
    package static func listen(
        on address: SocketAddress, backlog: Int
    ) throws(SocketError) -> (descriptor: CInt, port: Int) {
        let descriptor = try open(address)
        do throws(SocketError) {
            setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
            try check("bind", unsafe address.withPointer { unsafe bind(descriptor, $0, $1) })
            try check("listen", Glibc.listen(descriptor, CInt(clamping: backlog)))
            var bound = SocketAddress()
            let status = unsafe withUnsafeMutableBytes(of: &bound.storage) { bytes in
                var length = socklen_t(bytes.count)
                return unsafe getsockname(
                    descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            try check("getsockname", status)
            return (descriptor, bound.port)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Lets the process have as many descriptors as the system allows it.
    package static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Takes the next connection that waits.
    package static func accept(_ listener: CInt) -> AcceptOutcome {
        while true {
            var peer = SocketAddress()
            let descriptor = unsafe holdfast_accept(listener, &peer.storage)
            if descriptor >= 0 {
                setOption(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY)
                return .accepted(descriptor, peer)
            }
            switch errno {
            case EAGAIN: return .wouldBlock
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                return .exhausted(SocketError(call: "accept4", code: errno))
            case EBADF, EINVAL, ENOTSOCK: return .wouldBlock
            default: continue  // EINTR, ECONNABORTED and errors of that one connection.
            }
        }
    }

    /// Starts to connect; the event loop reports `writable` or `hangUp` when it is decided.
    package static func connect(to address: SocketAddress) throws(SocketError) -> CInt {
        let descriptor = try open(address)
        setOption(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY)
        let status = unsafe address.withPointer { unsafe Glibc.connect(descriptor, $0, $1) }
        guard status == 0 || errno == EINPROGRESS else {
            let code = errno
            close(descriptor)
            throw SocketError(call: "connect", code: code)
        }
        return descriptor
    }

    /// The error that waits on a socket, such as that of a failed connect; `nil` when there is none.
    package static func pendingError(_ descriptor: CInt) -> SocketError? {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        return code == 0 ? nil : SocketError(call: "connect", code: code)
    }

    /// Reads what is there into `buffer`, up to its size.
    package static func read(_ descriptor: CInt, into buffer: inout [UInt8]) -> SocketOutcome {
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: return .failed(SocketError(call: "recv", code: code))
            }
        }
    }

    /// Sends the FIN: the peer reads to the end of what was written.
    package static func shutdownWrite(_ descriptor: CInt) {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Closes the descriptor.
    package static func close(_ descriptor: CInt) { _ = Glibc.close(descriptor) }

    private static func open(_ address: SocketAddress) throws(SocketError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(CInt(address.storage.ss_family), type, 0)
        guard descriptor >= 0 else { throw SocketError(call: "socket", code: errno) }
        return descriptor
    }

    private static func setOption(_ descriptor: CInt, _ level: CInt, _ name: CInt) {
        var on: CInt = 1
        unsafe setsockopt(descriptor, level, name, &on, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func check(_ call: String, _ status: CInt) throws(SocketError) {
        guard status == 0 else { throw SocketError(call: call, code: errno) }
    }
}

/// Bytes on their way to a socket.
package struct OutputBuffer: Sendable {
    /// The bytes written so far stay in front until all are written.
    private var bytes: [UInt8] = []
    private var written = 0

    package init() {}

    /// How many bytes wait.
    package var count: Int { bytes.count - written }

    package var isEmpty: Bool { count == 0 }

    /// Lets `body` append bytes.
    package mutating func append(_ body: (inout [UInt8]) -> Void) { body(&bytes) }

    /// Writes as much as the socket takes.
    ///
    /// - Returns: `bytes` when all was written, `wouldBlock` when some is left, or `failed`.
    package mutating func flush(to descriptor: CInt) -> SocketOutcome {
        let total = count
        while written < bytes.count {
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe send(
                    descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                    CInt(MSG_NOSIGNAL))
            }
            if sent > 0 {
                written += sent
                continue
            }
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN else {
                return .failed(SocketError(call: "send", code: code))
            }
            // Written bytes are cut off when they are the bulk, so that the copy stays cheap.
            if written > bytes.count / 2 {
                bytes.removeFirst(written)
                written = 0
            }
            return .wouldBlock
        }
        written = 0
        if bytes.capacity > 65_536 {
            bytes = []
        } else {
            bytes.removeAll(keepingCapacity: true)
        }
        return .bytes(total)
    }
}
