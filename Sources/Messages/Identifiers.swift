import CCrypto

/// The identity of a cart: 128 bits, written as a lower-case UUID.
package struct CartID: Hashable, Sendable {
    /// The UUID's bits, most significant first.
    package let bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    /// The cart of a user: UUIDv5 of the user's ID, so that every gateway derives the same.
    ///
    /// Source: RFC 9562, section 5.5, under a namespace of Holdfast's own.
    package init(of userID: UserID) {
        var input: [UInt8] = []
        input.reserveCapacity(16 + userID.text.utf8.count)
        for shift in stride(from: 120, through: 0, by: -8) {
            input.append(UInt8(truncatingIfNeeded: Self.userNamespace >> UInt128(shift)))
        }
        input.append(contentsOf: userID.text.utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        _ = unsafe SHA1(input, input.count, &digest)
        digest[6] = digest[6] & 0x0F | 0x50
        digest[8] = digest[8] & 0x3F | 0x80
        bits = digest[0..<16].reduce(0) { $0 << 8 | UInt128($1) }
    }

    private static let userNamespace: UInt128 = 0x8F3C_1A52_6E0B_4D7C_9A41_5B2E_70D3_C6F8

    /// Reads the 36 characters of a UUID in either case; `nil` for anything else.
    package init?(_ text: String) {
        let utf8 = text.utf8
        guard utf8.count == Self.length else { return nil }
        var bits: UInt128 = 0
        var index = 0
        for character in utf8 {
            switch (index, character) {
            case (8, 0x2D), (13, 0x2D), (18, 0x2D), (23, 0x2D): break
            case (8, _), (13, _), (18, _), (23, _): return nil
            case (_, 0x30...0x39): bits = bits << 4 | UInt128(character - 0x30)
            case (_, 0x61...0x66): bits = bits << 4 | UInt128(character - 0x61 + 10)
            case (_, 0x41...0x46): bits = bits << 4 | UInt128(character - 0x41 + 10)
            default: return nil
            }
            index += 1
        }
        self.bits = bits
    }

    /// How many characters the UUID has.
    private static let length = 36

    /// The characters of the UUID as bytes.
    package var utf8: [UInt8] { unsafe withUTF8 { unsafe Array($0) } }

    /// Lends the characters of the UUID as bytes.
    package func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.length) { buffer in
            var index = 0
            for half in [UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits)] {
                var half = half
                for _ in 0..<16 {
                    if index == 8 || index == 13 || index == 18 || index == 23 {
                        unsafe buffer[index] = 0x2D
                        index += 1
                    }
                    let digit = UInt8(truncatingIfNeeded: half >> 60)
                    unsafe buffer[index] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
                    index += 1
                    half <<= 4
                }
            }
            return unsafe body(UnsafeBufferPointer(buffer))
        }
    }
}

extension CartID: CustomStringConvertible {
    package var description: String { String(decoding: utf8, as: UTF8.self) }
}

/// The identity of a request within its cart, chosen by the client or else by the gateway.
///
/// 1 to 64 of the characters `A-Z a-z 0-9 . _ : -`. A cart that takes a request apart gives its parts
/// IDs of their own, with a slash in them, which no client can choose.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    /// The most bytes that an ID may have that a client chooses.
    package static let lengthMax = 64
    /// The most bytes that follow the slash of a part's ID.
    private static let partLengthMax = 36
    /// The most bytes of an ID, that of a part among them.
    package static let lengthMaxOfPart = lengthMax + 1 + partLengthMax

    package let text: String

    /// Takes a valid ID; `nil` for anything else.
    package init?(_ text: String) {
        guard
            isWellFormed(
                text, lengthMax: Self.lengthMax, where: { isCodeCharacter($0) || $0 == 0x3A })
        else { return nil }
        self.text = text
    }

    /// Takes a valid ID, also that of a part; `nil` for anything else.
    package init?(ofPart text: String) {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else {
            self.init(text)
            return
        }
        let part = String(text[text.utf8.index(after: slash)...])
        guard RequestID(String(text[..<slash])) != nil,
            isWellFormed(part, lengthMax: Self.partLengthMax, where: isCodeCharacter)
        else { return nil }
        self.init(valid: text)
    }

    private init(valid text: String) { self.text = text }

    /// The ID of a part of the request, by its number.
    package func part(_ number: Int) -> RequestID { RequestID(valid: "\(text)/\(number)") }

    /// The ID under which another cart is asked for what it has, on behalf of the request.
    package func part(for cartID: CartID) -> RequestID { RequestID(valid: "\(text)/\(cartID)") }

    /// The request that it is a part of; `nil` for one that is none.
    package var whole: RequestID? {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return RequestID(valid: String(text[..<slash]))
    }

    /// The number of the part; `nil` for one that is none.
    package var partNumber: Int? {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return Int(text[text.utf8.index(after: slash)...])
    }

    /// A new ID with 89 random bits, in the 15 bytes that Swift keeps without an allocation.
    package static func random(
        using generator: inout some RandomNumberGenerator
    ) -> RequestID {
        let alphabet: StaticString =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        var characters: [UInt8] = []
        characters.reserveCapacity(15)
        for _ in 0..<15 {
            let index = Int.random(in: 0..<62, using: &generator)
            characters.append(unsafe alphabet.utf8Start[index])
        }
        return RequestID(valid: String(decoding: characters, as: UTF8.self))
    }

    package var description: String { text }
}

