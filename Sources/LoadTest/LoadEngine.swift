import Messages
import Threading
import WebClient

/// The hot part of a load test: sockets, pace and tally, on one event loop without tasks or locks.
///
/// ``LoadRun`` tells it what to do next, in calls on the loop.
final class LoadEngine: @unchecked Sendable {
    // `@unchecked`: after `init`, touched on the loop alone.

    struct Slot {
        enum State {
            case closed, opening, open, closing, failed
        }

        struct Line {
            var product: Int
            var quantity: Int
        }

        var socket: LoopWebSocket?
        var user = 0
        var state = State.closed
        var adds = 0
        var waiting = 0
        var openedAt: UInt64 = 0
        /// What was accepted and can be removed again.
        var lines: [Line] = []
    }

    /// How many handshakes are under way at once.
    static let openingMax = 64
    private static let housekeepingInterval = Duration.milliseconds(100)
    /// Requests that are due within this time leave together.
    private static let wakeUpInterval: UInt64 = 200_000

    let configuration: LoadConfiguration
    /// Begins the codes of products and the IDs of users.
    let name: String
    let loop: EventLoop
    let client: WebClient
    let peers: [WebPeer]

    var slots: [Slot] = []
    var tally = Tally()
    var phases: [PhaseRecord] = []
    var timeline: Timeline
    /// From the intended instant to sending, of what was measured.
    var lateness = LatencyHistogram()
    /// Connections that were lost while they were in use, and handshakes that failed.
    var connectionsLost = 0
    var handshakesFailed = 0
    /// Requests that were answered pending first.
    var pendingAnswers = 0
    var malformedAnswers = 0

    private var workload: Workload
    private var timer: FineTimer?
    private var timerDue: UInt64 = 0
    private var message: [UInt8] = []
    private let productPrefix: [UInt8]
    private var progress: (@Sendable (LoadProgress) -> Void)?

    // Opening and closing
    var toOpen: [Int] = []
    var opening = 0
    var users = 0
    var openDeadline: UInt64 = 0
    var openPhase = 0
    var opened: (() -> Void)?
    var closed: (() -> Void)?

    // Asking
    var pace: Pace?
    /// The phases of what is asked, and the one of them that goes on.
    private var pacePhases = 0..<1
    private var pacePhase = 0
    private var isStopped = false
    private var cursor = 0
    private var firstNumber = 0
    var isWave = false
    private var sent: (() -> Void)?
    var answered: (() -> Void)?
    private var drainTimer: TimerID?

    init(
        _ configuration: LoadConfiguration, name: String, client: WebClient, loop: EventLoop,
        peers: [WebPeer], seed: UInt64, progress: (@Sendable (LoadProgress) -> Void)?
    ) {
        self.configuration = configuration
        self.name = name
        self.client = client
        self.loop = loop
        self.peers = peers
        self.progress = progress
        workload = Workload(configuration, seed: seed)
        productPrefix = Array("\(name)-".utf8)
        timeline = Timeline(
            start: EventLoop.nanoseconds, expected: configuration.expectedDuration)
    }

    /// Starts what goes on all the time.
    func start() throws {
        timer = try FineTimer(loop: loop) { [unowned self] in
            timerDue = 0
            tick()
        }
        keepHouse()
    }

    /// Ends everything; the engine must not be asked for anything any more.
    func stop() {
        timer?.close()
        timer = nil
        progress = nil
        for index in slots.indices { slots[index].socket?.close() }
    }

    func productCode(_ product: Int) -> String { "\(name)-\(product)" }

    func userID(_ user: Int) -> String { "\(name)-\(user)" }

    private func keepHouse() {
        guard timer != nil else { return }
        let now = EventLoop.nanoseconds
        timeline.advance(to: now)
        openMore(now)
        if let pace, !pace.isOver(now: now) { tick() }
        if let progress { progress(snapshot(now)) }
        _ = loop.schedule(after: Self.housekeepingInterval) { [self] in keepHouse() }
    }

    private func snapshot(_ now: UInt64) -> LoadProgress {
        let phase = pace == nil ? phases.last : phases[phase(at: now)]
        return LoadProgress(
            phase: phase?.name ?? "",
            seconds: timeline.seconds(at: now), interval: timeline.latest,
            inFlight: pace?.inFlight ?? 0, openSockets: slots.count { $0.state == .open },
            outcomes: phase?.outcomes ?? OutcomeCounts())
    }

    // MARK: - Phases

    /// Begins a phase that ends when somebody ends it; returns its place.
    ///
    /// One that has ended under the same name goes on, and lasts longer by the new time.
    func begin(_ name: String, isMeasured: Bool) -> Int {
        if let known = phases.lastIndex(where: { $0.name == name }) {
            phases[known].start = EventLoop.nanoseconds - (phases[known].end - phases[known].start)
            phases[known].end = .max
            return known
        }
        return add(name, isMeasured: isMeasured, from: EventLoop.nanoseconds, to: .max)
    }

