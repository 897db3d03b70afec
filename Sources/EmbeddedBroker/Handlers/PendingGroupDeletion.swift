/// A deletion of groups that is staged or written, but not safe yet.
final class PendingGroupDeletion: SafetyWaiter {
    private let ticket: ReplyTicket
    private let results: [(group: String, error: ErrorCode)]
    private var hasFailed = false

    init(ticket: ReplyTicket, results: [(group: String, error: ErrorCode)]) {
        self.ticket = ticket
        self.results = results
    }

    func written(offsetsFailed: Bool) { hasFailed = offsetsFailed }

    func finish(offsetsFailed: Bool) {
        let failure: ErrorCode? = hasFailed || offsetsFailed ? .coordinatorNotAvailable : nil
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.array(results) { wire, result in
                wire.string(result.group)
                wire.error(result.error == .none ? failure ?? .none : result.error)
            }
        }
    }
}
