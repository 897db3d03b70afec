import CLinux
import Glibc

/// What a call on a non-blocking socket came to.
enum SocketResult {
    /// So many bytes went through.
    case bytes(Int)
    /// Nothing for now.
    case wouldBlock
    /// The peer has gone.
    case closed
}

/// A non-blocking TCP socket; owns its descriptor.
final class Socket {
    let descriptor: CInt
    /// Who is at the other end, for log lines and group descriptions.
    let peer: String

    private init(descriptor: CInt, peer: String) {
        self.descriptor = descriptor
        self.peer = peer
    }

    deinit { Glibc.close(descriptor) }

    /// Listens on an address.
    ///
    /// - Parameter port: 0 takes any free one.
    /// - Returns: the socket and the port it has.
    static func listen(host: String, port: Int) throws(StorageError) -> (Socket, port: Int) {
        let place = "\(host):\(port)"
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0,
            let address = unsafe found
        else { throw StorageError("no such address to listen on", place, code: 0) }
        defer { unsafe freeaddrinfo(address) }
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe socket(address.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else { throw StorageError("socket", place) }
        let listener = Socket(descriptor: descriptor, peer: place)
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        guard unsafe bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0
        else { throw StorageError("bind", place) }
        guard Glibc.listen(descriptor, 1_024) == 0 else { throw StorageError("listen", place) }
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = unsafe withUnsafeMutableBytes(of: &bound) { bytes in
            unsafe getsockname(
                descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard status == 0 else { throw StorageError("getsockname", place) }
        return (listener, describe(&bound).port)
    }

    /// Takes the next connection; `nil` where none waits.
    ///
    /// - Throws: the `errno` of any other failure, such as too many open files.
    func accept() throws(StorageError) -> Socket? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = unsafe withUnsafeMutableBytes(of: &address) { bytes in
            unsafe Glibc.accept(
                descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard accepted >= 0 else {
            if errno == EAGAIN { return nil }
            if errno == ECONNABORTED || errno == EINTR { return try accept() }
            throw StorageError("accept", peer)
        }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        _ = fcntl(accepted, F_SETFL, O_RDWR | O_NONBLOCK)
        Self.setOption(accepted, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
        Self.setOption(accepted, SOL_SOCKET, SO_KEEPALIVE, 1)
        let (host, port) = Self.describe(&address)
        return Socket(descriptor: accepted, peer: "\(host):\(port)")
    }

    private static func setOption(_ socket: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
        var value = value
        _ = unsafe setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func describe(_ address: inout sockaddr_storage) -> (host: String, port: Int) {
        var host = [CChar](repeating: 0, count: 64)
        var service = [CChar](repeating: 0, count: 16)
        let status = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe getnameinfo(
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count), &host, socklen_t(host.count), &service,
                socklen_t(service.count), NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard status == 0 else { return ("?", 0) }
        func text(_ characters: [CChar]) -> String {
            String(
                decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
                as: UTF8.self)
        }
        return (text(host), Int(text(service)) ?? 0)
    }

    /// Receives into a range of `block`.
    func receive(into block: ByteBlock, _ range: Range<Int>) -> SocketResult {
        let count = unsafe block.withMutableBytes(range) { room in
            unsafe recv(descriptor, room.baseAddress, room.count, 0)
        }
        if count > 0 { return .bytes(count) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? .wouldBlock : .closed
    }

    /// Sends what stands in `bytes` from `start` on.
    ///
    /// - Parameter isMoreComing: holds a small packet back for what is sent next.
    func send(_ bytes: [UInt8], from start: Int, isMoreComing: Bool) -> SocketResult {
        let count = unsafe bytes.withUnsafeBytes { bytes in
            unsafe Glibc.send(
                descriptor, bytes.baseAddress.map { unsafe $0 + start }, bytes.count - start,
                CInt(MSG_NOSIGNAL) | (isMoreComing ? CInt(MSG_MORE) : 0))
        }
        return Self.sent(count)
    }

    /// Sends a part of a file, without taking it through this process's memory.
    func send(_ file: DiskFile, at position: Int, count: Int) -> SocketResult {
        var offset = position
        let sent = unsafe sendfile(descriptor, file.descriptor, &offset, count)
        // Nothing sent means that the file is shorter than was promised.
        return sent == 0 ? .closed : Self.sent(sent)
    }

    /// Has the calling thread get errors for broken connections instead of a signal that would end
    /// the process: `sendfile` has no flag for that.
    static func ignoreBrokenPipes() {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private static func sent(_ count: Int) -> SocketResult {
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN || errno == EINTR ? .wouldBlock : .closed
    }
}
