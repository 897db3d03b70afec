import Messages
import Synchronization
import Testing

@testable import Simulation

@Suite struct OffsetTrackerTests {
    /// The watermark by its definition: the first offset that is begun and not finished, or else one
    /// more than the last that was begun.
    private struct Model {
        var begun: [Int: Int] = [:]
        var end: Int?

        mutating func begin(_ offset: Int) {
            begun[offset, default: 0] += 1
            end = max(end ?? 0, offset + 1)
        }

        mutating func finish(_ offset: Int) { begun[offset, default: 0] -= 1 }

        var watermark: Int? { begun.filter { $0.value > 0 }.keys.min() ?? end }
    }

    @Test(arguments: 1...100)
    func `in any order of finishing the watermark is the first unfinished offset`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var tracker = OffsetTracker()
        var model = Model()
        var open: [Int] = []
        var next = random.below(1_000)
        #expect(tracker.watermark == nil)
        for _ in 0..<400 {
            if random.oneIn(2) || open.isEmpty {
                tracker.begin(next)
                model.begin(next)
                open.append(next)
                next += 1
            } else {
                let offset = open.remove(at: random.below(open.count))
                tracker.finish(offset)
                model.finish(offset)
            }
            #expect(tracker.watermark == model.watermark)
            #expect(tracker.outstanding == open.count)
        }
    }

    @Test func `gaps in the log are passed over`() {
        var tracker = OffsetTracker()
        for offset in [10, 15, 17] { tracker.begin(offset) }
        #expect(tracker.watermark == 10)
        tracker.finish(15)
        #expect(tracker.watermark == 10)
        tracker.finish(10)
        #expect(tracker.watermark == 16)
        tracker.finish(17)
        #expect(tracker.watermark == 18)
    }

    @Test func `messages that are read again take the watermark back, and it recovers`() {
        var tracker = OffsetTracker()
        for offset in [110, 111] { tracker.begin(offset) }
        for offset in [100, 105, 110, 111] { tracker.begin(offset) }
        #expect(tracker.watermark == 100)
        for offset in [110, 111, 110, 111] { tracker.finish(offset) }
        #expect(tracker.watermark == 100)
        tracker.finish(100)
        #expect(tracker.watermark == 101)
        tracker.finish(105)
        #expect(tracker.watermark == 112)
        #expect(tracker.outstanding == 0)
    }
}

@Suite struct MailboxesTests {
    @Test(arguments: 1...50)
    func `each key has one batch at a time, with its messages in order`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var mailboxes = Mailboxes<Int, (key: Int, number: Int)>()
        var atWork: [Mailboxes<Int, (key: Int, number: Int)>.Batch] = []
        var seen: [Int: Int] = [:]
        var sent: [Int: Int] = [:]
        func take(_ batch: Mailboxes<Int, (key: Int, number: Int)>.Batch) {
            #expect(!atWork.contains { $0.key == batch.key })
            for message in batch.messages {
                #expect(message.key == batch.key)
                #expect(message.number == seen[batch.key, default: 0] + 1)
                seen[batch.key] = message.number
            }
            atWork.append(batch)
        }
        for _ in 0..<300 {
            if random.oneIn(2) {
                let messages = (0..<random.below(6)).map { _ in
                    let key = random.below(5)
                    sent[key, default: 0] += 1
                    return (key: key, number: sent[key] ?? 0)
                }
                for batch in mailboxes.admit(messages, key: { $0.key }) { take(batch) }
            } else if !atWork.isEmpty {
                let done = atWork.remove(at: random.below(atWork.count))
                if let batch = mailboxes.release(done.key) { take(batch) }
            }
            #expect(mailboxes.busyCount == atWork.count)
            let unseen = sent.values.reduce(0, +) - seen.values.reduce(0, +)
            #expect(mailboxes.waitingCount == unseen)
        }
        while let done = atWork.popLast() {
            if let batch = mailboxes.release(done.key) { take(batch) }
        }
        #expect(seen == sent)
        #expect(mailboxes.busyCount == 0 && mailboxes.waitingCount == 0)
    }

    @Test func `what waits for a key is taken all together`() {
        var mailboxes = Mailboxes<String, Int>()
        #expect(mailboxes.admit([1, 2], key: { _ in "a" }).map(\.messages) == [[1, 2]])
        #expect(mailboxes.admit([3], key: { _ in "a" }).isEmpty)
        #expect(mailboxes.admit([4, 5], key: { _ in "a" }).isEmpty)
        #expect(mailboxes.isBusy("a") && !mailboxes.isBusy("b"))
        #expect(mailboxes.release("a")?.messages == [3, 4, 5])
        #expect(mailboxes.release("a") == nil)
        #expect(!mailboxes.isBusy("a"))
    }
}

@Suite struct BackoffTests {
    @Test func `waits double up to the most, and are spread`() {
        var random = SeededGenerator(seed: 3)
        var backoff = Backoff(first: .milliseconds(100), most: .milliseconds(1_000))
        for ceiling in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.next(using: &random)
            #expect(wait >= .milliseconds(ceiling) / 2 && wait <= .milliseconds(ceiling))
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(100))
    }
}

@Suite struct PartitionWorkTests {
    private final class Holder: Sendable {
        let work = Mutex(PartitionWork())
    }

    /// Waits until the work is drained.
    private func drain(_ holder: Holder, on executor: TestExecutor) -> Flag {
        let drained = Flag()
        Task(executorPreference: executor) {
            await withCheckedContinuation { continuation in
                holder.work.withLock { $0.whenDrained(continuation) }
            }
            drained.raise()
        }
        return drained
    }

    @Test func `draining waits for all that was begun, finished or abandoned`() {
        let executor = TestExecutor()
        let holder = Holder()
        holder.work.withLock { work in
            work.begin(1, of: .cartRequest)
            work.begin(2, of: .cartRequest)
            work.begin(1, of: .inventoryResponse)
        }
        let flags = [drain(holder, on: executor), drain(holder, on: executor)]
        executor.run()
        holder.work.withLock { $0.finish(2, of: .cartRequest) }
        holder.work.withLock { $0.abandon() }
        executor.run()
        #expect(!flags.contains { $0.isRaised })
        holder.work.withLock { $0.finish(1, of: .inventoryResponse) }
        executor.run()
        #expect(!flags.contains { !$0.isRaised })
        #expect(holder.work.withLock { $0.inFlight } == 0)
        // What was abandoned is read again.
        #expect(holder.work.withLock { $0.takeWatermark(of: .cartRequest) } == 1)
    }

    @Test func `nobody waits for idle work, or for work that ended`() {
        let executor = TestExecutor()
        let holder = Holder()
        let first = drain(holder, on: executor)
        executor.run()
        #expect(first.isRaised)
        holder.work.withLock { $0.begin(1, of: .cartRequest) }
        let second = drain(holder, on: executor)
        executor.run()
        #expect(!second.isRaised)
        holder.work.withLock { $0.end() }
        executor.run()
        #expect(second.isRaised)
    }

    @Test func `a watermark is given once, and again if it could not be committed`() {
        var work = PartitionWork()
        #expect(work.takeWatermark(of: .cartRequest) == nil)
        work.begin(5, of: .cartRequest)
        work.finish(5, of: .cartRequest)
        #expect(work.takeWatermark(of: .cartRequest) == 6)
        #expect(work.takeWatermark(of: .cartRequest) == nil)
        work.returnWatermark(of: .cartRequest)
        #expect(work.takeWatermark(of: .cartRequest) == 6)
        #expect(work.takeWatermark(of: .inventoryResponse) == nil)
    }
}
