/// A produce request whose batches are staged or written, but not safe yet.
final class PendingProduce: SafetyWaiter {
    /// What became of the batch for one partition.
    struct PartitionResult {
        let index: Int32
        var error: ErrorCode
        var baseOffset: Int64 = -1
        var logStartOffset: Int64 = -1
        /// Where the batch was staged; `nil` for a batch that was refused.
        var log: PartitionLog?
        /// Which flush of the log writes it.
        var flush = 0
    }

    private let ticket: ReplyTicket
    private let isAnswered: Bool
    private var topics: [(name: String, partitions: [PartitionResult])]

    /// - Parameter isAnswered: false for a client that wants no acknowledgement.
    init(
        ticket: ReplyTicket, isAnswered: Bool,
        topics: [(name: String, partitions: [PartitionResult])]
    ) {
        self.ticket = ticket
        self.isAnswered = isAnswered
        self.topics = topics
    }

    func written(offsetsFailed: Bool) {
        failWhere { result in
            result.log.map { $0.failedFlushes.contains(result.flush) } ?? false
        }
    }

    func finish(offsetsFailed: Bool) {
        failWhere { $0.log.map(\.isOffline) ?? false }
        guard isAnswered else {
            ticket.replyNothing()
            return
        }
        let version = ticket.version
        ticket.reply { response in
            response.wire.array(topics) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.partitions) { wire, result in
                    wire.int32(result.index)
                    wire.error(result.error)
                    wire.int64(result.baseOffset)
                    if version >= 2 { wire.int64(-1) }  // Batches keep their own timestamps.
                    if version >= 5 { wire.int64(result.logStartOffset) }
                }
            }
            if version >= 1 { response.wire.int32(0) }
        }
    }

    private func failWhere(_ isLost: (PartitionResult) -> Bool) {
        for topic in topics.indices {
            for index in topics[topic].partitions.indices
            where isLost(topics[topic].partitions[index]) {
                topics[topic].partitions[index].error = .storageError
                topics[topic].partitions[index].baseOffset = -1
                topics[topic].partitions[index].log = nil
            }
        }
    }
}
