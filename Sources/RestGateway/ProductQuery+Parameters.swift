import Catalogue
import Messages

extension ProductQuery {
    private static let names = [
        "q", "prefix", "kind", "currency", "priceFrom", "priceTo", "attribute", "active", "sort",
        "order", "after", "offset", "limit",
    ]

    /// Reads the query of `GET /products`.
    init(_ query: String?) throws(Problem) {
        self.init()
        let parameters = try QueryParameters(
            query, allowing: Self.names, repeatable: ["attribute"])
        try readText(parameters)
        if let text = parameters["kind"] {
            kind = try Self.choice(text, "kind", Product.Kind.allCases.map(\.rawValue)) {
                Product.Kind(rawValue: $0)
            }
        }
        if let text = parameters["currency"] {
            guard let known = Currency(text) else {
                throw Self.invalid("currency", "is not three capital letters")
            }
            currency = known
        }
        priceFrom = try Self.integer(parameters, "priceFrom", Price.minorUnitsLimits)
        priceTo = try Self.integer(parameters, "priceTo", Price.minorUnitsLimits)
        try readAttributes(parameters.all("attribute"))
        switch parameters["active"] {
        case nil, "true": isActive = true
        case "false": isActive = false
        case "any": isActive = nil
        default: throw Self.invalid("active", "is none of true, false, any")
        }
        try readOrder(parameters)
        offset = try Self.integer(parameters, "offset", 0...Self.offsetMax) ?? 0
        limit = try Self.integer(parameters, "limit", 1...Self.limitMax) ?? limit
    }

    private mutating func readText(_ parameters: QueryParameters) throws(Problem) {
        text = parameters["q"] ?? ""
        guard text.utf8.count <= Self.textLengthMax else {
            throw Self.invalid("q", "has more than \(Self.textLengthMax) bytes")
        }
        guard words.count <= Self.wordsMax else {
            throw Self.invalid("q", "has more than \(Self.wordsMax) words")
        }
        if let prefix = parameters["prefix"] {
            // What may begin a code is a code, too.
            codePrefix = try InputRules.productCode(prefix, at: .parameter("prefix")).text
        }
    }

    private mutating func readAttributes(_ pairs: [String]) throws(Problem) {
        guard pairs.count <= Self.attributesMax else {
            throw Self.invalid("attribute", "is given more than \(Self.attributesMax) times")
        }
        for pair in pairs {
            let parts = pair.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Product.isAttributeName(String(parts[0])),
                ProductLimits.attributeValueLength.contains(parts[1].utf8.count)
            else { throw Self.invalid("attribute", "is not a name, a colon and a value") }
            if attributes.updateValue(String(parts[1]), forKey: String(parts[0])) != nil {
                throw Self.invalid("attribute", "names \(parts[0]) twice")
            }
        }
    }

    private mutating func readOrder(_ parameters: QueryParameters) throws(Problem) {
        sort = words.isEmpty ? .code : .relevance
        if let text = parameters["sort"] {
            sort = try Self.choice(text, "sort", Sort.allCases.map(\.rawValue)) {
                Sort(rawValue: $0)
            }
        }
        switch parameters["order"] {
        case nil, "asc": isDescending = false
        case "desc": isDescending = true
        default: throw Self.invalid("order", "is neither asc nor desc")
        }
        if let text = parameters["after"] {
            after = try InputRules.productCode(text, at: .parameter("after"))
            guard sort == .code else {
                throw Self.invalid("after", "goes with sort=code only")
            }
        }
    }

    private static func choice<Value>(
        _ text: String, _ name: String, _ known: [String], _ make: (String) -> Value?
    ) throws(Problem) -> Value {
        guard let value = make(text) else {
            throw invalid(name, "is none of \(known.joined(separator: ", "))")
        }
        return value
    }

    private static func integer(
        _ parameters: QueryParameters, _ name: String, _ limits: ClosedRange<Int>
    ) throws(Problem) -> Int? {
        guard let text = parameters[name] else { return nil }
        let value = try InputRules.integer(text, at: .parameter(name))
        guard limits.contains(value) else {
            throw invalid(name, "is not from \(limits.lowerBound) to \(limits.upperBound)")
        }
        return value
    }

    private static func invalid(_ name: String, _ reason: String) -> Problem {
        InputRules.invalid(.parameter(name), reason)
    }
}
