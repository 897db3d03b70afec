@testable import EmbeddedBroker

/// The answer to a produce request for one partition.
struct ProduceAnswer: Equatable {
    var error: Int16
    var baseOffset: Int64
}

/// The answer to a fetch of one partition.
struct FetchAnswer: Equatable {
    var error: Int16
    var highWatermark: Int64
    var records: [ReadRecord]
}

/// The answer to a join.
struct JoinAnswer: Equatable, Sendable {
    var error: Int16
    var generation: Int32
    var protocolName: String
    var leaderID: String
    var memberID: String
    var members: [String]
}

extension RawClient {
    /// Creates a topic by asking for its metadata; returns the topic's error and partition count.
    @discardableResult
    func metadata(_ topic: String, mayCreate: Bool = true) throws -> (
        error: Int16, partitions: Int32
    ) {
        let answer = try call(
            .metadata, 4,
            body {
                $0.array([topic]) { $0.string($1) }
                $0.bool(mayCreate)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        for _ in 0..<(try reader.int32()) {
            _ = try reader.int32()
            _ = try reader.string()
            _ = try reader.int32()
            _ = try reader.nullableString()
        }
        _ = try reader.nullableString()
        _ = try reader.int32()
        _ = try reader.int32()
        let error = try reader.int16()
        _ = try reader.string()
        _ = try reader.bool()
        return (error, try reader.int32())
    }

    static func produceBody(
        _ topic: String, _ partition: Int32, _ batch: [UInt8], acks: Int16 = -1,
        transactionalID: String? = nil
    ) -> [UInt8] {
        body {
            $0.nullableString(transactionalID)
            $0.int16(acks)
            $0.int32(10_000)
            $0.array([topic]) { writer, topic in
                writer.string(topic)
                writer.array([partition]) { writer, partition in
                    writer.int32(partition)
                    writer.sizedBytes(batch)
                }
            }
        }
    }

    static func readProduce(_ answer: [UInt8]) throws -> ProduceAnswer {
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        return ProduceAnswer(error: try reader.int16(), baseOffset: try reader.int64())
    }

    func produce(_ topic: String, _ partition: Int32, _ batch: RecordBatchBuilder) throws
        -> ProduceAnswer
    {
        try produce(topic, partition, bytes: batch.bytes)
    }

    func produce(
        _ topic: String, _ partition: Int32, bytes: [UInt8], transactionalID: String? = nil
    ) throws -> ProduceAnswer {
        try Self.readProduce(
            call(
                .produce, 7,
                Self.produceBody(topic, partition, bytes, transactionalID: transactionalID)))
    }

    static func fetchBody(
        _ topic: String, _ partition: Int32, offset: Int64, waitMillis: Int32 = 0,
        bytesMin: Int32 = 1, bytesMax: Int32 = 1 << 20, leaderEpoch: Int32 = -1
    ) -> [UInt8] {
        body {
            $0.int32(-1)
            $0.int32(waitMillis)
            $0.int32(bytesMin)
            $0.int32(1 << 24)
            $0.int8(0)
            $0.int32(0)
            $0.int32(-1)
            $0.array([topic]) { writer, topic in
                writer.string(topic)
                writer.array([partition]) { writer, partition in
                    writer.int32(partition)
                    writer.int32(leaderEpoch)
                    writer.int64(offset)
                    writer.int64(-1)
                    writer.int32(bytesMax)
                }
            }
            $0.int32(0)
            $0.string("")
        }
    }

    static func readFetch(_ answer: [UInt8]) throws -> FetchAnswer {
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int16()
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        let error = try reader.int16()
        let highWatermark = try reader.int64()
        _ = try reader.int64()
        _ = try reader.int64()
        _ = try reader.int32()
        _ = try reader.int32()
        return FetchAnswer(
            error: error, highWatermark: highWatermark,
            records: try records(in: try reader.bytes()))
    }

    func fetch(
        _ topic: String, _ partition: Int32, offset: Int64, waitMillis: Int32 = 0,
        bytesMin: Int32 = 1, bytesMax: Int32 = 1 << 20
    ) throws -> FetchAnswer {
        try Self.readFetch(
            call(
                .fetch, 11,
                Self.fetchBody(
                    topic, partition, offset: offset, waitMillis: waitMillis, bytesMin: bytesMin,
                    bytesMax: bytesMax)))
    }

    // MARK: - Groups

    static func joinBody(
        _ group: String, _ memberID: String, sessionTimeoutMillis: Int32 = 10_000,
        instanceID: String? = nil, metadata: [UInt8] = [1], protocols: [String] = ["range"],
        type: String = "consumer"
    ) -> [UInt8] {
        body {
            $0.string(group)
            $0.int32(sessionTimeoutMillis)
            $0.int32(15_000)
            $0.string(memberID)
            $0.nullableString(instanceID)
            $0.string(type)
            $0.array(protocols) { writer, name in
                writer.string(name)
                writer.sizedBytes(metadata)
            }
        }
    }

    static func readJoin(_ answer: [UInt8]) throws -> JoinAnswer {
        var reader = WireReader(answer)
        _ = try reader.int32()
        return JoinAnswer(
            error: try reader.int16(), generation: try reader.int32(),
            protocolName: try reader.string(), leaderID: try reader.string(),
            memberID: try reader.string(),
            members: try reader.array { reader throws(WireError) in
                let id = try reader.string()
                _ = try reader.nullableString()
                _ = try reader.bytes()
                return id
            })
    }

    /// Joins as a client does: the first answer names the member, the second one the generation.
    func join(
        _ group: String, _ memberID: String = "", sessionTimeoutMillis: Int32 = 10_000,
        instanceID: String? = nil, metadata: [UInt8] = [1]
    ) throws -> JoinAnswer {
        func ask(_ id: String) throws -> JoinAnswer {
            try Self.readJoin(
                call(
                    .joinGroup, 5,
                    Self.joinBody(
                        group, id, sessionTimeoutMillis: sessionTimeoutMillis,
                        instanceID: instanceID, metadata: metadata)))
        }
        let answer = try ask(memberID)
        return answer.error == ErrorCode.memberIDRequired.rawValue
            ? try ask(answer.memberID) : answer
    }

    func sync(
        _ group: String, _ generation: Int32, _ memberID: String,
        _ assignments: [(String, [UInt8])] = []
    ) throws -> (error: Int16, assignment: [UInt8]) {
        let answer = try call(
            .syncGroup, 3,
            body {
                $0.string(group)
                $0.int32(generation)
                $0.string(memberID)
                $0.nullableString(nil)
                $0.array(assignments) { writer, assignment in
                    writer.string(assignment.0)
                    writer.sizedBytes(assignment.1)
                }
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        return (try reader.int16(), try reader.bytes())
    }

    func heartbeat(_ group: String, _ generation: Int32, _ memberID: String) throws -> Int16 {
        let answer = try call(
            .heartbeat, 3,
            body {
                $0.string(group)
                $0.int32(generation)
                $0.string(memberID)
                $0.nullableString(nil)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        return try reader.int16()
    }

    func leave(_ group: String, _ memberID: String) throws -> Int16 {
        let answer = try call(
            .leaveGroup, 1,
            body {
                $0.string(group)
                $0.string(memberID)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        return try reader.int16()
    }

    func commit(
        _ group: String, _ topic: String, _ partition: Int32, _ offset: Int64,
        generation: Int32 = -1, memberID: String = ""
    ) throws -> Int16 {
        let answer = try call(
            .offsetCommit, 7,
            body {
                $0.string(group)
                $0.int32(generation)
                $0.string(memberID)
                $0.nullableString(nil)
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.array([partition]) { writer, partition in
                        writer.int32(partition)
                        writer.int64(offset)
                        writer.int32(-1)
                        writer.nullableString("m")
                    }
                }
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        return try reader.int16()
    }

    func committed(_ group: String, _ topic: String, _ partition: Int32) throws -> Int64 {
        let answer = try call(
            .offsetFetch, 5,
            body {
                $0.string(group)
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.array([partition]) { $0.int32($1) }
                }
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        return try reader.int64()
    }

    /// The offset of a timestamp; -1 is the end, -2 the start.
    func offset(_ topic: String, _ partition: Int32, at timestamp: Int64) throws -> Int64 {
        let answer = try call(
            .listOffsets, 1,
            body {
                $0.int32(-1)
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.array([partition]) { writer, partition in
                        writer.int32(partition)
                        writer.int64(timestamp)
                    }
                }
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.int16()
        _ = try reader.int64()
        return try reader.int64()
    }
}
