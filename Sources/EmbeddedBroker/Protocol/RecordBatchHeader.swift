/// The header of a record batch of format 2, without its records.
///
/// Source: Kafka documentation, "Message Format", "Record Batch".
struct RecordBatchHeader {
    /// How many bytes a header takes.
    static let size = 61
    /// The bytes before the ones that the length field counts.
    static let prefixSize = 12
    /// The checksum covers everything from here on: the base offset and the leader epoch can be
    /// written in without touching it.
    static let checksummedFrom = 21

    private static let magicOffset = 16

    let baseOffset: Int64
    /// The whole batch, header included, in bytes.
    let totalSize: Int
    let crc: UInt32
    let attributes: Int16
    let lastOffsetDelta: Int32
    let baseTimestamp: Int64
    let maxTimestamp: Int64
    let producerID: Int64
    let producerEpoch: Int16
    let baseSequence: Int32
    let recordCount: Int32

    /// Reads the header at `position`, which has ``size`` bytes.
    @inline(__always)
    init(_ block: ByteBlock, at position: Int) {
        baseOffset = block.integer(Int64.self, at: position)
        totalSize = Self.prefixSize + Int(block.integer(Int32.self, at: position + 8))
        crc = block.integer(UInt32.self, at: position + 17)
        attributes = block.integer(Int16.self, at: position + 21)
        lastOffsetDelta = block.integer(Int32.self, at: position + 23)
        baseTimestamp = block.integer(Int64.self, at: position + 27)
        maxTimestamp = block.integer(Int64.self, at: position + 35)
        producerID = block.integer(Int64.self, at: position + 43)
        producerEpoch = block.integer(Int16.self, at: position + 51)
        baseSequence = block.integer(Int32.self, at: position + 53)
        recordCount = block.integer(Int32.self, at: position + 57)
    }

    var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
    var isCompressed: Bool { attributes & 0x07 != 0 }
    var isTransactional: Bool { attributes & 0x10 != 0 }
    var isControl: Bool { attributes & 0x20 != 0 }
    var hasProducer: Bool { producerID >= 0 }

    /// The sequence number of the last record; they count up to 2^31 - 1 and go on at 0.
    var lastSequence: Int32 { (baseSequence &+ lastOffsetDelta) & Int32.max }

    /// The format version of the record set at `position`: the byte stands in the same place in all.
    static func magic(_ block: ByteBlock, at position: Int) -> Int8 {
        block.integer(Int8.self, at: position + magicOffset)
    }

    /// Whether the numbers fit each other, for a batch that claims the bytes in `range`.
    func isConsistent(within size: Int) -> Bool {
        totalSize >= Self.size && totalSize <= size && recordCount > 0
            && lastOffsetDelta == recordCount - 1
    }

    /// Checks what a producer sent: one whole batch of format 2, its checksum right.
    ///
    /// - Parameters:
    ///   - block: the memory of the request.
    ///   - range: the record set in it.
    ///   - sizeMax: the largest batch that the topic takes, in bytes.
    static func validated(
        _ block: ByteBlock, _ range: Range<Int>, sizeMax: Int
    ) throws(ErrorCode) -> RecordBatchHeader {
        guard range.count > magicOffset else { throw .corruptMessage }
        switch magic(block, at: range.lowerBound) {
        case 2: break
        case 0, 1: throw .unsupportedForMessageFormat
        default: throw .corruptMessage
        }
        guard range.count >= size else { throw .corruptMessage }
        guard range.count <= sizeMax else { throw .messageTooLarge }
        let header = RecordBatchHeader(block, at: range.lowerBound)
        guard header.totalSize == range.count else {
            // Kafka takes exactly one batch for each partition of a request.
            throw header.totalSize < range.count && header.totalSize >= size
                ? .invalidRecord : .corruptMessage
        }
        guard
            header.crc
                == block.crc32c(range.lowerBound + checksummedFrom..<range.upperBound)
        else { throw .corruptMessage }
        guard header.isConsistent(within: range.count), !header.isControl,
            !header.hasProducer || (header.producerEpoch >= 0 && header.baseSequence >= 0)
        else { throw .invalidRecord }
        guard !header.isTransactional else { throw .transactionalIDAuthorizationFailed }
        return header
    }
}
