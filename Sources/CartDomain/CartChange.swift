package import Messages

/// An event of a command's own, for what it keeps in a part of the cart.
package protocol CartChange: FieldCoded {
    /// The part of the cart that it changes.
    associatedtype Part: CartPart

    /// The event's name in the store and on `cart-event`.
    static var type: String { get }
    /// What it tells, in one sentence.
    static var summary: String { get }

    /// Takes the event into account; it cannot be refused.
    func apply(to part: inout Part)
}

/// A part of a cart besides its lines, which only commands of its own change.
package protocol CartPart: FieldCoded {
    /// Its name in the cart that shoppers see.
    static var name: String { get }

    /// The part of a new cart.
    init()

    /// What it adds to the cart's total.
    var charges: [Price] { get }

    /// Forgets lines that have left the cart.
    mutating func keep(only lines: Set<LineID>)

    /// Writes the part as shoppers see it.
    func encodeView(to json: inout JSONWriter)
}

/// The change of commands that need none.
package enum NoChange: CartChange {
    package typealias Part = NoPart

    package static var type: String { "" }
    package static var summary: String { "" }
    package static var fields: [CommandField] { [] }

    package init(_ values: FieldValues) throws(FieldProblem) {
        throw FieldProblem("type", .unknown)
    }

    package var values: FieldValues { switch self {} }

    package func apply(to part: inout NoPart) {}
}

/// The part that commands without a change of their own keep.
package struct NoPart: CartPart {
    package static var name: String { "" }
    package static var fields: [CommandField] { [] }

    package init() {}

    package init(_ values: FieldValues) throws(FieldProblem) {}

    package var values: FieldValues { FieldValues() }
    package var charges: [Price] { [] }

    package mutating func keep(only lines: Set<LineID>) {}

    package func encodeView(to json: inout JSONWriter) {}
}

/// Any change, with what the cart needs of it.
package struct AnyCartChange: Hashable, Sendable {
    package let base: any CartChange
    /// Of the request that caused it.
    package let fingerprint: Fingerprint

    package init(_ base: any CartChange, _ fingerprint: Fingerprint) {
        self.base = base
        self.fingerprint = fingerprint
    }

    package static func == (left: AnyCartChange, right: AnyCartChange) -> Bool {
        AnyHashable(left.base) == AnyHashable(right.base) && left.fingerprint == right.fingerprint
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(AnyHashable(base))
        hasher.combine(fingerprint)
    }
}

/// Any part of a cart.
package struct AnyCartPart: Hashable, Sendable {
    package var base: any CartPart

    package init(_ base: any CartPart) { self.base = base }

    package static func == (left: AnyCartPart, right: AnyCartPart) -> Bool {
        AnyHashable(left.base) == AnyHashable(right.base)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(base)) }
}
