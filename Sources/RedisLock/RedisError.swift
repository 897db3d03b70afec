/// Why Redis did not do what it was asked.
package struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who found fault.
    package enum Kind: Hashable, Sendable {
        /// No connection could be made, or it broke, or no reply came in time.
        case connection
        /// Redis answered what nobody asked; the connection is of no further use either.
        case unexpectedReply
        /// The configuration or the call is wrong.
        case usage
    }

    /// Who found fault.
    package let kind: Kind
    /// What happened, without any part of a password.
    package let message: String

    package init(kind: Kind, message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}
