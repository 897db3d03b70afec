/// Holds back messages for keys that are being worked on, so that each key has one batch at a time.
///
/// What arrives for a busy key waits and is then taken all together: a hot key costs one batch a
/// round, not one a message, and its messages keep their order. Inlinable, so that the services' modules
/// have it specialised for their messages.
@usableFromInline package struct Mailboxes<Key: Hashable & Sendable, Message: Sendable>: Sendable {
    /// One key's messages in order of arrival.
    @usableFromInline package struct Batch: Sendable {
        @usableFromInline package let key: Key
        @usableFromInline package var messages: [Message]

        @inlinable package init(key: Key, messages: [Message]) {
            self.key = key
            self.messages = messages
        }
    }

    /// What waits for each key that is being worked on.
    @usableFromInline var waiting: [Key: [Message]] = [:]

    package init() {}

    /// How many keys are being worked on.
    package var busyCount: Int { waiting.count }
    /// How many messages wait for keys that are being worked on.
    @usableFromInline package internal(set) var waitingCount = 0

    /// Whether the key is being worked on.
    @inlinable package func isBusy(_ key: Key) -> Bool { waiting[key] != nil }

    /// Takes the messages whose key is free, which is then busy; the others wait.
    @inlinable package mutating func admit(_ messages: [Message], key: (Message) -> Key) -> [Batch]
    {
        var batches: [Batch] = []
        var indexes: [Key: Int] = [:]
        for message in messages {
            let key = key(message)
            if let index = indexes[key] {
                batches[index].messages.append(message)
            } else if waiting[key] != nil {
                waiting[key]?.append(message)
                waitingCount += 1
            } else {
                waiting[key] = []
                indexes[key] = batches.count
                batches.append(Batch(key: key, messages: [message]))
            }
        }
        return batches
    }

    /// Ends the work on a key: gives what has waited, for which the key stays busy, or frees it.
    @inlinable package mutating func release(_ key: Key) -> Batch? {
        guard let messages = waiting[key] else {
            preconditionFailure("a key is released that is not busy")
        }
        if messages.isEmpty {
            waiting[key] = nil
            return nil
        }
        waiting[key] = []
        waitingCount -= messages.count
        return Batch(key: key, messages: messages)
    }
}
