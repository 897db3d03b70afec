import Testing

@testable import KafkaShim

@Suite struct AdminContractTests {
    @Test func `a topic that exists is no error, and said`() async throws {
        let cluster = try await TestCluster()
        let admin = try cluster.admin()
        let name = unique("shim")
        let first = try await admin.createTopics([KafkaTopic(name: name, partitions: 3)])
        #expect(first[name] == .created)
        try await eventually("the topic is known") {
            try await admin.partitionCounts(of: [name]) == [name: 3]
        }
        let second = try await admin.createTopics([KafkaTopic(name: name, partitions: 5)])
        #expect(second[name] == .existed)
        #expect(try await admin.partitionCounts(of: [name, unique("none")]) == [name: 3])
    }

    @Test func `a bad topic is refused by name`() async throws {
        let cluster = try await TestCluster()
        let error = await #expect(throws: KafkaError.self) {
            try await cluster.admin().createTopics([
                KafkaTopic(name: "no spaces allowed", partitions: 1)
            ])
        }
        #expect(error?.message.contains("no spaces allowed") == true)
    }

    @Test func `a broker that answers is reachable`() async throws {
        let cluster = try await TestCluster()
        let admin = try cluster.admin()
        #expect(await admin.isReachable(within: .seconds(10)))
        #expect(try await !admin.brokers().isEmpty)
    }
}
