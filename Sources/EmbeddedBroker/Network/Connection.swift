import Telemetry
import Threading

/// Who takes the requests of connections.
protocol ConnectionOwner: AnyObject {
    /// Room to receive into, shared by all connections: idle ones hold no memory.
    var receiveBlock: ByteBlock { get }
    /// Memory for requests that came in part.
    var blocks: BlockPool { get }
    var limits: ConnectionLimits { get }
    var traffic: TrafficMetrics { get }
    var logger: Logger { get }

    /// Answers a request now or later; throws where it breaks the format.
    func handle(_ reader: inout WireReader, of connection: Connection) throws(WireError)
    /// Asks that ``Connection/flush()`` be called at the end of the loop's turn.
    func needsFlush(_ connection: Connection)
    /// Asks that ``Connection/receive()`` be called soon.
    func needsReceive(_ connection: Connection)
    /// The connection has gone.
    func didClose(_ connection: Connection)
}

/// What one connection may use.
struct ConnectionLimits {
    let requestBytesMax: Int
    let inFlightMax: Int
    let unsentBytesMax: Int
}

/// One client's connection: cuts the bytes that come into requests, sends answers in order.
///
/// Loop thread only. Requests are read from a block that all connections share; only a request that
/// came in part has memory of its own, which grows as its bytes come, not as it claims.
final class Connection {
    let socket: Socket
    private(set) var isOpen = true
    /// Fetches of this connection that wait for data.
    var parkedFetches: [FetchWaiter] = []
    /// Whether the end of the turn has it in its list.
    var isFlushScheduled = false

    private unowned let owner: any ConnectionOwner
    private var partial: ByteBlock?
    private var partialRange = 0..<0
    private var slots: [[OutputChunk]?] = []
    private var firstSlot = 0
    private var firstSequence = 0
    private var output = OutputQueue()
    private var reportedSentBytes = 0
    /// Whether the client will send no more; what it sent may still have to be read.
    private var hasHungUp = false
    /// Whether reading stopped because the client does not take its answers.
    private var isPaused = false

    /// How much one connection may read before others have their turn, in bytes.
    private static let bytesPerTurn = 1_024 * 1_024

    init(socket: Socket, owner: any ConnectionOwner) {
        self.socket = socket
        self.owner = owner
    }

    private var inFlight: Int { slots.count - firstSlot }

    private var mustPause: Bool {
        inFlight >= owner.limits.inFlightMax || output.pendingBytes >= owner.limits.unsentBytesMax
    }

