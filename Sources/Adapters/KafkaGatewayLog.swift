package import CartDomain
package import KafkaShim
import Messages
package import RestGateway

/// Where a gateway writes its requests: `cart-request`.
package struct KafkaRequestLog: RequestLog {
    private let producer: KafkaProducer

    package init(_ producer: KafkaProducer) { self.producer = producer }

    package func append(_ requests: [CartRequest]) throws(RequestLogError) {
        do {
            // Nobody waits for the acknowledgement: an unanswered request is sent again anyway.
            try producer.enqueue(requests.map(\.record))
        } catch {
            throw error.isQueueFull ? .overloaded : .unavailable(error.description)
        }
    }
}

/// Where a gateway reads: its one partition of `cart-request-response`.
package struct KafkaReplyLog: Sendable {
    private let consumer: KafkaConsumer

    /// - Parameter consumer: one without a subscription.
    package init(_ consumer: KafkaConsumer) { self.consumer = consumer }

    /// Begins at the partition's present end, which is known when this returns (rule L2).
    package func start(partition: Int) async throws {
        let wanted = Topic.cartResponse.partitions([partition])
        for partition in wanted {
            let end = try await consumer.watermarks(partition).high
            try await consumer.assign(adding: [partition: .offset(end)])
        }
    }

    /// Waits for the next replies; `nil` once the log is closed.
    ///
    /// Only keys and headers are read; a message without them was not written by a cart and is passed
    /// over.
    package func next() async throws -> [GatewayReply]? {
        while let event = try await consumer.next() {
            guard case .messages(let messages) = event else { continue }
            return messages.compactMap { message in
                guard let key = message.key,
                    let cartID = CartID(String(decoding: key, as: UTF8.self)),
                    let value = message.value
                else { return nil }
                return GatewayReply(
                    cartID: cartID,
                    requestID: message.text(HeaderName.requestID).flatMap { RequestID($0) },
                    status: message.text(HeaderName.status).flatMap {
                        RequestStatus(rawValue: $0)
                    },
                    cartVersion: message.text(HeaderName.cartVersion).flatMap { Int($0) },
                    value: value)
            }
        }
        return nil
    }

    /// Ends reading.
    package func close() async { await consumer.close() }
}
