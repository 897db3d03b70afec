import CartDomain
import Messages
import Testing

@testable import CartService
@testable import Simulation

private let cartID = CartID(of: ann)

@Suite struct CodecTests {
    private static let cartActions: [CartRequest.Action] = [
        .add(drill, quantity: 1), .add(drill, quantity: 1_000_000), .remove(saw, quantity: 2),
        .remove(saw, quantity: nil), .check, .lookup, .watch(since: 0), .watch(since: 77),
    ]

    @Test(arguments: cartActions)
    func `cart requests come back as they were sent`(action: CartRequest.Action) throws {
        let request = CartRequest(
            cartID: cartID, requestID: id("r:1"), userID: user("a\"\\{}~"), action: action,
            replyPartition: 7, traceparent: "00-x")
        let read = try CartRequest(
            decoding: request.encoded(), replyPartition: 7, traceparent: "00-x")
        #expect(read == request)
    }

    private static let inventoryActions: [InventoryRequest.Action] = [
        .ask(quantity: 3, until: Timestamp(millis: 1_700_000_000_000)), .lower(to: 0),
        .lower(to: 1_000_000), .extend(until: Timestamp(millis: 1_700_000_000_001)), .recount,
    ]

    @Test(arguments: inventoryActions)
    func `inventory requests come back as they were sent`(
        action: InventoryRequest.Action
    ) throws {
        let request = InventoryRequest(
            cartID: cartID, requestID: id("r1"), userID: ann, productCode: drill, action: action)
        #expect(try InventoryRequest(decoding: request.encoded(), traceparent: nil) == request)
    }

    private static let answers: [InventoryResponse.Answer] =
        [
            .held(quantity: 3, name: "Bohrer \"groß\" 😀\n", expiresAt: Timestamp(millis: -1)),
            .lowered(to: 0),
            .holdDue(InventoryResponse.HeldPieces(userID: ann, askQuantity: 3, quantity: 2)),
            .holdDue(InventoryResponse.HeldPieces(userID: ann, askQuantity: 0, quantity: 0)),
        ] + InventoryRefusal.allCases.map { .refused($0, available: 4) }

    @Test(arguments: answers)
    func `inventory responses come back as they were sent`(
        answer: InventoryResponse.Answer
    ) throws {
        let response = InventoryResponse(
            cartID: cartID, requestID: id("r1"), productCode: drill, answer: answer)
        #expect(try InventoryResponse(decoding: response.encoded(), traceparent: nil) == response)
    }

    private static let view = CartView(
        cartID: cartID, version: 7,
        lines: [
            CartView.Line(id: LineID(drill), name: "Power \"Drill\"", quantity: 1),
            CartView.Line(id: LineID(saw), name: "", quantity: 2),
        ],
        pending: [CartView.Pending(requestID: id("r2"), line: LineID(saw), quantity: 3)])

    private static let contents: [CartResponse.Content] =
        [
            .changed(view),
            .outcome(id("r1"), .accepted, reason: nil, message: nil, cart: view),
            .outcome(id("r1"), .unknown, reason: nil, message: nil, cart: nil),
            .outcome(id("r1"), .pending, reason: nil, message: "wait", cart: nil),
        ]
        + RejectionReason.allCases.map {
            .outcome(
                id("r1"), .rejected, reason: $0, message: $0.message(available: 2), cart: view)
        }

    @Test(arguments: contents)
    func `cart responses come back as they were sent`(content: CartResponse.Content) throws {
        let response = CartResponse(cartID: cartID, content: content, replyPartition: 3)
        #expect(try CartResponse.decodeContent(response.encoded()) == content)
        if case .changed = content {
            #expect(response.requestID == nil && response.status == nil)
            #expect(response.cartVersion == 7)
        } else {
            #expect(response.requestID == id("r1"))
        }
    }