    func add(_ name: String, isMeasured: Bool, from start: UInt64, to end: UInt64) -> Int {
        phases.append(PhaseRecord(name, isMeasured: isMeasured, start: start, end: end))
        return phases.count - 1
    }

    /// Ends the phase of what was asked last.
    func endPhase() { end(pacePhase) }

    func end(_ phase: Int) { phases[phase].end = EventLoop.nanoseconds }

    // MARK: - Asking

    /// Sends requests as the pace says.
    ///
    /// - Parameters:
    ///   - phases: those that follow each other from its start to its end.
    ///   - isWave: whether the `n`th request is that of the `n`th shopper.
    ///   - sent: called once the last request has left.
    func run(_ pace: Pace, phases: Range<Int>, isWave: Bool, sent: @escaping () -> Void) {
        self.pace = pace
        pacePhases = phases
        pacePhase = phases.lowerBound
        self.isWave = isWave
        cursor = 0
        firstNumber = tally.count
        self.sent = sent
        if isStopped { stopAsking() }
        tick()
    }

    /// Ends before all is asked: what was asked is still answered, and what has begun is told.
    func stopAsking() {
        isStopped = true
        openDeadline = 0
        guard pace != nil else { return }
        let now = EventLoop.nanoseconds
        pace?.stop(now: now)
        while phases.count > pacePhases.lowerBound + 1, phases[phases.count - 1].start >= now {
            phases.removeLast()
        }
        pacePhases = pacePhases.lowerBound..<phases.count
        pacePhase = min(pacePhase, phases.count - 1)
        let last = phases.count - 1
        if phases[last].end < .max {
            phases[last].end = max(min(phases[last].end, now), phases[last].start)
        }
        tick()
    }

    /// Awaits the answers to what was sent; `done` when all are there, or at the deadline.
    func drain(_ done: @escaping () -> Void) {
        answered = done
        drainTimer = loop.schedule(after: configuration.deadline) { [self] in finish() }
        if pace?.inFlight == 0 { finish() }
    }

    func finish() {
        guard let done = answered else { return }
        answered = nil
        if let drainTimer { loop.cancel(drainTimer) }
        drainTimer = nil
        pace = nil
        let now = EventLoop.nanoseconds
        for number in firstNumber..<tally.count where tally[number].outcome == .unanswered {
            let record = tally[number]
            phases[Int(record.phase)].note(
                micros(since: record.intended, now), counted(record.operation), .unanswered)
        }
        done()
    }

    private func counted(_ operation: Operation) -> Operation? {
        configuration.scenario.hasRemoves ? operation : nil
    }

    private func tick() {
        guard pace != nil else { return }
        let now = EventLoop.nanoseconds
        while let slot = nextSlot(), let intended = pace?.next(now: now) {
            if !isWave { cursor = slot + 1 == slots.count ? 0 : slot + 1 }
            let phase = phase(at: intended)
            if pace?.rate != nil, phases[phase].isMeasured {
                lateness.add(Int(now - intended) / 1_000)
            }
            ask(slot, intended, phase)
        }
        guard var pace else { return }
        if now >= pace.end {
            while let intended = pace.nextUnsent(now: now) {
                phases[phase(at: intended)].note(micros(since: intended, now), nil, .unsent)
            }
            self.pace = pace
        }
        if let due = pace.intended(now: now) {
            if due > now || pace.inFlight < pace.inFlightMax {
                wakeUp(at: min(max(due, now + Self.wakeUpInterval), pace.end))
            } else if pace.end < .max {
                wakeUp(at: pace.end)
            }
        } else if let sent {
            self.sent = nil
            sent()
        }
    }

    private func wakeUp(at due: UInt64) {
        guard due != timerDue else { return }
        timerDue = due
        timer?.set(at: due)
    }

    /// Who asks next; `nil` while nobody is connected.
    private func nextSlot() -> Int? {
        if isWave { return min(pace?.count ?? 0, slots.count - 1) }
        for _ in slots.indices {
            if slots[cursor].state == .open { return cursor }
            cursor = cursor + 1 == slots.count ? 0 : cursor + 1
        }
        return nil
    }

