package import CartService
import InventoryService
package import KafkaShim
package import Messages

/// Where the services send their messages: the log, through one producer.
package struct KafkaOutbox: CartOutbox, InventoryOutbox {
    private let producer: KafkaProducer

    package init(_ producer: KafkaProducer) { self.producer = producer }

    package func send(_ output: CartOutput) async throws {
        // Outcomes first: whoever waits for one waits longest.
        var records = output.responses.map(\.record)
        records += output.inventoryRequests.map(\.record)
        records += output.cartRequests.map(\.record)
        records += output.events.map(\.record)
        records += output.deadLetters.map(\.record)
        try await producer.send(records)
    }

    package func send(
        _ responses: [InventoryResponse], deadLetters: [DeadLetter]
    ) async throws {
        try await producer.send(responses.map(\.record) + deadLetters.map(\.record))
    }
}
