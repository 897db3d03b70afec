import Testing

@testable import EmbeddedBroker

@Suite struct ProducerTableTests {
    private func header(
        epoch: Int16 = 0, sequence: Int32, count: Int = 1
    ) -> RecordBatchHeader {
        let bytes = RecordBatchBuilder(Array(repeating: "x", count: count))
            .idempotent(7, epoch: epoch, sequence: sequence).bytes
        return RecordBatchHeader(ByteBlock(copying: bytes), at: 0)
    }

    @Test func `the next sequence is appended`() throws {
        var table = ProducerTable()
        table.record(header(sequence: 0, count: 3), baseOffset: 0)
        #expect(try table.check(header(sequence: 3)) == .append)
    }

    @Test func `one of the last five batches is a duplicate, an older one is said to be`() throws {
        var table = ProducerTable()
        for index in 0..<8 {
            table.record(header(sequence: Int32(index * 2), count: 2), baseOffset: Int64(index * 2))
        }
        for index in 3..<8 {
            #expect(
                try table.check(header(sequence: Int32(index * 2), count: 2))
                    == .duplicate(baseOffset: Int64(index * 2)))
        }
        #expect(throws: ErrorCode.duplicateSequence) {
            try table.check(header(sequence: 4, count: 2))
        }
    }

    @Test func `a gap is out of order`() {
        var table = ProducerTable()
        table.record(header(sequence: 0), baseOffset: 0)
        #expect(throws: ErrorCode.outOfOrderSequence) { try table.check(header(sequence: 2)) }
    }

    @Test func `a batch that reaches over the last sequence is out of order`() {
        var table = ProducerTable()
        table.record(header(sequence: 0, count: 3), baseOffset: 0)
        #expect(throws: ErrorCode.outOfOrderSequence) {
            try table.check(header(sequence: 1, count: 4))
        }
    }

    @Test func `an older epoch is refused, a newer one begins at zero`() throws {
        var table = ProducerTable()
        table.record(header(epoch: 3, sequence: 5), baseOffset: 0)
        #expect(throws: ErrorCode.invalidProducerEpoch) {
            try table.check(header(epoch: 2, sequence: 6))
        }
        #expect(throws: ErrorCode.outOfOrderSequence) {
            try table.check(header(epoch: 4, sequence: 6))
        }
        #expect(try table.check(header(epoch: 4, sequence: 0)) == .append)
    }

    @Test func `sequences go on at zero after the greatest one`() throws {
        var table = ProducerTable()
        table.record(header(sequence: Int32.max - 1, count: 2), baseOffset: 0)
        #expect(try table.check(header(sequence: 0)) == .append)
        table.record(header(sequence: 0), baseOffset: 2)
        #expect(
            try table.check(header(sequence: Int32.max - 1, count: 2))
                == .duplicate(baseOffset: 0))
        #expect(throws: ErrorCode.duplicateSequence) { try table.check(header(sequence: .max)) }
    }

    @Test func `a snapshot gives the same table`() throws {
        var table = ProducerTable()
        for index in 0..<9 {
            table.record(header(sequence: Int32(index)), baseOffset: Int64(index))
        }
        var writer = WireWriter()
        table.write(to: &writer)
        var reader = WireReader(writer.bytes)
        #expect(try ProducerTable(&reader).entries == table.entries)
    }
}
