import CartDomain
import CartService
import Messages
import PostgresShim

/// The carts of a database, their holds, and whether they owe something, all in the order of cart IDs.
struct CartBooks {
    /// Why a cart's history cannot be followed.
    struct BrokenHistory: Error {
        let reason: String
    }

    private var snapshots: RowCursor
    private var events: RowCursor
    private var holds: RowCursor
    private var owing: RowCursor

    /// - Parameter carts: only these; `nil` for all.
    init(of carts: [CartID]?, on connection: PostgresConnection) async throws {
        let wanted: [PostgresParameter] = carts.map { [.uuidArray($0.map(\.bits))] } ?? []
        let isWanted = carts == nil ? "true" : "cart_id = ANY ($1)"
        snapshots = try await RowCursor(
            "audit_snapshots",
            of: "SELECT cart_id, data FROM cart_snapshot WHERE \(isWanted) ORDER BY cart_id",
            wanted, on: connection)
        events = try await RowCursor(
            "audit_events",
            of: """
                SELECT cart_id, version, data FROM cart_event WHERE \(isWanted)
                ORDER BY cart_id, version
                """, wanted, on: connection)
        holds = try await RowCursor(
            "audit_holds",
            of: """
                SELECT cart_id, request_id, product_code, hold_quantity, user_id, ask_quantity
                FROM hold WHERE hold_quantity > 0 AND \(isWanted) ORDER BY cart_id, request_id
                """, wanted, on: connection)
        owing = try await RowCursor(
            "audit_owing",
            of: "SELECT DISTINCT cart_id FROM cart_obligation WHERE \(isWanted) ORDER BY cart_id",
            wanted, on: connection)
    }

    /// The next cart that has a history or holds.
    var nextCart: CartID? {
        get throws {
            try [snapshots, events, holds].compactMap { try Self.cart($0) }
                .min { $0.bits < $1.bits }
        }
    }

    /// The cart as its history makes it; all of the history is read, whatever is wrong with it.
    ///
    /// A history begins with version 1 or leads on from the cart's snapshot; events that the snapshot
    /// covers may be gone, the oldest first.
    mutating func takeHistory(of cartID: CartID) async throws -> Result<Cart, BrokenHistory> {
        var cart = Cart(cartID: cartID)
        var fault: BrokenHistory?
        let snapshot: CartSnapshot?
        do {
            snapshot = try await takeSnapshot(of: cartID)
        } catch let error as JSONError {
            snapshot = nil
            fault = BrokenHistory(reason: "the snapshot cannot be read: \(error)")
        }
        while try Self.cart(events) == cartID, let (page, row) = events.current {
            let version = Int(try page.int8(row, 1))
            if fault == nil {
                do {
                    try Self.lead(
                        &cart, to: version, by: try page.bytes(row, 2), from: snapshot)
                } catch let error as BrokenHistory {
                    fault = error
                } catch let error as MessageError {
                    fault = BrokenHistory(reason: "version \(version) cannot be read: \(error)")
                }
            }
            try await events.advance()
        }
        if let snapshot, cart.version < snapshot.version { cart = Cart(snapshot) }
        return fault.map { .failure($0) } ?? .success(cart)
    }

    private static func lead(
        _ cart: inout Cart, to version: Int, by event: [UInt8], from snapshot: CartSnapshot?
    ) throws {
        if let snapshot, version > snapshot.version, cart.version < snapshot.version {
            cart = Cart(snapshot)
        }
        guard version == cart.version + 1 else {
            if let snapshot, version <= snapshot.version { return }
            throw BrokenHistory(reason: "version \(version) follows \(cart.version)")
        }
        cart.evolve(try CartEvent(decoding: event))
        if let snapshot, version == snapshot.version, cart.snapshot != snapshot {
            throw BrokenHistory(reason: "the snapshot is not what \(version) versions make")
        }
    }

    private mutating func takeSnapshot(of cartID: CartID) async throws -> CartSnapshot? {
        guard try Self.cart(snapshots) == cartID, let (page, row) = snapshots.current else {
            return nil
        }
        let json = try page.bytes(row, 1)
        try await snapshots.advance()
        return try CartSnapshot(decoding: json)
    }

    /// What the ledger holds for the cart.
    mutating func takeHolds(
        of cartID: CartID
    ) async throws -> [RequestID: LineDifference.Pieces] {
        var found: [RequestID: LineDifference.Pieces] = [:]
        while try Self.cart(holds) == cartID, let (page, row) = holds.current {
            found[try stored(RequestID(ofPart: try page.text(row, 1)))] = LineDifference.Pieces(
                productCode: try stored(ProductCode(try page.text(row, 2))),
                quantity: Int(try page.int8(row, 3)),
                userID: try stored(UserID(try page.text(row, 4))),
                askQuantity: Int(try page.int8(row, 5)))
            try await holds.advance()
        }
        return found
    }

    /// Whether the cart owes something; to be asked in the order of carts.
    mutating func isOwing(_ cartID: CartID) async throws -> Bool {
        while let other = try Self.cart(owing), other.bits < cartID.bits {
            try await owing.advance()
        }
        return try Self.cart(owing) == cartID
    }

    private static func cart(_ cursor: RowCursor) throws(PostgresError) -> CartID? {
        guard let (page, row) = cursor.current else { return nil }
        return CartID(bits: try page.uuid(row, 0))
    }
}
