import Messages

/// The parameters of a query, each allowed and given at most once.
struct QueryParameters: Equatable {
    private var values: [String: String] = [:]

    /// Reads a query.
    ///
    /// - Parameters:
    ///   - query: what stands behind the question mark, still encoded.
    ///   - names: the parameters that are allowed.
    init(_ query: String?, allowing names: [String]) throws(Problem) {
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
            if values.updateValue(value, forKey: name) != nil {
                throw Problem(
                    .duplicateParameter, "the parameter \"\(name)\" is given twice",
                    at: .parameter(name))
            }
        }
    }

    /// The value of a parameter, `nil` if it is not given.
    subscript(name: String) -> String? { values[name] }

    /// The value of a parameter that must be there.
    func required(_ name: String) throws(Problem) -> String {
        guard let value = values[name] else {
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
