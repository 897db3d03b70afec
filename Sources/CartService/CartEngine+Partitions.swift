import Messages
import Telemetry

extension CartEngine {
    /// What a new owner has to know.
    private struct Takeover {
        let epochs: [Int: Int]
        let replayEnds: [Topic: [Int: Int]]
        let obligations: [Obligation]
    }

    /// Asks for where the partitions of each topic end.
    typealias LogEnds = @Sendable ([Int]) async throws -> [Topic: [Int: Int]]

    /// Begins the ownership of partitions: fences every former owner and takes over what it owed.
    ///
    /// - Parameter replayEnds: where the partitions end. It is asked for once the former owners are
    ///   fenced, so that they can have handled nothing beyond.
    func takeOver(_ taken: [Int], replayEnds: LogEnds) async throws {
        release(taken)
        let takeover = try await fenceOthers(taken, replayEnds)
        let now = clock.now()
        for partition in taken {
            incarnations += 1
            partitions[partition] = CartPartition(
                incarnation: incarnations, epoch: takeover.epochs[partition] ?? 0,
                replayEnds: takeover.replayEnds.compactMapValues { $0[partition] })
        }
        for obligation in takeover.obligations {
            owed[obligation.key] = Owed(
                obligation: obligation, dueAt: now, delay: configuration.repeatDelay)
        }
        nextRepetition = min(nextRepetition, now)
        metrics.partitions.set(partitions.count)
        metrics.obligations.set(owed.count)
        logger.info(
            "Partitions taken over.",
            [
                "partitions": taken.sorted().map(String.init).joined(separator: ","),
                "obligations": "\(takeover.obligations.count)",
            ])
    }

    private func fenceOthers(_ taken: [Int], _ replayEnds: LogEnds) async throws -> Takeover {
        let epochs = try await store.raiseEpochs(taken, owner: configuration.owner)
        if let partition = taken.first(where: { epochs[$0] == nil }) {
            throw CartStoreError.refused("the store gave no epoch for partition \(partition)")
        }
        let ends = try await replayEnds(taken)
        return Takeover(
            epochs: epochs, replayEnds: ends,
            obligations: try await store.obligations(of: taken))
    }

    /// Takes partitions over again that another owner had fenced, and that stayed ours for the whole
    /// of their wait.
    ///
    /// Their messages were kept aside. If a partition leaves while the store is asked, its rightful
    /// owner finds itself fenced by us and does the same.
    ///
    /// - Parameter isOwned: asks the group whether they are ours still.
    /// - Returns: the messages that were kept aside, to be processed.
    func retakeFenced(
        ifOwned isOwned: @Sendable ([Int]) async throws -> Bool, replayEnds: LogEnds
    ) async throws -> Admission {
        let fenced = fencedPartitionsDue()
        if fenced.isEmpty { return Admission() }
        logger.warning(
            "Fenced partitions are still assigned here and are taken over again.",
            ["partitions": fenced.map(String.init).joined(separator: ",")])
        let until = clock.now() + configuration.fencedWait
        for partition in fenced { partitions[partition]?.phase = .fenced(until: until) }
        let incarnations = fenced.map { partitions[$0]?.incarnation }
        guard try await isOwned(fenced) else { return Admission() }
        let takeover = try await fenceOthers(fenced, replayEnds)
        // Asked again: were they lost before the epochs were raised, what we append would have an
        // owner after us that may have finished the messages which it comes from, and nobody would
        // publish it.
        guard try await isOwned(fenced) else { return Admission() }
        var back: Set<Int> = []
        for (partition, incarnation) in zip(fenced, incarnations) {
            guard let state = partitions[partition], state.incarnation == incarnation,
                case .fenced = state.phase
            else { continue }
            state.phase = .active
            state.epoch = takeover.epochs[partition] ?? 0
            state.replayEnds = takeover.replayEnds.compactMapValues { $0[partition] }
            back.insert(partition)
        }
        staleCarts.formUnion(carts.keys.filter { back.contains(partitionOf($0)) })
        owe(
            takeover.obligations.filter { back.contains($0.partition) },
            insteadOf: { back.contains(partitionOf($0.cartID)) })
        var admission = unstoredAdds { back.contains($0.obligation.partition) }
        var parked: [Input] = []
        for partition in back.sorted() {
            parked += partitions[partition]?.parked ?? []
            partitions[partition]?.parked = []
        }
        letIn()
        admission.batches += mailboxes.admit(parked) { $0.key.cartID }
        return admission
    }

    /// Finishes what was begun on partitions that go to another owner; begins nothing more on them.
    ///
    /// Without the store nothing can be finished: their next owner reads it again.
    func drain(_ leaving: [Int]) async {
        for partition in leaving.compactMap({ partitions[$0] }) {
            partition.phase = .draining
            for _ in partition.parked { partition.work.abandon() }
            partition.parked = []
        }
        letIn()
        if isStoreAway { abandonDraining() }
        let gone = Set(leaving)
        await work(on: unstoredAdds { gone.contains($0.obligation.partition) })
        for partition in leaving where partitions[partition]?.phase == .draining {
            await withCheckedContinuation { partitions[partition]?.work.whenDrained($0) }
        }
    }

    /// Waits no longer for what was begun on partitions that are to leave.
    func abandonDraining() {
        for partition in partitions.values where partition.phase == .draining {
            partition.abandon()
        }
    }

    /// Ends the ownership of partitions, and forgets their carts.
    func release(_ released: [Int]) {
        for partition in released { partitions.removeValue(forKey: partition)?.work.end() }
        let gone = Set(released)
        for cartID in carts.keys where gone.contains(partitionOf(cartID)) { forget(cartID) }
        owed = owed.filter { !gone.contains($0.value.obligation.partition) }
        letIn()
        metrics.partitions.set(partitions.count)
        metrics.carts.set(carts.count)
        metrics.obligations.set(owed.count)
    }

