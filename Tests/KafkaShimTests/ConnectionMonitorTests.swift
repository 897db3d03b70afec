import Glibc
import Telemetry
import Testing

@testable import KafkaShim

@Suite struct ConnectionMonitorTests {
    /// Runs `body` with a logger and gives the lines it wrote.
    private func lines(_ body: (Logger) -> Void) throws -> [Substring] {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        body(Logger(component: "kafka", level: .info, descriptor: ends[1]))
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(ends[0], &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    }

    @Test func `a change is logged once, however often it is noticed`() throws {
        let gauge = Gauge()
        let lines = try lines { logger in
            let monitor = ConnectionMonitor(gauge: gauge, logger: logger)
            monitor.observe(brokerIsUp: false)
            #expect(gauge.value == 0)
            for _ in 0..<3 { monitor.observe(brokerIsUp: true) }
            monitor.markUp()
            #expect(gauge.value == 1)
            for _ in 0..<3 { monitor.markDown("refused") }
            monitor.observe(brokerIsUp: false)
            #expect(gauge.value == 0)
            monitor.markUp()
            #expect(gauge.value == 1)
        }
        #expect(lines.count == 3)
        #expect(lines[0].contains("connected") && lines[2].contains("connected"))
        #expect(lines[1].contains("away") && lines[1].contains("refused"))
    }

    @Test func `errors are all counted, and logged once a minute per code`() throws {
        let metrics = MetricsRegistry()
        let lines = try lines { logger in
            let context = ClientContext(clientID: "c", logger: logger, metrics: metrics)
            for _ in 0..<4 { context.report(KafkaError.invalid("first")) }
            context.report(KafkaError.closed())
        }
        #expect(lines.count == 2)
        #expect(metrics.render().contains("holdfast_kafka_errors_total{client=\"c\"} 5"))
    }
}
