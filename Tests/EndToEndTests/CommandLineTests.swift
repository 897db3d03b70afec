import Testing

extension EndToEndTests {
    @Suite struct CommandLineTests {
        @Test(arguments: [
            (
                "gateway",
                [
                    "--host", "--port", "--database-url", "--redis-url", "--kafka-brokers",
                    "--admin-token", "--request-deadline", "--retry-interval", "--connections-max",
                    "--body-max", "--message-max", "--ping-interval", "--idle-max",
                    "--stop-deadline", "--log-level", "GATEWAY_PORT",
                ]
            ),
            (
                "cart",
                [
                    "--health-host", "--health-port", "--database-url", "--kafka-brokers",
                    "--cart-partitions", "--batch-max", "--actors-max", "CART_HEALTH_PORT",
                ]
            ),
            (
                "inventory",
                [
                    "--health-port", "--database-url", "--redis-url", "--kafka-brokers",
                    "--inventory-partitions", "--hold-duration", "--lock-lease", "--lock-wait",
                    "INVENTORY_HEALTH_PORT",
                ]
            ),
            ("migrate", ["--database-url", "DATABASE_URL", "--log-level"]),
            (
                "broker",
                ["--host", "--port", "--data-directory", "--health-port", "--segment-max"]
            ),
            ("race", ["--rounds", "--users", "--gateway", "--admin-token", "--deadline"]),
            (
                "load",
                [
                    "--scenario", "flash-sale", "--rate", "--in-flight", "--gateway", "--users",
                    "--database-url", "--json", "--html", "--pids", "LOAD_SCENARIO", "GATEWAY_URLS",
                ]
            ),
            ("topics", ["--kafka-brokers", "--json", "--timeout"]),
            ("audit", ["--database-url", "--kafka-brokers", "--repair", "--json"]),
            ("bench-broker", ["--kafka-brokers", "--messages", "--large", "--report"]),
            ("bench-report", ["--results", "--report"]),
        ])
        func `the help of every command names its settings`(
            command: String, settings: [String]
        ) async throws {
            let help = try await Holdfast.run([command, "--help"])
            #expect(help.end == .exited(0))
            for setting in settings {
                #expect(help.output.contains(setting), "\(command) --help names \(setting)")
            }
            #expect(try await Holdfast.run(["--help"]).output.contains("  \(command) "))
        }

        @Test func `a benchmark that has measured nothing fails, and says what is missing`()
            async throws
        {
            let run = try await Holdfast.run(["bench-report", "--results", "/nowhere"])
            #expect(run.end == .exited(1))
            #expect(run.output.contains("Adds of uniform products: not measured."))
            #expect(run.output.contains("Flash sale: not measured."))
        }

        @Test func `without a command, or with a wrong one, the usage is told`() async throws {
            let none = try await Holdfast.run([])
            #expect(none.end == .exited(2))
            #expect(none.errors.contains("Usage: holdfast"))
            let wrong = try await Holdfast.run(["gatway"])
            #expect(wrong.end == .exited(2))
            #expect(wrong.errors.contains("did you mean gateway?"))
            let version = try await Holdfast.run(["--version"])
            #expect(version.end == .exited(0))
            #expect(version.output.hasPrefix("holdfast "))
        }

