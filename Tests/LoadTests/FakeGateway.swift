import Messages
import Synchronization
import Telemetry
import Threading
import WebClient
import WebServer

@testable import LoadTest

/// A gateway, its carts and its inventory in a few lines of memory; it can lie.
final class FakeGateway: RequestHandler, TruthSource {
    /// In what way it is not what it should be.
    struct Faults: Sendable {
        /// Says yes to every so many adds that it has no pieces for, or takes none for.
        var lieEvery = Int.max
        /// Does not answer every so many adds.
        var muteEvery = Int.max
        /// Ends the websocket instead of answering every so many adds.
        var hangUpEvery = Int.max
    }

    private struct Books {
        var stock: [String: Int] = [:]
        var held: [String: Int] = [:]
        /// Request ID, product, pieces, user.
        var holds: [(String, String, Int, String)] = []
        var outcomes: [String: [UInt8]] = [:]
        var adds = 0
    }

    private enum Decision {
        case answer([UInt8])
        case mute, hangUp
    }

    private let faults: Faults
    private let books = Mutex(Books())

    init(_ faults: Faults) { self.faults = faults }

    /// Serves a fake gateway, holds a load test against it, and stops it.
    static func run(
        _ configuration: LoadConfiguration, faults: Faults = Faults(),
        progress: (@Sendable (LoadProgress) -> Void)? = nil
    ) async throws -> (LoadRun.Result, FakeGateway) {
        let loop = try EventLoop(name: "fake-gateway")
        let handler = FakeGateway(faults)
        let server = WebServer(
            configuration: WebServerConfiguration(), loop: loop,
            logger: Logger(component: "test", level: .error), metrics: MetricsRegistry(),
            handler: handler)
        let port = try await server.start()
        var configuration = configuration
        configuration.gateways = ["http://127.0.0.1:\(port)"]
        let clientLoop = try EventLoop(name: "fake-load")
        let result: Result<LoadRun.Result, any Error>
        do {
            result = .success(
                try await LoadRun(
                    configuration, client: WebClient(loop: clientLoop), loop: clientLoop
                ).run(progress: progress))
        } catch {
            result = .failure(error)
        }
        await server.shutdown(deadline: .seconds(5))
        loop.stop()
        return (try result.get(), handler)
    }

    // MARK: - The gateway

    func handle(_ request: HTTPRequest) async -> HTTPAnswer {
        let user = parameter("userID", of: request)
        let body = (try? await request.body.collect(upTo: 1_000_000)) ?? []
        let last = String(request.path.split(separator: "/").last ?? "")
        switch (request.method, request.path) {
        case ("POST", "/migration/inventory"):
            guard request.headers.first("Authorization") == "Bearer token" else {
                return response(401)
            }
            seed(String(decoding: body, as: UTF8.self))
            return response(200)
        case ("GET", "/cart/update-product"):
            return .webSocket { [self] socket in
                socket.send(text: Self.outcome(parameter("requestID", of: request), .accepted))
                while let message = await socket.receive() {
                    switch decide(message, user: user) {
                    case .answer(let text): socket.send(text: text)
                    case .mute: break
                    case .hangUp: return
                    }
                }
            }
        case ("POST", "/cart/items"):
            // Its outcome has to be looked up.
            let requestID = request.headers.first("Idempotency-Key") ?? ""
            let fields = Self.fields(body)
            _ = add(requestID, fields["productCode"] ?? "", 1, user: fields["userID"] ?? "", body)
            return response(202, Self.outcome(requestID, .pending))
        case ("DELETE", _):
            let text = remove(
                request.headers.first("Idempotency-Key") ?? "", last,
                Int(parameter("quantity", of: request)) ?? 0, user: user)
            return response(200, text)
        case ("GET", let path) where path.hasPrefix("/requests/"):
            guard let text = books.withLock({ $0.outcomes[last] }) else { return response(404) }
            return response(200, text)
        default:
            return response(200)
        }
    }

    func refusal(status: Int, detail: String) -> HTTPResponse { HTTPResponse(status: status) }

