import Messages

/// Reads the object of a ``ProductPatch``; the first field that is wrong counts.
struct ProductPatchReader {
    let source: ProductPatch.Source
    private(set) var patch = ProductPatch()
    private(set) var fault: ProductFault?

    init(source: ProductPatch.Source) { self.source = source }

    mutating func read(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "productCode":
                guard let text = try string(key, &reader) else { break }
                patch.code = ProductCode(text)
                if patch.code == nil { note(.invalidField(key, "is not a product code")) }
            case "name": patch.name = try string(key, &reader)
            case "description":
                patch.description = reader.null() ? "" : try string(key, &reader)
            case "price":
                patch.price = reader.null() ? .some(nil) : try price(key, &reader).map { .some($0) }
            case "images": patch.images = reader.null() ? [] : try images(key, &reader)
            case "attributes":
                patch.attributes = reader.null() ? .cleared : try attributes(key, &reader)
            case "active":
                guard try isNext(.boolean, "a truth value", key, &reader) else { break }
                patch.isActive = try reader.boolean()
            case "kind":
                guard let text = try string(key, &reader) else { break }
                patch.kind = Product.Kind(rawValue: text)
                if patch.kind == nil { note(.invalidField(key, "is neither goods nor delivery")) }
            case "revision" where source == .message:
                patch.revision = try integer(key, ProductLimits.revision, &reader)
            default: try passOver(key, &reader)
            }
        }
    }

    private mutating func price(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) -> Price? {
        guard try isNext(.object, "an object", key, &reader) else { return nil }
        var minorUnits: Int?
        var vatRate: Int?
        var currency: Currency?
        try reader.beginObject()
        while let name = try reader.nextKey() {
            let path = "\(key).\(name)"
            switch name {
            case "minorUnits": minorUnits = try integer(path, Price.minorUnitsLimits, &reader)
            case "vatRate": vatRate = try integer(path, Price.vatRateLimits, &reader)
            case "currency":
                guard let text = try string(path, &reader) else { break }
                currency = Currency(text)
                if currency == nil { note(.invalidField(path, "is not three capital letters")) }
            default: try passOver(path, &reader)
            }
        }
        guard let minorUnits else { return missing("\(key).minorUnits") }
        guard let currency else { return missing("\(key).currency") }
        guard let vatRate else { return missing("\(key).vatRate") }
        return Price(minorUnits: minorUnits, currency: currency, vatRate: vatRate)
    }

    private mutating func images(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) -> [String]? {
        guard try isNext(.array, "an array", key, &reader) else { return nil }
        var images: [String] = []
        try reader.beginArray()
        while try reader.nextElement() {
            guard let image = try string(key, &reader) else { continue }
            // One more than allowed is enough to be refused.
            if images.count <= ProductLimits.imagesMax { images.append(image) }
        }
        return images
    }

    private mutating func attributes(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) -> ProductPatch.Attributes? {
        guard try isNext(.object, "an object", key, &reader) else { return nil }
        var named: [String: String?] = [:]
        try reader.beginObject()
        while let name = try reader.nextKey() {
            named[name] = reader.null() ? .some(nil) : try string("\(key).\(name)", &reader)
        }
        return .merged(named)
    }

    private mutating func string(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) -> String? {
        try isNext(.string, "a string", key, &reader) ? try reader.string() : nil
    }

    private mutating func integer(
        _ key: String, _ limits: ClosedRange<Int>, _ reader: inout JSONReader
    ) throws(JSONError) -> Int? {
        guard try isNext(.number, "a number", key, &reader) else { return nil }
        guard let value = Int(try reader.numberText()), limits.contains(value) else {
            note(
                .invalidField(
                    key, "is not a whole number from \(limits.lowerBound) to \(limits.upperBound)"))
            return nil
        }
        return value
    }

    private mutating func isNext(
        _ kind: JSONReader.Kind, _ name: String, _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) -> Bool {
        if try reader.peek() == kind { return true }
        note(.invalidField(key, "is not \(name)"))
        try reader.skipValue()
        return false
    }

    private mutating func passOver(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONError) {
        if source == .client { note(.unknownField(key)) }
        try reader.skipValue()
    }

    private mutating func missing(_ key: String) -> Price? {
        note(.missingField(key))
        return nil
    }

    private mutating func note(_ found: ProductFault) {
        if fault == nil { fault = found }
    }
}
