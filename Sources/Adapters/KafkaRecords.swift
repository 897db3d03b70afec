import CartDomain
import CartService
import Catalogue
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

extension ProductEvent {
    var record: KafkaRecord {
        KafkaRecord(
            topic: Topic.productEvent.rawValue, partition: 0, key: Array(code.text.utf8),
            value: encoded(), headers: headers(nil, nil))
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
    var headers: [KafkaHeader] = []
    headers.reserveCapacity(3 + others.count)
    headers.append(schemaHeader)
    func add(_ name: String, _ value: String?) {
        guard let value else { return }
        headers.append(KafkaHeader(name: name, value: Array(value.utf8)))
    }
    add(HeaderName.requestID, requestID?.text)
    add(HeaderName.traceparent, traceparent)
    for (name, value) in others { add(name, value) }
    return headers
}

private let schemaHeader = KafkaHeader(
    name: HeaderName.schema, value: Array(HeaderName.schemaVersion.utf8))
