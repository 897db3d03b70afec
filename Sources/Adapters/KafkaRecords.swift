import CartDomain
import CartService
import KafkaShim
import Messages

/// How the services' messages look as records of the log.
extension CartRequest {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.cartRequest.rawValue, key: cartID.utf8, value: encoded(),
            headers: headers(
                requestID, traceparent, (HeaderName.replyPartition, replyPartition.map(String.init))
            ))
    }

    init(_ message: KafkaMessage) throws(MessageError) {
        try self.init(
            decoding: message.value ?? [],
            replyPartition: message.text(HeaderName.replyPartition).flatMap { Int($0) },
            traceparent: message.text(HeaderName.traceparent))
    }
}

extension InventoryRequest {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.inventoryRequest.rawValue, key: Array(productCode.text.utf8),
            value: encoded(), headers: headers(requestID, traceparent))
    }

    init(_ message: KafkaMessage) throws(MessageError) {
        try self.init(
            decoding: message.value ?? [], traceparent: message.text(HeaderName.traceparent))
    }
}

extension InventoryResponse {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.inventoryResponse.rawValue, key: cartID.utf8, value: encoded(),
            headers: headers(requestID, traceparent))
    }

    init(_ message: KafkaMessage) throws(MessageError) {
        try self.init(
            decoding: message.value ?? [], traceparent: message.text(HeaderName.traceparent))
    }
}

extension CartResponse {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.cartResponse.rawValue, partition: Int32(replyPartition),
            key: cartID.utf8, value: encoded(),
            headers: headers(
                requestID, traceparent, (HeaderName.status, status?.rawValue),
                (HeaderName.cartVersion, cartVersion.map(String.init))))
    }
}

extension StoredEvent {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.cartEvent.rawValue, partition: Int32(partition), key: cartID.utf8,
            value: json, headers: headers(requestID, nil))
    }
}

extension DeadLetter {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.deadLetter.rawValue, partition: 0, key: raw.key, value: raw.value,
            headers: headers(
                nil, nil, (HeaderName.deadLetterReason, reason),
                (HeaderName.deadLetterOrigin, "\(topic.rawValue)/\(partition)/\(offset)")))
    }
}

extension KafkaMessage {
    /// A header's value as text; `nil` if it is missing or not UTF-8.
    func text(_ name: String) -> String? {
        header(name).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

private func headers(
    _ requestID: RequestID?, _ traceparent: String?, _ others: (String, String?)...
) -> [KafkaHeader] {
    let known: [(String, String?)] = [
        (HeaderName.schema, HeaderName.schemaVersion), (HeaderName.requestID, requestID?.text),
        (HeaderName.traceparent, traceparent),
    ]
    return (known + others).compactMap { name, value in
        value.map { KafkaHeader(name: name, value: Array($0.utf8)) }
    }
}
