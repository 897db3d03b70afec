import Synchronization

/// What a consumer has for its application, in the order in which to take it.
package enum KafkaConsumerEvent: Sendable {
    /// These partitions are the application's from now on; their messages follow. A member that
    /// got none is told so with an empty list.
    case assigned([TopicPartition])
    /// These partitions go to another member: finish and commit what was read of them, then call
    /// ``KafkaRevocation/complete()``. No further messages of them follow, and none of the others
    /// until then: librdkafka stops fetching while it waits.
    case revoked([TopicPartition], KafkaRevocation)
    /// These partitions may be another member's already: drop what was read of them, and do not
    /// commit.
    case lost([TopicPartition])
    /// Messages, in order within each partition; never empty.
    case messages([KafkaMessage])
}

/// The duty to say when revoked partitions are drained.
///
/// The group waits for it, up to `max.poll.interval.ms`. Letting go of the last reference
/// completes it as well, so that an application that fails does not hold up the group.
package final class KafkaRevocation: Sendable {
    private let isComplete = Atomic<Bool>(false)
    private let onCompletion: @Sendable () -> Void

    init(onCompletion: @escaping @Sendable () -> Void) {
        self.onCompletion = onCompletion
    }

    deinit { complete() }

    /// Lets the partitions go; repeated calls do nothing.
    package func complete() {
        if !isComplete.exchange(true, ordering: .acquiringAndReleasing) { onCompletion() }
    }
}
