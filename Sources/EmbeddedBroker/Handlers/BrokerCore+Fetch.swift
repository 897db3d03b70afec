import Telemetry
import Threading

extension BrokerCore {
    /// From this size on records are sent straight from the file, in bytes.
    private static let sendfileBytesMin = 8 * 1_024

    func fetch(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let request = try FetchRequest(&reader, version: ticket.version)
        guard request.sessionID == 0 else {
            // Sessions are never granted, so nobody can have one.
            ticket.reply { response in
                response.wire.int32(0)
                response.wire.error(.fetchSessionIDNotFound)
                response.wire.int32(0)
                response.wire.int32(0)
            }
            return
        }
        let waiter = FetchWaiter(ticket: ticket, request: request)
        if request.waitMillisMax <= 0 || isSatisfied(request) {
            answer(waiter)
        } else {
            park(waiter)
        }
    }

    /// Whether a fetch is to be answered at once: enough bytes, or something to complain about.
    private func isSatisfied(_ request: FetchRequest) -> Bool {
        var isEmpty = true
        var available = 0
        let needed = min(request.bytesMin, request.bytesMax)
        for (name, partitions) in request.topics {
            let topic = topics.topics[name]
            for partition in partitions {
                isEmpty = false
                guard let log = topic?.partition(partition.index), partition.leaderEpoch <= 0,
                    partition.offset >= log.startOffset, partition.offset <= log.endOffset
                else { return true }
                guard partition.offset < log.visible.offset else { continue }
                if needed <= 1 { return true }
                available += min(
                    partition.bytesMax, log.bytesAvailable(from: partition.offset))
                if available >= needed { return true }
            }
        }
        return isEmpty || needed <= 0
    }

    private func park(_ waiter: FetchWaiter) {
        for (name, partitions) in waiter.request.topics {
            guard let topic = topics.topics[name] else { continue }
            for partition in partitions {
                guard let log = topic.partition(partition.index) else { continue }
                log.waiters.append(waiter)
                waiter.logs.append(log)
            }
        }
        waiter.ticket.connection.parkedFetches.append(waiter)
        metrics.fetchesParked.add(1)
        let delay = Duration.milliseconds(waiter.request.waitMillisMax)
        waiter.timer = loop.schedule(after: delay) { [weak self] in
            waiter.timer = nil
            self?.complete(waiter)
        }
    }

    /// Looks again at the fetches that wait for a log.
    func wakeFetches(of log: PartitionLog) {
        guard !log.waiters.isEmpty else { return }
        for waiter in log.waiters where isSatisfied(waiter.request) { complete(waiter) }
    }

    /// Answers a fetch that waited.
    func complete(_ waiter: FetchWaiter) {
        guard !waiter.isDone else { return }
        waiter.ticket.connection.parkedFetches.removeAll { $0 === waiter }
        forget(waiter)
        answer(waiter)
    }

    /// Ends the wait without an answer.
    func forget(_ waiter: FetchWaiter) {
        guard !waiter.isDone else { return }
        waiter.isDone = true
        metrics.fetchesParked.add(-1)
        if let timer = waiter.timer { loop.cancel(timer) }
        for log in waiter.logs {
            if let index = log.waiters.firstIndex(where: { $0 === waiter }) {
                log.waiters.swapAt(index, log.waiters.count - 1)
                log.waiters.removeLast()
            }
        }
        waiter.logs = []
    }

    private func answer(_ waiter: FetchWaiter) {
        metrics.fetches.increment()
        let version = waiter.ticket.version
        var budget = min(max(0, waiter.request.bytesMax), configuration.fetchBytesMax)
        var isFirst = true
        waiter.ticket.reply { response in
            response.wire.int32(0)
            if version >= 7 {
                response.wire.error(.none)
                response.wire.int32(0)
            }
            response.wire.int32(Int32(waiter.request.topics.count))
            for (name, partitions) in waiter.request.topics {
                response.wire.string(name)
                response.wire.int32(Int32(partitions.count))
                let topic = topics.topics[name]
                for partition in partitions {
                    let sent = write(
                        partition, topic?.partition(partition.index), version,
                        bytesMax: min(budget, partition.bytesMax), atLeastOne: isFirst, &response)
                    if sent > 0 { isFirst = false }
                    budget = max(0, budget - sent)
                }
            }
        }
    }

    /// Writes one partition's part of an answer; returns how many bytes of records it has.
    private func write(
        _ partition: FetchPartition, _ log: PartitionLog?, _ version: Int16, bytesMax: Int,
        atLeastOne: Bool, _ response: inout ResponseWriter
    ) -> Int {
        var error = ErrorCode.none
        var slice: LogSlice?
        var loaded: PartitionLog.Loaded?
        do throws(ErrorCode) {
            guard let log else { throw .unknownTopicOrPartition }
            guard partition.leaderEpoch <= 0 else { throw .unknownLeaderEpoch }
            slice = try log.read(
                from: partition.offset, bytesMax: bytesMax, atLeastOne: atLeastOne)
            if let slice, slice.count < Self.sendfileBytesMin { loaded = try log.load(slice) }
        } catch let failure {
            error = failure
            slice = nil
        }
        response.wire.int32(partition.index)
        response.wire.error(error)
        response.wire.int64(log?.visible.offset ?? -1)
        response.wire.int64(log?.visible.offset ?? -1)
        if version >= 5 { response.wire.int64(log?.startOffset ?? -1) }
        response.wire.int32(0)  // Aborted transactions.
        if version >= 11 { response.wire.int32(-1) }  // No better replica.
        guard let log, let slice else {
            response.wire.int32(0)
            return 0
        }
        response.wire.int32(Int32(slice.count))
        switch loaded {
        case .fresh(let bytes): response.wire.raw(bytes)
        case .scratch(let count): response.wire.raw(log.environment.scratch, 0..<count)
        case nil: response.file(slice)
        }
        return slice.count
    }

    func listOffsets(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        _ = try reader.int32()
        if version >= 2 { _ = try reader.int8() }
        let asked = try reader.array { reader throws(WireError) in
            let name = try reader.string()
            let partitions = try reader.array { reader throws(WireError) in
                let index = try reader.int32()
                if version >= 4 { _ = try reader.int32() }
                return (index: index, timestamp: try reader.int64())
            }
            return (name: name, partitions: partitions)
        }
        ticket.reply { response in
            if version >= 2 { response.wire.int32(0) }
            response.wire.array(asked) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.partitions) { wire, partition in
                    var error = ErrorCode.none
                    var found: (offset: Int64, timestamp: Int64)? = (-1, -1)
                    do throws(ErrorCode) {
                        found = try offset(
                            TopicPartition(topic: topic.name, partition: partition.index),
                            at: partition.timestamp)
                    } catch let failure {
                        error = failure
                    }
                    wire.int32(partition.index)
                    wire.error(error)
                    wire.int64(found?.timestamp ?? -1)
                    wire.int64(found?.offset ?? -1)
                    if version >= 4 { wire.int32(error == .none ? 0 : -1) }
                }
            }
        }
    }

    private func offset(
        _ partition: TopicPartition, at timestamp: Int64
    ) throws(ErrorCode) -> (offset: Int64, timestamp: Int64)? {
        guard let log = topics.log(partition.topic, partition.partition) else {
            throw .unknownTopicOrPartition
        }
        switch timestamp {
        case -1: return (log.visible.offset, -1)
        case -2: return (log.startOffset, -1)
        case ..<0: throw .invalidRequest
        default: return try log.firstOffset(atOrAfter: timestamp)
        }
    }
}
