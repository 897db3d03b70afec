import Messages
import WebServer

/// A websocket as the gateway's core sees it.
package protocol ShopperSocket: Sendable {
    /// Queues a text message; `false` if the socket is closed or too slow.
    @discardableResult func send(text: [UInt8]) -> Bool
}

extension WebSocket: ShopperSocket {}

/// The open websockets by cart, what each has seen of its cart, and the watches kept for them
/// (rule L5).
///
/// A watch starts when a cart's first socket has got its first answer, with the version it was told:
/// whatever happens to the cart between that answer and the watch is then told by the watch. It is
/// renewed while the cart has sockets, with the lowest version that one of them has seen last, so
/// that a change lost on its way to one socket comes again.
struct CartSockets: Sendable {
    private struct Socket {
        let userID: UserID
        let cartID: CartID
        let client: ClientAddress
        let sink: any ShopperSocket
        var versionSeen = -1
        /// Whether only the client says that it has seen that version.
        var isClaimed = false
        var isGreeted = false
        /// The newest change that came before the first answer.
        var heldChange: (version: Int, value: [UInt8])?
        var waiting = 0

        /// A claim to have seen more than there is was made of another cart, and is void.
        func lacks(_ version: Int) -> Bool {
            isClaimed ? version != versionSeen : version > versionSeen
        }

        mutating func see(_ version: Int) {
            versionSeen = isClaimed ? version : max(version, versionSeen)
            isClaimed = false
        }
    }

    private struct Watch {
        let userID: UserID
        var sockets: [Int] = []
        /// When it is renewed; `nil` before it has started.
        var renewAt: Timestamp?
    }

    /// A watch that is to be sent.
    struct DueWatch: Equatable {
        let cartID: CartID
        let userID: UserID
        let since: Int
    }

    private let renewal: Duration
    private var sockets: [Int: Socket] = [:]
    private var watches: [CartID: Watch] = [:]
    private var renewals = DeadlineHeap<CartID>()

    init(renewal: Duration) { self.renewal = renewal }

    /// How many are open.
    var count: Int { sockets.count }

    /// When a watch may have to be renewed next.
    var nextDeadline: Timestamp? { renewals.earliest }

    /// Whether a socket is open.
    func isOpen(_ socketID: Int) -> Bool { sockets[socketID] != nil }

    /// Whose socket it is, of which cart, and whom its messages count for.
    func shopper(
        of socketID: Int
    ) -> (userID: UserID, cartID: CartID, client: ClientAddress)? {
        sockets[socketID].map { ($0.userID, $0.cartID, $0.client) }
    }

    /// How many requests of a socket wait for an outcome.
    func waiting(of socketID: Int) -> Int { sockets[socketID]?.waiting ?? 0 }

    mutating func open(
        _ socketID: Int, of userID: UserID, cartID: CartID, client: ClientAddress,
        sink: any ShopperSocket
    ) {
        sockets[socketID] = Socket(
            userID: userID, cartID: cartID, client: client, sink: sink)
        watches[cartID, default: Watch(userID: userID)].sockets.append(socketID)
    }

    /// Forgets a socket; with a cart's last one its watch is left to run out.
    mutating func close(_ socketID: Int) {
        guard let socket = sockets.removeValue(forKey: socketID) else { return }
        watches[socket.cartID]?.sockets.removeAll { $0 == socketID }
        if watches[socket.cartID]?.sockets.isEmpty == true { watches[socket.cartID] = nil }
    }

    /// Notes that a request of a socket waits.
    mutating func beginWaiting(_ socketID: Int) { sockets[socketID]?.waiting += 1 }

    /// Notes that a request of a socket waits no more.
    mutating func endWaiting(_ socketID: Int) { sockets[socketID]?.waiting -= 1 }

    /// Sends a socket the answer to one of its requests.
    ///
    /// Changes are held back until the first answer, so that a client's first message is what became
    /// of the request it came with.
    ///
    /// - Parameter version: the cart's version that the answer tells, if it does.
    mutating func answer(_ socketID: Int, _ text: [UInt8], version: Int?) {
        guard var socket = sockets[socketID] else { return }
        socket.sink.send(text: text)
        if let version { socket.see(version) }
        let held = socket.isGreeted ? nil : socket.heldChange
        socket.isGreeted = true
        socket.heldChange = nil
        sockets[socketID] = socket
        if let held { push(held.value, version: held.version, to: socketID) }
    }

    /// Sends a socket what is no answer to a request, and no change.
    func tell(_ socketID: Int, _ text: [UInt8]) { sockets[socketID]?.sink.send(text: text) }

    /// Sends a change to the cart's sockets that have not seen its version; returns to how many.
    ///
    /// - Parameter text: called if there is such a socket; `nil` if there is nothing to send.
    mutating func change(
        _ cartID: CartID, version: Int, _ text: () -> [UInt8]?
    ) -> Int {
        let lacking = watches[cartID]?.sockets.filter { sockets[$0]?.lacks(version) == true } ?? []
        guard !lacking.isEmpty, let text = text() else { return 0 }
        var count = 0
        for socketID in lacking where push(text, version: version, to: socketID) { count += 1 }
        return count
    }

    @discardableResult
    private mutating func push(_ text: [UInt8], version: Int, to socketID: Int) -> Bool {
        guard var socket = sockets[socketID], socket.lacks(version) else { return false }
        if socket.isGreeted {
            socket.sink.send(text: text)
            socket.see(version)
        } else if version > socket.heldChange?.version ?? -1 {
            socket.heldChange = (version, text)
        }
        sockets[socketID] = socket
        return socket.isGreeted
    }

    /// Starts the watch of a socket's cart, unless it runs.
    ///
    /// - Parameter version: the version that the socket is about to be told.
    mutating func startWatch(of socketID: Int, version: Int?, now: Timestamp) -> DueWatch? {
        guard let cartID = sockets[socketID]?.cartID, var watch = watches[cartID],
            watch.renewAt == nil
        else { return nil }
        watch.renewAt = now + renewal
        watches[cartID] = watch
        renewals.insert(cartID, due: now + renewal)
        return DueWatch(cartID: cartID, userID: watch.userID, since: max(version ?? 0, 0))
    }

    /// Has a socket told every change after a version from now on.
    ///
    /// Others may watch its cart already, but have seen what this one has not.
    mutating func watchFully(
        _ socketID: Int, since version: Int, now: Timestamp
    ) -> DueWatch? {
        guard var socket = sockets[socketID] else { return nil }
        socket.isGreeted = true
        socket.versionSeen = version
        socket.isClaimed = true
        sockets[socketID] = socket
        _ = startWatch(of: socketID, version: nil, now: now)
        return DueWatch(cartID: socket.cartID, userID: socket.userID, since: version)
    }

    /// Takes the watches that are due for renewal.
    mutating func renew(now: Timestamp) -> [DueWatch] {
        var due: [DueWatch] = []
        while let (dueAt, cartID) = renewals.popDue(by: now) {
            guard var watch = watches[cartID], watch.renewAt == dueAt else { continue }
            watch.renewAt = now + renewal
            watches[cartID] = watch
            renewals.insert(cartID, due: now + renewal)
            let seen = watch.sockets.compactMap { sockets[$0]?.versionSeen }.min()
            due.append(
                DueWatch(cartID: cartID, userID: watch.userID, since: seen ?? 0))
        }
        return due
    }

    /// Has a watch that could not be sent renewed earlier.
    mutating func retryWatch(_ cartID: CartID, at time: Timestamp) {
        guard watches[cartID] != nil else { return }
        watches[cartID]?.renewAt = time
        renewals.insert(cartID, due: time)
    }
}