    private func ask(_ index: Int, _ intended: UInt64, _ phase: Int) {
        let user = slots[index].user
        let line = slots[index].lines.last.map { ($0.product, $0.quantity) }
        let step = workload.next(user: user, line: line)
        if step.operation.isRemove { slots[index].lines.removeLast() }
        var record = Tally.Record(
            step.operation, user: user, product: step.product, quantity: step.quantity,
            intended: intended)
        record.slot = Int32(index)
        record.phase = Int16(phase)
        let number = tally.append(record)
        guard step.operation.isSocket else {
            askOverREST(number, step, user: user, peer: peer(of: index))
            return
        }
        guard slots[index].state == .open, let socket = slots[index].socket else {
            // A shopper of a wave who could not connect, or was thrown out.
            pace?.answered()
            return
        }
        slots[index].waiting += 1
        if step.operation == .add { slots[index].adds += 1 }
        write(number, step)
        socket.send(message)
    }

    /// Writes the message of a websocket's request, into a buffer that is used again and again.
    private func write(_ number: Int, _ step: Workload.Step) {
        message.removeAll(keepingCapacity: true)
        message.append(contentsOf: Self.requestIDField)
        append(number)
        switch step.operation {
        case .check, .restAdd, .restRemove, .restCart, .restStock:
            message.append(contentsOf: Self.checkFields)
            return
        case .add: message.append(contentsOf: Self.addFields)
        case .remove: message.append(contentsOf: Self.removeFields)
        }
        message.append(contentsOf: productPrefix)
        append(step.product)
        message.append(contentsOf: Self.quantityField)
        append(step.quantity)
        message.append(UInt8(ascii: "}"))
    }

    private func append(_ number: Int) {
        let start = message.count
        var rest = number
        repeat {
            message.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        message[start...].reverse()
    }

    private static let requestIDField = Array(#"{"requestID":""#.utf8)
    private static let addFields = Array(#"","action":"add","productCode":""#.utf8)
    private static let removeFields = Array(#"","action":"remove","productCode":""#.utf8)
    private static let checkFields = Array(#"","action":"check"}"#.utf8)
    private static let quantityField = Array(#"","quantity":"#.utf8)

    // MARK: - Being answered

    /// Notes what became of a request.
    func answer(_ number: Int, _ outcome: Outcome) {
        guard number < tally.count else {
            malformedAnswers += 1
            return
        }
        let record = tally[number]
        var outcome = outcome
        if !record.operation.isAdd, !record.operation.isRemove, outcome == .accepted {
            outcome = .shown
        }
        guard record.outcome == .unanswered, number >= firstNumber, pace != nil else {
            if record.outcome != .unanswered, record.outcome != outcome {
                tally.contradictions += 1
            }
            return
        }
        tally[number].outcome = outcome
        let now = EventLoop.nanoseconds
        let latency = micros(since: record.intended, now)
        let phase = Int(record.phase)
        phases[phase].note(latency, counted(record.operation), outcome)
        noteInTime(now)
        timeline.note(latency, outcome, at: now)
        pace?.answered()
        let slot = Int(record.slot)
        if record.operation.isSocket, slots[slot].user == Int(record.user) {
            slots[slot].waiting -= 1
        }
        if record.operation.isAdd, outcome == .accepted, configuration.scenario.hasRemoves,
            slots[slot].user == Int(record.user)
        {
            slots[slot].lines.append(
                Slot.Line(product: Int(record.product), quantity: Int(record.quantity)))
        }
        leaveIfDone(slot)
        if pace?.inFlight == 0, answered != nil {
            finish()
        } else if pace?.rate == nil || pace.map({ $0.inFlight + 1 == $0.inFlightMax }) ?? false {
            tick()
        }
    }

    /// Notes that a request will never be answered.
    func abandon(_ number: Int) {
        guard number >= firstNumber, pace != nil else { return }
        pace?.answered()
        if pace?.inFlight == 0 { finish() }
    }

    /// Counts an answer for the phase in which it came.
    private func noteInTime(_ now: UInt64) {
        let phase = phase(at: now)
        if now >= phases[phase].start, now < phases[phase].end {
            phases[phase].answeredInTime += 1
        }
    }

    /// The phase to which an instant belongs; instants come in order, but for those of one moment.
    private func phase(at instant: UInt64) -> Int {
        while instant >= phases[pacePhase].end, pacePhase + 1 < pacePhases.upperBound {
            pacePhase += 1
        }
        while instant < phases[pacePhase].start, pacePhase > pacePhases.lowerBound {
            pacePhase -= 1
        }
        return pacePhase
    }

    /// A shopper who has asked often enough leaves, and another one comes.
    private func leaveIfDone(_ slot: Int) {
        guard !isWave, slots[slot].adds >= configuration.addsPerUser, slots[slot].waiting == 0,
            slots[slot].state == .open
        else { return }
        slots[slot].state = .closing
        slots[slot].socket?.close()
    }

    func micros(since intended: UInt64, _ now: UInt64) -> Int {
        now > intended ? Int((now - intended) / 1_000) : 0
    }
}
