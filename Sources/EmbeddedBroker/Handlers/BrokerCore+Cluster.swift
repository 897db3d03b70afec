extension BrokerCore {
    /// Kafka's number for brokers, where a client may also ask for the controllers.
    private static let brokerEndpoints: Int8 = 1

    func describeCluster(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        _ = try reader.bool()
        let endpoints = ticket.version >= 1 ? try reader.int8() : Self.brokerEndpoints
        let isKnown = endpoints == Self.brokerEndpoints
        ticket.reply { response in
            response.wire.noTags()  // The answer's header is flexible too.
            response.wire.int32(0)
            response.wire.error(isKnown ? .none : .invalidRequest)
            response.wire.compactNullableString(isKnown ? nil : "only brokers can be asked for")
            if ticket.version >= 1 { response.wire.int8(Self.brokerEndpoints) }
            response.wire.compactString(topics.clusterID)
            response.wire.int32(Self.nodeID)
            response.wire.unsignedVarint(2)  // One broker; compact counts are one more.
            response.wire.int32(Self.nodeID)
            response.wire.compactString(advertisedHost)
            response.wire.int32(advertisedPort)
            response.wire.compactNullableString(nil)
            response.wire.noTags()
            response.wire.int32(Int32.min)  // Which operations are allowed is not known.
            response.wire.noTags()
        }
    }
}
