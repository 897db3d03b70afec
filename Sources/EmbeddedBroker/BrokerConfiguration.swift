/// How a broker runs; every setting has a default that suits one machine.
package struct BrokerConfiguration: Sendable {
    /// When written records are forced to the device.
    package enum FsyncPolicy: String, CaseIterable, Sendable {
        /// Every ``fsyncInterval``: what was acknowledged survives the end of the process at any
        /// moment; a power failure loses at most the last interval.
        case interval
        /// Before the acknowledgement, for all that waits at once: survives power failures too.
        case always
    }

    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port to listen on; 0 takes any free one.
    package var port = 0
    /// The name that clients are told to connect to; ``host`` unless set.
    package var advertisedHost: String?
    /// The port that clients are told to connect to; the one listened on unless set.
    package var advertisedPort: Int?
    /// Where everything is kept; made if missing, used by one process at a time.
    package var dataDirectory: String

    /// Partitions of a topic whose creator named no number.
    package var partitionsDefault = 8
    /// Whether asking for the metadata of an unknown topic creates it.
    package var autoCreateTopics = false
    /// The most partitions a topic may have.
    package var partitionsMax = 10_000

    /// When written records are forced to the device.
    package var fsync = FsyncPolicy.interval
    /// The longest time that records stay unforced under ``FsyncPolicy/interval``.
    package var fsyncInterval = Duration.seconds(1)
    /// A segment of this size is closed and a new one begun, in bytes; at most 1 GiB.
    package var segmentBytes = 128 * 1_024 * 1_024
    /// Records older than this are deleted, a whole segment at a time; `nil` keeps them for ever.
    package var retention: Duration? = .seconds(7 * 24 * 3_600)
    /// The bytes of one partition beyond which its oldest segments are deleted; `nil`: no limit.
    package var retentionBytes: Int?
    /// The bytes of all partitions beyond which the largest ones lose their oldest segments.
    ///
    /// Whatever their age; `nil`: no limit. Index files, about 0.1 %, are not counted.
    package var diskBytesMax: Int?
    /// Committed offsets of a group without members are forgotten after this time; `nil`: never.
    package var offsetsRetention: Duration? = .seconds(7 * 24 * 3_600)
    /// How often retention is looked at.
    package var retentionCheckInterval = Duration.seconds(60)

    /// The largest record batch unless set, in bytes: Kafka's default, a MiB and a batch's header.
    package static let messageBytesMaxDefault = 1_048_588
    /// The largest record batch, in bytes.
    package var messageBytesMax = messageBytesMaxDefault
    /// The largest request, in bytes; a longer one closes its connection.
    package var requestBytesMax = 64 * 1_024 * 1_024
    /// Memory for requests of all connections that have come in part, in bytes.
    package var requestMemoryMax = 256 * 1_024 * 1_024
    /// The largest answer to one fetch, in bytes, beyond its first batch.
    package var fetchBytesMax = 32 * 1_024 * 1_024
    /// The most connections at once; further ones are closed.
    package var connectionsMax = 4_096
    /// Unanswered requests of one connection beyond which no more is read from it.
    package var inFlightMax = 128
    /// Unsent bytes of one connection beyond which no more is read from it.
    package var unsentBytesMax = 16 * 1_024 * 1_024

    /// How long a new group waits for further members before its first generation.
    package var groupInitialRebalanceDelay = Duration.milliseconds(50)
    /// The shortest session time-out that a group member may ask for.
    package var groupSessionTimeoutMin = Duration.milliseconds(500)
    /// The longest session time-out that a group member may ask for.
    package var groupSessionTimeoutMax = Duration.seconds(1_800)
    /// The most members of one group.
    package var groupMembersMax = 1_000
    /// The longest text that may be committed with an offset, in bytes.
    package var offsetMetadataBytesMax = 4_096

    /// Checks that the settings make sense together.
    ///
    /// - Throws: ``BrokerConfigurationError`` that names the setting and says what it may be.
    package func validate() throws(BrokerConfigurationError) {
        func require(_ condition: Bool, _ reason: String) throws(BrokerConfigurationError) {
            guard condition else { throw BrokerConfigurationError(reason: reason) }
        }
        try require((0...65_535).contains(port), "port: from 0 to 65535")
        try require(!dataDirectory.isEmpty, "data directory: must be named")
        try require(
            advertisedHost != nil || (host != "0.0.0.0" && host != "::"),
            "advertised host: must be named where the broker listens on all addresses")
        try require(partitionsMax >= 1, "most partitions: at least 1")
        try require(
            (1...partitionsMax).contains(partitionsDefault),
            "default partitions: from 1 to \(partitionsMax)")
        try require(
            (4_096...1 << 30).contains(segmentBytes), "segment size: from 4 KiB to 1 GiB")
        try require(
            (1_024...1 << 30).contains(messageBytesMax), "largest batch: from 1 KiB to 1 GiB")
        try require(
            requestBytesMax > messageBytesMax && requestBytesMax <= Int(Int32.max) - 4,
            "largest request: more than the largest batch, and less than 2 GiB")
        try require(
            requestMemoryMax >= requestBytesMax,
            "memory for requests: at least the largest request")
        try require(
            advertisedPort.map { (1...65_535).contains($0) } ?? true,
            "advertised port: from 1 to 65535")
        try require(retention.map { $0 > .zero } ?? true, "retention: more than nothing")
        try require(retentionBytes.map { $0 >= 1 } ?? true, "retained bytes: at least 1")
        try require(
            diskBytesMax.map { $0 >= 2 * segmentBytes } ?? true,
            "disk cap: at least two segments, \(2 * segmentBytes) bytes")
        try require(
            offsetsRetention.map { $0 > .zero } ?? true, "offsets' retention: more than nothing")
        try require(retentionCheckInterval > .zero, "retention check: more than nothing")
        try require(connectionsMax >= 1, "connections: at least 1")
        try require(inFlightMax >= 1, "requests in flight: at least 1")
        try require(unsentBytesMax >= 1, "unsent bytes: at least 1")
        try require(fsyncInterval > .zero, "fsync interval: more than nothing")
        try require(
            groupSessionTimeoutMin > .zero && groupSessionTimeoutMin <= groupSessionTimeoutMax,
            "session time-outs: the shortest one more than nothing, and not above the longest")
    }

    /// A configuration with every default.
    package init(dataDirectory: String) { self.dataDirectory = dataDirectory }
}

/// A setting that cannot be used.
package struct BrokerConfigurationError: Error, CustomStringConvertible {
    /// Which setting, and what it may be.
    package let reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }
}
