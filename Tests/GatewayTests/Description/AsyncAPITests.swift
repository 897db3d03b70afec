import CartDomain
import CartService
import Messages
import Testing

@testable import RestGateway

struct AsyncAPITests {
    private let document: JSON

    init() throws { document = try MessageContract.document.get() }

    @Test func `every topic is a channel, and every websocket`() {
        let channels = document["channels"]?.fields ?? [:]
        let sockets = Route.table.filter { $0.description.opensWebSocket }
        #expect(!sockets.isEmpty)
        #expect(
            Set(channels.values.compactMap { $0["address"]?.string })
                == Set(Topic.allCases.map(\.rawValue)).union(sockets.map(\.pattern)))
        let messages = channels.values.flatMap { $0["messages"]?.fields.values.map(\.self) ?? [] }
        let used = Set(messages.compactMap { $0["$ref"]?.string })
        let names = document["components"]?["messages"]?.fields.keys.map(\.self) ?? []
        #expect(used == Set(names.map { "#/components/messages/\($0)" }))
    }

    @Test func `every message on cart-request is read and written as it is described`() throws {
        let samples = SchemaSamples(document: document)
        let messages = Topic.cartRequest.description.messages
        for message in messages {
            for isFull in [false, true] {
                let value = samples.value(try JSON(message.payload.json), isFull: isFull)
                let request = try CartRequest(
                    decoding: Array(value.text.utf8), replyPartition: nil, traceparent: nil)
                #expect(name(of: request.action) == message.name)
                let found = MessageContract.check(request.encoded(), of: messages)
                #expect(found?.name == message.name)
            }
        }
    }

    @Test func `every message on cart-event is read and written as it is described`() throws {
        let samples = SchemaSamples(document: document)
        let messages = Topic.cartEvent.description.messages
        for message in messages {
            for isFull in [false, true] {
                let value = samples.value(try JSON(message.payload.json), isFull: isFull)
                let event = try CartEvent(decoding: Array(value.text.utf8))
                #expect(name(of: event.kind) == message.name)
                let found = MessageContract.check(
                    event.encoded(cartID: CartID(bits: 1)), of: messages)
                #expect(found?.name == message.name)
            }
        }
    }

    /// The message that describes it: a new kind does not build without one.
    private func name(of action: CartRequest.Action) -> String {
        switch action {
        case .command(let command):
            CommandSchemas.pascalCase(type(of: command.base).specification.name) + "Request"
        case .check: "CheckRequest"
        case .lookup: "LookupRequest"
        case .watch: "WatchRequest"
        case .handOver: "HandOverRequest"
        case .handed: "HandedRequest"
        }
    }

    /// The message that describes it: a new kind does not build without one.
    private func name(of kind: CartEvent.Kind) -> String {
        switch kind {
        case .added: "Added"
        case .addRequested: "AddRequested"
        case .addConfirmed: "AddConfirmed"
        case .addRefused: "AddRefused"
        case .removed: "Removed"
        case .accepted: "Accepted"
        case .rejected: "Rejected"
        case .countriesSet: "CountriesSet"
        case .itemsRequested: "ItemsRequested"
        case .mergeRequested: "MergeRequested"
        case .handedOver: "HandedOver"
        case .changed(let change): CommandSchemas.pascalCase(type(of: change.base).type)
        case .expired: "Expired"
        case .shrunk: "Shrunk"
        case .disowned: "Disowned"
        }
    }

    @Test func `what carts ask of the inventory is as described`() throws {
        let source = HoldSource(
            cartID: CartID(bits: 2), requestID: try #require(RequestID(ofPart: "r2/1")))
        let actions: [InventoryRequest.Action] = [
            .ask(quantity: 2, until: Timestamp(millis: 1)),
            .ask(quantity: 2, until: Timestamp(millis: 1), from: source),
            .lower(to: 0), .lower(to: 1, from: source),
            .extend(until: Timestamp(millis: 1)), .recount,
        ]
        let request = try Sample.request("r1")
        let product = try Sample.product("P1")
        try expect(
            actions.map { action in
                let component: ComponentSchema =
                    switch action {
                    case .ask: .ask
                    case .lower: .lower
                    case .extend: .extend
                    case .recount: .recount
                    }
                let message = InventoryRequest(
                    cartID: request.cartID, requestID: request.requestID, userID: request.userID,
                    productCode: product, action: action)
                return (message.encoded(), component)
            }, toBeAllOf: .inventoryRequest)
    }

    @Test func `what the inventory tells carts is as described`() throws {
        let request = try Sample.request("r1")
        let product = try Sample.product("P1")
        let answers: [InventoryResponse.Answer] =
            [
                .held(quantity: 1, name: "Drill", expiresAt: Timestamp(millis: 1)),
                .lowered(to: 0),
                .holdDue(.init(userID: request.userID, askQuantity: 2, quantity: 1)),
            ] + InventoryRefusal.allCases.map { .refused($0, available: 3) }
        try expect(
            answers.map { answer in
                let component: ComponentSchema =
                    switch answer {
                    case .held: .held
                    case .refused: .refused
                    case .lowered: .lowered
                    case .holdDue: .holdDue
                    }
                let message = InventoryResponse(
                    cartID: request.cartID, requestID: request.requestID, productCode: product,
                    answer: answer)
                return (message.encoded(), component)
            }, toBeAllOf: .inventoryResponse)
    }

    @Test func `outcomes and changes are as described`() throws {
        let request = try Sample.request("r1")
        let line = LineID(try Sample.product("P1"), storeID: StoreID("s1"))
        let currency = try #require(Currency("EUR"))
        let amount = Amount(total: 3_980, vat: 796)
        let cart = CartView(
            cartID: request.cartID, version: 2,
            lines: [
                .init(id: LineID(try Sample.product("P2")), name: "Saw", quantity: 1),
                .init(
                    id: line, name: "Drill", quantity: 2, country: Country("HR"),
                    price: Price(minorUnits: 1_990, currency: currency, vatRate: 2_500),
                    amount: amount),
            ],
            pending: [.init(requestID: request.requestID, line: line, quantity: 1)],
            totals: Totals(
                currency: currency, items: amount, delivery: .zero,
                rates: [.init(vatRate: 2_500, amount: amount)], isComplete: false))
        let items = [
            ItemOutcome(line: line, quantity: 2, .rejected, reason: .outOfStock, available: 1),
            ItemOutcome(line: line, quantity: 0, .accepted),
        ]
        var contents: [CartResponse.Content] = [
            .changed(cart),
            .outcome(
                request.requestID, .accepted, reason: nil, message: nil, cart: cart, items: items),
        ]
        contents += RequestStatus.allCases.map {
            .outcome(request.requestID, $0, reason: nil, message: nil, cart: cart)
        }
        contents += RejectionReason.allCases.map {
            .outcome(request.requestID, .rejected, reason: $0, message: "No.", cart: nil)
        }
        try expect(
            contents.map { content in
                let component: ComponentSchema =
                    switch content {
                    case .outcome: .outcome
                    case .changed: .changed
                    }
                let response = CartResponse(
                    cartID: request.cartID, content: content, replyPartition: 0)
                return (response.encoded(), component)
            }, toBeAllOf: .cartResponse)
    }

    @Test func `what clients send by websocket is read as it is described`() throws {
        let samples = SchemaSamples(document: document)
        for message in SocketDescription.fromClient {
            let schema = try JSON(message.payload.json)
            let full = samples.value(schema, isFull: true)
            _ = try ClientMessage(Array(full.text.utf8))
            let least = samples.value(schema)
            _ = try ClientMessage(Array(least.text.utf8))
            for name in least.fields.keys {
                var fields = least.fields
                fields[name] = nil
                #expect(throws: ClientMessage.Refusal.self, "\(message.name) without \(name)") {
                    try ClientMessage(Array(JSON.object(fields).text.utf8))
                }
            }
            var fields = full.fields
            fields["undescribed"] = .integer(1)
            #expect(throws: ClientMessage.Refusal.self) {
                try ClientMessage(Array(JSON.object(fields).text.utf8))
            }
        }
    }

    @Test func `every problem can be told on a websocket as described`() {
        for slug in Problem.Slug.allCases {
            let problem = Problem(slug, "No.", at: .field("quantity"), retryAfterSeconds: 2)
            MessageContract.check(problem.message(for: nil), of: SocketDescription.fromGateway)
        }
    }

    @Test func `a value with another field is not as described`() throws {
        let validator = SchemaValidator(document: document)
        let schema = try JSON(JSONSchema.component(.stock).json)
        let stock: [String: JSON] = [
            "productCode": .string("P1"), "name": .string("Drill"), "quantity": .integer(3),
            "held": .integer(1), "available": .integer(2),
        ]
        #expect(validator.errors(.object(stock), schema) == [])
        for name in stock.keys {
            var fields = stock
            fields["x" + name] = fields.removeValue(forKey: name)
            #expect(validator.errors(.object(fields), schema).count == 2, "\(name)")
        }
        var fields = stock
        fields["quantity"] = .string("3")
        #expect(validator.errors(.object(fields), schema).count == 1)
        fields["quantity"] = .integer(-1)
        #expect(validator.errors(.object(fields), schema).count == 1)
    }

    /// Expects messages to be as the topic's description says, and each of its kinds to be among them.
    private func expect(
        _ messages: [(bytes: [UInt8], component: ComponentSchema)], toBeAllOf topic: Topic,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let described = topic.description.messages
        for message in messages {
            let found = MessageContract.check(message.bytes, of: described)
            #expect(found?.name == message.component.rawValue, sourceLocation: sourceLocation)
        }
        #expect(
            Set(messages.map(\.component.rawValue)) == Set(described.map(\.name)),
            sourceLocation: sourceLocation)
    }
}
