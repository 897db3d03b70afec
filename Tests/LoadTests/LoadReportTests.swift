import Messages
import Testing

@testable import LoadTest

@Suite struct LoadReportTests {
    private static func row(_ name: String, isMeasured: Bool = true) -> LoadReport.Row {
        LoadReport.Row(
            name: name, isMeasured: isMeasured, seconds: 4, requests: 4_000, rate: 999.5,
            mean: 1.234_567_8, latencies: [1, 2, 3.5, 40, 512],
            outcomes: [
                LoadReport.Named(name: "accepted", value: 3_990),
                LoadReport.Named(name: "out-of-stock", value: 10),
            ])
    }

    private static var report: LoadReport {
        var histogram = LatencyHistogram()
        for value in 1...4_000 { histogram.add(value) }
        var findings = TruthCheck.Findings()
        findings.note(.missingHold, "request 5 of <user> \"x\" & co")
        return LoadReport(
            scenario: "a <b> & \"c\"", settings: [("rate", "1000/s"), ("a \"b\"", "<i>")],
            total: row("all"), phases: [row("warm-up", isMeasured: false), row("measured")],
            operations: [row("add"), row("REST add")],
            curve: [(0, 0.8), (0.5, 1), (0.99, 3.5), (0.999, 512)],
            intervals: (0..<8).map {
                Interval(
                    at: Double($0) / 2, seconds: 0.5, accepted: 500 - $0, rejected: $0,
                    p50: $0 == 3 ? 0 : 1, p99: $0 == 3 ? 0 : 3, max: $0 == 3 ? 0 : 9)
            }, measured: [(1, 5)],
            costs: [
                LoadReport.Cost(
                    name: "cart-1", pid: 5, cpuSeconds: 1.5, cores: 0.375, microsPerRequest: 375,
                    memoryBytes: 30 << 20, memoryGrowthBytes: 1 << 20)
            ], lateness: row("lateness"), connectionsLost: 1, handshakesFailed: 2,
            pendingAnswers: 3, malformedAnswers: 4, truth: findings)
    }

    @Test func `the JSON is one well-formed object with every part`() throws {
        var reader = JSONReader(Self.report.json)
        var keys: [String] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            keys.append(key)
            if key == "total" {
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    guard key == "latencyMillis" else {
                        try reader.skipValue()
                        continue
                    }
                    var latencies: [String: String] = [:]
                    try reader.beginObject()
                    while let name = try reader.nextKey() {
                        latencies[name] = try reader.numberText()
                    }
                    #expect(
                        latencies == [
                            "mean": "1.234568", "p50": "1.000000", "p90": "2.000000",
                            "p99": "3.500000", "p99.9": "40.000000", "max": "512.000000",
                        ])
                }
            } else {
                try reader.skipValue()
            }
        }
        try reader.end()
        #expect(
            keys == [
                "scenario", "settings", "total", "phases", "operations", "percentiles", "timeline",
                "processes", "lateness", "connectionsLost", "handshakesFailed", "pendingAnswers",
                "malformedAnswers", "truth",
            ])
    }

    @Test func `without a look into the database the truth is null`() {
        var report = Self.report
        report.truth = nil
        #expect(report.isTrue)
        #expect(String(decoding: report.json, as: UTF8.self).contains("\"truth\":null"))
        #expect(report.html.contains("not looked at"))
    }

    @Test func `the page needs no script and no other file`() {
        let html = Self.report.html
        for forbidden in ["<script", "http://", "https://", "src=", "href=", "url(", "@import"] {
            #expect(!html.contains(forbidden), "\(forbidden)")
        }
        #expect(html.contains("prefers-color-scheme: dark"))
        #expect(html.components("<svg") == 5)
        for part in ["cart-1", "out-of-stock", "REST add", "99.9%", "accepted, but not held"] {
            #expect(html.contains(part), "\(part)")
        }
        #expect(!html.contains("nan") && !html.contains("inf,") && !html.contains("\"-\""))
    }

    @Test func `every element of the page is closed, whatever things are called`() {
        var open: [Substring] = []
        let void: Set<Substring> = ["meta", "!DOCTYPE"]
        for part in Self.report.html.split(separator: "<").dropFirst() {
            let tag = part.prefix { $0 != ">" }
            if tag.hasPrefix("/") {
                #expect(open.popLast() == tag.dropFirst(), "\(tag)")
            } else if !tag.hasSuffix("/") {
                let name = tag.prefix { $0 != " " && $0 != "\n" }
                if !void.contains(name) { open.append(name) }
            }
        }
        #expect(open.isEmpty)
    }

    @Test func `a test without answers makes a page too`() {
        var report = Self.report
        report.curve = []
        report.intervals = []
        report.costs = []
        report.operations = []
        report.total.outcomes = []
        #expect(report.html.contains("</html>"))
        #expect(!report.html.contains("nan"))
    }

    @Test(arguments: [
        (0.0, 2, "0.00"), (1.005, 1, "1.0"), (999.996, 2, "1000.00"), (-1.5, 1, "-1.5"),
        (.infinity, 1, "-"), (7, 0, "7"),
    ])
    func `numbers are written with their places`(value: Double, places: Int, text: String) {
        #expect(numberText(value, places: places) == text)
    }

    @Test func `thousands are grouped`() {
        #expect(groupedText(0) == "0")
        #expect(groupedText(-1_234_567) == "-1,234,567")
        #expect(groupedText(999) == "999")
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(_ text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
