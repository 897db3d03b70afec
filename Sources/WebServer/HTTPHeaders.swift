internal import WebWire

/// The header fields of a request, in order; names in any case.
package struct HTTPHeaders: Sendable {
    let fields: HTTPFields

    init(fields: HTTPFields) { self.fields = fields }

    /// The fields given, in order.
    package init(_ pairs: [(String, String)] = []) { fields = HTTPFields(pairs) }

    /// The first value of a field, without surrounding white space.
    package func first(_ name: String) -> String? { fields.first(name) }

    /// All values of a field, in order.
    package func all(_ name: String) -> [String] { fields.all(name) }

    /// All fields, in order.
    package var pairs: [(name: String, value: String)] { fields.pairs }
}
