package import CartDomain
package import Messages

extension CartEvent {
    /// The event's name in the store and on `cart-event`.
    package var type: String {
        switch kind {
        case .added: "added"
        case .addRequested: "add-requested"
        case .addConfirmed: "add-confirmed"
        case .addRefused: "add-refused"
        case .removed: "removed"
        case .countriesSet: "countries-set"
        case .accepted: "accepted"
        case .rejected: "rejected"
        case .itemsRequested: "items-requested"
        case .mergeRequested: "merge-requested"
        case .handedOver: "handed-over"
        case .changed(let change): Swift.type(of: change.base).type
        case .expired: "expired"
        case .shrunk: "shrunk"
        case .disowned: "disowned"
        }
    }

    /// The event as a JSON object.
    package func encoded(cartID: CartID) -> [UInt8] {
        var json = JSONWriter(capacity: 320)
        json.object { json in
            json.field("type", type)
            json.field("cartID", cartID)
            json.field("version", version)
            json.field("requestID", requestID.text)
            json.field("at", at.millis)
            kind.encodeFields(to: &json)
        }
        return json.bytes
    }

    /// Reads what ``encoded(cartID:)`` wrote, in this version or an earlier one.
    package init(decoding bytes: [UInt8]) throws(MessageError) {
        let fields: EventFields
        do {
            fields = try EventFields(bytes)
        } catch {
            throw .json(error)
        }
        self.init(
            version: try required(fields.version, "version"),
            requestID: try required(fields.requestID, "requestID"),
            at: Timestamp(millis: try required(fields.at, "at")), kind: try fields.kind(of: bytes))
    }
}

extension StoredEvent {
    /// An event of a cart, for the store and the log.
    init(_ event: CartEvent, of cartID: CartID, partition: Int) {
        self.init(
            cartID: cartID, version: event.version, partition: partition,
            requestID: event.requestID, type: event.type, json: event.encoded(cartID: cartID),
            at: event.at)
    }
}

extension CartEvent.Kind {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        switch self {
        case .added(let request), .addRequested(let request):
            request.encodeFields(to: &json)
        case .addConfirmed(let name):
            json.field("name", name)
        case .addRefused(let reason, let available):
            json.field("reason", reason.rawValue)
            json.field("available", available)
        case .removed(let removal):
            json.field("fingerprint", removal.fingerprint)
            json.key("holds")
            json.reductions(removal.reductions.holds)
            json.key("pending")
            json.reductions(removal.reductions.pending)
        case .countriesSet(let countries):
            json.key("countries")
            json.object { json in
                for (line, country) in countries.sorted(by: { "\($0.key)" < "\($1.key)" }) {
                    json.key(name: "\(line)")
                    json.string(country.code)
                }
            }
        case .accepted(let fingerprint):
            json.field("fingerprint", fingerprint)
        case .rejected(let fingerprint, let reason):
            json.field("fingerprint", fingerprint)
            json.field("reason", reason.rawValue)
        case .itemsRequested(let group):
            json.field("fingerprint", group.fingerprint)
            if let partition = group.replyPartition { json.field("replyTo", partition) }
            json.key("outcomes")
            json.items(group.items)
            json.unwanted(group.unwanted)
        case .mergeRequested(let merge):
            merge.encodeFields(to: &json)
        case .handedOver(let handOver):
            json.field("to", handOver.to)
            json.key("handed")
            json.handed(handOver.items)
        case .changed(let change):
            json.field("fingerprint", change.fingerprint)
            change.base.encodeFields(to: &json)
        case .expired:
            break
        case .shrunk(let quantity):
            json.field("quantity", quantity)
        case .disowned(let hold):
            json.field("productCode", hold.productCode.text)
            json.field("quantity", hold.quantity)
            json.field("userID", hold.userID.text)
        }
    }
}

extension AddRequest {
    /// Writes the request's fields, as events and snapshots have them.
    func encodeFields(to json: inout JSONWriter) {
        json.field("productCode", productCode.text)
        if let storeID = line.storeID { json.field("storeId", storeID.text) }
        json.field("quantity", quantity)
        json.field("userID", userID.text)
        if let country { json.field("country", country.code) }
        if let name { json.field("name", name) }
        price?.encodeFields(to: &json)
        json.field("askUntil", askUntil.millis)
        json.source(source)
        if let replyPartition { json.field("replyTo", replyPartition) }
        json.field("fingerprint", fingerprint)
    }
}

extension Merge {
    /// Writes the merge's fields, as events and snapshots have them.
    func encodeFields(to json: inout JSONWriter) {
        json.field("from", from)
        json.field("userID", userID.text)
        if let replyPartition { json.field("replyTo", replyPartition) }
        json.field("fingerprint", fingerprint)
    }
}

extension JSONWriter {
    /// Writes a fingerprint, if there is one.
    mutating func field(_ name: StaticString, _ fingerprint: Fingerprint?) {
        if let fingerprint { field(name, fingerprint.description) }
    }

    fileprivate mutating func unwanted(_ sources: [Int: HoldSource]) {
        if sources.isEmpty { return }
        key("unwanted")
        beginArray()
        for (number, source) in sources.sorted(by: { $0.key < $1.key }) {
            object { json in
                json.field("item", number)
                json.source(source)
            }
        }
        endArray()
    }

    fileprivate mutating func reductions(_ reductions: [Removal.Reduction]) {
        beginArray()
        for reduction in reductions {
            object { json in
                json.field("requestID", reduction.requestID.text)
                json.field("to", reduction.to)
            }
        }
        endArray()
    }
}
