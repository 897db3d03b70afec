package import KafkaShim
package import Messages
import Synchronization
package import Telemetry

/// Why the topics of the log cannot be used.
package struct TopicMismatch: Error, Hashable, Sendable, CustomStringConvertible {
    /// The topic.
    package let topic: String
    /// How many partitions it has.
    package let actual: Int
    /// How many the settings say.
    package let expected: Int

    package var description: String {
        """
        topic \(topic) has \(actual) partitions, the settings say \(expected): carts would have two \
        owners. Set the partition counts as the topics were created, or use other topics.
        """
    }
}

/// Sees to it that the topics exist as every service expects them.
package final class KafkaTopics: Sendable {
    private let admin: KafkaAdmin
    private let layout: TopicLayout
    private let replication: Int
    private let clock: any ServiceClock
    private let logger: Logger
    private let found = Mutex<TopicMismatch?>(nil)

    package init(
        _ admin: KafkaAdmin, layout: TopicLayout, replication: Int, clock: any ServiceClock,
        logger: Logger
    ) {
        self.admin = admin
        self.layout = layout
        self.replication = replication
        self.clock = clock
        self.logger = logger
    }

    /// Creates the topics that are missing, and checks the partition counts of all; waits while the log
    /// is away.
    ///
    /// - Throws: `TopicMismatch`, with which the service must not start; `CancellationError`.
    package func prepare() async throws {
        var backoff = Backoff(first: .milliseconds(200))
        var generator = SystemRandomNumberGenerator()
        while true {
            do {
                _ = try await createAndCheck()
                return
            } catch let mismatch as TopicMismatch {
                throw mismatch
            } catch {
                logger.warning(
                    "The log cannot be reached yet; it is tried again.",
                    ["reason": "\(error)", "hint": "is the broker of KAFKA_BROKERS running?"])
                try await clock.sleep(for: backoff.next(using: &generator))
            }
        }
    }

    /// Does the same again and again while the service runs: a log that lost its topics gets them back.
    ///
    /// What was in them is said again by whoever still waits or owes.
    ///
    /// - Throws: `CancellationError`.
    package func keep() async throws {
        while true {
            try await clock.sleep(for: .seconds(2))
            do {
                let created = try await createAndCheck()
                found.withLock { $0 = nil }
                if created.isEmpty { continue }
                logger.warning(
                    "The log had lost topics, which are made anew.",
                    ["topics": created.map(\.rawValue).joined(separator: ",")])
            } catch let mismatch as TopicMismatch {
                let isNew = found.withLock { known in
                    defer { known = mismatch }
                    return known != mismatch
                }
                if isNew {
                    logger.error(
                        "A topic was made by somebody else, and not as it has to be.",
                        ["reason": "\(mismatch)"])
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // The log is away, which its own probe tells.
            }
        }
    }

    /// How a topic differs that was made by somebody else while the service runs.
    package var mismatch: TopicMismatch? { found.withLock { $0 } }

    /// - Returns: the topics that were missing.
    private func createAndCheck() async throws -> [Topic] {
        let names = Topic.allCases.map(\.rawValue)
        let known = try await admin.partitionCounts(of: names)
        let missing = Topic.allCases.filter { known[$0.rawValue] == nil }
        _ = try await admin.createTopics(
            missing.map { topic in
                KafkaTopic(
                    name: topic.rawValue, partitions: layout.partitions(of: topic),
                    replication: replication)
            })
        let counts = missing.isEmpty ? known : try await admin.partitionCounts(of: names)
        for topic in Topic.allCases {
            guard let actual = counts[topic.rawValue] else {
                throw MissingTopic(name: topic.rawValue)
            }
            let expected = layout.partitions(of: topic)
            guard actual == expected else {
                throw TopicMismatch(topic: topic.rawValue, actual: actual, expected: expected)
            }
        }
        return missing
    }
}

/// A topic that was just created is not told of yet.
private struct MissingTopic: Error, CustomStringConvertible {
    let name: String
    var description: String { "topic \(name) is not there yet" }
}
