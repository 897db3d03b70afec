package import Messages

/// The value of a field, valid for the field's kind.
package enum FieldValue: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case list([FieldValue])
    case object(FieldValues)
}

/// The values of some fields, by their names.
package struct FieldValues: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let name: String
        var value: FieldValue
    }

    /// In the order of their names: there are few, so that looking through them beats hashing.
    private var entries: [Entry] = []

    package init() {}

    init(capacity: Int) { entries.reserveCapacity(capacity) }

    package subscript(name: String) -> FieldValue? {
        get {
            for index in entries.indices where entries[index].name == name {
                return entries[index].value
            }
            return nil
        }
        set {
            let index = entries.firstIndex { $0.name >= name } ?? entries.endIndex
            let isKnown = index < entries.endIndex && entries[index].name == name
            switch newValue {
            case let value? where isKnown: entries[index].value = value
            case let value?: entries.insert(Entry(name: name, value: value), at: index)
            case nil where isKnown: entries.remove(at: index)
            case nil: break
            }
        }
    }

    /// Which fields have a value.
    package var names: [String] { entries.map(\.name) }
}

/// What can be written as fields and read back: one description serves codec and documents.
package protocol FieldCoded: Hashable, Sendable {
    /// The fields, in the order in which they are written.
    static var fields: [CommandField] { get }

    /// Takes values that are valid for their fields; required ones are there.
    init(_ values: FieldValues) throws(FieldProblem)

    /// The values; what is not set has none.
    var values: FieldValues { get }
}

extension FieldCoded {
    /// Writes the fields that have a value.
    package func encodeFields(to json: inout JSONWriter) {
        values.encode(Self.fields, to: &json)
    }
}

extension FieldValues {
    func required<Value>(
        _ name: String, _ read: (FieldValue) -> Value?
    ) throws(FieldProblem) -> Value {
        guard let value = try optional(name, read) else { throw FieldProblem(name, .missing) }
        return value
    }

    func optional<Value>(
        _ name: String, _ read: (FieldValue) -> Value?
    ) throws(FieldProblem) -> Value? {
        guard let known = self[name] else { return nil }
        guard let value = read(known) else {
            throw FieldProblem(name, .invalid("is not well formed"))
        }
        return value
    }

    /// The values of a list of objects.
    func objects<Value>(
        _ name: String, _ read: (FieldValues) throws(FieldProblem) -> Value
    ) throws(FieldProblem) -> [Value] {
        guard case .list(let elements)? = self[name] else { return [] }
        var objects: [Value] = []
        for (index, element) in elements.enumerated() {
            guard case .object(let values) = element else { continue }
            do {
                objects.append(try read(values))
            } catch {
                throw error.inside("\(name)[\(index)]")
            }
        }
        return objects
    }
}

extension FieldValue {
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var productCode: ProductCode? { text.flatMap { ProductCode($0) } }
    var cartID: CartID? { text.flatMap { CartID($0) } }
    var userID: UserID? { text.flatMap { UserID($0) } }
    var lineID: LineID? { text.flatMap { LineID($0) } }
    var storeID: StoreID? { text.flatMap { StoreID($0) } }
    var country: Country? { text.flatMap { Country($0) } }
    var currency: Currency? { text.flatMap { Currency($0) } }
    /// A request, or a part of one.
    var requestID: RequestID? { text.flatMap { RequestID(ofPart: $0) } }

    var lineIDs: [LineID]? {
        guard case .list(let elements) = self else { return nil }
        let lines = elements.compactMap(\.lineID)
        return lines.count == elements.count ? lines : nil
    }
}
