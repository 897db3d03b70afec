import Foundation
import Messages
import RestGateway

/// Any JSON value.
enum JSON: Hashable, Decodable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(_ bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(JSON.self, from: Data(bytes))
    }

    init(_ value: JSONValue) throws { try self.init(value.encoded) }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([String: JSON].self) {
            self = .object(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else {
            self = .number(try container.decode(Double.self))
        }
    }

    subscript(name: String) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var elements: [JSON] { if case .array(let value) = self { value } else { [] } }
    var fields: [String: JSON] { if case .object(let value) = self { value } else { [:] } }

    /// What a reference of this document points to (RFC 6901).
    func resolve(_ reference: String) -> JSON? {
        guard reference.hasPrefix("#/") else { return nil }
        return reference.dropFirst(2).split(separator: "/").reduce(self as JSON?) { value, step in
            value?[String(step.replacing("~1", with: "/").replacing("~0", with: "~"))]
        }
    }

    /// Everything that stands under that name, at any depth.
    func all(_ name: String) -> [JSON] {
        switch self {
        case .array(let elements): elements.flatMap { $0.all(name) }
        case .object(let fields):
            (fields[name].map { [$0] } ?? []) + fields.values.flatMap { $0.all(name) }
        default: []
        }
    }

    /// The value as JSON text, its fields sorted but for the type, which messages tell first.
    var text: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value):
            String(decoding: JSONValue.string(value).encoded, as: UTF8.self)
        case .array(let elements): "[\(elements.map(\.text).joined(separator: ","))]"
        case .object(let fields):
            "{"
                + fields.sorted {
                    ($0.key == "type" ? "" : $0.key) < ($1.key == "type" ? "" : $1.key)
                }
                .map { "\"\($0.key)\":\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }
}
