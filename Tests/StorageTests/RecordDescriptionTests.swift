import CartDomain
import CartService
import KafkaShim
import Messages
import RestGateway
import Testing

@testable import Adapters

struct RecordDescriptionTests {
    private let cartID = CartID(bits: 7)
    private let requestID: RequestID
    private let userID: UserID
    private let productCode: ProductCode

    init() throws {
        requestID = try #require(RequestID("r1"))
        userID = try #require(UserID("ada"))
        productCode = try #require(ProductCode("P1"))
    }

    @Test func `keys and headers of records are as described`() throws {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let cartKey = cartID.utf8
        try expect(
            CartRequest(
                cartID: cartID, requestID: requestID, userID: userID, action: .check,
                replyPartition: 3, traceparent: trace
            ).record, describedBy: .cartRequest, key: cartKey)
        try expect(
            InventoryRequest(
                cartID: cartID, requestID: requestID, userID: userID, productCode: productCode,
                action: .recount, traceparent: trace
            ).record, describedBy: .inventoryRequest, key: Array(productCode.text.utf8))
        try expect(
            InventoryResponse(
                cartID: cartID, requestID: requestID, productCode: productCode,
                answer: .lowered(to: 0), traceparent: trace
            ).record, describedBy: .inventoryResponse, key: cartKey)
        let cart = CartView(cartID: cartID, version: 3, lines: [], pending: [])
        try expect(
            CartResponse(
                cartID: cartID,
                content: .outcome(requestID, .accepted, reason: nil, message: nil, cart: cart),
                replyPartition: 1, traceparent: trace
            ).record, describedBy: .cartResponse, key: cartKey)
        try expect(
            StoredEvent(
                cartID: cartID, version: 1, partition: 2, requestID: requestID, type: "expired",
                json: [], at: Timestamp(millis: 1)
            ).record, describedBy: .cartEvent, key: cartKey)
        try expect(
            DeadLetter(
                topic: .cartRequest, partition: 1, offset: 2, reason: "odd",
                raw: RawMessage(key: [1], value: [2])
            ).record, describedBy: .deadLetter, key: [1])
    }

    private func expect(
        _ record: KafkaRecord, describedBy topic: Topic, key: [UInt8]
    ) throws {
        #expect(record.topic == topic.rawValue)
        #expect(record.key == key)
        let described = topic.description.headers
        let names = Set(record.headers.map(\.name))
        #expect(names == Set(described.map(\.name)), "\(topic)")
    }
}
