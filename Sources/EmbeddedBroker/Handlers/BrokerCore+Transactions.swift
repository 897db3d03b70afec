/// Transactions, which this broker does not have and says so.
///
/// A client asks for the coordinator of its transactions or for a producer ID first and is refused
/// there; these answers are for one that does neither. Clients take the code for a final one.
extension BrokerCore {
    func addPartitionsToTransaction(
        _ reader: inout WireReader, _ ticket: ReplyTicket
    ) throws(WireError) {
        _ = try reader.string()
        _ = try reader.int64()
        _ = try reader.int16()
        let topics = try reader.array { reader throws(WireError) in
            (
                name: try reader.string(),
                partitions: try reader.array { reader throws(WireError) in try reader.int32() }
            )
        }
        ticket.reply { response in
            response.wire.int32(0)
            Self.writeRefusals(&response.wire, topics)
        }
    }

    func transactionalOffsetCommit(
        _ reader: inout WireReader, _ ticket: ReplyTicket
    ) throws(WireError) {
        _ = try reader.string()
        _ = try reader.string()
        _ = try reader.int64()
        _ = try reader.int16()
        let topics = try reader.array { reader throws(WireError) in
            (
                name: try reader.string(),
                partitions: try reader.array { reader throws(WireError) in
                    let index = try reader.int32()
                    _ = try reader.int64()
                    if ticket.version >= 2 { _ = try reader.int32() }
                    _ = try reader.nullableString()
                    return index
                }
            )
        }
        ticket.reply { response in
            response.wire.int32(0)
            Self.writeRefusals(&response.wire, topics)
        }
    }

    /// Answers a request whose answer has one error code.
    func refuseTransaction(_ ticket: ReplyTicket) {
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.error(.transactionalIDAuthorizationFailed)
        }
    }

    private static func writeRefusals(
        _ wire: inout WireWriter, _ topics: [(name: String, partitions: [Int32])]
    ) {
        wire.array(topics) { wire, topic in
            wire.string(topic.name)
            wire.array(topic.partitions) { wire, index in
                wire.int32(index)
                wire.error(.transactionalIDAuthorizationFailed)
            }
        }
    }
}
