/// Cuts CSV into records, chunk by chunk.
///
/// Source: RFC 4180, with LF as well as CRLF at a line's end, a byte order mark at the beginning and
/// empty lines passed over. Quoting that breaks the rules is a fault of its line; reading goes on
/// with the next.
struct LoaderCSV {
    /// The most bytes that a record may have.
    static let recordLengthMax = 65_536
    /// The most fields that a record is cut into; more make no difference to a wrong count.
    static let fieldCountMax = 64

    /// What came out: a record's fields, or what is wrong with it.
    enum Record {
        case fields([ArraySlice<UInt8>])
        case fault(String)
    }

    private enum State {
        case fieldStart, plain, quoted, afterQuote, afterReturn, skipping
    }

    private var state = State.fieldStart
    private var record: [UInt8] = []
    private var ends: [Int] = []
    private var line = 1
    private var recordLine = 1
    private var hasContent = false
    private var markLength = 0
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Reads a chunk and hands over each record that it completes, with the line it begins on.
    ///
    /// - Parameter body: returns whether to go on.
    mutating func read(_ chunk: [UInt8], _ body: (Int, Record) -> Bool) {
        for byte in chunk {
            if markLength < 3 {
                // Byte order mark: only as the very first bytes.
                if byte == Self.mark[markLength] {
                    markLength += 1
                    continue
                }
                let begun = Self.mark.prefix(markLength)
                markLength = 3
                for early in begun { if !step(early, body) { return } }
            }
            if !step(byte, body) { return }
        }
    }

    /// Ends the input; hands over a last record without a line's end.
    mutating func finish(_ body: (Int, Record) -> Bool) {
        switch state {
        case .quoted: _ = body(recordLine, .fault("a quoted field has no closing quote"))
        case .afterReturn: _ = body(recordLine, .fault("a carriage return has no line feed"))
        case .skipping: break
        case .fieldStart, .plain, .afterQuote: _ = endRecord(body)
        }
    }

    private mutating func step(_ byte: UInt8, _ body: (Int, Record) -> Bool) -> Bool {
        if byte == 0x0A { line += 1 }
        switch (state, byte) {
        case (.quoted, UInt8(ascii: "\"")): state = .afterQuote
        case (.quoted, _): return append(byte, body)
        case (.skipping, 0x0A): begin()
        case (.skipping, _): break
        case (.afterReturn, 0x0A): return endRecord(body)
        case (.afterReturn, _): return fault("a carriage return has no line feed", body)
        case (_, UInt8(ascii: ",")):
            hasContent = true
            endField()
            state = .fieldStart
        case (_, 0x0A): return endRecord(body)
        case (_, 0x0D): state = .afterReturn
        case (.fieldStart, UInt8(ascii: "\"")):
            hasContent = true
            state = .quoted
        case (.afterQuote, UInt8(ascii: "\"")):
            state = .quoted
            return append(byte, body)
        case (.afterQuote, _): return fault("something follows a closing quote", body)
        case (_, UInt8(ascii: "\"")): return fault("a quote stands in a field without quotes", body)
        default:
            hasContent = true
            state = .plain
            return append(byte, body)
        }
        return true
    }

    private mutating func append(_ byte: UInt8, _ body: (Int, Record) -> Bool) -> Bool {
        if record.count == Self.recordLengthMax {
            return fault("the row has more than \(Self.recordLengthMax) bytes", body)
        }
        record.append(byte)
        return true
    }

    private mutating func endField() {
        if ends.count < Self.fieldCountMax { ends.append(record.count) }
    }

    private mutating func endRecord(_ body: (Int, Record) -> Bool) -> Bool {
        guard hasContent else {
            begin()
            return true
        }
        endField()
        var fields: [ArraySlice<UInt8>] = []
        var start = 0
        for end in ends {
            fields.append(record[start..<end])
            start = end
        }
        let goesOn = body(recordLine, .fields(fields))
        begin()
        return goesOn
    }

    private mutating func fault(_ reason: String, _ body: (Int, Record) -> Bool) -> Bool {
        let goesOn = body(recordLine, .fault(reason))
        state = .skipping
        return goesOn
    }

    private mutating func begin() {
        state = .fieldStart
        record.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hasContent = false
        recordLine = line
    }
}
