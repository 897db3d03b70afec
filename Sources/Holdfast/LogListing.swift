import KafkaShim

/// What is in a log at one moment: topics with their offsets, groups with theirs.
///
/// The questions are asked one after another, so under load a lag may be off by what came meanwhile;
/// ends are asked for last, so that none is negative.
struct LogListing {
    /// A partition of a topic; the end is the offset that the next message will get.
    struct Partition {
        let name: TopicPartition
        let start: Int64
        let end: Int64
    }

    /// How far a group is in a partition.
    struct Position {
        let partition: TopicPartition
        /// `nil` where the group never committed, though it did in other partitions of the topic.
        let committed: Int64?
        /// Messages from the committed offset, or the start, to the end; what retention took does
        /// not count.
        let lag: Int64
    }

    let partitions: [Partition]
    let groups: [(group: KafkaGroup, positions: [Position])]

    init(_ admin: KafkaAdmin, within timeout: Duration) async throws {
        let names = try await admin.partitionCounts(within: timeout)
            .flatMap { topic, count in
                (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) }
            }
            .sorted()
        var committed: [(KafkaGroup, [TopicPartition: Int64])] = []
        for group in try await admin.groups(within: timeout).sorted(by: { $0.name < $1.name }) {
            let offsets = try await admin.committed(by: group.name, of: names, within: timeout)
            committed.append((group, offsets))
        }
        let watermarks = try await admin.watermarks(of: names, within: timeout)
        partitions = names.compactMap { name in
            watermarks[name].map { Partition(name: name, start: $0.low, end: $0.high) }
        }
        groups = committed.map { group, offsets in
            let topics = Set(offsets.keys.map(\.topic))
            let positions = names.filter { topics.contains($0.topic) }.compactMap { partition in
                watermarks[partition].map { low, high in
                    Position(
                        partition: partition, committed: offsets[partition],
                        lag: max(0, high - max(offsets[partition] ?? low, low)))
                }
            }
            return (group, positions)
        }
    }

    /// Two tables for people.
    var tables: String {
        var topics = TextTable(["TOPIC", "PARTITION", "START", "END", "MESSAGES"])
        for each in partitions {
            topics.add([
                each.name.topic, "\(each.name.partition)", "\(each.start)", "\(each.end)",
                "\(each.end - each.start)",
            ])
        }
        var readers = TextTable([
            "GROUP", "STATE", "MEMBERS", "TOPIC", "PARTITION", "COMMITTED", "LAG",
        ])
        for (group, positions) in groups {
            let beginning = [group.name, group.state, "\(group.members)"]
            if positions.isEmpty { readers.add(beginning + ["-", "-", "-", "-"]) }
            for each in positions {
                readers.add(
                    beginning + [
                        each.partition.topic, "\(each.partition.partition)",
                        each.committed.map(String.init) ?? "-",
                        "\(each.lag)",
                    ])
            }
        }
        return "\(topics.text)\n\n\(readers.text)"
    }

    /// One object, for scripts.
    var json: String {
        let topics = Dictionary(grouping: partitions, by: \.name.topic).sorted { $0.key < $1.key }
            .map { topic, partitions in
                let list = partitions.map { each in
                    #"{"partition":\#(each.name.partition),"start":\#(each.start),"end":\#(each.end)}"#
                }
                return
                    #"{"topic":\#(quoted(topic)),"partitions":[\#(list.joined(separator: ","))]}"#
            }
        let readers = groups.map { group, positions in
            let list = positions.map { each in
                let committed = each.committed.map(String.init) ?? "null"
                return
                    #"{"topic":\#(quoted(each.partition.topic)),"partition":\#(each.partition.partition),"#
                    + #""committed":\#(committed),"lag":\#(each.lag)}"#
            }
            return #"{"group":\#(quoted(group.name)),"state":\#(quoted(group.state)),"#
                + #""members":\#(group.members),"lag":\#(positions.reduce(0) { $0 + $1.lag }),"#
                + #""offsets":[\#(list.joined(separator: ","))]}"#
        }
        return """
            {"topics":[\(topics.joined(separator: ","))],"groups":[\(readers.joined(separator: ","))]}
            """
    }

    /// A JSON string (RFC 8259, section 7).
    private func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