        @Test(arguments: [
            (["gateway", "--port", "99999"], "--port", "65535"),
            (["gateway", "--request-deadline", "soon"], "--request-deadline", "5m"),
            (["cart", "--batch-max", "0"], "--batch-max", "10000"),
            (["cart", "--kafka-brokers", "nowhere:port"], "--kafka-brokers", "host:port"),
            (["inventory", "--redis-url", "http://x"], "--redis-url", "redis://"),
            (["migrate", "--database-url", "mysql://x/y"], "--database-url", "postgres"),
            (["broker", "--segment-max", "1"], "--segment-max", "1GiB"),
            (["race", "--users", "1"], "--users", "10000"),
            (["race", "--rounds", "many"], "--rounds", "1000000"),
            (["load", "--scenario", "busy"], "--scenario", "last-item"),
            (["load", "--rate", "fast"], "--rate", "max"),
            (["load", "--pids", "gateway"], "--pids", "gateway=4711"),
            (["gateway", "--cors-origins", "shop.example"], "--cors-origins", "https://shop"),
            (["gateway", "--trusted-proxies", "proxy.local"], "--trusted-proxies", "IPv6"),
            (["gateway", "--client-rate", "-1"], "--client-rate", "1000000"),
            (["gateway", "--total-burst", "0"], "--total-burst", "1000000"),
            (["gateway", "--log-level", "loud"], "--log-level", "warning"),
        ])
        func `a wrong value is named with what is allowed`(
            arguments: [String], setting: String, allowed: String
        ) async throws {
            var environment = TestEnvironment.inherited
            environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nothing"
            let run = try await Holdfast.run(arguments, environment: environment)
            #expect(run.end == .exited(2))
            #expect(run.errors.contains(setting), "\(run.errors)")
            #expect(run.errors.contains("\"\(arguments[2])\""), "\(run.errors)")
            #expect(run.errors.contains(allowed), "\(run.errors)")
        }

        @Test func `everything that is wrong is named at once, wherever it stands`() async throws {
            var environment = TestEnvironment.inherited
            environment["CART_HEALTH_PORT"] = "abc"
            let run = try await Holdfast.run(
                ["cart", "--batch-max", "x", "--batch-min", "3"], environment: environment)
            #expect(run.end == .exited(2))
            for part in ["CART_HEALTH_PORT", "--batch-max", "--batch-min", "DATABASE_URL"] {
                #expect(run.errors.contains(part), "\(run.errors)")
            }
        }

        @Test(arguments: [
            ("gateway", "--port"), ("cart", "--health-port"), ("inventory", "--health-port"),
            ("broker", "--port"), ("broker", "--health-port"),
        ])
        func `a port that is taken is named`(command: String, setting: String) async throws {
            let listener = try Listener()
            let directory = "\(TestEnvironment.logs)/\(TestEnvironment.uniqueName())"
            defer { TextFile.removeDirectory(directory) }
            var environment = TestEnvironment.inherited
            environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nothing"
            environment["KAFKA_BROKERS"] = "127.0.0.1:1"
            var arguments = [command, setting, "\(listener.port)"]
            if command == "broker" {
                arguments += ["--data-directory", directory]
                arguments += [setting == "--port" ? "--health-port" : "--port", "0"]
            }
            let run = try await Holdfast.run(arguments, environment: environment)
            #expect(run.end == .exited(1), "\(run.errors)")
            #expect(run.errors.contains("\(listener.port)"), "\(run.errors)")
        }

        /// Lends an empty database, and the environment that names it.
        private func withDatabase(
            _ body: (Database, [String: String]) async throws -> Void
        ) async throws {
            let database = Database(on: try TestEnvironment.setting("DATABASE_URL"))
            try await database.create()
            var environment = TestEnvironment.inherited
            environment["DATABASE_URL"] = database.url
            do {
                try await body(database, environment)
            } catch {
                await database.drop()
                throw error
            }
            await database.drop()
        }

