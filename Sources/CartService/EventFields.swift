import CartDomain
import Messages

/// The fields that events and snapshots are made of, read in one pass.
struct EventFields {
    var type: String?
    var version: Int?
    var requestID: RequestID?
    var at: Int?
    var productCode: ProductCode?
    var storeID: StoreID?
    var quantity: Int?
    var remaining: Int?
    var userID: UserID?
    var country: Country?
    var askUntil: Int?
    var replyTo: Int?
    var name: String?
    var priceMinor: Int?
    var currency: Currency?
    var vatRate: Int?
    var fromCartID: CartID?
    var fromRequestID: RequestID?
    var item: Int?
    var unwanted: [Int: HoldSource] = [:]
    var countries: [LineID: Country]?
    var fingerprint: Fingerprint?
    var reason: RejectionReason?
    var available: Int?
    var action: String?
    var from: CartID?
    var to: CartID?
    var outcomes: [ItemOutcome]?
    private var isOfCommand = false
    var holds: [Removal.Reduction] = []
    var pending: [Removal.Reduction] = []

    init(_ bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes)
        try self.init(&reader)
        try reader.end()
    }

    init(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() { try read(key, &reader) }
    }

    private mutating func read(_ key: String, _ reader: inout JSONReader) throws(JSONError) {
        switch key {
        case "type":
            let name = try reader.string()
            type = name
            // The type comes first. Fields of a command's own event have the meaning it gives them.
            isOfCommand = CommandRegistry.command(ofChange: name) != nil
        case "version": version = try reader.integer()
        case "requestID": requestID = RequestID(ofPart: try reader.string())
        case "at": at = try reader.integer()
        case "fingerprint": fingerprint = Fingerprint(try reader.string())
        case _ where isOfCommand: try reader.skipValue()
        case "productCode": productCode = ProductCode(try reader.string())
        case "storeId": storeID = StoreID(try reader.string())
        case "quantity": quantity = try reader.integer()
        case "remaining": remaining = try reader.integer()
        case "userID": userID = UserID(try reader.string())
        case "country": country = Country(try reader.string())
        case "askUntil": askUntil = try reader.integer()
        case "replyTo": replyTo = try reader.integer()
        case "name": name = try reader.string()
        case "price": priceMinor = try reader.integer()
        case "currency": currency = Currency(try reader.string())
        case "vatRate": vatRate = try reader.integer()
        case "fromCartID": fromCartID = CartID(try reader.string())
        case "fromRequestID": fromRequestID = RequestID(ofPart: try reader.string())
        case "item": item = try reader.integer()
        case "countries": countries = try Self.countries(&reader)
        case "unwanted": unwanted = try Self.unwanted(&reader)
        case "reason": reason = RejectionReason(rawValue: try reader.string())
        case "available": available = try reader.integer()
        case "action": action = try reader.string()
        case "from": from = CartID(try reader.string())
        case "to": to = CartID(try reader.string())
        case "outcomes": outcomes = try ItemOutcome.list(from: &reader)
        case "holds": holds = try Self.reductions(&reader)
        case "pending": pending = try Self.reductions(&reader)
        default: try reader.skipValue()
        }
    }

    /// What happened, by the event's type.
    ///
    /// - Parameter bytes: the event, for the types that only some commands write.
    func kind(of bytes: [UInt8]) throws(MessageError) -> CartEvent.Kind {
        switch try required(type, "type") {
        case "added": .added(try addRequest())
        case "add-requested": .addRequested(try addRequest())
        case "add-confirmed": .addConfirmed(name: try required(name, "name"))
        case "add-refused":
            .addRefused(
                try required(reason, "reason"), available: try required(available, "available"))
        case "removed":
            .removed(
                Removal(
                    Removal.Reductions(holds: holds, pending: pending),
                    for: fingerprint ?? formerRemoval))
        case "countries-set": .countriesSet(try required(countries, "countries"))
        case "accepted": .accepted(try required(fingerprint, "fingerprint"))
        case "rejected":
            .rejected(
                fingerprint ?? (action == "add" ? formerAdd : formerRemoval),
                try required(reason, "reason"))
        case "items-requested":
            .itemsRequested(
                ItemGroup(
                    fingerprint: try required(fingerprint, "fingerprint"),
                    items: try required(outcomes, "outcomes"), unwanted: unwanted,
                    replyPartition: replyTo))
        case "merge-requested": .mergeRequested(try merged())
        case "handed-over":
            .handedOver(
                HandOver(to: try required(to, "to"), items: try Self.handed(bytes)))
        case "expired": .expired
        case "shrunk": .shrunk(to: try required(quantity, "quantity"))
        case "disowned":
            .disowned(
                DisownedHold(
                    productCode: try required(productCode, "productCode"),
                    quantity: try required(quantity, "quantity"),
                    userID: try required(userID, "userID")))
        case let type: .changed(try change(type, bytes))
        }
    }

    func addRequest() throws(MessageError) -> AddRequest {
        AddRequest(
            line: try line(), quantity: try required(quantity, "quantity"),
            userID: try required(userID, "userID"), country: country, name: name, price: price,
            askUntil: Timestamp(millis: try required(askUntil, "askUntil")), source: source,
            replyPartition: replyTo,
            fingerprint: fingerprint ?? (requestID?.whole == nil ? formerAdd : nil))
    }

    func line() throws(MessageError) -> LineID {
        LineID(try required(productCode, "productCode"), storeID: storeID)
    }

    func merged() throws(MessageError) -> Merge {
        Merge(
            from: try required(from, "from"), userID: try required(userID, "userID"),
            replyPartition: replyTo, fingerprint: try required(fingerprint, "fingerprint"))
    }

    var price: Price? {
        guard let priceMinor, let currency, let vatRate else { return nil }
        return Price(minorUnits: priceMinor, currency: currency, vatRate: vatRate)
    }

    private var source: HoldSource? {
        guard let fromCartID, let fromRequestID else { return nil }
        return HoldSource(cartID: fromCartID, requestID: fromRequestID)
    }

    /// The fingerprint of an add that was stored before events had one.
    private var formerAdd: Fingerprint? {
        guard let productCode, let quantity else { return nil }
        return Fingerprint(AddItem(LineID(productCode), quantity: quantity))
    }

    /// The fingerprint of a removal that was stored before events had one.
    private var formerRemoval: Fingerprint? {
        productCode.map { Fingerprint(RemoveProduct($0, quantity: quantity)) }
    }

    private func change(_ type: String, _ bytes: [UInt8]) throws(MessageError) -> AnyCartChange {
        guard let command = CommandRegistry.command(ofChange: type) else {
            throw .unknownType(type)
        }
        do {
            let values = try FieldValues(
                try JSONValue.fields(of: bytes), as: command.changeFields, envelope: nil)
            return AnyCartChange(
                try command.change(values), try required(fingerprint, "fingerprint"))
        } catch {
            throw MessageError(error)
        }
    }

    private static func handed(_ bytes: [UInt8]) throws(MessageError) -> [HandedItem] {
        do {
            let items = try JSONValue.fields(of: bytes).first { $0.name == "handed" }
            return try HandedItem.list(items?.value ?? .null)
        } catch {
            throw MessageError(error)
        }
    }

    private static func countries(
        _ reader: inout JSONReader
    ) throws(JSONError) -> [LineID: Country] {
        var countries: [LineID: Country] = [:]
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard let line = LineID(key), let country = Country(try reader.string()) else {
                throw reader.failure("countries are told by line")
            }
            countries[line] = country
        }
        return countries
    }

    private static func unwanted(
        _ reader: inout JSONReader
    ) throws(JSONError) -> [Int: HoldSource] {
        var sources: [Int: HoldSource] = [:]
        try reader.beginArray()
        while try reader.nextElement() {
            let fields = try EventFields(&reader)
            guard let item = fields.item, let source = fields.source else {
                throw reader.failure("what is unwanted needs item, fromCartID and fromRequestID")
            }
            sources[item] = source
        }
        return sources
    }

    private static func reductions(
        _ reader: inout JSONReader
    ) throws(JSONError) -> [Removal.Reduction] {
        var reductions: [Removal.Reduction] = []
        try reader.beginArray()
        while try reader.nextElement() {
            var requestID: RequestID?
            var quantity: Int?
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "requestID": requestID = RequestID(ofPart: try reader.string())
                case "to": quantity = try reader.integer()
                default: try reader.skipValue()
                }
            }
            guard let requestID, let quantity else {
                throw reader.failure("a reduction needs requestID and to")
            }
            reductions.append(Removal.Reduction(requestID: requestID, to: quantity))
        }
        return reductions
    }
}

func required<Value>(_ value: Value?, _ name: String) throws(MessageError) -> Value {
    guard let value else { throw .field(name, "is missing or not well formed") }
    return value
}
