/// Why a text is not the JSON that was expected.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The byte at which reading stopped, from 0.
    package let offset: Int
    /// What is wrong there, as the end of a sentence.
    package let reason: String

    package var description: String { "at byte \(offset): \(reason)" }
}

/// Reads JSON as RFC 8259 defines it, by pulling one token after the other.
///
/// It is strict where leniency lets two readers disagree: a key that stands twice in an object,
/// invalid UTF-8, lone surrogates, leading zeros and anything after the value are refused. Nesting is
/// limited to ``depthMax``, an object that is not skipped to ``keysMax`` keys.
///
/// ```swift
/// var reader = JSONReader(bytes)
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///     switch key {
///     case "quantity": quantity = try reader.integer()
///     default: try reader.skipValue()
///     }
/// }
/// try reader.end()
/// ```
package struct JSONReader: Sendable {
    /// How deep arrays and objects may nest.
    package static let depthMax = 32
    /// How many keys an object may have.
    package static let keysMax = 256

    private struct Level {
        let isObject: Bool
        let keysStart: Int
        var isFirst = true
    }

    private let bytes: [UInt8]
    private var position = 0
    private var levels: [Level] = []
    private var keys: [String] = []

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        keys.reserveCapacity(16)
    }

    /// The kind of the value that comes next.
    package enum Kind: Sendable {
        case object, array, string, number, boolean, null
    }

    /// Looks at the next value without taking it.
    package mutating func peek() throws(JSONError) -> Kind {
        skipWhitespace()
        switch current {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case nil: throw failure("the text ends where a value should be")
        default: throw failure("there is no value here")
        }
    }

    /// Enters an object.
    package mutating func beginObject() throws(JSONError) {
        skipWhitespace()
        guard current == UInt8(ascii: "{") else { throw failure("an object is expected") }
        try enter(isObject: true)
    }

    /// The next key of the object, or `nil` at its end, which is then left.
    package mutating func nextKey() throws(JSONError) -> String? {
        guard try advance(until: UInt8(ascii: "}")) else { return nil }
        let start = position
        let key = try string()
        guard let level = levels.last else { preconditionFailure("nextKey outside of an object") }
        if keys[level.keysStart...].contains(key) {
            throw JSONError(offset: start, reason: "the key \"\(key)\" stands twice")
        }
        if keys.count - level.keysStart >= Self.keysMax {
            throw JSONError(offset: start, reason: "there are more than \(Self.keysMax) keys")
        }
        keys.append(key)
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw failure("a colon is expected") }
        position += 1
        return key
    }

    /// Enters an array.
    package mutating func beginArray() throws(JSONError) {
        skipWhitespace()
        guard current == UInt8(ascii: "[") else { throw failure("an array is expected") }
        try enter(isObject: false)
    }

    /// Whether the array has another element; at its end the array is left.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try advance(until: UInt8(ascii: "]"))
    }

    /// Reads a string.
    package mutating func string() throws(JSONError) -> String {
        skipWhitespace()
        guard current == UInt8(ascii: "\"") else { throw failure("a string is expected") }
        position += 1
        let start = position
        var seen: UInt8 = 0
        while position < bytes.count {
            seen |= bytes[position]
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let text =
                    seen < 0x80 ? ascii(from: start) : try validated(bytes[start..<position], start)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                return try escapedString(from: start)
            case 0..<0x20:
                throw failure("a control character stands in a string")
            default:
                position += 1
            }
        }
        throw failure("a string has no end")
    }

    /// Reads an integer that fits 64 bits; a fraction or an exponent is refused.
    package mutating func integer() throws(JSONError) -> Int {
        skipWhitespace()
        let start = position
        let isNegative = current == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let digits = position
        var value = 0
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            let digit = Int(byte - UInt8(ascii: "0"))
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative
                ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
            if overflow || carry {
                throw JSONError(offset: start, reason: "the number does not fit 64 bits")
            }
            value = sum
            position += 1
        }
        guard position > digits else {
            throw JSONError(offset: start, reason: "an integer is expected")
        }
        if bytes[digits] == UInt8(ascii: "0"), position > digits + 1 {
            throw JSONError(offset: start, reason: "a number has a leading zero")
        }
        if let byte = current,
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
        {
            throw JSONError(
                offset: start, reason: "an integer is expected, without fraction or exponent")
        }
        return value
    }

    /// Reads a number as the text in which it stands, so that decimals keep their digits.
    package mutating func numberText() throws(JSONError) -> String {
        skipWhitespace()
        let start = position
        try skipNumber()
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Reads a truth value.
    package mutating func boolean() throws(JSONError) -> Bool {
        skipWhitespace()
        if skipWord("true") { return true }
        if skipWord("false") { return false }
        throw failure("true or false is expected")
    }

    /// Takes a null if it comes next.
    package mutating func null() -> Bool {
        skipWhitespace()
        return skipWord("null")
    }

    /// Reads over a value of any kind, which must be well formed.
    package mutating func skipValue() throws(JSONError) {
        switch try peek() {
        case .object:
            try beginObject()
            while try advance(until: UInt8(ascii: "}")) {
                _ = try string()
                skipWhitespace()
                guard current == UInt8(ascii: ":") else { throw failure("a colon is expected") }
                position += 1
                try skipValue()
            }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        case .string: _ = try string()
        case .number: try skipNumber()
        case .boolean: _ = try boolean()
        case .null: guard null() else { throw failure("there is no value here") }
        }
    }

    /// Takes a value of any kind as its text.
    package mutating func rawValue() throws(JSONError) -> [UInt8] {
        skipWhitespace()
        let start = position
        try skipValue()
        return Array(bytes[start..<position])
    }

    /// Makes sure that nothing but white space follows.
    package mutating func end() throws(JSONError) {
        skipWhitespace()
        if current != nil { throw failure("something follows the value") }
    }

    /// An error at the place that has been reached.
    package func failure(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: reason)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func enter(isObject: Bool) throws(JSONError) {
        if levels.count == Self.depthMax {
            throw failure("values nest deeper than \(Self.depthMax)")
        }
        position += 1
        levels.append(Level(isObject: isObject, keysStart: keys.count))
    }

    /// Steps over the comma to the next member; leaves the level at `closing`.
    private mutating func advance(until closing: UInt8) throws(JSONError) -> Bool {
        guard let level = levels.indices.last else {
            preconditionFailure("a member is asked for outside of an object or array")
        }
        skipWhitespace()
        if current == closing {
            position += 1
            keys.removeLast(keys.count - levels[level].keysStart)
            levels.removeLast()
            return false
        }
        if levels[level].isFirst {
            levels[level].isFirst = false
            return true
        }
        guard current == UInt8(ascii: ",") else {
            throw failure("a comma or the end of the object or array is expected")
        }
        position += 1
        return true
    }

    private mutating func skipNumber() throws(JSONError) {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        let integerStart = position
        guard skipDigits() else {
            throw JSONError(offset: start, reason: "a number is expected")
        }
        if bytes[integerStart] == UInt8(ascii: "0"), position > integerStart + 1 {
            throw JSONError(offset: start, reason: "a number has a leading zero")
        }
        if current == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() else { throw failure("a digit is expected") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() else { throw failure("a digit is expected") }
        }
    }

    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            position += 1
        }
        return position > start
    }

    private mutating func skipWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        for index in 0..<count where unsafe bytes[position + index] != word.utf8Start[index] {
            return false
        }
        position += count
        return true
    }

    private func ascii(from start: Int) -> String {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe String(
                decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        }
    }

    private func validated(_ slice: ArraySlice<UInt8>, _ start: Int) throws(JSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw JSONError(offset: start, reason: "a string is not valid UTF-8")
        }
        return text
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return try validated(text[...], start)
            case UInt8(ascii: "\\"):
                try appendEscape(to: &text)
            case 0..<0x20:
                throw failure("a control character stands in a string")
            default:
                text.append(byte)
            }
        }
        throw failure("a string has no end")
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw failure("a string has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard skipWord("\\u") else { throw failure("a surrogate stands alone") }
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw failure("a surrogate stands alone")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw failure("a surrogate stands alone")
            }
            text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
        default:
            throw failure("an escape is unknown")
        }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { throw failure("four hexadecimal digits are expected") }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
