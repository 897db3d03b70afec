internal import CCrypto
internal import CWslay
import Glibc

/// What a websocket peer sent.
package enum WebSocketEvent: Sendable {
    /// A whole text message, valid UTF-8.
    case text([UInt8])
    /// A whole binary message; its bytes are dropped.
    case binary
    case ping
    case pong
    /// A close frame; 1005 when it carried no code.
    case close(code: UInt16, reason: String)
}

/// Encodes and decodes the frames of one websocket, on `wslay` 1.1.
///
/// Pings are answered, close frames echoed, and violations of RFC 6455 (unmasked frames of a
/// client, bad UTF-8, messages above the limit) turned into close frames with the right code, all
/// of which wait for ``drain(into:)``.
@safe package struct WebSocketCodecHandle: ~Copyable {
    /// Which end of the connection this is.
    package enum Role: Sendable {
        case server, client
    }

    private let context: wslay_event_context_ptr
    private let transfer: UnsafeMutablePointer<WebSocketTransfer>
    private let role: Role
    private var isBroken = false
    private var owesClose = false

    /// Makes a codec; `nil` when memory is out.
    ///
    /// - Parameter messageBytesMax: a longer message is refused with close code 1009.
    package init?(_ role: Role, messageBytesMax: Int) {
        let transfer = UnsafeMutablePointer<WebSocketTransfer>.allocate(capacity: 1)
        unsafe transfer.initialize(to: WebSocketTransfer())
        var made: wslay_event_context_ptr?
        let status =
            switch role {
            case .server: unsafe wslay_event_context_server_init(&made, callbacks, transfer)
            case .client: unsafe wslay_event_context_client_init(&made, callbacks, transfer)
            }
        guard status == 0, let made = unsafe made else {
            unsafe transfer.deinitialize(count: 1)
            unsafe transfer.deallocate()
            return nil
        }
        unsafe wslay_event_config_set_max_recv_msg_length(made, UInt64(messageBytesMax))
        self.role = role
        unsafe context = made
        unsafe self.transfer = unsafe transfer
    }

    deinit {
        unsafe wslay_event_context_free(context)
        unsafe transfer.deinitialize(count: 1)
        unsafe transfer.deallocate()
    }

    /// Decodes bytes from the peer; what they held waits in ``takeEvents()``.
    package mutating func receive(_ bytes: Span<UInt8>) {
        let isUsable = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe transfer.pointee.input = unsafe buffer
            let status = unsafe wslay_event_recv(context)
            unsafe transfer.pointee.input = UnsafeBufferPointer(start: nil, count: 0)
            return status == 0
        }
        // Where a frame is broken beyond its header, such as a control frame that is too long,
        // wslay gives up with a close frame that has no code; half a code it answers with none.
        let isHalfCode = unsafe transfer.pointee.isCloseCodeCut
        if !isUsable || isHalfCode, !isBroken {
            isBroken = true
            owesClose = unsafe wslay_event_get_close_sent(context) == 0
        }
    }

    /// The events decoded since the last call, in order.
    package mutating func takeEvents() -> [WebSocketEvent] {
        var taken: [WebSocketEvent] = []
        unsafe swap(&taken, &transfer.pointee.events)
        return taken
    }

    /// Queues a text message; returns whether it will be sent.
    @discardableResult
    package mutating func queueText(_ text: [UInt8]) -> Bool {
        queue(opcode: UInt8(WSLAY_TEXT_FRAME.rawValue), text)
    }

    /// Queues a binary message; returns whether it will be sent.
    @discardableResult
    package mutating func queueBinary(_ bytes: [UInt8]) -> Bool {
        queue(opcode: UInt8(WSLAY_BINARY_FRAME.rawValue), bytes)
    }

    /// Queues a ping.
    package mutating func queuePing() { _ = queue(opcode: UInt8(WSLAY_PING.rawValue), []) }

    /// Queues a close frame; only the first one has an effect.
    ///
    /// - Parameter reason: cut to the 123 bytes that fit into a control frame.
    package mutating func queueClose(code: UInt16, reason: String) {
        var reason = reason
        while reason.utf8.count > 123 { reason.removeLast() }
        var bytes = Array(reason.utf8)
        _ = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe wslay_event_queue_close(context, code, buffer.baseAddress, buffer.count)
        }
    }

    /// Appends the frames that wait to `output`.
    package mutating func drain(into output: inout [UInt8]) {
        if isBroken {
            if owesClose { output += Self.protocolErrorFrame(role) }
            owesClose = false
            return
        }
        guard unsafe wslay_event_want_write(context) != 0 else { return }
        unsafe swap(&output, &transfer.pointee.output)
        // The callback takes every byte, so one call empties the queue.
        unsafe wslay_event_send(context)
        unsafe swap(&output, &transfer.pointee.output)
    }

    /// Whether more bytes from the peer may be decoded; false once a close frame came, or after a
    /// violation.
    package var wantsInput: Bool {
        unsafe !isBroken && wslay_event_want_read(context) != 0
    }

    /// Whether a close frame was encoded; nothing follows it.
    package var closeSent: Bool {
        isBroken ? !owesClose : unsafe wslay_event_get_close_sent(context) != 0
    }

    /// Whether the peer sent a close frame.
    package var closeReceived: Bool { unsafe wslay_event_get_close_received(context) != 0 }

    /// The code of the close frame that was encoded.
    package var closeCodeSent: UInt16 {
        isBroken ? 1002 : unsafe wslay_event_get_status_code_sent(context)
    }

    /// A close frame with code 1002; a client's has to be masked, if only with zeros.
    private static func protocolErrorFrame(_ role: Role) -> [UInt8] {
        switch role {
        case .server: [0x88, 0x02, 0x03, 0xEA]
        case .client: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xEA]
        }
    }

    private mutating func queue(opcode: UInt8, _ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var message = unsafe wslay_event_msg(
                opcode: opcode, msg: buffer.baseAddress, msg_length: buffer.count)
            return unsafe wslay_event_queue_msg(context, &message) == 0
        }
    }
}

