/// What an idempotent producer wrote to one partition last.
struct ProducerEntry: Equatable {
    /// One batch that was appended.
    struct Batch: Equatable {
        var firstSequence: Int32 = -1
        var lastSequence: Int32 = -1
        var baseOffset: Int64 = -1
    }

    /// As many batches as a client may have in flight without losing order.
    static let batchesMax = 5

    var epoch: Int16
    /// The newest batch's timestamp, in Unix milliseconds.
    var timestamp: Int64
    /// The last batches, oldest first.
    private(set) var batches: [Batch] = []

    init(epoch: Int16, timestamp: Int64) {
        self.epoch = epoch
        self.timestamp = timestamp
        batches.reserveCapacity(Self.batchesMax)
    }

    mutating func append(_ batch: Batch) {
        if batches.count == Self.batchesMax { batches.removeFirst() }
        batches.append(batch)
    }
}

/// The idempotent producers of one partition: what tells a repeated batch from a new one.
///
/// Source: Kafka's KIP-98 and KIP-360; the rules are those of its `ProducerStateManager`.
struct ProducerTable {
    /// What becomes of a batch.
    enum Verdict: Equatable {
        case append
        /// It stands in the log already, from this offset on.
        case duplicate(baseOffset: Int64)
    }

    /// How many producers are remembered; the one that has been silent longest makes room.
    static let producersMax = 10_000

    private(set) var entries: [Int64: ProducerEntry] = [:]

    /// Compares a batch with what its producer wrote before.
    func check(_ header: RecordBatchHeader) throws(ErrorCode) -> Verdict {
        guard header.hasProducer, let entry = entries[header.producerID] else { return .append }
        if header.producerEpoch < entry.epoch { throw .invalidProducerEpoch }
        if header.producerEpoch > entry.epoch {
            guard header.baseSequence == 0 else { throw .outOfOrderSequence }
            return .append
        }
        guard let last = entry.batches.last else { return .append }
        let known = entry.batches.first {
            $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
        }
        if let known { return .duplicate(baseOffset: known.baseOffset) }
        // The distance forward from the last sequence, in a circle of 2^31 numbers.
        let distance = (header.baseSequence &- last.lastSequence) & Int32.max
        if distance == 1 { return .append }
        // More than half the circle ahead is behind: an old batch, past those remembered.
        let end = (header.lastSequence &- last.lastSequence) & Int32.max
        let isBehind = (end == 0 || end > Int32.max / 2) && distance > Int32.max / 2
        throw isBehind ? .duplicateSequence : .outOfOrderSequence
    }

    /// Records that a batch was appended at `baseOffset`.
    ///
    /// - Returns: what was known of the producer before, for ``restore(_:_:)``.
    @discardableResult
    mutating func record(_ header: RecordBatchHeader, baseOffset: Int64) -> ProducerEntry? {
        let previous = entries[header.producerID]
        var entry: ProducerEntry
        if let previous, previous.epoch == header.producerEpoch {
            entry = previous
            entry.timestamp = header.maxTimestamp
        } else {
            entry = ProducerEntry(epoch: header.producerEpoch, timestamp: header.maxTimestamp)
        }
        entry.append(
            ProducerEntry.Batch(
                firstSequence: header.baseSequence, lastSequence: header.lastSequence,
                baseOffset: baseOffset))
        if previous == nil && entries.count >= Self.producersMax { evictOldest() }
        entries[header.producerID] = entry
        return previous
    }

    /// Takes back what ``record(_:baseOffset:)`` did.
    mutating func restore(_ producerID: Int64, _ previous: ProducerEntry?) {
        entries[producerID] = previous
    }

    private mutating func evictOldest() {
        if let oldest = entries.min(by: { $0.value.timestamp < $1.value.timestamp }) {
            entries[oldest.key] = nil
        }
    }

    // MARK: - Snapshot

    /// Writes the table into a segment's index file.
    func write(to writer: inout WireWriter) {
        writer.int32(Int32(entries.count))
        for (producerID, entry) in entries {
            writer.int64(producerID)
            writer.int16(entry.epoch)
            writer.int64(entry.timestamp)
            writer.array(entry.batches) { writer, batch in
                writer.int32(batch.firstSequence)
                writer.int32(batch.lastSequence)
                writer.int64(batch.baseOffset)
            }
        }
    }

    init() {}

    /// Reads what ``write(to:)`` wrote.
    init(_ reader: inout WireReader) throws(WireError) {
        let count = try reader.nullableCount() ?? 0
        for _ in 0..<count {
            let producerID = try reader.int64()
            var entry = ProducerEntry(epoch: try reader.int16(), timestamp: try reader.int64())
            let batches = try reader.array { reader throws(WireError) in
                ProducerEntry.Batch(
                    firstSequence: try reader.int32(), lastSequence: try reader.int32(),
                    baseOffset: try reader.int64())
            }
            for batch in batches { entry.append(batch) }
            entries[producerID] = entry
        }
    }
}
