import Messages

/// The parameters of a query, each allowed and, but for some, given at most once.
struct QueryParameters: Equatable {
    private var values: [String: [String]] = [:]

    /// Reads a query.
    ///
    /// - Parameters:
    ///   - query: what stands behind the question mark, still encoded.
    ///   - names: the parameters that are allowed.
    ///   - repeatable: those of them that may be given more than once.
    init(
        _ query: String?, allowing names: [String], repeatable: [String] = []
    ) throws(Problem) {
        guard let query, !query.isEmpty else { return }
        for pair in query.utf8.split(
            separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(parts[0])
            guard names.contains(name) else {
                let known = names.isEmpty ? "none" : names.joined(separator: ", ")
                throw Problem(
                    .unknownParameter,
                    "the parameter \"\(name)\" is unknown; known here: \(known)",
                    at: .parameter(name))
            }
            guard parts.count == 2 else {
                throw Problem(
                    .invalidParameter, "the parameter \"\(name)\" has no value",
                    at: .parameter(name))
            }
            let value = try Self.decoded(parts[1])
            values[name, default: []].append(value)
            if values[name]?.count != 1, !repeatable.contains(name) {
                throw Problem(
                    .duplicateParameter, "the parameter \"\(name)\" is given twice",
                    at: .parameter(name))
            }
        }
    }

    /// The value of a parameter, `nil` if it is not given.
    subscript(name: String) -> String? { values[name]?.first }

    /// All values of a parameter that may be repeated, in their order.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// The value of a parameter that must be there.
    func required(_ name: String) throws(Problem) -> String {
        guard let value = self[name] else {
            throw Problem(
                .missingParameter, "the parameter \"\(name)\" is missing", at: .parameter(name))
        }
        return value
    }

    private static func decoded(
        _ encoded: some Collection<UInt8>
    ) throws(Problem) -> String {
        // Form encoding reads a plus sign as a space, RFC 3986 as itself: neither is guessed.
        if encoded.contains(UInt8(ascii: "+")) {
            throw Problem(
                .invalidQuery, "a plus sign has to be written as %2B, and a space as %20")
        }
        switch PercentEncoding.decode(encoded) {
        case .success(let text): return text
        case .failure(let error): throw Problem(.invalidQuery, "in the query, \(error.reason)")
        }
    }
}