/// What goes through a codec's callbacks; the context's user data points to it.
@safe private struct WebSocketTransfer {
    /// Bytes from the peer not yet decoded; only set during a call of `wslay_event_recv`.
    var input = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    var output: [UInt8] = []
    var events: [WebSocketEvent] = []
    /// Whether a close frame came with one byte, where a code has two.
    var isCloseCodeCut = false
    var masks = RandomPool()
}

/// Random bytes, fetched many at a time.
private struct RandomPool {
    private var pool: [UInt8] = []

    mutating func take() -> UInt8 {
        if pool.isEmpty {
            pool = Array(repeating: 0, count: 256)
            let status = unsafe RAND_bytes(&pool, CInt(pool.count))
            precondition(status == 1, "the kernel's random generator does not answer")
        }
        return pool.removeLast()
    }
}

private func transfer(_ userData: UnsafeMutableRawPointer?)
    -> UnsafeMutablePointer<WebSocketTransfer>
{
    guard let userData = unsafe userData else {
        preconditionFailure("wslay called back without its user data")
    }
    return unsafe userData.assumingMemoryBound(to: WebSocketTransfer.self)
}

private func onReceive(
    _ context: wslay_event_context_ptr?, _ destination: UnsafeMutablePointer<UInt8>?,
    _ count: Int, _ flags: CInt, _ userData: UnsafeMutableRawPointer?
) -> Int {
    let transfer = unsafe transfer(userData)
    let input = unsafe transfer.pointee.input
    guard !input.isEmpty, let source = input.baseAddress else {
        unsafe wslay_event_set_error(context, CInt(WSLAY_ERR_WOULDBLOCK.rawValue))
        return -1
    }
    let taken = min(count, input.count)
    unsafe destination?.update(from: source, count: taken)
    unsafe transfer.pointee.input = UnsafeBufferPointer(rebasing: input[taken...])
    return taken
}

private func onSend(
    _ context: wslay_event_context_ptr?, _ source: UnsafePointer<UInt8>?, _ count: Int,
    _ flags: CInt, _ userData: UnsafeMutableRawPointer?
) -> Int {
    let bytes = unsafe UnsafeBufferPointer(start: source, count: count)
    unsafe transfer(userData).pointee.output.append(contentsOf: bytes)
    return count
}

private func onMask(
    _ context: wslay_event_context_ptr?, _ mask: UnsafeMutablePointer<UInt8>?, _ count: Int,
    _ userData: UnsafeMutableRawPointer?
) -> CInt {
    let transfer = unsafe transfer(userData)
    for index in 0..<count { unsafe mask?[index] = transfer.pointee.masks.take() }
    return 0
}

private func onMessage(
    _ context: wslay_event_context_ptr?,
    _ argument: UnsafePointer<wslay_event_on_msg_recv_arg>?, _ userData: UnsafeMutableRawPointer?
) {
    guard let argument = unsafe argument else { return }
    let message = unsafe argument.pointee
    let bytes = unsafe UnsafeBufferPointer(start: message.msg, count: message.msg_length)
    let event: WebSocketEvent
    switch unsafe UInt32(message.opcode) {
    case WSLAY_TEXT_FRAME.rawValue: event = unsafe .text(Array(bytes))
    case WSLAY_BINARY_FRAME.rawValue: event = .binary
    case WSLAY_PING.rawValue: event = .ping
    case WSLAY_PONG.rawValue: event = .pong
    case WSLAY_CONNECTION_CLOSE.rawValue:
        if bytes.count == 1 { unsafe transfer(userData).pointee.isCloseCodeCut = true }
        let code = unsafe message.status_code == 0 ? 1005 : message.status_code
        // The first two bytes of the payload are the code.
        let reason = unsafe String(decoding: bytes.dropFirst(2), as: UTF8.self)
        event = .close(code: code, reason: reason)
    default: return
    }
    unsafe transfer(userData).pointee.events.append(event)
}

/// The callbacks of every codec; written once, then only read.
nonisolated(unsafe) private let callbacks: UnsafeMutablePointer<wslay_event_callbacks> = {
    let callbacks = UnsafeMutablePointer<wslay_event_callbacks>.allocate(capacity: 1)
    unsafe callbacks.initialize(
        to: wslay_event_callbacks(
            recv_callback: onReceive, send_callback: onSend, genmask_callback: onMask,
            on_frame_recv_start_callback: nil, on_frame_recv_chunk_callback: nil,
            on_frame_recv_end_callback: nil, on_msg_recv_callback: onMessage))
    return unsafe callbacks
}()
