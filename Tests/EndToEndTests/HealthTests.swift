import Testing
import WebClient

extension EndToEndTests.OneOfEach {
    @Suite struct HealthTests {
        @Test func `the gateway's test page tells how each dependency is`() async throws {
            let shop = try Installation.current
            for gateway in 0...1 {
                let answer = try await shop.get("/test", gateway: gateway)
                #expect(answer.status == 200, "\(answer.response.text)")
                #expect(answer.json["state"] == "up")
                let names = answer.json["dependencies"].elements.map { $0["name"] }
                #expect(Set(names) == ["broker", "catalogue", "postgres", "redis"])
                for dependency in answer.json["dependencies"].elements {
                    #expect(dependency["state"] == "up", "\(dependency)")
                }
            }
        }

        @Test(arguments: ["broker", "inventory-1", "cart-1", "gateway-1", "gateway-2"])
        func `every process tells that it lives, is ready, and what it counts`(
            name: String
        ) async throws {
            let client = try Client.shared.get()
            let url = try Installation.current.url(name)
            #expect(try await client.request("GET", url + "/health/live").status == 200)
            #expect(try await client.request("GET", url + "/health/ready").status == 200)
            let metrics = try await client.request("GET", url + "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
            let kind = name.prefix { $0 != "-" }
            #expect(metrics.text.contains("# TYPE holdfast_\(kind)_"), "\(metrics.text)")
        }

        @Test func `what goes through the suite is counted`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 5)
            let before = try await counts(shop)
            _ = try await shop.add(product, 1, user: TestEnvironment.uniqueName())
            _ = try await shop.add(product, 9, user: TestEnvironment.uniqueName())
            let after = try await counts(shop)
            for (name, count) in after { #expect(count > before[name] ?? 0, "\(name)") }
        }

        /// Some counters by process and name.
        private func counts(_ shop: Installation) async throws -> [String: Double] {
            let wanted = [
                ("gateway-1", #"holdfast_gateway_outcomes_total{status="accepted"}"#),
                ("gateway-1", #"holdfast_gateway_outcomes_total{status="rejected"}"#),
                ("cart-1", "holdfast_cart_events_total"),
                ("inventory-1", #"holdfast_inventory_answers_total{answer="held"}"#),
                ("inventory-1", #"holdfast_inventory_answers_total{answer="refused"}"#),
            ]
            var counts: [String: Double] = [:]
            for (process, metric) in wanted {
                let page = try await Client.shared.get().request(
                    "GET", shop.url(process) + "/metrics"
                ).text
                let line = page.split(separator: "\n").first { $0.hasPrefix(metric + " ") }
                let value = line.flatMap { Double($0.dropFirst(metric.count + 1)) }
                counts[metric] = try #require(
                    value as Double?, "\(process) does not count \(metric)")
            }
            return counts
        }
    }
}
