import Messages
package import WebClient

/// Lets shoppers race for the last item of a product, over real websockets, again and again.
///
/// Each round has a fresh product with one piece in stock and fresh shoppers, whose sockets are open
/// before they all ask at once. Exactly one of them must win, and all must be answered.
package struct Race: Sendable {
    /// What to race for, and against whom.
    package struct Configuration: Sendable {
        /// How many rounds, one after the other.
        package var rounds: Int
        /// How many shoppers in each.
        package var users: Int
        /// The gateways' base URLs, which the shoppers take in turn.
        package var gateways: [String]
        /// The token that may seed the inventory.
        package var adminToken: String
        /// A shopper without an outcome after this time counts as unanswered.
        package var deadline: Duration

        package init(
            rounds: Int, users: Int, gateways: [String], adminToken: String, deadline: Duration
        ) {
            self.rounds = rounds
            self.users = users
            self.gateways = gateways
            self.adminToken = adminToken
            self.deadline = deadline
        }
    }

    /// Why a race could not be held.
    package enum Failure: Error, CustomStringConvertible, Sendable {
        /// The gateway did not take the products.
        case seeding(status: Int, body: String)

        package var description: String {
            switch self {
            case .seeding(let status, let body):
                """
                the gateway refused the race's products with status \(status): \(body) (is \
                ADMIN_TOKEN the gateway's?)
                """
            }
        }
    }

    private enum Answer: Sendable {
        case won(Duration)
        case lost(Duration)
        case unanswered(String)
    }

    private let configuration: Configuration
    private let client: WebClient
    /// Keeps the products and shoppers of one run apart from those of others.
    private let name: String

    package init(_ configuration: Configuration, client: WebClient) {
        self.configuration = configuration
        self.client = client
        var generator = SystemRandomNumberGenerator()
        name = RequestID.random(using: &generator).text
    }

    /// Seeds the products and holds all rounds.
    ///
    /// - Parameter progress: called after each round with the result so far.
    /// - Throws: `Failure` or `WebClientError` if the products cannot be seeded.
    package func run(progress: (RaceResult) -> Void) async throws -> RaceResult {
        try await seed()
        var result = RaceResult()
        for round in 1...configuration.rounds {
            let answers = await hold(round)
            var winners = 0
            for answer in answers {
                switch answer {
                case .won(let latency):
                    winners += 1
                    result.latencies.append(latency)
                case .lost(let latency):
                    result.latencies.append(latency)
                case .unanswered(let reason):
                    result.unanswered += 1
                    result.lastProblem = "round \(round): \(reason)"
                }
            }
            result.count(winners: winners)
            progress(result)
        }
        result.latencies.sort()
        return result
    }

    private func product(_ round: Int) -> String { "RACE-\(name)-\(round)" }

    private func seed() async throws {
        var csv = "product_code,name,quantity\n"
        for round in 1...configuration.rounds {
            csv += "\(product(round)),Last item of round \(round),1\n"
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

    /// One round: every shopper connects, then all ask, then all wait.
    private func hold(_ round: Int) async -> [Answer] {
        let sockets = await withTaskGroup(of: (Int, Result<WebSocketClient, WebClientError>).self) {
            group in
            for user in 0..<configuration.users {
                group.addTask { (user, await connect(round, user)) }
            }
            var sockets: [(Int, Result<WebSocketClient, WebClientError>)] = []
            for await socket in group { sockets.append(socket) }
            return sockets
        }
        return await withTaskGroup(of: Answer.self) { group in
            for (user, socket) in sockets {
                group.addTask {
                    switch socket {
                    case .success(let socket):
                        let answer = await ask(socket, round, user)
                        socket.close()
                        return answer
                    case .failure(let error):
                        return .unanswered("cannot connect: \(error)")
                    }
                }
            }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
    }

    private func connect(
        _ round: Int, _ user: Int
    ) async -> Result<WebSocketClient, WebClientError> {
        let gateway = configuration.gateways[user % configuration.gateways.count]
        do throws(WebClientError) {
            let socket = try await WebSocketClient.connect(
                "\(gateway)/cart/update-product?userID=race-\(name)-\(round)-\(user)&quantity=0",
                client: client, timeout: configuration.deadline)
            _ = try await socket.receive(timeout: configuration.deadline)
            return .success(socket)
        } catch {
            return .failure(error)
        }
    }

    private func ask(_ socket: WebSocketClient, _ round: Int, _ user: Int) async -> Answer {
        var json = JSONWriter()
        json.object { json in
            json.field("requestID", "race-\(user)")
            json.field("action", "add")
            json.field("productCode", product(round))
            json.field("quantity", 1)
        }
        let start = ContinuousClock.now
        guard socket.send(json.bytes) else { return .unanswered("the socket was closed") }
        do {
            while true {
                let left = configuration.deadline - (ContinuousClock.now - start)
                guard let text = try await socket.receive(timeout: max(left, .milliseconds(1)))
                else { return .unanswered("the socket was closed") }
                guard
                    case .outcome(_, let status, let reason, _, _, _) =
                        try CartResponse.decodeContent(text)
                else { continue }
                let latency = ContinuousClock.now - start
                switch status {
                case .accepted: return .won(latency)
                case .rejected where reason == .outOfStock: return .lost(latency)
                case .rejected:
                    return .unanswered("rejected as \(reason?.rawValue ?? "nothing")")
                case .pending, .unknown: continue
                }
            }
        } catch {
            return .unanswered("\(error)")
        }
    }
}
