import Glibc
import Testing
import WebClient

extension EndToEndTests {
    /// As many idle websockets as a gateway allows by default, from another process.
    @Suite(.installation("idle-crowd", settings: ["CONNECTIONS_MAX": "10050"]))
    struct IdleCrowdTests {
        private static let crowdSize = 10_000
        private static let waveSize = 500

        /// Whether this process, and so the gateway, may have that many descriptors.
        private static var isAllowed: Bool {
            var limit = rlimit()
            return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
                && limit.rlim_max >= crowdSize + 1_000
        }

        @Test(.enabled("descriptors") { isAllowed })
        func `ten thousand idle websockets leave the next shopper as well served`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 9)
            let (names, base) = ((0..<Self.crowdSize).map(Self.cart), shop.gateway())
            var crowd: [WebSocketClient] = []
            for start in stride(from: 0, to: Self.crowdSize, by: Self.waveSize) {
                let wave = names[start..<min(start + Self.waveSize, names.count)]
                try await withThrowingTaskGroup(of: WebSocketClient.self) { group in
                    for cart in wave {
                        group.addTask {
                            try await WebSocketClient.connect(
                                "\(base)/cart/byid/\(cart)/session?version=0",
                                client: try Client.shared.get(), messageBytesMax: 1 << 16)
                        }
                    }
                    for try await socket in group { crowd.append(socket) }
                }
            }
            defer { for socket in crowd { socket.close() } }
            #expect(crowd.count == Self.crowdSize)
            let open = try await shop.metric("holdfast_gateway_websockets", of: "gateway-1")
            #expect(open == Self.crowdSize)

            let user = TestEnvironment.uniqueName()
            #expect(try await shop.add(product, 2, user: user).status == 200)
            // One of the crowd wakes: its cart changes, and it alone is told.
            let browser = Socket(
                try await WebSocketClient.connect(
                    "\(base)/cart/byid/\(names[7])/session", client: try Client.shared.get(),
                    messageBytesMax: 1 << 16))
            #expect(try await browser.change()["cart"]["version"] == 0)
            browser.add(product, 1, requestID: "wake")
            #expect(try await browser.outcome()["cart"].quantities == [product: 1])
            browser.close()

            for socket in crowd { socket.close() }
            try await eventually("all are forgotten", within: .seconds(60)) {
                try await shop.metric("holdfast_gateway_websockets", of: "gateway-1") == 0
            }
            #expect(try await shop.cart(of: user).quantities == [product: 2])
        }

        /// A cart's ID, made of a number.
        private static func cart(_ number: Int) -> String {
            let digits = "00000000000\(number)".suffix(12)
            return "5eed5eed-0000-4000-8000-\(digits)"
        }
    }
}