    @Test func `an outcome's change is what the cart would tell of itself`() {
        var full = Self.view
        full.parts = [CartView.Part(name: "notes", json: Array(#"{"a":[1,"}"]}"#.utf8))]
        func value(_ content: CartResponse.Content) -> [UInt8] {
            CartResponse(cartID: cartID, content: content, replyPartition: 3).encoded()
        }
        let item = ItemOutcome(line: LineID(drill), quantity: 1, .accepted)
        let outcome = CartResponse.Content.outcome(
            id("r1"), .accepted, reason: nil, message: "a \"cart\": {", cart: full, items: [item])
        #expect(CartResponse.change(in: value(outcome)) == value(.changed(full)))
        let bare = CartResponse.Content.outcome(
            id("r1"), .pending, reason: nil, message: nil, cart: nil)
        #expect(CartResponse.change(in: value(bare)) == nil)
        #expect(CartResponse.change(in: value(outcome).dropLast(2)) == nil)
    }

    @Test func `an outcome reads as clients expect it`() {
        let response = CartResponse(
            cartID: cartID,
            content: .outcome(
                id("r1"), .rejected, reason: .outOfStock, message: "only 2 left",
                cart: CartView(cartID: cartID, version: 1, lines: [], pending: [])),
            replyPartition: 0)
        #expect(
            String(decoding: response.encoded(), as: UTF8.self)
                == #"{"type":"outcome","requestID":"r1","status":"rejected","#
                + #""reason":"out-of-stock","message":"only 2 left","cart":{"cartID":"\#(cartID)","#
                + #""version":1,"lines":[],"pending":[]}}"#)
    }

    private static let items = [
        ItemOutcome(line: LineID(drill), quantity: 3, .accepted),
        ItemOutcome(
            line: LineID(saw, storeID: StoreID("S1")), quantity: 0, .rejected,
            reason: .outOfStock, available: 2),
        ItemOutcome(line: LineID(saw), quantity: 1, .pending),
    ]

    private static let pickupPoint = PickupPoint(
        id: "p", name: "Kiosk \"1\"", address: "Road 1", city: "Umeå", zip: "903 25",
        country: swedish)

    private static let delivery = AddDelivery.Change(
        delivery: Deliveries.Delivery(
            id: 4, provider: product("POST"), name: "Post", price: euro(490),
            lines: [LineID(drill), LineID(saw, storeID: StoreID("S1"))], pickupPoint: pickupPoint))

    private static let kinds: [CartEvent.Kind] = [
        .addRequested(.of(drill, 3, askUntil: 5, replyPartition: 2)), .addRequested(.of(drill, 1)),
        .added(.of(drill, 3, askUntil: 5, replyPartition: 2)),
        .addConfirmed(name: "Säge \u{1}"), .addRefused(.outOfStock, available: 2),
        .removed(
            Removal(
                Removal.Reductions(
                    holds: [Removal.Reduction(requestID: id("a"), to: 0)], pending: []),
                for: Fingerprint(RemoveProduct(drill, quantity: nil)))),
        .removed(
            Removal(
                Removal.Reductions(
                    holds: [],
                    pending: [
                        Removal.Reduction(requestID: id("a"), to: 0),
                        Removal.Reduction(requestID: id("b"), to: 3),
                    ]), for: Fingerprint(RemoveProduct(drill, quantity: 4)))),
        .accepted(Fingerprint(bits: 7)), .rejected(Fingerprint(bits: .max), .cartFull),
        .addRequested(
            AddRequest(
                line: LineID(drill, storeID: StoreID("S1")), quantity: 2, userID: ann,
                country: Country("SE"), name: "Drill \"X\"", price: euro(1_990),
                askUntil: Timestamp(millis: 9),
                source: HoldSource(cartID: CartID(of: bob), requestID: id("b").part(3)),
                replyPartition: nil, fingerprint: nil)),
        .itemsRequested(
            ItemGroup(fingerprint: Fingerprint(bits: 1), items: items, replyPartition: 3)),
        .itemsRequested(
            ItemGroup(
                fingerprint: Fingerprint(bits: 1), items: items,
                unwanted: [2: HoldSource(cartID: CartID(of: bob), requestID: id("b").part(3))],
                replyPartition: nil)),
        .countriesSet(
            Dictionary(
                uniqueKeysWithValues: [(LineID(saw), "SE"), (LineID(drill), "HR")].compactMap {
                    line, code in Country(code).map { (line, $0) }
                })),
        .mergeRequested(
            Merge(
                from: CartID(of: bob), userID: ann, replyPartition: nil,
                fingerprint: Fingerprint(bits: 2))),
        .handedOver(
            HandOver(
                to: CartID(of: bob),
                items: [
                    HandedItem(
                        requestID: id("r1").part(2), line: LineID(saw), quantity: 3, name: "",
                        country: nil, price: nil),
                    HandedItem(
                        requestID: id("r2"), line: LineID(drill, storeID: StoreID("S1")),
                        quantity: 1, name: "Säge\n", country: Country("SE"), price: euro(5)),
                ])),
        .changed(AnyCartChange(delivery, Fingerprint(bits: 3))),
        .changed(AnyCartChange(RemoveDelivery(4), Fingerprint(bits: 4))),
        .changed(AnyCartChange(SetPickupPoint(1, pickupPoint), Fingerprint(bits: 5))),
        .expired, .shrunk(to: 2),
        .disowned(DisownedHold(productCode: drill, quantity: 3, userID: ann)),
    ]

    @Test(arguments: kinds)
    func `events come back as they were stored`(kind: CartEvent.Kind) throws {
        let event = CartEvent(
            version: 9, requestID: id("r1").part(2), at: Timestamp(millis: 12_345), kind: kind)
        let bytes = event.encoded(cartID: cartID)
        #expect(try CartEvent(decoding: bytes) == event)
        for end in 0..<bytes.count {
            #expect(throws: MessageError.self) { try CartEvent(decoding: Array(bytes[..<end])) }
        }
    }

    @Test func `fields that are not known are passed over`() throws {
        let text =
            #"{"new":{"a":[1,2.5,null,"x"]},"type":"check","cartID":"\#(cartID)","#
            + #""requestID":"r1","userID":"ann","also":true}"#
        let read = try CartRequest(
            decoding: Array(text.utf8), replyPartition: nil, traceparent: nil)
        #expect(read.action == .check)
    }

    @Test(arguments: [
        ("cartID", "x"), ("cartID", nil), ("requestID", "a b"), ("requestID", nil),
        ("userID", "ä"), ("userID", nil), ("productCode", ""), ("productCode", nil),
        ("type", nil),
    ])
    func `a field that is missing or wrong is named`(field: String, value: String?) throws {
        var fields = [
            "type": "add", "cartID": cartID.description, "requestID": "r1", "userID": "ann",
            "productCode": "DRILL",
        ]
        fields[field] = value
        let text =
            "{" + fields.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
            + ",\"quantity\":1}"
        #expect {
            try CartRequest(decoding: Array(text.utf8), replyPartition: nil, traceparent: nil)
        } throws: { error in
            if case .field(field, _) = error as? MessageError { true } else { false }
        }
    }

    @Test(arguments: ["0", "-1", "1000001", "1.5", "\"1\"", "null", "1e2", "99999999999999999999"])
    func `a quantity that cannot be is refused`(quantity: String) {
        for type in ["add", "remove"] {
            let text =
                #"{"type":"\#(type)","cartID":"\#(cartID)","requestID":"r1","userID":"ann","#
                + #""productCode":"DRILL","quantity":\#(quantity)}"#
            #expect(throws: MessageError.self) {
                try CartRequest(
                    decoding: Array(text.utf8), replyPartition: nil, traceparent: nil)
            }
        }
        let ask =
            #"{"type":"ask","cartID":"\#(cartID)","requestID":"r1","userID":"ann","#
            + #""productCode":"DRILL","askUntil":1,"quantity":\#(quantity)}"#
        #expect(throws: MessageError.self) {
            try InventoryRequest(decoding: Array(ask.utf8), traceparent: nil)
        }
    }

