import Messages
package import Threading
package import WebClient

/// A load test: seeds products, opens websockets, asks as its scenario says, and tells what it saw.
package struct LoadRun: Sendable {
    /// Why a load test could not be held.
    package enum Failure: Error, CustomStringConvertible, Sendable {
        /// The gateway did not take the products.
        case seeding(status: Int, body: String)
        /// Nobody could connect.
        case noSockets

        package var description: String {
            switch self {
            case .seeding(let status, let body):
                """
                the gateway refused the test's products with status \(status): \(body) (is \
                ADMIN_TOKEN the gateway's?)
                """
            case .noSockets: "no websocket could be opened"
            }
        }
    }

    /// What was seen, before anybody has looked into the database.
    package struct Result: Sendable {
        package let configuration: LoadConfiguration
        package let tally: Tally
        /// Begins the products' codes.
        package let prefix: String
        package let phases: [PhaseRecord]
        package let intervals: [Interval]
        /// When the first interval began, on the loop's clock.
        package let start: UInt64
        package let lateness: LatencyHistogram
        package let connectionsLost: Int
        package let handshakesFailed: Int
        package let pendingAnswers: Int
        package let malformedAnswers: Int
        package let usage: [ProcessUsage]

        /// The measured phases as one.
        package var total: PhaseRecord {
            let measured = phases.filter(\.isMeasured)
            var total = PhaseRecord(
                "all", isMeasured: true, start: 0,
                end: measured.reduce(0) { $0 + ($1.end - $1.start) })
            for phase in measured {
                total.latencies.merge(phase.latencies)
                total.outcomes.merge(phase.outcomes)
                total.answeredInTime += phase.answeredInTime
                for (operation, latencies) in phase.operations {
                    total.operations[operation, default: LatencyHistogram()].merge(latencies)
                }
            }
            return total
        }

        /// The truth about it, once somebody has looked into the database.
        package var truthCheck: TruthCheck {
            TruthCheck(
                tally, prefix: prefix,
                stock: Array(repeating: configuration.stock, count: configuration.products))
        }
    }

    /// How many waves are told one by one; more are told together.
    private static let wavesTold = 20

    private let configuration: LoadConfiguration
    private let watched: [WatchedProcess]
    private let client: WebClient
    private let loop: EventLoop
    private let name: String

    /// - Parameters:
    ///   - watched: processes whose use of CPU is told.
    ///   - loop: the client's; all of the load is made on it.
    package init(
        _ configuration: LoadConfiguration, watching watched: [WatchedProcess] = [],
        client: WebClient, loop: EventLoop
    ) {
        self.configuration = configuration
        self.watched = watched
        self.client = client
        self.loop = loop
        var generator = SystemRandomNumberGenerator()
        // Six digits of base 36: with a number behind them about as long as real codes, as GTIN-13.
        name = "load" + String(UInt32.random(in: 0..<2_176_782_336, using: &generator), radix: 36)
    }

    /// Holds the whole test; when the task is cancelled it asks no more, and returns what it has seen.
    ///
    /// - Parameter progress: called on the loop some times in a second; must be quick.
    /// - Throws: `Failure` or `WebClientError` if it cannot begin.
    package func run(
        progress: (@Sendable (LoadProgress) -> Void)? = nil
    ) async throws -> Result {
        var peers: [WebPeer] = []
        for gateway in configuration.gateways { peers.append(try await client.peer(gateway)) }
        try await seed()
        let engine = LoadEngine(
            configuration, name: name, client: client, loop: loop, peers: peers,
            seed: .random(in: 0 ... .max), progress: progress)
        let meter = UsageMeter(watched)
        let start = EventLoop.nanoseconds
        try await onLoop { Swift.Result { try engine.start() } }.get()
        let usage = await withTaskCancellationHandler {
            configuration.scenario.isInWaves
                ? await waves(engine, meter) : await steady(engine, meter)
        } onCancel: {
            loop.execute { engine.stopAsking() }
        }
        let result = await onLoop { [configuration, name] in
            engine.stop()
            return Result(
                configuration: configuration, tally: engine.tally, prefix: "\(name)-",
                phases: engine.phases, intervals: engine.timeline.intervals, start: start,
                lateness: engine.lateness, connectionsLost: engine.connectionsLost,
                handshakesFailed: engine.handshakesFailed,
                pendingAnswers: engine.pendingAnswers,
                malformedAnswers: engine.malformedAnswers, usage: usage)
        }
        client.closeIdleConnections()
        guard result.tally.count > 0 else { throw Failure.noSockets }
        return result
    }

    // MARK: - The two ways to go

    /// Warms up and measures with the same shoppers all the time.
    private func steady(_ engine: LoadEngine, _ meter: UsageMeter) async -> [ProcessUsage] {
        let configuration = configuration
        var meter = meter
        await until { done in
            let phase = engine.begin("connect", isMeasured: false)
            engine.open(min(configuration.users, configuration.socketsMax), phase: phase) {
                engine.end(phase)
                done()
            }
        }
        let isConnected = await onLoop { engine.slots.contains { $0.state == .open } }
        guard isConnected else { return [] }
        let start = EventLoop.nanoseconds + 1_000_000
        let measuredFrom = start + configuration.warmUp.wholeNanoseconds
        let end = measuredFrom + configuration.duration.wholeNanoseconds
        let slices = UInt64(configuration.scenario == .soak ? 10 : 1)
        async let sent: Void = until { done in
            var warmUp: Int?
            if configuration.warmUp > .zero {
                warmUp = engine.add("warm-up", isMeasured: false, from: start, to: measuredFrom)
            }
            for slice in 0..<slices {
                let name = slices == 1 ? "measured" : "slice \(slice + 1)"
                _ = engine.add(
                    name, isMeasured: true,
                    from: measuredFrom + (end - measuredFrom) * slice / slices,
                    to: measuredFrom + (end - measuredFrom) * (slice + 1) / slices)
            }
            let first = engine.phases.count - Int(slices)
            engine.run(
                Pace(
                    rate: configuration.rate, inFlightMax: configuration.inFlightMax, start: start,
                    end: end),
                phases: (warmUp ?? first)..<engine.phases.count, isWave: false, sent: done)
        }
        // A cancelled sleep only begins the measurement of CPU early.
        try? await Task.sleep(for: .nanoseconds(Int64(measuredFrom - start)))
        meter.begin()
        await sent
        meter.end()
        await until { done in engine.drain(done) }
        return meter.usage
    }

    /// Lets wave after wave of new shoppers connect, ask once each, and leave.
    private func waves(_ engine: LoadEngine, _ meter: UsageMeter) async -> [ProcessUsage] {
        var meter = meter
        let (configuration, rivals) = (configuration, configuration.rivals)
        let size = max(configuration.socketsMax / rivals, 1) * rivals
        var left =
            configuration.scenario == .lastItem
            ? rivals * configuration.products : configuration.users
        let areTold = left / size < Self.wavesTold
        var number = 0
        while left > 0, !Task.isCancelled {
            let count = min(size, left)
            left -= count
            number += 1
            let name = areTold ? "wave \(number)" : "waves"
            await until { done in
                let phase = engine.begin(
                    areTold ? "\(name): connect" : "connect", isMeasured: false)
                engine.open(count, phase: phase) {
                    engine.end(phase)
                    done()
                }
            }
            meter.begin()
            await until { done in
                let phase = engine.begin(name, isMeasured: true)
                engine.run(
                    Pace(
                        rate: configuration.rate, inFlightMax: configuration.inFlightMax,
                        start: EventLoop.nanoseconds, countMax: count, burst: rivals),
                    phases: phase..<phase + 1, isWave: true, sent: done)
            }
            await until { done in
                engine.drain {
                    engine.endPhase()
                    done()
                }
            }
            meter.end()
            await until { done in engine.close(done) }
        }
        return meter.usage
    }

    // MARK: - Helpers

    private func seed() async throws {
        var csv = "product_code,name,quantity\n"
        for product in 0..<configuration.products {
            csv += "\(name)-\(product),Load test \(product),\(configuration.stock)\n"
        }
        let response = try await client.request(
            "POST", configuration.gateways[0] + "/migration/inventory",
            headers: [
                ("Authorization", "Bearer \(configuration.adminToken)"),
                ("Content-Type", "text/csv"),
            ], body: Array(csv.utf8), timeout: .seconds(120))
        guard response.status == 200 else {
            throw Failure.seeding(status: response.status, body: response.text)
        }
    }

    private func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body()) }
        }
    }

    /// Runs `body` on the loop, and waits until it has called what it is given.
    private func until(_ body: @escaping @Sendable (_ done: @escaping () -> Void) -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute { body { continuation.resume() } }
        }
    }
}
