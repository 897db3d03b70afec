/// The topics of the log.
package enum Topic: String, CaseIterable, Sendable {
    /// Requests of shoppers, keyed by cart ID.
    case cartRequest = "cart-request"
    /// Asks and lowers, keyed by product code.
    case inventoryRequest = "inventory-request"
    /// Answers to asks and lowers, keyed by cart ID, partitioned like `cart-request`.
    case inventoryResponse = "inventory-request-response"
    /// Outcomes and changes, sent to the partition that a gateway reads.
    case cartResponse = "cart-request-response"
    /// Every event of every cart, keyed by cart ID, for whoever wants to build on them.
    case cartEvent = "cart-event"
    /// Changes of products, keyed by product code.
    case productEvent = "product-event"
    /// Messages that could not be handled, as they came, with reason and origin in their headers.
    case deadLetter = "dead-letter"
}

/// How many partitions each topic gets when it is created.
package struct TopicLayout: Sendable, Equatable {
    /// Of `cart-request`, `inventory-request-response` and `cart-event`, which are keyed alike.
    package var cartPartitions: Int
    /// Of `inventory-request`.
    package var inventoryPartitions: Int
    /// Of `cart-request-response`; gateways may share a partition.
    package var replyPartitions: Int

    package init(cartPartitions: Int, inventoryPartitions: Int, replyPartitions: Int) {
        self.cartPartitions = cartPartitions
        self.inventoryPartitions = inventoryPartitions
        self.replyPartitions = replyPartitions
    }

    /// The partition count of one topic.
    package func partitions(of topic: Topic) -> Int {
        switch topic {
        case .cartRequest, .inventoryResponse, .cartEvent: cartPartitions
        case .inventoryRequest: inventoryPartitions
        case .cartResponse: replyPartitions
        case .productEvent, .deadLetter: 1
        }
    }
}

/// The headers of messages on the log.
package enum HeaderName {
    /// The request ID.
    package static let requestID = "request-id"
    /// The partition of `cart-request-response` that the asker reads, in decimal.
    package static let replyPartition = "reply-partition"
    /// The version of the value's schema; see ``schemaVersion``.
    package static let schema = "schema-version"
    /// W3C trace context.
    package static let traceparent = "traceparent"
    /// The status of an outcome.
    package static let status = "status"
    /// The version of the cart in a `cart-request-response`, in decimal.
    package static let cartVersion = "cart-version"
    /// Why a message is on `dead-letter`.
    package static let deadLetterReason = "dead-letter-reason"
    /// Where a dead letter came from, as `topic/partition/offset`.
    package static let deadLetterOrigin = "dead-letter-origin"

    /// The schema version that this build writes.
    package static let schemaVersion = "1"
}