/// The code under which a product is sold.
///
/// 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, compared byte by byte.
package struct ProductCode: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The most bytes that a code may have.
    package static let lengthMax = 64

    package let text: String

    /// Takes a valid code; `nil` for anything else.
    package init?(_ text: String) {
        guard isWellFormed(text, lengthMax: Self.lengthMax, where: isCodeCharacter) else {
            return nil
        }
        self.text = text
    }

    package var description: String { text }

    package static func < (left: ProductCode, right: ProductCode) -> Bool {
        left.text < right.text
    }
}

/// The identity of a shopper, as the shop knows it.
///
/// 1 to 128 visible ASCII characters, so that no two IDs look alike and differ.
package struct UserID: Hashable, Sendable, CustomStringConvertible {
    /// The most bytes that an ID may have.
    package static let lengthMax = 128

    package let text: String

    /// Takes a valid ID; `nil` for anything else.
    package init?(_ text: String) {
        guard
            isWellFormed(
                text, lengthMax: Self.lengthMax, where: { (0x21...0x7E).contains($0) })
        else { return nil }
        self.text = text
    }

    private init(valid text: String) { self.text = text }

    package var description: String { text }
}

extension UserID {
    /// Whoever uses a cart without saying who it is.
    package static let guest = UserID(valid: "guest")
}

/// A store of the shop, as the shop knows it.
///
/// 1 to 64 of the characters `A-Z a-z 0-9 . _ -`.
package struct StoreID: Hashable, Sendable, CustomStringConvertible {
    /// The most bytes that an ID may have.
    package static let lengthMax = 64

    package let text: String

    /// Takes a valid ID; `nil` for anything else.
    package init?(_ text: String) {
        guard isWellFormed(text, lengthMax: Self.lengthMax, where: isCodeCharacter) else {
            return nil
        }
        self.text = text
    }

    package var description: String { text }
}

/// A country by its ISO 3166-1 code: two capital letters.
package struct Country: Hashable, Sendable, CustomStringConvertible {
    package let code: String

    /// Takes two capital letters, assigned or not; `nil` for anything else.
    package init?(_ code: String) {
        guard code.utf8.count == 2, code.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            return nil
        }
        self.code = code
    }

    package var description: String { code }
}

/// A line of a cart: a product, and the store that it comes from, if it comes from one.
///
/// Written as the product's code, or as code and store with an `@` between them.
package struct LineID: Hashable, Sendable, CustomStringConvertible {
    package let productCode: ProductCode
    package let storeID: StoreID?

    package init(_ productCode: ProductCode, storeID: StoreID? = nil) {
        self.productCode = productCode
        self.storeID = storeID
    }

    /// Takes a line's ID; `nil` for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count <= 2, let code = ProductCode(String(parts[0])) else { return nil }
        productCode = code
        if parts.count == 2 {
            guard let storeID = StoreID(String(parts[1])) else { return nil }
            self.storeID = storeID
        } else {
            storeID = nil
        }
    }

    package var description: String {
        storeID.map { "\(productCode)@\($0)" } ?? productCode.text
    }
}

/// How many pieces one request may name.
package enum QuantityLimits {
    /// From one piece to a million.
    package static let request = 1...1_000_000
    /// From nothing to what one request may name.
    package static let held = 0...1_000_000
}

/// A moment on the wall clock, in milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let millis: Int

    package init(millis: Int) { self.millis = millis }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millis < right.millis
    }

    package static func + (left: Timestamp, right: Duration) -> Timestamp {
        let parts = right.components
        return Timestamp(
            millis: left.millis + Int(parts.seconds) * 1_000
                + Int(parts.attoseconds / 1_000_000_000_000_000))
    }
}

private func isCodeCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
    default: false
    }
}

private func isWellFormed(
    _ text: String, lengthMax: Int, where isAllowed: (UInt8) -> Bool
) -> Bool {
    let utf8 = text.utf8
    return !utf8.isEmpty && utf8.count <= lengthMax && utf8.allSatisfy(isAllowed)
}
