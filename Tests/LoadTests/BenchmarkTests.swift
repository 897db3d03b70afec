import Testing

@testable import LoadTest

@Suite struct BenchmarkTests {
    // MARK: Samples

    private static func yardstick(_ perSecond: Double, _ millis: Double) -> [UInt8] {
        Array(
            """
            transaction type: hold.sql
            number of clients: 32
            latency average = \(millis) ms
            initial connection time = 51.300 ms
            tps = \(perSecond) (without initial connection time)

            """.utf8)
    }

    private static func load(
        perSecond: Double = 1_000, p50: Double = 1, p99: Double = 2,
        outcomes: [(String, Int)] = [("accepted", 1_000)], cartMicros: Double = 40,
        generatorMicros: Double = 10,
        users: String = "10,000", isTrue: Bool = true
    ) -> [UInt8] {
        func row(_ name: String) -> LoadReport.Row {
            LoadReport.Row(
                name: name, isMeasured: true, seconds: 1, requests: 1_000, rate: perSecond,
                mean: p50, latencies: [p50, p50, p99, p99, p99],
                outcomes: outcomes.map { LoadReport.Named(name: $0.0, value: $0.1) })
        }
        func cost(_ name: String, _ micros: Double, growth: Int) -> LoadReport.Cost {
            LoadReport.Cost(
                name: name, pid: nil, cpuSeconds: 1, cores: 0.5, microsPerRequest: micros,
                memoryBytes: 64 << 20, memoryGrowthBytes: growth)
        }
        var findings = TruthCheck.Findings()
        if !isTrue { findings.note(.oversold, "product 1") }
        return LoadReport(
            scenario: "uniform", settings: [("users", users)], total: row("all"),
            phases: [row("measured")], operations: [], curve: [(0, p50), (0.5, p50), (0.99, p99)],
            intervals: [], measured: [(0, 1)],
            costs: [
                cost("cart", cartMicros, growth: 30_000_000),
                cost("gateway-1", 15, growth: 80_000_000),
                cost("gateway-2", 5, growth: 40_000_000),
                cost(UsageMeter.ownName, generatorMicros, growth: 0),
                cost(UsageMeter.restName, 500, growth: 0),
            ], lateness: nil, connectionsLost: 0, handshakesFailed: 0, pendingAnswers: 0,
            malformedAnswers: 0, truth: findings
        ).json
    }

    /// What a good run leaves.
    private static var good: [String: [UInt8]] {
        [
            "pgbench-uniform-32.1.txt": yardstick(5_000, 6.4),
            "pgbench-uniform-32.2.txt": yardstick(7_000, 4.6),
            "pgbench-uniform-32.10.txt": yardstick(6_000, 5.3),
            "pgbench-row-32.1.txt": yardstick(1_000, 32),
            "pgbench-uniform-1.1.txt": yardstick(1_250, 0.8),
            "load-uniform.1.json": load(perSecond: 20_000),
            "load-uniform.2.json": load(perSecond: 14_000),
            "load-uniform.10.json": load(perSecond: 18_000, cartMicros: 44),
            "load-hot.1.json": load(perSecond: 12_000),
            "load-steady.1.json": load(p50: 2.4, p99: 9.6),
            "load-instances-1.1.json": load(),
            "load-instances-2.1.json": load(cartMicros: 44, generatorMicros: 99),
            "load-instances-4.1.json": load(perSecond: 900, cartMicros: 50),
            "load-instances-4-shared.1.json": load(perSecond: 600, cartMicros: 100),
            "load-flash-sale.json": load(
                outcomes: [("accepted", 1_000), ("out-of-stock", 99_000)], users: "100,000"),
            "load-memory-active.json": load(),
            "load-memory-passive.json": load(),
            "chain.1.txt": Array(
                """
                uniform\t15000\t20\t30\t20.5\t10\t30
                steady\t1000\t1.2\t4\t400\t200\t300

                """.utf8),
            "chain.2.txt": Array("uniform\t17000\t18\t28\t22.5\t12\t32\n".utf8),
            "micro.txt": Array("Encode\t0.35 us\t2.33 us\t6.66\n".utf8),
            "machine.txt": Array("Processors: 2 of X\nKernel: Linux 6: x\nRedis: 7\n".utf8),
            "moved.txt": Array("adds 100\npostgres.WAL-bytes 205900\nmessages.x-y 207\nz 0\n".utf8),
            "storage.txt": Array("adds 100\nhold 20000\ncart_event 90000\n".utf8),
        ]
    }

    private static func report(
        _ change: (inout [String: [UInt8]]) -> Void = { _ in }
    ) throws -> BenchmarkReport {
        var files = good
        change(&files)
        return BenchmarkReport(try BenchmarkResults(files: files))
    }

    // MARK: Arithmetic

    @Test func `the median is the value in the middle`() {
        #expect(median([]) == nil)
        #expect(median([3]) == 3)
        #expect(median([9, 1, 4]) == 4)
        #expect(median([9, 1, 4, 2]) == 3)
    }

