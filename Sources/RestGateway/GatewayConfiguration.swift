/// The settings of a gateway.
package struct GatewayConfiguration: Sendable {
    /// The partition of `cart-request-response` that this gateway reads.
    package var replyPartition: Int
    /// What is asked of those who load tables or change products; without it nobody may.
    package var adminToken: String?
    /// After how long a client that waits is told `pending`.
    package var pendingAfter = Duration.seconds(5)
    /// After how long an unanswered request is asked again for the first time, at the earliest; doubles
    /// each time.
    package var reaskAfter = Duration.milliseconds(250)
    /// The most between two asks.
    package var reaskIntervalMax = Duration.seconds(10)
    /// After how long a websocket that still waits is told that nobody has answered: longer than the
    /// log or a database is likely to be away.
    package var giveUpAfter = Duration.seconds(15 * 60)
    /// How often the watch of a cart with open sockets is renewed.
    package var watchRenewal = Duration.seconds(30)
    /// How many requests may wait for an outcome, over all clients.
    package var waitingMax = 65_536
    /// How many requests of one websocket may wait.
    package var waitingPerSocketMax = 1_024
    /// The most bytes of a JSON body or of a client's message.
    package var jsonBytesMax = 64 * 1_024
    /// The most bytes of a table that is loaded.
    package var inventoryBytesMax = 512 * 1_024 * 1_024
    /// How many tables may be loaded at a time.
    package var loadsMax = 4
    /// For how long the state of the dependencies is not asked again.
    package var probesCachedFor = Duration.seconds(1)

    /// The origins whose pages may use this gateway; its own pages always may.
    package var allowedOrigins: Set<WebOrigin> = []
    /// What one client may ask, over HTTP and websockets together; unlimited without it.
    package var clientRate: RateLimit?
    /// What all clients together may ask; unlimited without it.
    package var totalRate: RateLimit?
    /// How many clients are told apart at a time; further ones are limited together.
    package var limitedClientsMax = 65_536
    /// Whose `X-Forwarded-For` tells the client.
    package var trustedProxies: Set<ClientAddress> = []

    package init(replyPartition: Int, adminToken: String? = nil) {
        self.replyPartition = replyPartition
        self.adminToken = adminToken
    }
}
