/// A commit of offsets that is staged or written, but not safe yet.
final class PendingCommit: SafetyWaiter {
    typealias Topic = (name: String, partitions: [(index: Int32, error: ErrorCode)])

    private let ticket: ReplyTicket
    private let topics: [Topic]
    private var hasFailed = false

    init(ticket: ReplyTicket, topics: [Topic]) {
        self.ticket = ticket
        self.topics = topics
    }

    func written(offsetsFailed: Bool) { hasFailed = offsetsFailed }

    func finish(offsetsFailed: Bool) {
        // Clients take a storage error of the coordinator for one that they may retry.
        let failure: ErrorCode? = hasFailed || offsetsFailed ? .coordinatorNotAvailable : nil
        ticket.reply { response in
            if ticket.version >= 3 { response.wire.int32(0) }
            response.wire.array(topics) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.partitions) { wire, partition in
                    wire.int32(partition.index)
                    wire.error(partition.error == .none ? failure ?? .none : partition.error)
                }
            }
        }
    }
}
