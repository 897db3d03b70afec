import Synchronization
import Testing

@testable import KafkaShim

@Suite struct BenchmarkChainTests {
    private final class Tally: Sendable {
        let worked = Atomic(0)
        let measured = Atomic(0)
    }

    private func chain(
        _ cluster: TestCluster, links: [BenchmarkChain.Link]
    ) async throws -> BenchmarkChain {
        let chain = BenchmarkChain(
            configuration: cluster.configuration("chain"), prefix: unique("chain"), partitions: 3,
            bytesPerMessage: 100, links: links, logger: cluster.logger)
        try await cluster.admin().createTopics(chain.topics)
        return chain
    }

    private func appended(
        to topics: some Sequence<KafkaTopic>, _ cluster: TestCluster
    ) async throws -> [Int] {
        let admin = try cluster.admin()
        var counts: [Int] = []
        for topic in topics {
            let ends = try await admin.watermarks(
                of: (0..<topic.partitions).map {
                    TopicPartition(topic: topic.name, partition: Int32($0))
                })
            counts.append(Int(ends.values.reduce(0) { $0 + $1.high - $1.low }))
        }
        return counts
    }

    @Test(arguments: [nil, 500])
    func `every flow goes through every link and ends`(perSecond: Int?) async throws {
        let cluster = try await TestCluster()
        let tally = Tally()
        let chain = try await chain(
            cluster,
            links: [
                BenchmarkChain.Link(producer: 0) {
                    { tally.worked.add($0, ordering: .relaxed) }
                },
                BenchmarkChain.Link(producer: 0, asides: 2) { { _ in } },
            ])
        let times = try await chain.run(
            for: .milliseconds(300), perSecond: perSecond, inFlight: 50,
            warmUp: .milliseconds(100)
        ) {
            tally.measured.add(1, ordering: .relaxed)
        }
        let worked = tally.worked.load(ordering: .relaxed)
        #expect(tally.measured.load(ordering: .relaxed) == 1)
        #expect(!times.nanoseconds.isEmpty && times.perSecond > 0)
        #expect(times.nanoseconds == times.nanoseconds.sorted())
        #expect(times.nanoseconds.count <= worked)
        let counts = try await appended(to: chain.topics, cluster)
        #expect(counts.dropLast() == [worked, worked, worked])
        // The last of them nobody waits for.
        #expect((1...2 * worked).contains(try #require(counts.last)))
    }

    @Test func `work that fails ends the run with its error`() async throws {
        struct Broken: Error {}
        let cluster = try await TestCluster()
        let chain = try await chain(
            cluster, links: [BenchmarkChain.Link(producer: 0) { { _ in throw Broken() } }])
        let error = await #expect(throws: KafkaError.self) {
            try await chain.run(
                for: .seconds(20), perSecond: 100, inFlight: 10, warmUp: .zero
            ) {}
        }
        #expect(error?.message.contains("Broken") == true)
    }
}
