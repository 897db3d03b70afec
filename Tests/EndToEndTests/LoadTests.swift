import Glibc
import Testing

extension EndToEndTests.TwoOfEachTests {
    /// `holdfast load` in small, over both gateways.
    @Suite struct LoadTests {
        @Test(arguments: [
            ["uniform", "--rate", "200", "--users", "20", "--duration", "1500ms"],
            ["uniform", "--users", "20", "--duration", "1500ms", "--in-flight", "32"],
            ["hot", "--users", "20", "--duration", "1500ms", "--in-flight", "32"],
            ["flash-sale", "--users", "300", "--sockets", "120", "--stock", "40"],
            ["last-item", "--users", "90", "--products", "30", "--sockets", "45"],
            ["mixed", "--users", "20", "--duration", "2s", "--products", "5", "--stock", "40"],
            [
                "soak", "--users", "10", "--duration", "2s", "--adds-per-user", "3", "--rate",
                "100",
            ],
        ])
        func `a scenario ends with the truth, a table, JSON and a page`(
            arguments: [String]
        ) async throws {
            let shop = try Installation.current
            let base = "\(TestEnvironment.logs)/load-\(TestEnvironment.uniqueName())"
            defer { for kind in ["json", "html"] { unlink("\(base).\(kind)") } }
            let pids = try await [shop.process("gateway-1").pid, shop.process("broker").pid]
            let run = try await Holdfast.run(
                [
                    "load", "--scenario", arguments[0], "--warm-up", "200ms",
                    "--gateway", shop.gateways.joined(separator: ","),
                    "--json", "\(base).json", "--html", "\(base).html",
                    "--pids", "gateway=\(pids[0]),broker=\(pids[1])",
                ] + arguments.dropFirst(), environment: shop.environment, within: .seconds(180))
            #expect(run.end == .exited(0), "\(run.output)\(run.errors)")
            #expect(run.output.contains("truth             holds"), "\(run.output)")
            #expect(run.errors.contains("done\n"), "\(run.errors)")

            let report = try JSON(bytes: Array(TextFile.read("\(base).json").utf8))
            #expect(report["scenario"] == .text(arguments[0]))
            #expect(report["truth"]["isTrue"] == true)
            #expect(report["malformedAnswers"].number == 0)
            #expect(
                report["processes"].elements.map(\.["name"].text)
                    == ["gateway", "broker", "load generator", "rest of the machine"])
            let outcomes = report["total"]["outcomes"]
            #expect(outcomes["accepted"].number ?? 0 > 0)
            switch arguments[0] {
            case "flash-sale":
                #expect(outcomes["accepted"].number == 40)
                #expect(outcomes["out-of-stock"].number == 260)
            case "last-item":
                #expect(outcomes["accepted"].number == 30)
                #expect(outcomes["out-of-stock"].number == 60)
            case "mixed", "soak": #expect(report["operations"].elements.count == 7)
            default: #expect(outcomes.fieldNames == ["accepted"])
            }
            let page = TextFile.read("\(base).html")
            #expect(page.hasSuffix("</html>\n"))
            #expect(page.contains("<polyline"))
        }

        @Test func `told to stop, it checks and reports what was asked up to then`() async throws {
            let shop = try Installation.current
            let base = "\(TestEnvironment.logs)/load-\(TestEnvironment.uniqueName())"
            defer { for kind in ["out", "err"] { unlink("\(base).\(kind)") } }
            let soak = try await ChildProcess.start(
                "holdfast load",
                [
                    TestEnvironment.executable(), "load", "--scenario", "soak", "--users", "10",
                    "--rate", "50", "--warm-up", "0s", "--gateway", shop.gateway(),
                ], environment: shop.environment, output: "\(base).out", errors: "\(base).err")
            do {
                try await eventually("something was accepted") {
                    TextFile.read("\(base).err").contains(" accepted")
                }
            } catch {
                soak.signal(SIGKILL)
                throw error
            }
            soak.signal(SIGINT)
            #expect(try await soak.ended(within: .seconds(60)) == .exited(0))
            let report = TextFile.read("\(base).out")
            #expect(report.contains("truth             holds"), "\(report)")
            #expect(report.contains("slice 1 "), "\(report)")
            #expect(!report.contains("slice 2 "), "\(report)")
        }

        @Test func `a database that knows nothing of it is a violated truth`() async throws {
            let shop = try Installation.current
            let other = Database(on: try TestEnvironment.setting("DATABASE_URL"))
            try await other.create()
            var environment = shop.environment
            environment["DATABASE_URL"] = other.url
            do {
                let migration = try await Holdfast.run(["migrate"], environment: environment)
                #expect(migration.end == .exited(0), "\(migration.errors)")
                let run = try await Holdfast.run(
                    [
                        "load", "--scenario", "flash-sale", "--users", "10", "--stock", "4",
                        "--gateway", shop.gateway(), "--settle", "0s",
                    ], environment: environment)
                #expect(run.end == .exited(1), "\(run.output)\(run.errors)")
                #expect(run.output.contains("VIOLATED"), "\(run.output)")
                #expect(run.output.contains("4 times accepted, but not held"), "\(run.output)")
                #expect(run.output.contains("1 times a product is gone"), "\(run.output)")
            } catch {
                await other.drop()
                throw error
            }
            await other.drop()
        }
    }
}
