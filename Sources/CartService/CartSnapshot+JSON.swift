package import CartDomain
package import Messages

extension CartSnapshot {
    /// The snapshot as a JSON object.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 1_024)
        json.object { json in
            json.field("cartID", cartID)
            json.field("version", version)
            if let changedAt { json.field("changedAt", changedAt.millis) }
            json.list("held", held) { $0.encodeFields(to: &$1) }
            json.list("pending", pending) { $0.encodeFields(to: &$1) }
            if !groups.isEmpty { json.list("groups", groups) { $0.encodeFields(to: &$1) } }
            if !given.isEmpty { json.list("given", given) { $0.encodeFields(to: &$1) } }
            if !parts.isEmpty {
                json.key("parts")
                json.object { json in
                    for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
                        json.key(name: name)
                        json.object { part.base.encodeFields(to: &$0) }
                    }
                }
            }
        }
        return json.bytes
    }

    /// Reads what ``encoded()`` wrote.
    package init(decoding bytes: [UInt8]) throws(MessageError) {
        do {
            var reader = JSONReader(bytes)
            try self.init(&reader)
            try reader.end()
        } catch {
            throw MessageError(error)
        }
    }

    private init(_ reader: inout JSONReader) throws {
        var cartID: CartID?
        var version: Int?
        var changedAt: Int?
        var held: [Cart.HeldItem] = []
        var pending: [Cart.PendingAdd] = []
        var groups: [Cart.PendingGroup] = []
        var given: [Cart.GivenHold] = []
        var parts: [String: AnyCartPart] = [:]
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "cartID": cartID = CartID(try reader.string())
            case "version": version = try reader.integer()
            case "changedAt": changedAt = try reader.integer()
            case "held": held = try Self.list(&reader) { try $0.heldItem() }
            case "pending": pending = try Self.list(&reader) { try $0.pendingAdd() }
            case "groups": groups = try Self.list(&reader) { try $0.pendingGroup() }
            case "given": given = try Self.list(&reader) { try $0.givenHold() }
            case "parts":
                try reader.beginObject()
                while let name = try reader.nextKey() {
                    parts[name] = try Self.part(name, try JSONValue(from: &reader))
                }
            default: try reader.skipValue()
            }
        }
        self.init(
            cartID: try required(cartID, "cartID"), version: try required(version, "version"),
            changedAt: changedAt.map { Timestamp(millis: $0) }, held: held, pending: pending,
            groups: groups, given: given, parts: parts)
    }

    private static func list<Element>(
        _ reader: inout JSONReader, _ element: (EventFields) throws -> Element
    ) throws -> [Element] {
        var elements: [Element] = []
        try reader.beginArray()
        while try reader.nextElement() { elements.append(try element(EventFields(&reader))) }
        return elements
    }

    private static func part(_ name: String, _ json: JSONValue) throws -> AnyCartPart {
        guard let command = CommandRegistry.command(ofPart: name), case .object(let fields) = json
        else { throw MessageError.unknownType(name) }
        return AnyCartPart(
            try command.part(
                try FieldValues(fields, as: command.partFields, envelope: nil)))
    }
}

extension JSONWriter {
    fileprivate mutating func list<Element>(
        _ name: StaticString, _ elements: [Element],
        _ encode: (Element, inout JSONWriter) -> Void
    ) {
        key(name)
        beginArray()
        for element in elements { object { encode(element, &$0) } }
        endArray()
    }
}

extension Cart.HeldItem {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        json.field("requestID", requestID.text)
        json.field("userID", userID.text)
        json.field("productCode", productCode.text)
        if let storeID = line.storeID { json.field("storeId", storeID.text) }
        json.field("name", name)
        json.field("quantity", quantity)
        if let country { json.field("country", country.code) }
        price?.encodeFields(to: &json)
    }
}

extension Cart.PendingAdd {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        json.field("requestID", requestID.text)
        request.encodeFields(to: &json)
        json.field("remaining", remaining)
    }
}

extension Cart.PendingGroup {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        json.field("requestID", requestID.text)
        if let merge {
            merge.encodeFields(to: &json)
        } else {
            json.field("fingerprint", fingerprint)
            if let replyPartition { json.field("replyTo", replyPartition) }
        }
        json.key("outcomes")
        json.items(items)
    }
}

extension Cart.GivenHold {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        json.field("requestID", requestID.text)
        json.field("at", at.millis)
    }
}

extension EventFields {
    fileprivate func givenHold() throws(MessageError) -> Cart.GivenHold {
        Cart.GivenHold(
            requestID: try required(requestID, "requestID"),
            at: Timestamp(millis: try required(at, "at")))
    }

    fileprivate func heldItem() throws(MessageError) -> Cart.HeldItem {
        Cart.HeldItem(
            requestID: try required(requestID, "requestID"),
            userID: try required(userID, "userID"), line: try line(),
            name: try required(name, "name"), quantity: try required(quantity, "quantity"),
            country: country, price: price)
    }

    fileprivate func pendingAdd() throws(MessageError) -> Cart.PendingAdd {
        Cart.PendingAdd(
            requestID: try required(requestID, "requestID"), request: try addRequest(),
            remaining: try required(remaining, "remaining"))
    }

    fileprivate func pendingGroup() throws(MessageError) -> Cart.PendingGroup {
        Cart.PendingGroup(
            requestID: try required(requestID, "requestID"),
            fingerprint: try required(fingerprint, "fingerprint"), replyPartition: replyTo,
            merge: from == nil ? nil : try merged(), items: try required(outcomes, "outcomes"))
    }
}
