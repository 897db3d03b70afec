@testable import EmbeddedBroker

/// A record batch of format 2, as a producer sends it.
struct RecordBatchBuilder {
    var values: [String]
    var producerID: Int64 = -1
    var epoch: Int16 = -1
    var sequence: Int32 = -1
    var timestamp: Int64 = 1_700_000_000_000
    /// Milliseconds between two records.
    var timestampStep: Int64 = 0
    var attributes: Int16 = 0
    var magic: Int8 = 2

    init(_ values: String...) { self.values = values }

    init(_ values: [String]) { self.values = values }

    func idempotent(_ producerID: Int64, epoch: Int16 = 0, sequence: Int32) -> Self {
        var copy = self
        copy.producerID = producerID
        copy.epoch = epoch
        copy.sequence = sequence
        return copy
    }

    func at(_ timestamp: Int64, step: Int64 = 0) -> Self {
        var copy = self
        copy.timestamp = timestamp
        copy.timestampStep = step
        return copy
    }

    var bytes: [UInt8] {
        var body = WireWriter()
        body.int16(attributes)
        body.int32(Int32(values.count - 1))
        body.int64(timestamp)
        body.int64(timestamp + timestampStep * Int64(values.count - 1))
        body.int64(producerID)
        body.int16(epoch)
        body.int32(sequence)
        body.int32(Int32(values.count))
        for (index, value) in values.enumerated() {
            var record = WireWriter()
            record.int8(0)
            record.varint(timestampStep * Int64(index))
            record.varint(Int64(index))
            record.varint(-1)
            record.varint(Int64(value.utf8.count))
            record.raw(Array(value.utf8))
            record.varint(0)
            body.varint(Int64(record.bytes.count))
            body.raw(record.bytes)
        }
        var batch = WireWriter()
        batch.int64(0)
        batch.int32(Int32(body.bytes.count + 9))
        batch.int32(-1)
        batch.int8(magic)
        batch.uint32(crc32c(body.bytes))
        batch.raw(body.bytes)
        return batch.bytes
    }
}

/// One record that came back.
struct ReadRecord: Equatable {
    let offset: Int64
    let value: String
}

/// The records of whole, uncompressed batches; a batch that is cut off is left out, as clients do.
func records(in bytes: [UInt8]) throws -> [ReadRecord] {
    var found: [ReadRecord] = []
    let block = ByteBlock(copying: bytes)
    var position = 0
    while bytes.count - position >= RecordBatchHeader.size {
        let header = RecordBatchHeader(block, at: position)
        guard header.totalSize <= bytes.count - position else { break }
        var reader = WireReader(
            block, position + RecordBatchHeader.size..<position + header.totalSize)
        for _ in 0..<header.recordCount {
            _ = try reader.varint()
            _ = try reader.int8()
            _ = try reader.varint()
            let offset = header.baseOffset + (try reader.varint())
            _ = try reader.varint()
            var value: [UInt8] = []
            for _ in 0..<(try reader.varint()) {
                value.append(UInt8(bitPattern: try reader.int8()))
            }
            _ = try reader.varint()
            found.append(ReadRecord(offset: offset, value: String(decoding: value, as: UTF8.self)))
        }
        position += header.totalSize
    }
    return found
}
