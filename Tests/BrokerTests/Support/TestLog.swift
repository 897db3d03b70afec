import Telemetry

@testable import EmbeddedBroker

/// A partition's log without a broker around it.
func openLog(
    _ directory: TemporaryDirectory, _ change: (inout BrokerConfiguration) -> Void = { _ in }
) throws -> PartitionLog {
    var configuration = BrokerConfiguration(dataDirectory: directory.path)
    change(&configuration)
    let environment = StorageEnvironment(
        configuration: configuration, logger: Logger(component: "test", level: .error),
        logBytes: Gauge())
    let log = PartitionLog(
        topic: "t", partition: 0, directory: directory.path + "/t-0", environment: environment)
    try log.recover()
    return log
}

extension PartitionLog {
    /// Stages a batch as the broker does with what a producer sends.
    @discardableResult
    func stage(_ batch: RecordBatchBuilder) throws -> StagedBatch {
        let bytes = batch.bytes
        let block = ByteBlock(copying: bytes)
        let header = try RecordBatchHeader.validated(block, 0..<bytes.count, sizeMax: 1 << 20)
        return try stage(header, block, 0..<bytes.count)
    }

    /// Stages and writes a batch; returns its base offset.
    @discardableResult
    func append(_ batch: RecordBatchBuilder) throws -> Int64 {
        let staged = try stage(batch)
        flush()
        return staged.baseOffset
    }

    /// What a consumer reads from an offset on.
    func records(from offset: Int64, bytesMax: Int = 1 << 20) throws -> [ReadRecord] {
        guard let slice = try read(from: offset, bytesMax: bytesMax, atLeastOne: true) else {
            return []
        }
        let block = ByteBlock(capacity: slice.count)
        let count = try slice.file.read(into: block, 0..<slice.count, at: slice.position)
        return try BrokerTests.records(in: block.array(0..<count))
            .filter { $0.offset >= offset }
    }

    func values(from offset: Int64 = 0) throws -> [String] {
        var values: [String] = []
        var next = max(offset, startOffset)
        while next < endOffset {
            let found = try records(from: next)
            guard let last = found.last else { break }
            values += found.map(\.value)
            next = last.offset + 1
        }
        return values
    }

    /// Does what the sync thread would do.
    func syncNow() throws {
        guard let work = takeSyncWork() else { return }
        syncSucceeded(try work.run())
    }

    /// Does what an orderly stop does.
    func closeNow() throws { _ = try closingWork()?.run() }
}
