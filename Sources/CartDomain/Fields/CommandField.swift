import Messages

/// One field of what is written about a cart: of a command, of a change, of a part of the cart.
package final class CommandField: Sendable {
    /// What a field may hold.
    package indirect enum Kind: Sendable {
        case productCode, cartID, userID, lineID, storeID, country, currency
        /// A whole number within the limits.
        case integer(ClosedRange<Int>)
        /// 1 to so many characters without control characters.
        case text(lengthMax: Int)
        /// Any text, of our own making.
        case anyText
        /// Up to so many values.
        case list(Kind, countMax: Int)
        case object([CommandField])

        /// How many pieces one request may name.
        package static let quantity = Kind.integer(QuantityLimits.request)
    }

    package let name: String
    /// Another name that clients may use for it.
    package let alias: String?
    package let kind: Kind
    package let isRequired: Bool
    /// What it means, in one sentence.
    package let summary: String

    package init(
        _ name: String, alias: String? = nil, _ kind: Kind, isRequired: Bool = true,
        _ summary: String
    ) {
        self.name = name
        self.alias = alias
        self.kind = kind
        self.isRequired = isRequired
        self.summary = summary
    }
}

/// What is wrong with a field.
package struct FieldProblem: Error, Hashable, Sendable {
    /// The kind of it.
    package enum Kind: Hashable, Sendable {
        case missing
        case unknown
        /// The text continues "the field … ".
        case invalid(String)
    }

    /// The field's name; of one inside of another, `items[2].quantity`.
    package var field: String
    package let kind: Kind

    package init(_ field: String, _ kind: Kind) {
        self.field = field
        self.kind = kind
    }

    /// The problem of a field as seen from the value that the field is a part of.
    func inside(_ outer: String) -> FieldProblem { FieldProblem("\(outer).\(field)", kind) }

    /// What is wrong, as the end of a sentence that begins with the field.
    package var reason: String {
        switch kind {
        case .missing: "is missing"
        case .unknown: "is unknown"
        case .invalid(let reason): reason
        }
    }
}
