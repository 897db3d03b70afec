import Messages
import Synchronization
import Telemetry
import WebServer

/// How many requests are taken: so many per second, and so many at once after a quiet time.
package struct RateLimit: Sendable {
    let nanosPerRequest: Int
    let burstNanos: Int

    /// - Parameters:
    ///   - perSecond: at least 1.
    ///   - burst: at least 1.
    package init(perSecond: Int, burst: Int) {
        nanosPerRequest = max(1, 1_000_000_000 / perSecond)
        burstNanos = nanosPerRequest * burst
    }
}

/// A token bucket for each client and one for all; websocket messages and requests count alike.
///
/// A bucket is kept as the one moment at which it will be full again (GCRA, ITU-T I.371). A client
/// whose bucket is full need not be remembered, which bounds the table without forgiving anybody. While
/// it is full of clients that must be remembered, newcomers share one bucket.
final class RateLimits: Sendable {
    private struct State {
        var total = 0
        var clients: [ClientAddress: Int] = [:]
        /// The bucket of those for whom the table has no room.
        var others = 0
        var lastSweep = 0
    }

    private let perClient: RateLimit?
    private let inAll: RateLimit?
    private let trustedProxies: Set<ClientAddress>
    private let clientsMax: Int
    private let metrics: GatewayMetrics
    private let state = Mutex(State())

    init(_ configuration: GatewayConfiguration, metrics: GatewayMetrics) {
        perClient = configuration.clientRate
        inAll = configuration.totalRate
        trustedProxies = configuration.trustedProxies
        clientsMax = configuration.limitedClientsMax
        self.metrics = metrics
    }

    /// Whom a request counts for.
    ///
    /// Behind a trusted proxy it is whom the proxy, which wrote the last hop, has seen; what stands
    /// before that anybody may have written.
    func client(of request: HTTPRequest) -> ClientAddress {
        guard perClient != nil else { return .unknown }
        let peer = ClientAddress(request.remoteAddress) ?? .unknown
        guard trustedProxies.contains(peer),
            let hop = request.headers.all("X-Forwarded-For").last?.split(separator: ",").last
        else { return peer.client }
        return (ClientAddress(Self.withoutPort(hop)) ?? peer).client
    }

    /// Counts a request.
    ///
    /// - Throws: ``Problem/Slug/rateLimited``; the request is then not counted.
    func count(for client: ClientAddress, now: Timestamp) throws(Problem) {
        guard perClient != nil || inAll != nil else { return }
        let nanos = now.millis * 1_000_000
        let refusal = state.withLock { takeToken(of: client, nanos, from: &$0) }
        guard let (scope, wait) = refusal else { return }
        metrics.countLimited(scope)
        let seconds = max(1, (wait + 999_999_999) / 1_000_000_000)
        let whose =
            switch scope {
            case .client: "this address sends more requests than one may"
            case .total: "more requests come than this gateway may take"
            }
        throw Problem(
            .rateLimited, "\(whose); try again in \(seconds) s", retryAfterSeconds: seconds)
    }

    /// Takes a token from both buckets, or from none.
    private func takeToken(
        of client: ClientAddress, _ now: Int, from state: inout State
    ) -> (Scope, wait: Int)? {
        var clientFullAt = 0
        var isRemembered = false
        if let perClient {
            if state.clients.count >= clientsMax { sweep(&state, now) }
            let known = state.clients[client]
            isRemembered = known != nil || state.clients.count < clientsMax
            clientFullAt = isRemembered ? known ?? 0 : state.others
            if let wait = Self.take(from: &clientFullAt, perClient, now) {
                remember(client, clientFullAt, isRemembered, in: &state)
                return (.client, wait)
            }
        }
        if let inAll, let wait = Self.take(from: &state.total, inAll, now) {
            return (.total, wait)
        }
        if perClient != nil { remember(client, clientFullAt, isRemembered, in: &state) }
        return nil
    }

    private func remember(
        _ client: ClientAddress, _ fullAt: Int, _ isRemembered: Bool, in state: inout State
    ) {
        guard isRemembered else {
            state.others = fullAt
            return
        }
        state.clients[client] = fullAt
        metrics.limitedClients.set(state.clients.count)
    }

    /// Takes a token from a bucket.
    ///
    /// - Returns: nanoseconds until there is one, where there is none.
    private static func take(
        from fullAt: inout Int, _ limit: RateLimit, _ now: Int
    ) -> Int? {
        // A clock that was set back must not lock anybody out for longer than an empty bucket does.
        fullAt = max(min(fullAt, now + limit.burstNanos), now)
        let next = fullAt + limit.nanosPerRequest
        let excess = next - now - limit.burstNanos
        guard excess <= 0 else { return excess }
        fullAt = next
        return nil
    }

    /// Forgets whose bucket is full; at most every second, for it looks at all of them.
    private func sweep(_ state: inout State, _ now: Int) {
        guard abs(now - state.lastSweep) >= 1_000_000_000 else { return }
        state.lastSweep = now
        state.clients = state.clients.filter { $0.value > now }
    }

    /// Some proxies write the client's port behind its address.
    private static func withoutPort(_ hop: Substring) -> String {
        let hop = hop.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        if hop.first == "[" {
            return String(hop.dropFirst().prefix { $0 != "]" })
        }
        let colons = hop.utf8.count { $0 == 0x3A }
        return String(colons == 1 ? hop.prefix { $0 != ":" } : hop)
    }
}

extension RateLimits {
    /// Whose bucket was empty.
    enum Scope: String, CaseIterable {
        case client, total
    }
}