    @Test func `a ratio is that of the medians, and rounds stay with their own`() throws {
        let verdict = try #require(try Self.report().verdicts.first)
        #expect(verdict.measured == 18_000)
        #expect(verdict.yardstick == 6_000)
        #expect(verdict.ratio == 3)
        #expect(verdict.rounds == [4, 2, 3])
        #expect(verdict.isGoalMet)
    }

    @Test func `latencies are compared with the mean at one client`() throws {
        let verdicts = try Self.report().verdicts
        #expect(verdicts.map { ratioText($0.ratio) } == ["3", "12", "3", "12", "0.94", "0.86"])
        #expect(verdicts.map(\.isGoalMet) == Array(repeating: true, count: 6))
    }

    @Test func `the parts alone stand beside the suite and the floor`() throws {
        let page = try Self.report().markdown(stem: "b")
        #expect(
            page.contains("| Adds of uniform products | 18,000/s | 16,000/s | 2.67 | at least 2 |"))
        #expect(page.contains("| p50 at 1,000 adds/s | 2.40 ms | 1.20 ms | 1.50 | at most 5 |"))
        #expect(!page.contains("| Adds of one hot product | 12,000/s | 0/s"))
        #expect(page.contains("| gateway, cart and inventory | 60.0 | 60.0 |"))
        #expect(page.contains("| one process with their hops and transactions | 21.5 | 400.0 |"))
        // The floor is twice 6,000/s; of 2,000,000 us a second that is 166.7 for each.
        #expect(page.contains("| the floor allows | 166.7 |\n| parts alone | 63.5 |\n"))
        #expect(page.contains("| left for the suite's own work | 93.2 |\n| taken by it | -3.5 |"))
        #expect(
            try !Self.report { $0["machine.txt"] = nil }.markdown(stem: "b").contains("A budget"))
        #expect(
            try !Self.report { $0 = $0.filter { !$0.key.hasPrefix("chain") } }
                .markdown(stem: "b").contains("## What the parts cost alone"))
        #expect(throws: BenchmarkResults.Malformed.self) {
            try Self.report { $0["chain.1.txt"] = Array("uniform\t15000\t20\n".utf8) }
        }
    }

    @Test func `the floors are those that were agreed`() {
        #expect(BenchmarkGoal.all.map(\.floor) == [2, 12, 5, 15, 0.85, 0.85])
        #expect(BenchmarkGoal.all.map(\.goal) == [3, 12, 5, 15, 0.85, 0.85])
        let (throughput, latency) = (BenchmarkGoal.all[0], BenchmarkGoal.all[2])
        #expect(throughput.isMet(2, 2) && !throughput.isMet(1.99, 2))
        #expect(latency.isMet(5, 5) && !latency.isMet(5.01, 5))
    }

    // MARK: What fails

    @Test func `a run in which all is well has no failures`() throws {
        #expect(try Self.report().failures == [])
    }

    @Test func `below the goal but above the floor is no failure`() throws {
        let report = try Self.report {
            for round in [1, 2, 10] {
                $0["load-uniform.\(round).json"] = Self.load(perSecond: 13_000)
            }
        }
        #expect(report.failures == [])
        #expect(report.verdictRows[0].last == "above the floor")
    }

    @Test func `a figure under its floor is a failure, in either direction`() throws {
        let report = try Self.report {
            $0["load-hot.1.json"] = Self.load(perSecond: 11_000)
            $0["load-steady.1.json"] = Self.load(p50: 2.4, p99: 16)
        }
        #expect(
            report.failures == [
                "Adds of one hot product: 11 times pgbench, below the floor of 12.",
                "p99 at 1,000 adds/s: 20 times pgbench, above the floor of 15.",
            ])
        #expect(
            report.verdictRows.map(\.last) == ["met", "MISSED", "met", "MISSED", "met", "met"])
    }

    @Test func `several instances that take more CPU for an add are a failure`() throws {
        let report = try Self.report {
            $0["load-instances-4.1.json"] = Self.load(perSecond: 5_000, cartMicros: 60)
        }
        #expect(
            report.failures == [
                """
                Adds per CPU second, 4 instances of each: 0.75 times that of one instance, \
                below the floor of 0.85.
                """
            ])
    }

    @Test func `what was not measured is a failure`() throws {
        let report = try Self.report {
            $0["pgbench-row-32.1.txt"] = nil
            $0["load-flash-sale.json"] = nil
        }
        #expect(
            report.failures == [
                "Adds of one hot product: not measured.", "Flash sale: not measured.",
            ])
    }

    @Test(arguments: [
        (load(isTrue: false), "hot: the database differs from what shoppers were told."),
        (load(outcomes: [("accepted", 5), ("unanswered", 2)]), "hot: 2 times unanswered."),
        (load(outcomes: [("accepted", 5), ("cart-full", 1_200)]), "hot: 1,200 times cart-full."),
    ])
    func `an answer that is untrue, missing or unwanted is a failure`(
        load: [UInt8], failure: String
    ) throws {
        let report = try Self.report { $0["load-hot.1.json"] = load }
        #expect(report.failures.contains(failure))
    }

    @Test func `a flash sale sells all there is and no more`() throws {
        let report = try Self.report {
            $0["load-flash-sale.json"] = Self.load(
                outcomes: [("accepted", 1_001), ("out-of-stock", 9)])
        }
        #expect(report.failures == ["Flash sale: 1001 pieces sold of 1000."])
    }

    @Test(arguments: [
        "load-hot.1.json", "pgbench-row-32.1.txt", "micro.txt", "storage.txt", "moved.txt",
    ])
    func `a file that is something else is named`(file: String) throws {
        var files = Self.good
        files[file] = Array("what\n".utf8)
        #expect {
            try BenchmarkResults(files: files)
        } throws: { error in
            "\(error)".contains(file)
        }
    }

    // MARK: Growth

    private static func growth(
        _ perSecond: [(Int, Double)], cartMicros: [Double]
    ) throws -> BenchmarkReport {
        try report { files in
            for (step, micros) in zip(perSecond, cartMicros) {
                files["load-growth.products.\(step.0).max.json"] = load(
                    perSecond: step.1, cartMicros: micros)
                files["load-growth.products.\(step.0).steady.json"] = load(p50: 1.5)
            }
        }
    }

    @Test func `growth is told from small to large, flat or with who takes more`() throws {
        let report = try Self.growth(
            [(100_000, 500), (1_000, 1_000), (10_000, 900)], cartMicros: [95, 40, 41])
        let steps = try #require(report.results.growth["products"])
        #expect(steps.map(\.count) == [1_000, 10_000, 100_000])
        #expect(
            steps.map { report.judgement(of: $0, against: steps[0]) }
                == ["", "flat (-10 %)", "-50 %; cart +55 us"])
    }

    @Test func `slower without more CPU is called waiting`() throws {
        let report = try Self.growth([(1, 1_000), (10, 500)], cartMicros: [40, 40])
        let steps = try #require(report.results.growth["products"])
        #expect(
            report.judgement(of: steps[1], against: steps[0])
                == "-50 %; nobody takes more CPU: waiting")
    }

    // MARK: The page

    @Test func `CPU is the median of the rounds, and the rest of the machine is not the suite's`()
        throws
    {
        let report = try Self.report()
        #expect(report.costs("uniform").map(\.micros) == [40, 20, 10, 500])
        #expect(report.results.loads["hot"]?.first?.microsPerRequest == 70)
    }

    @Test func `instances of a service are added up, and the generator is not the suite's`() throws
    {
        let load = try #require(try Self.report().results.loads["instances-2"]?.first)
        #expect(load.costs.map(\.name).prefix(2) == ["cart", "gateway"])
        #expect(load.costs[1].microsPerRequest == 20)
        #expect(load.costs[1].memoryGrowthBytes == 120_000_000)
        #expect(load.suiteMicrosPerRequest == 64)
        #expect(load.perSuiteSecond == 15_625)
    }

    @Test func `the page tells machine, goals, sale, memory and small parts`() throws {
        let page = try Self.report().markdown(stem: "benchmarks")
        for line in [
            "- Kernel: Linux 6: x\n- Redis: 7\n- Noise: the rest of the machine kept 9.00 processors",
            """
            | Adds of uniform products | 18,000/s | 6,000/s | 3 | 2 to 4 | at least 3 | at least 2 \
            | met |
            """,
            "100,000 users want one of 1,000 pieces",
            "Sold: 1,000; 99,000 out-of-stock.",
            "| Gateway, for one of 10,000 open websockets | 12,000 bytes |",
            "| Cart service, for one active cart | 3,000 bytes |",
            "| Postgres, in `cart_event` and its indexes for one add | 900 bytes |",
            "Not measured in this run",
            "| 1 of each | 1,000 | 1.00 | 2.00 | 16,666 |  |",
            "| 4 of each | 900 | 1.00 | 2.00 | 14,285 | 0.86 |",
            "| 4, shared | 600 | 1.00 | 2.00 | 8,333 | 0.50 |",
            "| cart | 40.0 | 44.0 | 50.0 | 100.0 |",
            "| postgres: WAL-bytes | 2059 |\n| messages: x-y | 2.070 |\n\n",
            "| Encode | 0.35 us | 2.33 us | 6.66 |",
            "![CPU of one add by process](benchmarks-cpu.svg)",
        ] { #expect(page.contains(line), "\(line)") }
        #expect(!page.contains("not as it should be"))
        #expect(!page.contains("growth.svg"))
        #expect(page.hasSuffix("|\n"))
    }

    @Test func `plots are files of their own`() throws {
        let plots = try Self.growth([(1, 1_000), (10, 500)], cartMicros: [40, 40]).plots
        #expect(plots.keys.sorted() == ["cpu", "growth", "instances", "latency", "throughput"])
        for svg in plots.values {
            #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
            #expect(svg.contains("viewBox=") && svg.contains("<style>"))
            #expect(svg.hasSuffix("</svg>\n"))
        }
    }

    @Test func `nothing measured is told and does not crash`() throws {
        let report = BenchmarkReport(try BenchmarkResults(files: [:]))
        #expect(report.failures.count == BenchmarkGoal.all.count + 1)
        #expect(report.markdown(stem: "x").contains("not measured"))
        #expect(report.plots.isEmpty)
    }
}
