@testable import EmbeddedBroker

/// An offset of a partition, and the error that came with it.
struct OffsetAnswer: Equatable {
    var offset: Int64
    var error: Int16

    init(_ offset: Int64, error: Int16) {
        self.offset = offset
        self.error = error
    }
}

extension RawClient {
    func createTopic(
        _ topic: String, partitions: Int32 = 1, settings: [(String, String)] = []
    ) throws -> Int16 {
        let answer = try call(
            .createTopics, 4,
            body {
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.int32(partitions)
                    writer.int16(1)
                    writer.int32(0)
                    writer.array(settings) { writer, setting in
                        writer.string(setting.0)
                        writer.nullableString(setting.1)
                    }
                }
                $0.int32(1_000)
                $0.bool(false)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        return try reader.int16()
    }

    func createPartitions(
        _ topic: String, _ count: Int32, assignments: [[Int32]]? = nil, isCheckOnly: Bool = false
    ) throws -> Int16 {
        let answer = try call(
            .createPartitions, 1,
            body {
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.int32(count)
                    if let assignments {
                        writer.array(assignments) { writer, brokers in
                            writer.array(brokers) { $0.int32($1) }
                        }
                    } else {
                        writer.int32(-1)
                    }
                }
                $0.int32(1_000)
                $0.bool(isCheckOnly)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        return try reader.int16()
    }

    func deleteRecords(_ topic: String, _ partition: Int32, before offset: Int64) throws
        -> OffsetAnswer
    {
        let answer = try call(
            .deleteRecords, 1,
            body {
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.array([partition]) { writer, partition in
                        writer.int32(partition)
                        writer.int64(offset)
                    }
                }
                $0.int32(1_000)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        let lowWatermark = try reader.int64()
        return OffsetAnswer(lowWatermark, error: try reader.int16())
    }

    func end(
        ofEpoch epoch: Int32, current: Int32 = -1, _ topic: String, _ partition: Int32
    ) throws -> OffsetAnswer {
        let answer = try call(
            .offsetForLeaderEpoch, 2,
            body {
                $0.array([topic]) { writer, topic in
                    writer.string(topic)
                    writer.array([partition]) { writer, partition in
                        writer.int32(partition)
                        writer.int32(current)
                        writer.int32(epoch)
                    }
                }
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        let error = try reader.int16()
        _ = try reader.int32()
        _ = try reader.int32()
        return OffsetAnswer(try reader.int64(), error: error)
    }

    /// Changes settings; `operation` 0 sets one, 1 deletes it.
    func alter(
        _ name: String, _ changes: [(name: String, operation: Int8, value: String?)],
        kind: Int8 = 2
    ) throws -> Int16 {
        let answer = try call(
            .incrementalAlterConfigs, 0,
            body {
                $0.array([name]) { writer, name in
                    writer.int8(kind)
                    writer.string(name)
                    writer.array(changes) { writer, change in
                        writer.string(change.name)
                        writer.int8(change.operation)
                        writer.nullableString(change.value)
                    }
                }
                $0.bool(false)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        return try reader.int16()
    }

    func settings(of topic: String) throws -> [String: String] {
        let answer = try call(
            .describeConfigs, 1,
            body {
                $0.array([topic]) { writer, topic in
                    writer.int8(2)
                    writer.string(topic)
                    writer.int32(-1)
                }
                $0.bool(false)
            })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.int16()
        _ = try reader.nullableString()
        _ = try reader.int8()
        _ = try reader.string()
        var settings: [String: String] = [:]
        for _ in 0..<(try reader.int32()) {
            let name = try reader.string()
            settings[name] = try reader.nullableString()
            _ = try reader.bool()
            _ = try reader.int8()
            _ = try reader.bool()
            _ = try reader.int32()
        }
        return settings
    }

    func deleteGroup(_ group: String) throws -> Int16 {
        let answer = try call(.deleteGroups, 1, body { $0.array([group]) { $0.string($1) } })
        var reader = WireReader(answer)
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        return try reader.int16()
    }
}