    private func decide(_ message: [UInt8], user: String) -> Decision {
        let fields = Self.fields(message)
        let (requestID, product) = (fields["requestID"] ?? "", fields["productCode"] ?? "")
        switch fields["action"] {
        case "add": return add(requestID, product, 1, user: user, message)
        case "remove":
            return .answer(
                remove(requestID, product, Int(fields["quantity"] ?? "") ?? 0, user: user))
        default: return .answer(Self.outcome(requestID, .accepted))
        }
    }

    private func add(
        _ requestID: String, _ product: String, _: Int, user: String, _ message: [UInt8]
    ) -> Decision {
        let pieces = Int(Self.fields(message)["quantity"] ?? "") ?? 0
        return books.withLock { books in
            books.adds += 1
            if books.adds.isMultiple(of: faults.muteEvery) { return .mute }
            if books.adds.isMultiple(of: faults.hangUpEvery) { return .hangUp }
            let isLie = books.adds.isMultiple(of: faults.lieEvery)
            let left = books.stock[product, default: 0] - books.held[product, default: 0]
            let isHeld = pieces <= left && !isLie
            if isHeld {
                books.held[product, default: 0] += pieces
                books.holds.append((requestID, product, pieces, user))
            }
            let text =
                isHeld || isLie
                ? Self.outcome(requestID, .accepted)
                : Self.outcome(requestID, .rejected, .outOfStock)
            books.outcomes[requestID] = text
            return .answer(text)
        }
    }

    /// Takes pieces out of the user's holds, oldest first.
    private func remove(
        _ requestID: String, _ product: String, _ pieces: Int, user: String
    ) -> [UInt8] {
        books.withLock { books in
            var left = pieces
            for index in books.holds.indices
            where books.holds[index].1 == product && books.holds[index].3 == user {
                let taken = min(left, books.holds[index].2)
                books.holds[index].2 -= taken
                left -= taken
            }
            books.held[product, default: 0] -= pieces - left
            return Self.outcome(requestID, .accepted)
        }
    }

    private func seed(_ csv: String) {
        books.withLock { books in
            for row in csv.split(separator: "\n").dropFirst() {
                let fields = row.split(separator: ",")
                books.stock[String(fields[0])] = Int(fields[2]) ?? 0
            }
        }
    }

    private func response(_ status: Int, _ body: [UInt8] = []) -> HTTPAnswer {
        .response(HTTPResponse(status: status, body: body))
    }

    private func parameter(_ name: String, of request: HTTPRequest) -> String {
        let query = request.target.split(separator: "?").dropFirst().joined()
        for pair in query.split(separator: "&") where pair.hasPrefix("\(name)=") {
            return String(pair.dropFirst(name.count + 1))
        }
        return ""
    }

    private static func outcome(
        _ requestID: String, _ status: RequestStatus, _ reason: RejectionReason? = nil
    ) -> [UInt8] {
        guard let requestID = RequestID(requestID) else { return [] }
        return CartResponse(
            cartID: CartID(bits: 1),
            content: .outcome(requestID, status, reason: reason, message: nil, cart: nil),
            replyPartition: 0
        ).encoded()
    }

    private static func fields(_ json: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var reader = JSONReader(json)
        do {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                fields[key] =
                    try reader.peek() == .string ? try reader.string() : try reader.numberText()
            }
        } catch {
            return [:]
        }
        return fields
    }

    // MARK: - The database

    func read(
        prefix: String, hold: (_ requestID: String, _ productCode: String, _ pieces: Int) -> Void
    ) async throws -> [StockRow] {
        let (rows, holds) = books.withLock { books in
            let rows = books.stock.map { code, quantity in
                StockRow(
                    productCode: code, quantity: quantity, held: books.held[code, default: 0])
            }
            return (rows, books.holds)
        }
        for (requestID, product, pieces, _) in holds where pieces > 0 {
            hold(requestID, product, pieces)
        }
        return rows
    }

    func expired(prefix: String) async throws -> Set<String> { [] }
}
