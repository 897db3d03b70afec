/// The header fields of one message, in order, kept as the bytes that came.
///
/// Names and values lie in one buffer; text is made only for the fields that somebody looks up.
package struct HTTPFields: Sendable {
    private struct Extent: Sendable {
        var name: Range<Int>
        var value: Range<Int>
    }

    private var bytes: [UInt8] = []
    private var extents: [Extent] = []
    /// Whether the last field's value has begun; an empty one has, too.
    private var lastHasValue = false

    package init() {}

    /// The fields given, in order.
    package init(_ pairs: some Sequence<(String, String)>) {
        for (name, value) in pairs {
            appendToName(name.utf8)
            appendToValue(value.utf8)
        }
    }

    /// How many fields there are.
    package var count: Int { extents.count }

    /// The bytes of all names and values.
    package var byteCount: Int { bytes.count }

    /// All fields as text, in order; bytes that are not UTF-8 come as U+FFFD.
    package var pairs: [(name: String, value: String)] {
        extents.map { (text($0.name), text($0.value)) }
    }

    /// The first value of a field, without surrounding white space; the name in any case.
    package func first(_ name: String) -> String? {
        for extent in extents where matches(extent.name, name) { return text(extent.value) }
        return nil
    }

    /// All values of a field, in order; the name in any case.
    package func all(_ name: String) -> [String] {
        extents.compactMap { matches($0.name, name) ? text($0.value) : nil }
    }

    /// The members of a field whose value is a comma-separated list, in lower case.
    ///
    /// Source: RFC 9110 section 5.6.1; several fields of one name count as one list.
    package func tokens(_ name: String) -> [String] {
        all(name).flatMap { value in
            value.utf8.split(separator: 0x2C)
                .map { String(decoding: trimmed($0), as: UTF8.self).lowercased() }
                .filter { !$0.isEmpty }
        }
    }

    /// Whether each name is a token of RFC 9110 section 5.6.2.
    var namesAreTokens: Bool {
        extents.allSatisfy { extent in
            !extent.name.isEmpty && bytes[extent.name].allSatisfy(isTokenByte)
        }
    }

    /// Starts a field, or continues the name of the one just started.
    mutating func appendToName(_ part: some Collection<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: part)
        if !lastHasValue, let last = extents.indices.last {
            extents[last].name = extents[last].name.lowerBound..<bytes.count
        } else {
            extents.append(Extent(name: start..<bytes.count, value: bytes.count..<bytes.count))
            lastHasValue = false
        }
    }

    /// Continues the value of the last field.
    mutating func appendToValue(_ part: some Collection<UInt8>) {
        guard let last = extents.indices.last else { return }
        if !lastHasValue {
            extents[last].value = bytes.count..<bytes.count
            lastHasValue = true
        }
        bytes.append(contentsOf: part)
        extents[last].value = extents[last].value.lowerBound..<bytes.count
    }

    private func matches(_ range: Range<Int>, _ name: String) -> Bool {
        let wanted = name.utf8
        guard range.count == wanted.count else { return false }
        return zip(bytes[range], wanted).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: trimmed(bytes[range]), as: UTF8.self)
    }
}

private func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence
where Bytes.SubSequence: BidirectionalCollection<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let tail = bytes.drop(while: isSpace)
    guard let last = tail.lastIndex(where: { !isSpace($0) }) else { return tail }
    return tail[...last]
}

private func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
}

/// Whether a byte may stand in a token: a method or a field name.
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
}
