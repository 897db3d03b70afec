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
        var records: [KafkaRecord] = []
        records.reserveCapacity(output.count)
        for response in output.responses { records.append(response.record) }
        for request in output.inventoryRequests { records.append(request.record) }
        for request in output.cartRequests { records.append(request.record) }
        for event in output.events { records.append(event.record) }
        for letter in output.deadLetters { records.append(letter.record) }
        try await producer.send(records)
    }

    package func send(
        _ responses: [InventoryResponse], deadLetters: [DeadLetter]
    ) async throws {
        try await producer.send(responses.map(\.record) + deadLetters.map(\.record))
    }
}
