/// Cuts JSON into objects, chunk by chunk: the elements of one array, or objects one after the other.
///
/// Only the brackets and strings are followed here; each object is then read by `JSONReader`.
struct LoaderJSON {
    /// The most bytes that an object may have.
    static let objectLengthMax = 65_536

    /// What came out: an object's text, or what is wrong.
    enum Item {
        case object([UInt8])
        /// After this fault nothing more can be told apart.
        case fault(String)
    }

    private enum State: Equatable {
        case start, betweenLines, elementOrEnd, element, commaOrEnd, ended, broken
        case inside
    }

    private var state = State.start
    private var isArray = false
    private var object: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var line = 1
    private var objectLine = 1
    private var markLength = 0
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Reads a chunk and hands over each object that it completes, with the line it begins on.
    ///
    /// - Parameter body: returns whether to go on.
    mutating func read(_ chunk: [UInt8], _ body: (Int, Item) -> Bool) {
        for byte in chunk {
            if state == .start, markLength < 3, byte == Self.mark[markLength] {
                markLength += 1
                continue
            }
            if byte == 0x0A { line += 1 }
            if !step(byte, body) { return }
        }
    }

    /// Ends the input.
    mutating func finish(_ body: (Int, Item) -> Bool) {
        switch state {
        case .betweenLines, .ended, .broken: break
        case .start: _ = body(line, .fault("there is no JSON"))
        case .inside: _ = body(objectLine, .fault("an object has no end"))
        case .elementOrEnd, .element, .commaOrEnd:
            _ = body(line, .fault("the array has no end"))
        }
    }

    private mutating func step(_ byte: UInt8, _ body: (Int, Item) -> Bool) -> Bool {
        if state == .inside { return stepInside(byte, body) }
        if state == .broken { return true }
        switch (state, byte) {
        case (_, 0x20), (_, 0x09), (_, 0x0D), (_, 0x0A): break
        case (.start, UInt8(ascii: "[")):
            isArray = true
            state = .elementOrEnd
        case (.start, UInt8(ascii: "{")), (.betweenLines, UInt8(ascii: "{")),
            (.elementOrEnd, UInt8(ascii: "{")), (.element, UInt8(ascii: "{")):
            objectLine = line
            depth = 1
            object = [byte]
            state = .inside
        case (.elementOrEnd, UInt8(ascii: "]")), (.commaOrEnd, UInt8(ascii: "]")): state = .ended
        case (.commaOrEnd, UInt8(ascii: ",")): state = .element
        case (.ended, _): return fault("something follows the array", line, body)
        case (.commaOrEnd, _): return fault("a comma or the array's end is expected", line, body)
        case (.start, _): return fault("an array or an object is expected", line, body)
        default: return fault("an object is expected", line, body)
        }
        return true
    }

    private mutating func stepInside(_ byte: UInt8, _ body: (Int, Item) -> Bool) -> Bool {
        if object.count == Self.objectLengthMax {
            return fault(
                "an object has more than \(Self.objectLengthMax) bytes", objectLine, body)
        }
        object.append(byte)
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return true
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            guard depth == 0 else { break }
            state = isArray ? .commaOrEnd : .betweenLines
            return body(objectLine, .object(object))
        default: break
        }
        return true
    }

    private mutating func fault(
        _ reason: String, _ line: Int, _ body: (Int, Item) -> Bool
    ) -> Bool {
        state = .broken
        return body(line, .fault(reason))
    }
}
