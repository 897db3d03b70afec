/// A message of one topic as a service takes it from the log.
package struct LogMessage<Value: Sendable>: Sendable {
    /// The partition it came from.
    package let partition: Int
    /// Its offset in the partition.
    package let offset: Int
    /// What it says, or why that cannot be understood.
    package let value: Result<Value, MessageError>
    /// The message as it came, for `dead-letter`.
    package let raw: RawMessage

    package init(
        partition: Int, offset: Int, value: Result<Value, MessageError>, raw: RawMessage
    ) {
        self.partition = partition
        self.offset = offset
        self.value = value
        self.raw = raw
    }
}

/// The bytes of a message as they came.
package struct RawMessage: Hashable, Sendable {
    package let key: [UInt8]
    package let value: [UInt8]

    package init(key: [UInt8], value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// A message that is set aside for people to look at, with the reason.
///
/// Both are cut where they are too long, so that no message is too large for `dead-letter`.
package struct DeadLetter: Hashable, Sendable {
    /// The most bytes of a message's value that are kept.
    package static let valueBytesMax = 512 * 1_024
    /// The most characters of a reason that are kept.
    package static let reasonLengthMax = 500

    /// Where it came from.
    package let topic: Topic
    package let partition: Int
    package let offset: Int
    /// Why it could not be handled.
    package let reason: String
    /// The message as it came.
    package let raw: RawMessage

    package init(topic: Topic, partition: Int, offset: Int, reason: String, raw: RawMessage) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.reason = String(reason.unicodeScalars.prefix(Self.reasonLengthMax))
        self.raw = RawMessage(
            key: Array(raw.key.prefix(Self.valueBytesMax)),
            value: Array(raw.value.prefix(Self.valueBytesMax)))
    }
}

/// What happens on a topic that is shared out among the members of a group.
package enum LogEvent<Value: Sendable>: Sendable {
    /// The partitions are ours from here on; their messages follow.
    case assigned([Int])
    /// The partitions go to another member once ``GroupLog/completeRevocation()`` is called.
    case revoked([Int])
    /// The partitions went to another member some time ago; nothing may be committed for them.
    case lost([Int])
    /// The next messages, of any of our partitions, in order within each.
    case messages([LogMessage<Value>])
}

/// A topic that is shared out among the members of a consumer group.
package protocol GroupLog<Value>: Sendable {
    associatedtype Value: Sendable

    /// Waits for the next event; `nil` once the log is closed. What is no messages goes first.
    func next() async throws -> LogEvent<Value>?

    /// Whether something waits that is no messages, so that who has no room for any may ask for it.
    var hasChange: Bool { get }

    /// Asks the group itself whether the partitions are ours at this moment.
    ///
    /// A member that slept does not know yet what it has lost.
    ///
    /// - Throws: any error while the group cannot be asked, or says that we are no member of it.
    func owns(_ partitions: [Int]) async throws -> Bool

    /// Lets the last revoked partitions go.
    func completeRevocation() async

    /// Notes, for each partition, the offset from which its next owner reads.
    func commit(_ offsets: [Int: Int]) async throws

    /// The offsets that the next messages of the partitions will get.
    func ends(of partitions: [Int]) async throws -> [Int: Int]

    /// Leaves the group: a last revocation is handed out, then ``next()`` returns `nil`.
    func close() async
}

/// A topic of which the caller picks its partitions itself.
package protocol AssignedLog<Value>: Sendable {
    associatedtype Value: Sendable

    /// Waits for the next messages; `nil` once the log is closed.
    func next() async throws -> [LogMessage<Value>]?

    /// Reads these partitions too, from their committed offsets, or else from their start.
    func assign(_ partitions: [Int]) async throws

    /// Reads these partitions no more; messages of theirs may still be on their way.
    func unassign(_ partitions: [Int]) async throws

    /// The offsets that the next messages of the partitions will get.
    func ends(of partitions: [Int]) async throws -> [Int: Int]

    /// Notes, for each partition, the offset from which its next owner reads.
    func commit(_ offsets: [Int: Int]) async throws

    /// Ends reading: ``next()`` returns `nil`.
    func close() async
}