    /// Stops working on a partition that has another owner, unless it was taken over again since.
    ///
    /// - Parameter epochs: what the store refused.
    func fence(under epochs: [Int: Int]) {
        let until = clock.now() + configuration.fencedWait
        let fenced = epochs.filter {
            partitions[$0.key]?.phase == .active && partitions[$0.key]?.epoch == $0.value
        }
        if fenced.isEmpty { return }
        metrics.fenced.increment()
        for partition in fenced.keys { partitions[partition]?.phase = .fenced(until: until) }
        logger.warning(
            "Another owner has taken a partition over; work on it stops.",
            ["partitions": fenced.keys.sorted().map(String.init).joined(separator: ",")])
    }

    /// Looks whether our epochs are current.
    ///
    /// Where no message comes nothing else would tell: one that was wrongly taken for the owner may have
    /// raised an epoch, stored what it owes, and gone.
    func checkEpochs() async {
        let epochs = partitions.filter { $0.value.phase == .active }.mapValues(\.epoch)
        do throws(CartStoreError) {
            if epochs.isEmpty { return }
            if try await areCurrent(epochs) { return }
            for (partition, epoch) in epochs.sorted(by: { $0.key < $1.key }) {
                let one = [partition: epoch]
                if try await !areCurrent(one) { fence(under: one) }
            }
        } catch {
            logger.debug("Epochs cannot be checked; they will be.", ["reason": "\(error)"])
        }
    }

    /// Whether the epochs are current.
    private func areCurrent(_ epochs: [Int: Int]) async throws(CartStoreError) -> Bool {
        var append = CartAppend()
        append.epochs = epochs
        do throws(CartStoreError) {
            try await store.append(append)
            return true
        } catch .fenced {
            return false
        }
    }

    /// The fenced partitions that are still assigned to us when their wait has passed.
    private func fencedPartitionsDue() -> [Int] {
        let now = clock.now()
        return partitions.compactMap { partition, state in
            if case .fenced(let until) = state.phase, until <= now { partition } else { nil }
        }.sorted()
    }

    /// The offsets that may be committed for a topic and were not yet.
    ///
    /// - Parameter leaving: only these partitions; `nil` for all that are active.
    func takeWatermarks(
        of topic: Topic, leaving: [Int]? = nil
    ) -> [Int: Int] {
        var watermarks: [Int: Int] = [:]
        for partition in leaving ?? Array(partitions.keys) {
            guard let owned = partitions[partition], leaving != nil || owned.phase == .active
            else { continue }
            watermarks[partition] = owned.work.takeWatermark(of: topic)
        }
        return watermarks
    }

    /// Notes that offsets could not be committed, which are then given again.
    func returnWatermarks(_ offsets: [Int: Int], of topic: Topic) {
        for partition in offsets.keys { partitions[partition]?.work.returnWatermark(of: topic) }
    }

    /// Notes that a message is being worked on; `nil` if its partition takes none now.
    func begin(_ partition: Int, _ offset: Int, of topic: Topic) -> MessageOrigin? {
        guard let owned = partitions[partition], !owned.isLeaving else { return nil }
        owned.work.begin(offset, of: topic)
        return MessageOrigin(
            topic: topic, partition: partition, offset: offset, incarnation: owned.incarnation)
    }

    /// Whether a former owner may have handled the message before.
    func isReplay(_ origin: MessageOrigin) -> Bool {
        origin.offset < partitions[origin.partition]?.replayEnds[origin.topic] ?? 0
    }

    /// The message's partition, if the ownership under which it was begun still stands.
    func current(_ origin: MessageOrigin) -> CartPartition? {
        partitions[origin.partition].flatMap { $0.incarnation == origin.incarnation ? $0 : nil }
    }

    /// The epochs of the batches' partitions, so far as they are ours.
    func epochs(of batches: [Batch]) -> [Int: Int] {
        var epochs: [Int: Int] = [:]
        for batch in batches { epochs[batch.partition] = partitions[batch.partition]?.epoch }
        return epochs
    }

    /// Leaves out the messages on which no work is done any more, or not now.
    ///
    /// A draining partition's messages go on, unless the store is away: `isGivingUp` abandons them. A
    /// fenced partition's are kept aside, so that the news of its loss, which comes by the same log,
    /// is not held up by them; all of them, so that those of one cart keep their order.
    func dropAbandoned(_ batches: [Batch], isGivingUp: Bool) -> [Batch] {
        let isCancelled = Task.isCancelled
        return batches.compactMap { batch in
            var live = batch
            live.messages = batch.messages.filter { input in
                guard let partition = current(input.origin) else { return false }
                switch partition.phase {
                case _ where isCancelled, .abandoned:
                    partition.work.abandon()
                    return false
                case .draining where isGivingUp:
                    partition.abandon()
                    return false
                case .fenced:
                    partition.parked.append(input)
                    return false
                case .active, .draining:
                    return true
                }
            }
            return live.messages.isEmpty ? nil : live
        }
    }

    /// The messages for whose sake something that the log did not take is said again.
    func stillToSay(for origins: [MessageOrigin]) -> [MessageOrigin] {
        let isCancelled = Task.isCancelled
        return origins.filter { origin in
            guard let partition = current(origin) else { return false }
            guard isCancelled || partition.isLeaving else { return true }
            partition.work.abandon()
            return false
        }
    }

    private func partitionOf(_ cartID: CartID) -> Int {
        Partitioner.partition(of: cartID, count: configuration.partitionCount)
    }
}
