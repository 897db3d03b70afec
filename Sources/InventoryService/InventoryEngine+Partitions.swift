import Messages
import Telemetry

extension InventoryEngine {
    /// Begins the ownership of partitions.
    func takeOver(_ taken: [Int]) {
        release(taken)
        for partition in taken {
            incarnations += 1
            partitions[partition] = Partition(incarnation: incarnations)
        }
        metrics.partitions.set(partitions.count)
    }

    /// Finishes what was begun on partitions that go to another owner; begins nothing more on them.
    ///
    /// Without the store nothing can be finished: their next owner reads it again.
    func drain(_ leaving: [Int]) async {
        for partition in leaving { partitions[partition]?.isDraining = true }
        if isStoreAway { abandonDraining() }
        for partition in leaving where partitions[partition]?.isAbandoned == false {
            await withCheckedContinuation { partitions[partition]?.work.whenDrained($0) }
        }
    }

    /// Waits no longer for what was begun on partitions that are to leave.
    func abandonDraining() {
        for (partition, state) in partitions where state.isDraining {
            partitions[partition]?.isAbandoned = true
            partitions[partition]?.work.end()
        }
    }

    /// Ends the ownership of partitions.
    func release(_ released: [Int]) {
        for partition in released {
            partitions[partition]?.work.end()
            partitions[partition] = nil
        }
        metrics.partitions.set(partitions.count)
    }

    /// The offsets that may be committed and were not yet.
    ///
    /// - Parameter leaving: only these partitions; `nil` for all.
    func takeWatermarks(leaving: [Int]? = nil) -> [Int: Int] {
        var watermarks: [Int: Int] = [:]
        for partition in leaving ?? Array(partitions.keys) {
            watermarks[partition] = partitions[partition]?.work.takeWatermark(
                of: .inventoryRequest)
        }
        return watermarks
    }

    /// Notes that offsets could not be committed, which are then given again.
    func returnWatermarks(_ offsets: [Int: Int]) {
        for partition in offsets.keys {
            partitions[partition]?.work.returnWatermark(of: .inventoryRequest)
        }
    }

    func begin(_ message: LogMessage<InventoryRequest>) -> MessageOrigin? {
        guard let incarnation = partitions[message.partition]?.incarnation,
            partitions[message.partition]?.isDraining == false
        else { return nil }
        partitions[message.partition]?.work.begin(message.offset, of: .inventoryRequest)
        return MessageOrigin(
            topic: .inventoryRequest, partition: message.partition, offset: message.offset,
            incarnation: incarnation)
    }

    func isCurrent(_ origin: MessageOrigin) -> Bool {
        partitions[origin.partition]?.incarnation == origin.incarnation
    }

    /// Leaves out the messages of partitions that are gone; of draining ones, once `isGivingUp`.
    func dropAbandoned(_ batches: [Batch], isGivingUp: Bool) -> [Batch] {
        batches.compactMap { batch in
            var live = batch
            live.messages = batch.messages.filter {
                isCurrent($0.origin) && !abandon($0.origin, ifLeaving: isGivingUp)
            }
            return live.messages.isEmpty ? nil : live
        }
    }

    /// The messages for whose sake something that the log did not take is said again.
    func stillToSay(for origins: [MessageOrigin]) -> [MessageOrigin] {
        origins.filter { isCurrent($0) && !abandon($0, ifLeaving: true) }
    }

    /// Ends the work on a message undone, if the service is stopped at once or, where the caller
    /// gives way to that, its partition leaves.
    private func abandon(_ origin: MessageOrigin, ifLeaving isGivingUp: Bool) -> Bool {
        let isLeaving = isGivingUp && partitions[origin.partition]?.isDraining == true
        let isAbandoned = partitions[origin.partition]?.isAbandoned == true
        guard isLeaving || isAbandoned || Task.isCancelled else { return false }
        if isLeaving { partitions[origin.partition]?.isAbandoned = true }
        partitions[origin.partition]?.work.abandon()
        return true
    }
}
