/// What every client of the log needs to know.
package struct KafkaClientConfiguration: Sendable {
    /// Where to look for the cluster first: `host:port`, several separated by commas.
    package var brokers: String
    /// The name under which the broker's logs and the metrics list this client.
    package var clientID: String
    /// Settings by librdkafka's names, applied last and in order.
    ///
    /// A setting that librdkafka does not know, or a value that it refuses, fails the client's
    /// start with an error that names the setting. Settings on which this room's promises rest
    /// (`enable.auto.commit` and the like) are refused too.
    package var overrides: [(String, String)]

    package init(brokers: String, clientID: String, overrides: [(String, String)] = []) {
        self.brokers = brokers
        self.clientID = clientID
        self.overrides = overrides
    }

    /// Settings that the shim decides; the reason is its event loop, its at-least-once delivery,
    /// or a parameter that says the same.
    static let reserved: Set<String> = [
        "bootstrap.servers", "client.id", "enable.auto.commit", "enable.auto.offset.store",
        "enable.idempotence", "acks", "request.required.acks", "partitioner", "group.id",
        "partition.assignment.strategy", "enable.partition.eof", "delivery.report.only.error",
    ]
}