    @Test(arguments: ["addd", "", "ADD", "held"])
    func `a type that is not known is refused`(type: String) {
        let text =
            #"{"type":"\#(type)","cartID":"\#(cartID)","requestID":"r1","userID":"ann"}"#
        #expect(throws: MessageError.unknownType(type)) {
            try CartRequest(decoding: Array(text.utf8), replyPartition: nil, traceparent: nil)
        }
    }

    @Test func `messages that are truncated are refused at every byte`() {
        let request = CartRequest.of(ann, "r1", .add(drill, quantity: 5)).encoded()
        for end in 0..<request.count {
            #expect(throws: MessageError.self) {
                try CartRequest(
                    decoding: Array(request[..<end]), replyPartition: nil, traceparent: nil)
            }
        }
    }

    @Test func `a trace context that is too long to be one is dropped`() throws {
        let request = CartRequest.of(ann, "r1", .check)
        for (length, isKept) in [(55, true), (128, true), (129, false), (100_000, false)] {
            let header = String(repeating: "0", count: length)
            let read = try CartRequest(
                decoding: request.encoded(), replyPartition: nil, traceparent: header)
            #expect((read.traceparent == header) == isKept)
        }
    }

    @Test func `every refusal of the inventory has its reason for the shopper`() {
        for refusal in InventoryRefusal.allCases {
            #expect(RejectionReason(refusal).rawValue == refusal.rawValue)
        }
        #expect(RejectionReason.outOfStock.message(available: 0) == "none left")
        #expect(RejectionReason.outOfStock.message(available: nil) == "none left")
        #expect(RejectionReason.outOfStock.message(available: 3) == "only 3 left")
    }

    @Test func `topics keyed alike have equally many partitions`() {
        let layout = TopicLayout(cartPartitions: 12, inventoryPartitions: 6, replyPartitions: 3)
        #expect(Topic.allCases.map { layout.partitions(of: $0) } == [12, 6, 12, 3, 12, 1, 1])
    }
}