    /// What epoll reported.
    func ready(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.writable), !output.isEmpty { flush() }
        if readiness.contains(.hangUp) { hasHungUp = true }
        if readiness.contains(.readable) || hasHungUp { receive() }
    }

    // MARK: - Requests

    /// Reads and handles what there is.
    func receive() {
        var budget = Self.bytesPerTurn
        while isOpen {
            if mustPause {
                isPaused = true
                return
            }
            if let block = partial, holdsWholeFrame(block) {
                process(block, partialRange)
                continue
            }
            guard budget > 0 else {
                owner.needsReceive(self)
                return
            }
            guard let (block, range) = room() else {
                fail("too much at once: all memory for requests is in use")
                return
            }
            switch socket.receive(into: block, range) {
            case .bytes(let count):
                owner.traffic.bytesIn.increment(by: count)
                budget -= count
                if partial == nil {
                    process(block, range.lowerBound..<range.lowerBound + count)
                } else {
                    partialRange = partialRange.lowerBound..<partialRange.upperBound + count
                }
                // Less than was asked for: nothing is left, and what comes next is a new edge. But the
                // end of a client that sent and left may have come with the edge of its data.
                if count < range.count, !hasHungUp, partial.map(holdsWholeFrame) != true { return }
            case .wouldBlock:
                return
            case .closed:
                close()
            }
        }
    }

    private func holdsWholeFrame(_ block: ByteBlock) -> Bool {
        guard partialRange.count >= 4 else { return false }
        let length = Int(block.integer(Int32.self, at: partialRange.lowerBound))
        return length < 0 || length > owner.limits.requestBytesMax
            || partialRange.count >= 4 + length
    }

    /// Where the next bytes go; `nil` where there is no memory for them.
    private func room() -> (ByteBlock, Range<Int>)? {
        guard var block = partial else {
            return (owner.receiveBlock, 0..<owner.receiveBlock.capacity)
        }
        // No more than the frame that has begun, so that the rest comes in through the shared block.
        var needed = 4 - partialRange.count
        if needed <= 0 {
            needed =
                4 + Int(block.integer(Int32.self, at: partialRange.lowerBound)) - partialRange.count
        }
        if block.capacity - partialRange.upperBound < needed {
            let capacity = min(
                partialRange.count + needed, max(64 * 1_024, 2 * partialRange.count))
            if capacity > block.capacity - partialRange.lowerBound {
                guard let grown = owner.blocks.take(capacity) else { return nil }
                grown.copy(from: block, partialRange, to: 0)
                owner.blocks.giveBack(block)
                block = grown
                partial = grown
                partialRange = 0..<partialRange.count
            }
        }
        let end = min(block.capacity, partialRange.upperBound + needed)
        return (block, partialRange.upperBound..<end)
    }

    /// Handles the whole requests in a range; what is left becomes the connection's own.
    private func process(_ block: ByteBlock, _ range: Range<Int>) {
        var position = range.lowerBound
        while isOpen, !mustPause, range.upperBound - position >= 4 {
            let length = Int(block.integer(Int32.self, at: position))
            guard length >= 8, length <= owner.limits.requestBytesMax else {
                fail("a frame of \(length) bytes")
                return
            }
            guard range.upperBound - position >= 4 + length else { break }
            var reader = WireReader(block, position + 4..<position + 4 + length)
            position += 4 + length
            do throws(WireError) {
                try owner.handle(&reader, of: self)
            } catch {
                fail("a frame that is \(error)")
            }
        }
        guard isOpen else { return }
        keep(block, position..<range.upperBound)
    }

    private func keep(_ block: ByteBlock, _ rest: Range<Int>) {
        if rest.isEmpty {
            dropPartial()
        } else if block === partial {
            partialRange = rest
        } else {
            guard let own = owner.blocks.take(max(rest.count, 4_096)) else {
                fail("too much at once: all memory for requests is in use")
                return
            }
            own.copy(from: block, rest, to: 0)
            partial = own
            partialRange = 0..<rest.count
        }
    }

    private func dropPartial() {
        if let partial { owner.blocks.giveBack(partial) }
        partial = nil
        partialRange = 0..<0
    }

    /// Ends a connection whose bytes make no sense, or that asks for what is not there.
    func fail(_ reason: String) {
        owner.traffic.malformed.increment()
        owner.logger.warning(
            "connection closed: the client sent \(reason)", ["client": socket.peer])
        close()
    }

    // MARK: - Answers

    /// Keeps a place for the answer to the next request.
    func reserveSlot() -> Int {
        slots.append(nil)
        return firstSequence + slots.count - firstSlot - 1
    }

    /// Fills a place; what stands at the front is sent at the end of the turn.
    func complete(_ sequence: Int, _ response: [OutputChunk]) {
        guard isOpen else { return }
        slots[firstSlot + sequence - firstSequence] = response
        guard sequence == firstSequence else { return }
        while firstSlot < slots.count, let ready = slots[firstSlot] {
            for chunk in ready { output.append(chunk) }
            slots[firstSlot] = nil
            firstSlot += 1
            firstSequence += 1
        }
        if firstSlot == slots.count {
            slots.removeAll(keepingCapacity: true)
            firstSlot = 0
        } else if firstSlot >= 64 {
            slots.removeFirst(firstSlot)
            firstSlot = 0
        }
        owner.needsFlush(self)
    }

    /// Sends what is ready, and goes on reading where that had stopped.
    func flush() {
        guard isOpen else { return }
        let outcome = output.flush(to: socket)
        owner.traffic.bytesOut.increment(by: output.sentBytes - reportedSentBytes)
        reportedSentBytes = output.sentBytes
        if outcome == .closed {
            close()
        } else if isPaused, !mustPause {
            isPaused = false
            owner.needsReceive(self)
        }
    }

    /// Closes at once.
    func close() {
        guard isOpen else { return }
        isOpen = false
        dropPartial()
        slots = []
        output = OutputQueue()
        owner.didClose(self)
    }
}
