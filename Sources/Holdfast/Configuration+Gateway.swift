import RestGateway
import Settings

extension Configuration {
    static let gatewayHost = Setting.text(
        "host", environment: "GATEWAY_HOST", default: "127.0.0.1", placeholder: "HOST",
        help: "The address to listen on; 0.0.0.0 for every interface.")

    static let gatewayPort = Setting.integer(
        "port", environment: "GATEWAY_PORT", in: 0...65_535, default: 8_080,
        help: "The port for shoppers, health and metrics; 0 takes a free one and logs it.")

    static let replyPartition = Setting.integer(
        "reply-partition", in: 0...999,
        help: """
            The partition of cart-request-response that this gateway reads, less than \
            --reply-partitions. Gateways of one partition read each other's answers too. By default \
            one at random.
            """
    ).optional

    static let requestDeadline = Setting.duration(
        "request-deadline", in: .milliseconds(10)...(.seconds(300)), default: .seconds(5),
        help: "How long a request may wait for its outcome before it is answered as pending.")

    static let retryInterval = Setting.duration(
        "retry-interval", in: .milliseconds(10)...(.seconds(60)), default: .milliseconds(250),
        help: """
            When an unanswered request is sent again for the first time, then ever later; at the \
            earliest, for where answers are slow they are waited for.
            """)

    static let watchRenewal = Setting.duration(
        "watch-renewal", in: .seconds(1)...(.seconds(600)), default: .seconds(30),
        help: "How often the lease for pushes to open websockets is renewed.")

    static let connectionsMax = Setting.integer(
        "connections-max", in: 1...1_000_000, default: 10_000,
        help: "Connections beyond this number are answered 503 and closed.")

    static let headersMax = Setting.byteCount(
        "headers-max", in: 1_024...(1 << 20), default: 16 << 10,
        help: "A request whose line and headers are longer gets 431 or 414.")

    static let bodyMax = Setting.byteCount(
        "body-max", in: 1_024...(64 << 20), default: 64 << 10,
        help: "A longer body gets 413; seeding has a limit of its own.")

    static let seedBodyMax = Setting.byteCount(
        "seed-body-max", in: 1_024...(4 << 30), default: 512 << 20,
        help: "The longest inventory file that may be posted.")

    static let messageMax = Setting.byteCount(
        "message-max", in: 128...(16 << 20), default: 128 << 10,
        help: "A websocket that sends a longer message is closed with 1009.")

    static let requestsPerSocketMax = Setting.integer(
        "requests-per-socket-max", in: 1...100_000, default: 1_024,
        help: "Further messages of a websocket get an error while this many are unanswered.")

    static let unsentMax = Setting.byteCount(
        "unsent-max", in: 4_096...(256 << 20), default: 1 << 20,
        help: "Reading from a connection pauses while more than this waits to be sent to it.")

    static let receiveDeadline = Setting.duration(
        "receive-deadline", in: .milliseconds(100)...(.seconds(600)), default: .seconds(15),
        help: "How long a request's line and headers may take to arrive.")

    static let idleMax = Setting.duration(
        "idle-max", in: .seconds(1)...(.seconds(86_400)), default: .seconds(75),
        help: "A connection without a request, or a websocket without a sign of life, is closed.")

    static let pingInterval = Setting.duration(
        "ping-interval", in: .milliseconds(100)...(.seconds(3_600)), default: .seconds(25),
        help: "How often a quiet websocket is pinged.")

    static let corsOrigins = Setting.list(
        "cors-origins", placeholder: "ORIGIN",
        allowed: "an origin such as https://shop.example, or * for all",
        help: "Pages of these origins may use the gateway and open websockets; its own always may.",
        read: { WebOrigin($0) }, write: { $0.text }
    ).optional

    static let trustedProxies = Setting.list(
        "trusted-proxies", placeholder: "ADDRESS", allowed: "an IPv4 or IPv6 address",
        help: "Proxies in front, whose X-Forwarded-For tells by its last hop who the client is.",
        read: { ClientAddress($0) }, write: { $0.text }
    ).optional

    static let clientRate = Setting.integer(
        "client-rate", in: 0...1_000_000, default: 0,
        help: """
            Requests and websocket messages that one address may send per second; 0 is no limit. \
            Behind a proxy that is not among the trusted ones all clients are one.
            """)

    static let clientBurst = Setting.integer(
        "client-burst", in: 1...1_000_000, default: 100,
        help: "How many of them it may send at once after a quiet time.")

    static let totalRate = Setting.integer(
        "total-rate", in: 0...1_000_000, default: 0,
        help: "What all clients together may send per second; 0 is no limit.")

    static let totalBurst = Setting.integer(
        "total-burst", in: 1...1_000_000, default: 1_000,
        help: "How many they may send at once after a quiet time.")

    static let gateway = CommandSpecification(
        name: "gateway",
        summary: "Answers shoppers over HTTP and websockets, by way of the log.",
        settings: [gatewayHost, gatewayPort, databaseURL, redisURL, adminToken] + log + [
            replyPartition, requestDeadline, retryInterval, watchRenewal, connectionsMax,
            headersMax, bodyMax,
            seedBodyMax, messageMax, requestsPerSocketMax, unsentMax, receiveDeadline, idleMax,
            pingInterval, corsOrigins, trustedProxies, clientRate, clientBurst, totalRate,
            totalBurst, stopDeadline, logLevel,
        ])
}
