internal import CLibPQ
internal import Glibc

/// One libpq connection in non-blocking mode, waited on with `poll(2)` up to a deadline.
///
/// Not thread-safe: whoever holds it stays on one thread. After an error of kind `connection` only
/// destruction is left. Outside of COPY it always stands in pipeline mode.
///
/// Source: libpq 15, chapters 34.1 (connecting), 34.4 (asynchronous), 34.5 (pipeline mode).
@safe struct PostgresHandle: ~Copyable {
    /// What `PQsendPrepare` was told, so that the same text with other types is another statement.
    struct PreparedKey: Hashable {
        let sql: String
        let types: [PostgresType]
    }

    /// Beyond this many texts further ones are parsed on each use.
    static let preparedCountMax = 512

    let pointer: OpaquePointer
    var prepared: [PreparedKey: String] = [:]
    var preparedCount = 0
    var isCopying = false

    /// Connects; the caller's thread waits.
    static func connecting(
        _ configuration: PostgresConfiguration
    ) throws(PostgresError) -> PostgresHandle {
        try checkAddress(configuration.url)
        // A parameter of the address overrides the ones before `dbname`, not those after it.
        let parameters: [(String, String)] = [
            ("keepalives_idle", "20"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", String(configuration.callTimeout.millisecondsForC)),
            ("fallback_application_name", configuration.applicationName),
            ("dbname", configuration.url), ("client_encoding", "UTF8"),
        ]
        let started = unsafe withCStrings(parameters.map(\.0)) { keywords in
            unsafe withCStrings(parameters.map(\.1)) { values in
                unsafe PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let pointer = unsafe started else { throw .lost("libpq is out of memory") }
        var handle = unsafe PostgresHandle(owning: pointer)
        if unsafe PQstatus(pointer) == CONNECTION_BAD {
            throw handle.failure("cannot connect", sqlState: "08001")
        }
        try handle.finishConnecting(before: .now + configuration.connectTimeout)
        guard unsafe PQsetnonblocking(pointer, 1) == 0, unsafe PQenterPipelineMode(pointer) == 1
        else { throw handle.failure("cannot enter pipeline mode") }
        try handle.applySettings(configuration)
        return handle
    }

    private init(owning pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
        unsafe PQsetNoticeReceiver(pointer, ignoreNotice, nil)
    }

    deinit { unsafe PQfinish(pointer) }

    /// Where the connection leads, without user and password.
    var address: String {
        unsafe "\(text(PQhost(pointer))):\(text(PQport(pointer)))/\(text(PQdb(pointer)))"
    }

    /// The process that serves this connection, as in `pg_stat_activity.pid`.
    var backendProcessID: Int32 { unsafe PQbackendPID(pointer) }

    /// Whether no transaction is open.
    var isIdle: Bool { unsafe PQtransactionStatus(pointer) == PQTRANS_IDLE }

    /// Whether libpq has noticed the end of the connection.
    var isBroken: Bool { unsafe PQstatus(pointer) != CONNECTION_OK }

    private func finishConnecting(
        before deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        // libpq asks that the first step is taken as if PQconnectPoll had said WRITING.
        var step = PGRES_POLLING_WRITING
        while true {
            switch step {
            case PGRES_POLLING_OK: return
            case PGRES_POLLING_READING: _ = try wait(for: POLLIN, until: deadline)
            case PGRES_POLLING_WRITING: _ = try wait(for: POLLOUT, until: deadline)
            default: throw failure("cannot connect", sqlState: "08001")
            }
            step = unsafe PQconnectPoll(pointer)
        }
    }

    private mutating func applySettings(
        _ configuration: PostgresConfiguration
    ) throws(PostgresError) {
        var settings = configuration.settings
        settings["statement_timeout"] = String(configuration.statementTimeout.millisecondsForC)
        settings["idle_in_transaction_session_timeout"] = String(
            configuration.idleInTransactionTimeout.millisecondsForC)
        let names = settings.keys.sorted()
        _ = try run(
            [
                PostgresStatement(
                    "SELECT set_config(s.name, s.value, false) "
                        + "FROM unnest($1::text[], $2::text[]) AS s(name, value)",
                    [.textArray(names), .textArray(names.map { settings[$0] })])
            ], before: .now + configuration.callTimeout)
    }

    /// Waits until the socket is readable or writable.
    ///
    /// - Returns: what `poll(2)` reports.
    func wait(
        for events: Int32, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Int32 {
        let socket = unsafe PQsocket(pointer)
        guard socket >= 0 else { throw failure("the connection is closed") }
        var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            let left = deadline - .now
            guard left > .zero else {
                throw .lost("no answer from Postgres at \(address) before the deadline")
            }
            let count = unsafe poll(&descriptor, 1, max(1, left.millisecondsForC))
            if count > 0 { return Int32(descriptor.revents) }
            guard count == 0 || errno == EINTR else {
                throw .lost("poll failed with errno \(errno)")
            }
        }
    }

    /// Sends what libpq has buffered, reading meanwhile so that neither side blocks the other.
    func flush(before deadline: ContinuousClock.Instant) throws(PostgresError) {
        while true {
            switch unsafe PQflush(pointer) {
            case 0: return
            case 1:
                let ready = try wait(for: POLLIN | POLLOUT, until: deadline)
                if ready & POLLIN != 0, unsafe PQconsumeInput(pointer) == 0 { return }
            default: return  // The results say why.
            }
        }
    }

    /// Finds out, without waiting, whether the server hung up since the last call.
    func checkAlive() throws(PostgresError) {
        while !isBroken {
            var descriptor = pollfd(fd: unsafe PQsocket(pointer), events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&descriptor, 1, 0) > 0 else { return }
            if unsafe PQconsumeInput(pointer) == 0 { break }
        }
        throw failure("the connection was closed by the server")
    }

    /// The next result, or nil where libpq says that the current command has no more.
    func nextResult(before deadline: ContinuousClock.Instant) throws(PostgresError) -> RawResult {
        while unsafe PQisBusy(pointer) == 1 {
            _ = try wait(for: POLLIN, until: deadline)
            // PQgetResult turns a lost connection into an error result.
            if unsafe PQconsumeInput(pointer) == 0 { break }
        }
        return unsafe RawResult(owning: PQgetResult(pointer))
    }

    /// An error of kind `connection` with libpq's text.
    func failure(_ context: String, sqlState: String = "08006") -> PostgresError {
        let said = unsafe text(PQerrorMessage(pointer)).split(separator: "\n")
            .joined(separator: " ")
        return PostgresError(
            kind: .connection, sqlState: sqlState,
            message: said.isEmpty ? context : "\(context): \(said)")
    }
}

/// What `PQgetResult` returned: a result that is freed unless it is taken, or nothing.
@safe struct RawResult: ~Copyable {
    private let pointer: OpaquePointer?

    init(owning pointer: OpaquePointer?) { unsafe self.pointer = unsafe pointer }

    deinit { unsafe PQclear(pointer) }

    /// `nil` stands for "no more results of this command".
    var status: ExecStatusType? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe PQresultStatus(pointer)
    }

    var commandTag: String { unsafe text(PQcmdStatus(pointer)) }

    var affectedCount: Int { unsafe Int(text(PQcmdTuples(pointer))) ?? 0 }

    /// The server's complaint; of kind `connection` where it ends the session, or where libpq speaks
    /// because the server no longer does.
    var error: PostgresError {
        func field(_ code: Unicode.Scalar) -> String? {
            guard let value = unsafe PQresultErrorField(pointer, Int32(code.value)) else {
                return nil
            }
            return unsafe String(cString: value)
        }
        var message = unsafe field("M") ?? text(PQresultErrorMessage(pointer))
        while message.last?.isNewline == true { message.removeLast() }
        let isLast = field("V") == nil || field("V") == "FATAL" || field("V") == "PANIC"
        return PostgresError(
            kind: isLast ? .connection : .server, sqlState: field("C") ?? "08006",
            message: message, detail: field("D"), constraint: field("n"))
    }

    /// Hands the rows over.
    consuming func take() -> PostgresResult? {
        guard let pointer = unsafe pointer else {
            discard self
            return nil
        }
        let result = unsafe PostgresResult(owning: pointer)
        discard self
        return result
    }
}

/// Refuses an address that libpq cannot read, in words that cannot hold a password.
///
/// libpq's own messages quote the part that they stumble over. A password with an unescaped `@`
/// would end up in the host's name.
private func checkAddress(_ url: String) throws(PostgresError) {
    var message: UnsafeMutablePointer<CChar>?
    let options = unsafe PQconninfoParse(url, &message)
    unsafe PQfreemem(message)
    guard let options = unsafe options else {
        throw malformedAddress
    }
    defer { unsafe PQconninfoFree(options) }
    var option = unsafe options
    while let keyword = unsafe option.pointee.keyword {
        let isPlain = unsafe strcmp(keyword, "host") == 0 || strcmp(keyword, "dbname") == 0
        if isPlain, unsafe text(option.pointee.val).contains("@") {
            throw PostgresError(
                kind: .usage, sqlState: "08001",
                message: "the Postgres address has an @ in its host or database; "
                    + "in a user or password @ is written %40 and / is written %2F")
        }
        let isPort = unsafe strcmp(keyword, "port") == 0
        if isPort, !(unsafe text(option.pointee.val)).utf8.allSatisfy(isPortCharacter) {
            throw malformedAddress
        }
        unsafe option += 1
    }
}

/// A digit, or the comma between the ports of several hosts.
private func isPortCharacter(_ byte: UInt8) -> Bool {
    0x30...0x39 ~= byte || byte == UInt8(ascii: ",")
}

private let malformedAddress = PostgresError(
    kind: .usage, sqlState: "08001",
    message: "the Postgres address is malformed; is it postgres://user@host:port/database?")

private func ignoreNotice(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {}

private func text(_ string: UnsafePointer<CChar>?) -> String {
    guard let string = unsafe string else { return "" }
    return unsafe String(cString: string)
}

/// Lends a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result?
) -> Result? {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(bytes.count)
        bytes.append(contentsOf: string.utf8.map { CChar(bitPattern: $0) })
        bytes.append(0)
    }
    return unsafe bytes.withUnsafeBufferPointer { buffer -> Result? in
        guard let base = buffer.baseAddress else { return nil }
        var pointers = unsafe [UnsafePointer<CChar>?]()
        for offset in offsets { unsafe pointers.append(unsafe base + offset) }
        unsafe pointers.append(nil)
        return unsafe pointers.withUnsafeBufferPointer { list -> Result? in
            guard let first = list.baseAddress else { return nil }
            return unsafe body(first)
        }
    }
}
