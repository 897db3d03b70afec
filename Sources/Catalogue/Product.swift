package import Messages

/// What a shop sells, or how it delivers.
package struct Product: Hashable, Sendable {
    /// What kind of thing a product is.
    package enum Kind: String, CaseIterable, Sendable {
        /// Something that is put into a cart.
        case goods
        /// A way of delivery: its code names the provider, its price is what the delivery costs.
        case delivery
    }

    package var code: ProductCode
    package var name: String
    /// For people; may have several lines.
    package var description: String
    /// What one piece costs; `nil` where it is not for sale at a price of its own.
    package var price: Price?
    /// URLs, relative ones among them, the most telling image first.
    package var images: [String]
    package var attributes: [String: String]
    /// Whether it is offered at the moment.
    package var isActive: Bool
    package var kind: Kind
    /// Grows with each change of any product; 0 for a product that was not stored yet.
    package var revision: Int

    package init(
        code: ProductCode, name: String, description: String = "", price: Price? = nil,
        images: [String] = [], attributes: [String: String] = [:], isActive: Bool = true,
        kind: Kind = .goods, revision: Int = 0
    ) {
        self.code = code
        self.name = name
        self.description = description
        self.price = price
        self.images = images
        self.attributes = attributes
        self.isActive = isActive
        self.kind = kind
        self.revision = revision
    }
}

/// How large the parts of a product may be.
package enum ProductLimits {
    /// In bytes of UTF-8.
    package static let nameLength = 1...512
    /// In bytes of UTF-8.
    package static let descriptionLengthMax = 8_192
    package static let imagesMax = 16
    /// In characters, all of them ASCII.
    package static let imageLength = 1...1_024
    package static let attributesMax = 32
    /// Of the characters `A-Z a-z 0-9 . _ -`.
    package static let attributeNameLength = 1...64
    /// In bytes of UTF-8.
    package static let attributeValueLength = 1...512
    /// Whole numbers that every reader of JSON keeps exactly.
    package static let revision = 0...9_007_199_254_740_991
}

/// What is wrong with a product or with the text that tells one.
package enum ProductFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is not JSON, or not an object.
    case json(JSONError)
    case unknownField(String)
    case missingField(String)
    /// The field has a value that is not allowed; the reason continues "the field … ".
    case invalidField(String, String)

    package var description: String {
        switch self {
        case .json(let error): "not the JSON of a product, \(error)"
        case .unknownField(let name): "the field \"\(name)\" is unknown"
        case .missingField(let name): "the field \"\(name)\" is missing"
        case .invalidField(let name, let reason): "the field \"\(name)\" \(reason)"
        }
    }
}

extension Product {
    /// What breaks the limits first; `nil` for nothing.
    package var fault: ProductFault? {
        if let reason = Self.faultOfText(name, ProductLimits.nameLength) {
            return .invalidField("name", reason)
        }
        if let reason = Self.faultOfText(
            description, 0...ProductLimits.descriptionLengthMax, allowingLines: true)
        {
            return .invalidField("description", reason)
        }
        if let reason = faultOfImages { return .invalidField("images", reason) }
        if let reason = faultOfAttributes { return .invalidField("attributes", reason) }
        return ProductLimits.revision.contains(revision)
            ? nil : .invalidField("revision", "is out of range")
    }

    private var faultOfImages: String? {
        if images.count > ProductLimits.imagesMax {
            return "has more than \(ProductLimits.imagesMax) URLs"
        }
        return images.allSatisfy(Self.isImageURL)
            ? nil
            : "has a text that is no relative or HTTP URL of "
                + "1 to \(ProductLimits.imageLength.upperBound) characters"
    }

    private var faultOfAttributes: String? {
        if attributes.count > ProductLimits.attributesMax {
            return "has more than \(ProductLimits.attributesMax) attributes"
        }
        for (name, value) in attributes {
            guard Self.isAttributeName(name) else {
                return "has a name that is not 1 to "
                    + "\(ProductLimits.attributeNameLength.upperBound) "
                    + "of the characters A-Z a-z 0-9 . _ -"
            }
            if let reason = Self.faultOfText(value, ProductLimits.attributeValueLength) {
                return "has a value for \"\(name)\" that \(reason)"
            }
        }
        return nil
    }

    /// Whether an attribute may be called so.
    package static func isAttributeName(_ name: String) -> Bool {
        ProductLimits.attributeNameLength.contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    /// A URL as RFC 3986 writes one, whose scheme, if it has any, is HTTP.
    private static func isImageURL(_ text: String) -> Bool {
        guard ProductLimits.imageLength.contains(text.utf8.count),
            text.utf8.allSatisfy({ byte in
                switch byte {
                case 0x21, 0x23...0x3B, 0x3D, 0x3F...0x5B, 0x5D, 0x5F, 0x61...0x7A, 0x7E: true
                default: false
                }
            })
        else { return false }
        let beginning = text.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let colon = beginning.firstIndex(of: ":") else { return true }
        return ["http", "https"].contains(beginning[..<colon].lowercased())
    }

    private static func faultOfText(
        _ text: String, _ length: ClosedRange<Int>, allowingLines: Bool = false
    ) -> String? {
        guard length.contains(text.utf8.count) else {
            return "is not \(length.lowerBound) to \(length.upperBound) bytes long"
        }
        let hasControl = text.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0x09, 0x0A: !allowingLines
            case 0..<0x20, 0x7F...0x9F, 0x2028...0x2029: true
            default: false
            }
        }
        return hasControl ? "has a control character" : nil
    }
}
