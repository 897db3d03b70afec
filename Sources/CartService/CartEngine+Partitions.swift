import Messages
import Telemetry

extension CartEngine {
    /// Begins the ownership of partitions: fences every former owner and takes over what it owed.
    ///
    /// - Parameter replayEnds: for each topic, where its partitions end now.
    func takeOver(
        _ taken: [Int], replayEnds: [Topic: [Int: Int]]
    ) async throws(CartStoreError) {
        let epochs = try await store.raiseEpochs(taken, owner: configuration.owner)
        let obligations = try await store.obligations(of: taken)
        let now = clock.now()
        for partition in taken {
            guard let epoch = epochs[partition] else {
                throw .refused("the store gave no epoch for partition \(partition)")
            }
            incarnations += 1
            partitions[partition] = CartPartition(
                epoch: epoch, incarnation: incarnations,
                replayEnds: replayEnds.compactMapValues { $0[partition] })
        }
        for obligation in obligations {
            owed[obligation.key] = Owed(
                obligation: obligation, dueAt: now, delay: configuration.repeatDelay)
        }
        metrics.partitions.set(partitions.count)
        metrics.obligations.set(owed.count)
        logger.info(
            "Partitions taken over.",
            [
                "partitions": taken.sorted().map(String.init).joined(separator: ","),
                "obligations": "\(obligations.count)",
            ])
    }

    /// Finishes what was begun on partitions that go to another owner; begins nothing more on them.
    func drain(_ leaving: [Int]) async {
        for partition in leaving where partitions[partition] != nil {
            partitions[partition]?.phase = .draining
            await withCheckedContinuation { partitions[partition]?.work.whenDrained($0) }
        }
    }

    /// Ends the ownership of partitions, and forgets their carts.
    func release(_ released: [Int]) {
        for partition in released { partitions[partition] = nil }
        let gone = Set(released)
        for cartID in carts.keys where gone.contains(partitionOf(cartID)) { forget(cartID) }
        owed = owed.filter { !gone.contains($0.value.obligation.partition) }
        metrics.partitions.set(partitions.count)
        metrics.carts.set(carts.count)
        metrics.obligations.set(owed.count)
    }

    /// Stops working on the batches' partitions, of which one has another owner.
    func fence(_ batches: [Batch]) {
        metrics.fenced.increment()
        let until = clock.now() + .seconds(1)
        let fenced = Set(batches.flatMap { $0.messages.map(\.origin.partition) })
        for partition in fenced where partitions[partition]?.phase == .active {
            partitions[partition]?.phase = .fenced(until: until)
        }
        logger.warning(
            "Another owner has taken a partition over; work on it stops.",
            ["partitions": fenced.sorted().map(String.init).joined(separator: ",")])
    }

    /// The fenced partitions that are still assigned to us when their wait has passed.
    func fencedPartitionsDue() -> [Int] {
        let now = clock.now()
        return partitions.compactMap { partition, state in
            if case .fenced(let until) = state.phase, until <= now { partition } else { nil }
        }
    }

    /// The offsets that may be committed for a topic and were not yet.
    ///
    /// - Parameter leaving: only these partitions; `nil` for all that are active.
    func takeWatermarks(
        of topic: Topic, leaving: [Int]? = nil
    ) -> [Int: Int] {
        var watermarks: [Int: Int] = [:]
        for partition in leaving ?? Array(partitions.keys) {
            if leaving == nil, partitions[partition]?.phase != .active { continue }
            watermarks[partition] = partitions[partition]?.work.takeWatermark(of: topic)
        }
        return watermarks
    }

    /// Notes that a message is being worked on; `nil` if its partition takes none now.
    func begin(_ partition: Int, _ offset: Int, of topic: Topic) -> MessageOrigin? {
        guard let state = partitions[partition], state.phase == .active else { return nil }
        partitions[partition]?.work.begin(offset, of: topic)
        return MessageOrigin(
            topic: topic, partition: partition, offset: offset, incarnation: state.incarnation)
    }

    /// Whether a former owner may have handled the message before.
    func isReplay(_ origin: MessageOrigin) -> Bool {
        origin.offset < partitions[origin.partition]?.replayEnds[origin.topic] ?? 0
    }

    /// Whether the message's ownership still stands.
    func isCurrent(_ origin: MessageOrigin) -> Bool {
        partitions[origin.partition]?.incarnation == origin.incarnation
    }

    /// Leaves out the messages of partitions on which no work is done any more.
    ///
    /// A draining partition's messages go on, unless the store is away: `isGivingUp` abandons them.
    func dropAbandoned(_ batches: [Batch], isGivingUp: Bool) -> [Batch] {
        batches.compactMap { batch in
            var live = batch
            live.messages = batch.messages.filter { input in
                guard isCurrent(input.origin) else { return false }
                switch partitions[input.origin.partition]?.phase {
                case .active: return true
                case .draining where !isGivingUp: return true
                default:
                    partitions[input.origin.partition]?.work.abandon()
                    return false
                }
            }
            return live.messages.isEmpty ? nil : live
        }
    }

    private func partitionOf(_ cartID: CartID) -> Int {
        Partitioner.partition(of: cartID.utf8, count: configuration.partitionCount)
    }
}
