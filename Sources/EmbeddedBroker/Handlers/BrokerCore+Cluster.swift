extension BrokerCore {
    func describeCluster(_ ticket: ReplyTicket) {
        ticket.reply { response in
            response.wire.noTags()  // The answer's header is flexible too.
            response.wire.int32(0)
            response.wire.error(.none)
            response.wire.compactNullableString(nil)
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
