import CRdKafka

/// What librdkafka or the broker said when something failed.
package struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The raw `rd_kafka_resp_err_t`: negative inside the client, positive from the broker.
    package let code: Int32
    /// The code's symbolic name, as `rd_kafka_err2name()` gives it: `_QUEUE_FULL`, `NOT_LEADER`.
    package let name: String
    /// What happened, for a person.
    package let message: String
    /// Whether the same call may succeed later without anybody changing anything.
    package let isRetriable: Bool
    /// Whether the client instance is beyond use and must be closed.
    package let isFatal: Bool

    package init(code: Int32, name: String, message: String, isRetriable: Bool, isFatal: Bool) {
        self.code = code
        self.name = name
        self.message = message
        self.isRetriable = isRetriable
        self.isFatal = isFatal
    }

    package var description: String { "\(name) (\(code)): \(message)" }

    /// Whether the producer had no room: back off and send again.
    package var isQueueFull: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue }

    /// Whether the client was closed, or is closing.
    package var isClosed: Bool { code == RD_KAFKA_RESP_ERR__DESTROY.rawValue }

    /// Whether a deadline passed before the broker answered.
    package var isTimeout: Bool {
        code == RD_KAFKA_RESP_ERR__TIMED_OUT.rawValue
            || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT.rawValue
            || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE.rawValue
    }

    /// Whether the error is about a connection: the client reconnects by itself.
    var isConnectionTrouble: Bool {
        code == RD_KAFKA_RESP_ERR__TRANSPORT.rawValue
            || code == RD_KAFKA_RESP_ERR__RESOLVE.rawValue
            || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue
    }
}

extension KafkaError {
    /// An error of the shim itself, or a code that came without a text of its own.
    init(_ error: rd_kafka_resp_err_t, _ message: String? = nil, isFatal: Bool = false) {
        self.init(
            code: error.rawValue,
            name: errorName(error),
            message: message ?? errorText(error),
            isRetriable: !isFatal && retriableCodes.contains(error.rawValue),
            isFatal: isFatal || error == RD_KAFKA_RESP_ERR__FATAL)
    }

    static func queueFull() -> KafkaError {
        KafkaError(RD_KAFKA_RESP_ERR__QUEUE_FULL, "the producer's queue has no room")
    }

    static func closed() -> KafkaError {
        KafkaError(RD_KAFKA_RESP_ERR__DESTROY, "the client is closed")
    }

    static func invalid(_ message: String) -> KafkaError {
        KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, message)
    }
}

/// Codes after which the same call may succeed later; librdkafka 2.0.2 only says so for errors of
/// transactions, the Kafka protocol guide for those of the broker.
private let retriableCodes: Set<Int32> = Set(
    [
        RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__RESOLVE,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
        RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
        RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__IN_PROGRESS,
        RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS, RD_KAFKA_RESP_ERR__RETRY,
        RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
    ].map(\.rawValue))
