/// The requests this broker answers.
///
/// Source: Kafka protocol guide, "Api Keys".
enum APIKey: Int16, CaseIterable {
    case produce = 0
    case fetch = 1
    case listOffsets = 2
    case metadata = 3
    case offsetCommit = 8
    case offsetFetch = 9
    case findCoordinator = 10
    case joinGroup = 11
    case heartbeat = 12
    case leaveGroup = 13
    case syncGroup = 14
    case describeGroups = 15
    case listGroups = 16
    case apiVersions = 18
    case createTopics = 19
    case deleteTopics = 20
    case deleteRecords = 21
    case initProducerID = 22
    case offsetForLeaderEpoch = 23
    case addPartitionsToTransaction = 24
    case addOffsetsToTransaction = 25
    case endTransaction = 26
    case transactionalOffsetCommit = 28
    case describeConfigs = 32
    case alterConfigs = 33
    case createPartitions = 37
    case deleteGroups = 42
    case incrementalAlterConfigs = 44
    case describeCluster = 60

    /// The versions that are advertised and understood.
    ///
    /// All end before the flexible encodings, but for ApiVersions, which clients send in the newest
    /// version they know, and DescribeCluster, which has no other encoding. Produce begins at 0 because librdkafka leaves batches uncompressed where
    /// it does not see version 0; its old record formats are refused batch by batch.
    var versions: ClosedRange<Int16> {
        switch self {
        case .produce: 0...7
        case .fetch: 4...11
        case .listOffsets: 1...5
        case .metadata: 0...8
        case .offsetCommit: 2...7
        case .offsetFetch: 1...5
        case .findCoordinator: 0...2
        case .joinGroup: 0...5
        case .heartbeat: 0...3
        case .leaveGroup: 0...3
        case .syncGroup: 0...3
        case .describeGroups: 0...4
        case .listGroups: 0...2
        case .apiVersions: 0...3
        case .createTopics: 0...4
        case .deleteTopics: 0...3
        case .initProducerID: 0...1
        case .describeConfigs: 0...3
        case .deleteRecords: 0...1
        case .offsetForLeaderEpoch: 0...3
        case .addPartitionsToTransaction: 0...2
        case .addOffsetsToTransaction: 0...2
        case .endTransaction: 0...2
        case .transactionalOffsetCommit: 0...2
        case .alterConfigs: 0...1
        case .createPartitions: 0...1
        case .deleteGroups: 0...1
        case .incrementalAlterConfigs: 0...0
        case .describeCluster: 0...1
        }
    }

    /// Whether requests of a version use the flexible encodings.
    func isFlexible(_ version: Int16) -> Bool {
        switch self {
        case .apiVersions: version >= 3
        case .describeCluster: true
        default: false
        }
    }

    /// The name as Kafka writes it, for metrics and log lines.
    var name: String {
        switch self {
        case .produce: "Produce"
        case .fetch: "Fetch"
        case .listOffsets: "ListOffsets"
        case .metadata: "Metadata"
        case .offsetCommit: "OffsetCommit"
        case .offsetFetch: "OffsetFetch"
        case .findCoordinator: "FindCoordinator"
        case .joinGroup: "JoinGroup"
        case .heartbeat: "Heartbeat"
        case .leaveGroup: "LeaveGroup"
        case .syncGroup: "SyncGroup"
        case .describeGroups: "DescribeGroups"
        case .listGroups: "ListGroups"
        case .apiVersions: "ApiVersions"
        case .createTopics: "CreateTopics"
        case .deleteTopics: "DeleteTopics"
        case .initProducerID: "InitProducerId"
        case .describeConfigs: "DescribeConfigs"
        case .deleteRecords: "DeleteRecords"
        case .offsetForLeaderEpoch: "OffsetForLeaderEpoch"
        case .addPartitionsToTransaction: "AddPartitionsToTxn"
        case .addOffsetsToTransaction: "AddOffsetsToTxn"
        case .endTransaction: "EndTxn"
        case .transactionalOffsetCommit: "TxnOffsetCommit"
        case .alterConfigs: "AlterConfigs"
        case .createPartitions: "CreatePartitions"
        case .deleteGroups: "DeleteGroups"
        case .incrementalAlterConfigs: "IncrementalAlterConfigs"
        case .describeCluster: "DescribeCluster"
        }
    }
}
