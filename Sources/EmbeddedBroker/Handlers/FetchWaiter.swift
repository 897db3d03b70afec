import Threading

/// One partition of a fetch.
struct FetchPartition {
    let index: Int32
    let leaderEpoch: Int32
    let offset: Int64
    let bytesMax: Int
}

/// What a consumer wants to read.
struct FetchRequest {
    let waitMillisMax: Int32
    let bytesMin: Int
    let bytesMax: Int
    let sessionID: Int32
    let topics: [(name: String, partitions: [FetchPartition])]

    init(_ reader: inout WireReader, version: Int16) throws(WireError) {
        _ = try reader.int32()  // Replica: none but clients fetch here.
        waitMillisMax = try reader.int32()
        bytesMin = Int(try reader.int32())
        bytesMax = Int(try reader.int32())
        _ = try reader.int8()  // Isolation level: without transactions both are the same.
        sessionID = version >= 7 ? try reader.int32() : 0
        if version >= 7 { _ = try reader.int32() }
        topics = try reader.array { reader throws(WireError) in
            let name = try reader.string()
            let partitions = try reader.array { reader throws(WireError) in
                let index = try reader.int32()
                let leaderEpoch = version >= 9 ? try reader.int32() : -1
                let offset = try reader.int64()
                if version >= 5 { _ = try reader.int64() }
                return FetchPartition(
                    index: index, leaderEpoch: leaderEpoch, offset: offset,
                    bytesMax: max(0, Int(try reader.int32())))
            }
            return (name, partitions)
        }
        if version >= 7 {
            _ = try reader.array { reader throws(WireError) in
                _ = try reader.string()
                _ = try reader.array { reader throws(WireError) in try reader.int32() }
            }
        }
        if version >= 11 { _ = try reader.string() }
    }
}

/// A fetch that waits for data.
final class FetchWaiter {
    let ticket: ReplyTicket
    let request: FetchRequest
    /// The logs it waits for.
    var logs: [PartitionLog] = []
    var timer: TimerID?
    var isDone = false

    init(ticket: ReplyTicket, request: FetchRequest) {
        self.ticket = ticket
        self.request = request
    }
}
