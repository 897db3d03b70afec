package import CartDomain
package import Messages

/// Where the gateway writes its requests: the topic `cart-request`.
package protocol RequestLog: Sendable {
    /// Hands requests over to be written, keyed by their cart IDs, and returns without waiting.
    ///
    /// When it throws, some of the requests may have been taken all the same: an answer to one that
    /// nobody awaits any more is dropped.
    func append(_ requests: [CartRequest]) throws(RequestLogError)
}

/// Why the log took no request.
package enum RequestLogError: Error, Hashable, Sendable {
    /// Too many messages wait to be written; later is better.
    case overloaded
    /// The log cannot be written; the text says why.
    case unavailable(String)
}

/// A message from `cart-request-response`, as far as its key and headers tell.
package struct GatewayReply: Sendable {
    package var cartID: CartID
    /// The request that is answered; `nil` where the cart has changed.
    package var requestID: RequestID?
    /// The outcome's status; `nil` where the cart has changed.
    package var status: RequestStatus?
    /// The version of the cart that is told, if one is.
    package var cartVersion: Int?
    /// The JSON text that a websocket client gets as it is.
    package var value: [UInt8]

    package init(
        cartID: CartID, requestID: RequestID?, status: RequestStatus?, cartVersion: Int?,
        value: [UInt8]
    ) {
        self.cartID = cartID
        self.requestID = requestID
        self.status = status
        self.cartVersion = cartVersion
        self.value = value
    }
}

/// What the inventory has of one product.
package struct Stock: Hashable, Sendable {
    package var code: ProductCode
    package var name: String
    /// Pieces in stock, held ones among them.
    package var quantity: Int
    /// Pieces held for carts.
    package var held: Int
    /// Pieces that may still be held.
    package var available: Int

    package init(code: ProductCode, name: String, quantity: Int, held: Int, available: Int) {
        self.code = code
        self.name = name
        self.quantity = quantity
        self.held = held
        self.available = available
    }
}

/// Where the gateway looks up what is in stock.
package protocol StockReader: Sendable {
    /// The stock of a product; `nil` if there is no such product.
    ///
    /// - Throws: any error while the inventory cannot be read.
    func stock(of productCode: ProductCode) async throws -> Stock?
}

/// Where the gateway looks up what has happened to a cart.
package protocol HistoryReader: Sendable {
    /// Events of a cart; `nil` if nothing ever happened to it.
    ///
    /// - Parameters:
    ///   - version: only events after this one.
    ///   - limit: how many at most.
    /// - Throws: any error while the events cannot be read.
    func history(
        of cartID: CartID, after version: Int, limit: Int
    ) async throws -> CartHistoryPage?
}

/// A part of what has happened to a cart.
package struct CartHistoryPage: Hashable, Sendable {
    /// In order of version; old ones may be gone.
    package var events: [CartEventText]
    /// The cart's version.
    package var version: Int

    package init(events: [CartEventText], version: Int) {
        self.events = events
        self.version = version
    }
}

/// One event of a cart as it is told.
package struct CartEventText: Hashable, Sendable {
    package var version: Int
    /// The event as a JSON object.
    package var json: [UInt8]

    package init(version: Int, json: [UInt8]) {
        self.version = version
        self.json = json
    }
}

/// How an inventory is written that is to be loaded.
package enum InventoryFormat: String, Hashable, Sendable {
    /// Lines of `product_code,name,quantity[,price]`, with that header line.
    case csv
    /// An array of objects, or one object a line.
    case json
}

/// Where inventories are loaded.
package protocol InventoryLoading: Sendable {
    /// Brings the schema up to date and opens a load.
    ///
    /// - Throws: any error while the database cannot be written.
    func beginLoad(format: InventoryFormat) async throws -> any InventoryLoad
}

/// One load of an inventory: all of it is applied, or nothing.
///
/// ``finish()`` or ``cancel()`` is called once, at the end.
package protocol InventoryLoad: Sendable {
    /// Takes the next bytes of the text, cut anywhere; returns when there is room for more.
    ///
    /// - Throws: ``LoadRefusal``, or any error of the database.
    func feed(_ bytes: [UInt8]) async throws
    /// Applies the load.
    ///
    /// - Throws: ``LoadRefusal``, or any error of the database.
    func finish() async throws -> LoadReport
    /// Gives the load up and leaves the inventory as it was; no effect after an error.
    func cancel() async
}

/// What a load has done.
package struct LoadReport: Hashable, Sendable {
    /// A row that was left out, because more of the product is held than the row offers.
    package struct Skipped: Hashable, Sendable {
        /// The line in the text, from 1; a JSON array's element counts as a line.
        package var line: Int
        package var code: String
        package var reason: String

        package init(line: Int, code: String, reason: String) {
            self.line = line
            self.code = code
            self.reason = reason
        }
    }

    /// Rows read.
    package var rows: Int
    package var inserted: Int
    package var updated: Int
    package var unchanged: Int
    /// The first of the rows that were left out.
    package var skipped: [Skipped]

    /// How many rows were left out.
    package var skippedCount: Int { rows - inserted - updated - unchanged }

    package init(
        rows: Int, inserted: Int, updated: Int, unchanged: Int, skipped: [Skipped]
    ) {
        self.rows = rows
        self.inserted = inserted
        self.updated = updated
        self.unchanged = unchanged
        self.skipped = skipped
    }
}

/// Why a load was refused as a whole: rows that are malformed.
package struct LoadRefusal: Error, Hashable, Sendable {
    /// What is wrong with one row.
    package struct LineError: Hashable, Sendable {
        /// The line in the text, from 1.
        package var line: Int
        package var reason: String

        package init(line: Int, reason: String) {
            self.line = line
            self.reason = reason
        }
    }

    /// The first errors, in the order of their lines.
    package var errors: [LineError]

    package init(errors: [LineError]) { self.errors = errors }
}

/// Asks one of the gateway's dependencies how it is.
package protocol DependencyProbe: Sendable {
    /// The dependency's name: `broker`, `postgres`, `redis`.
    var name: String { get }
    /// Whether a gateway without it can serve nobody, and is not ready.
    var isRequired: Bool { get }
    /// Asks; answers within a second or so, whatever happens.
    func state() async -> DependencyState
}

/// How a dependency is.
package enum DependencyState: Hashable, Sendable {
    case up
    /// It cannot be used; the text says why.
    case down(String)
}

/// Everything outside of the gateway that it uses.
package struct GatewayPorts: Sendable {
    package var log: any RequestLog
    package var stock: any StockReader
    package var history: any HistoryReader
    package var inventory: any InventoryLoading
    package var probes: [any DependencyProbe]
    package var clock: any ServiceClock

    package init(
        log: any RequestLog, stock: any StockReader, history: any HistoryReader,
        inventory: any InventoryLoading, probes: [any DependencyProbe], clock: any ServiceClock
    ) {
        self.log = log
        self.stock = stock
        self.history = history
        self.inventory = inventory
        self.probes = probes
        self.clock = clock
    }
}
