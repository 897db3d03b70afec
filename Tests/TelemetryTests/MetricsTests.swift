import Synchronization
import Telemetry
import Testing

/// Prometheus' text format 0.0.4, read back.
private struct Exposition {
    var kinds: [String: String] = [:]
    var help: [String: String] = [:]
    /// By name and labels as they stand.
    var samples: [String: Double] = [:]
    var order: [String] = []

    init(_ text: String) throws {
        try #require(text.isEmpty || text.hasSuffix("\n"))
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix("# ") {
                let parts = line.split(
                    separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
                let name = String(parts[2])
                if parts[1] == "HELP" { help[name] = parts.count > 3 ? String(parts[3]) : "" }
                if parts[1] == "TYPE" {
                    try #require(kinds[name] == nil, "a family must not be opened twice")
                    kinds[name] = String(parts[3])
                }
                continue
            }
            let sample = try #require(
                line.wholeMatch(
                    of: /([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? (\S+)/),
                "not a sample: \(line)")
            let key = String(sample.1) + String(sample.2 ?? "")
            try #require(samples[key] == nil, "a series must not be shown twice")
            let value: Double = try #require(Double(sample.3))
            samples[key] = value
            order.append(key)
        }
    }
}

@Suite struct MetricsTests {
    @Test func `counters and gauges show their values, kinds and help`() throws {
        let registry = MetricsRegistry()
        registry.counter("adds_total", help: "Adds.", labels: ["status": "accepted"]).increment()
        registry.counter("adds_total", help: "Adds.", labels: ["status": "rejected"])
            .increment(by: 4)
        let gauge = registry.gauge("sockets", help: "Open sockets.")
        gauge.set(7)
        gauge.add(-2)
        registry.computedGauge("lag", help: "Lag.") { 1.5 }
        let shown = try Exposition(registry.render())
        #expect(shown.samples["adds_total{status=\"accepted\"}"] == 1)
        #expect(shown.samples["adds_total{status=\"rejected\"}"] == 4)
        #expect(shown.samples["sockets"] == 5)
        #expect(shown.samples["lag"] == 1.5)
        #expect(shown.kinds == ["adds_total": "counter", "sockets": "gauge", "lag": "gauge"])
        #expect(shown.help["sockets"] == "Open sockets.")
    }

    @Test func `registering again gives the same handle`() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "", labels: ["l": "1"]).increment()
        let again = registry.counter("a_total", help: "", labels: ["l": "1"])
        let other = registry.counter("a_total", help: "", labels: ["l": "2"])
        #expect(again.value == 1)
        #expect(other.value == 0)
    }

    @Test func `a histogram's buckets are cumulative, the last one counts all`() throws {
        let registry = MetricsRegistry()
        let histogram = registry.histogram(
            "wait_seconds", help: "Wait.", labels: ["topic": "t"], bounds: [0.1, 1, 10])
        for value in [0.05, 0.1, 0.5, 5, 50, 500] { histogram.observe(value) }
        let shown = try Exposition(registry.render())
        let buckets = ["0.1", "1.0", "10.0", "+Inf"].map {
            shown.samples["wait_seconds_bucket{topic=\"t\",le=\"\($0)\"}"]
        }
        #expect(buckets == [2, 3, 4, 6])
        #expect(shown.samples["wait_seconds_count{topic=\"t\"}"] == 6)
        #expect(shown.samples["wait_seconds_sum{topic=\"t\"}"] == 555.65)
        #expect(shown.kinds == ["wait_seconds": "histogram"])
    }

    @Test func `a duration is observed in seconds`() throws {
        let registry = MetricsRegistry()
        registry.histogram("d_seconds", help: "").observe(.milliseconds(1_500))
        let shown = try Exposition(registry.render())
        #expect(shown.samples["d_seconds_sum"] == 1.5)
        #expect(shown.samples["d_seconds_bucket{le=\"1.0\"}"] == 0)
        #expect(shown.samples["d_seconds_bucket{le=\"2.5\"}"] == 1)
    }

    @Test(arguments: [
        ("a\"b", #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), ("a\r\nb", "a\r\\nb"),
        ("é🔩", "é🔩"),
    ])
    func `labels are escaped`(value: String, shown: String) throws {
        let registry = MetricsRegistry()
        registry.gauge("g", help: "", labels: ["l": value]).set(1)
        #expect(registry.render().contains("g{l=\"\(shown)\"} 1\n"))
    }

    @Test func `help stays on its line`() throws {
        let registry = MetricsRegistry()
        _ = registry.gauge("g", help: "one\ntwo \\ three")
        #expect(registry.render().hasPrefix("# HELP g one\\ntwo \\\\ three\n# TYPE g gauge\n"))
    }

    @Test func `what is no number is spelt as the format does`() throws {
        let registry = MetricsRegistry()
        registry.computedGauge("a", help: "") { .infinity }
        registry.computedGauge("b", help: "") { -.infinity }
        registry.computedGauge("c", help: "") { .nan }
        let lines = registry.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["a +Inf", "b -Inf", "c NaN"])
    }

    @Test func `families stay together in the order of registration`() throws {
        let registry = MetricsRegistry()
        _ = registry.counter("b_total", help: "", labels: ["l": "1"])
        _ = registry.gauge("a", help: "")
        _ = registry.counter("b_total", help: "", labels: ["l": "2"])
        let order = try Exposition(registry.render()).order
        #expect(order == ["b_total{l=\"1\"}", "b_total{l=\"2\"}", "a"])
    }

    @Test func `updates from many tasks are all counted`() async throws {
        let registry = MetricsRegistry()
        let counter = registry.counter("n_total", help: "")
        let histogram = registry.histogram("h", help: "", bounds: [1])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.increment()
                        histogram.observe(0.5)
                    }
                }
            }
        }
        let shown = try Exposition(registry.render())
        #expect(shown.samples["n_total"] == 80_000)
        #expect(shown.samples["h_count"] == 80_000)
        #expect(shown.samples["h_sum"] == 40_000)
    }
}