        @Test func `the schema is made once, also by two at a time`() async throws {
            try await withDatabase { database, environment in
                async let one = Holdfast.run(["migrate"], environment: environment)
                async let two = Holdfast.run(["migrate"], environment: environment)
                for run in try await [one, two] { #expect(run.end == .exited(0), "\(run.errors)") }
                let again = try await Holdfast.run(["migrate"], environment: environment)
                #expect(again.end == .exited(0))
                #expect(again.errors.contains("up to date"), "\(again.errors)")
                #expect(try await database.number("SELECT count(*) FROM available_products") == 0)
            }
        }

        @Test func `carts without an inventory are told, and not mended`() async throws {
            try await withDatabase { database, environment in
                let migration = try await Holdfast.run(["migrate"], environment: environment)
                try #require(migration.end == .exited(0), "\(migration.errors)")
                // A cart with a line, of which this database has neither the hold nor the product.
                let cart = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
                let add = """
                    {"type":"add-requested","cartID":"\(cart)","version":1,"requestID":"r1","at":1,\
                    "productCode":"DRILL","quantity":1,"userID":"ann","askUntil":2,\
                    "fingerprint":"4392403ec6f01a7f"}
                    """
                let confirmation = """
                    {"type":"add-confirmed","cartID":"\(cart)","version":2,"requestID":"r1","at":1,\
                    "name":"Drill"}
                    """
                for (version, type, data) in [
                    (1, "add-requested", add), (2, "add-confirmed", confirmation),
                ] {
                    try await database.rows(
                        """
                        INSERT INTO cart_event VALUES ($1::uuid, \(version), 0, 'r1', $2, $3::json, now())
                        """, cart, type, data)
                }
                let flags = ["audit", "--json", "--second-look", "0s"]
                let found = try await Holdfast.run(flags, environment: environment)
                #expect(found.end == .exited(1), "\(found.errors)")
                #expect(found.output.contains("line-without-hold"), "\(found.output)")
                let repair = try await Holdfast.run(flags + ["--repair"], environment: environment)
                #expect(repair.end == .exited(1))
                #expect(repair.errors.contains("--database-url"), "\(repair.errors)")
                #expect(repair.errors.contains("nothing is mended"), "\(repair.errors)")
            }
        }

        @Test func `a gateway reads only a partition that there is`() async throws {
            var environment = TestEnvironment.inherited
            environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nothing"
            environment["ADMIN_TOKEN"] = "secret"
            let run = try await Holdfast.run(
                ["gateway", "--port", "0", "--reply-partitions", "4", "--reply-partition", "4"],
                environment: environment)
            #expect(run.end == .exited(1), "\(run.errors)")
            #expect(run.errors.contains("--reply-partition 4"), "\(run.errors)")
            #expect(run.errors.contains("0 to 3"), "\(run.errors)")
        }

        @Test func `what cannot be reached is said`() async throws {
            let migration = try await Holdfast.run([
                "migrate", "--database-url", "postgres://nobody:hidden@127.0.0.1:1/nothing",
            ])
            #expect(migration.end == .exited(1))
            #expect(migration.errors.contains("127.0.0.1"), "\(migration.errors)")
            #expect(!migration.errors.contains("hidden"), "\(migration.errors)")

            let tokenless = try await Holdfast.run(["race", "--gateway", "http://127.0.0.1:1"])
            #expect(tokenless.end == .exited(2))
            #expect(tokenless.errors.contains("--admin-token"))
            let loadless = try await Holdfast.run(["load", "--gateway", "http://127.0.0.1:1"])
            #expect(loadless.end == .exited(2))
            #expect(loadless.errors.contains("--admin-token"))
            let blind = try await Holdfast.run([
                "load", "--gateway", "http://127.0.0.1:1", "--admin-token", "t",
            ])
            #expect(blind.end == .exited(2))
            #expect(blind.errors.contains("--database-url"))
            let lonely = try await Holdfast.run([
                "race", "--gateway", "http://127.0.0.1:1", "--admin-token", "t", "--rounds", "1",
            ])
            #expect(lonely.end == .exited(1))
            #expect(lonely.errors.contains("cannot be reached"), "\(lonely.errors)")
        }
    }
}

extension EndToEndTests.OneOfEach {
    @Suite struct PartitionCountTests {
        @Test(arguments: [
            (["cart", "--cart-partitions", "5"], "cart-request has 8"),
            (["gateway", "--reply-partitions", "5"], "cart-request-response has 16"),
            (["inventory", "--inventory-partitions", "3"], "inventory-request has 8"),
        ])
        func `a service refuses to start with other partition counts than the topics have`(
            arguments: [String], found: String
        ) async throws {
            let shop = try Installation.current
            let port = arguments[0] == "gateway" ? "--port" : "--health-port"
            let run = try await Holdfast.run(
                arguments + [port, "0"], environment: shop.environment)
            #expect(run.end == .exited(1), "\(run.errors)")
            #expect(run.errors.contains("topic \(found) partitions"), "\(run.errors)")
            #expect(run.errors.contains("say \(arguments[2])"), "\(run.errors)")
        }

        @Test func `the schema may be migrated while the suite runs`() async throws {
            let shop = try Installation.current
            let run = try await Holdfast.run(["migrate"], environment: shop.environment)
            #expect(run.end == .exited(0))
            #expect(run.errors.contains("up to date"), "\(run.errors)")
        }
    }
}
