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

    private var events: RowCursor
    private var holds: RowCursor
    private var owing: RowCursor

    /// - Parameter carts: only these; `nil` for all.
    init(of carts: [CartID]?, on connection: PostgresConnection) async throws {
        let wanted: [PostgresParameter] = carts.map { [.uuidArray($0.map(\.bits))] } ?? []
        let isWanted = carts == nil ? "true" : "cart_id = ANY ($1)"
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
            switch (try Self.cart(events), try Self.cart(holds)) {
            case (let one?, let other?): one.bits < other.bits ? one : other
            case (let one, let other): one ?? other
            }
        }
    }

    /// The cart as its events make it; every event is read, whatever is wrong with them.
    mutating func takeHistory(of cartID: CartID) async throws -> Result<Cart, BrokenHistory> {
        var cart = Cart(cartID: cartID)
        var fault: BrokenHistory?
        while try Self.cart(events) == cartID, let (page, row) = events.current {
            let version = Int(try page.int8(row, 1))
            if fault == nil {
                do {
                    guard version == cart.version + 1 else {
                        throw BrokenHistory(
                            reason: "version \(version) follows \(cart.version)")
                    }
                    cart.evolve(try CartEvent(decoding: try page.bytes(row, 2)))
                } catch let error as BrokenHistory {
                    fault = error
                } catch let error as MessageError {
                    fault = BrokenHistory(reason: "version \(version) cannot be read: \(error)")
                }
            }
            try await events.advance()
        }
        return fault.map { .failure($0) } ?? .success(cart)
    }

    /// What the ledger holds for the cart.
    mutating func takeHolds(
        of cartID: CartID
    ) async throws -> [RequestID: LineDifference.Pieces] {
        var found: [RequestID: LineDifference.Pieces] = [:]
        while try Self.cart(holds) == cartID, let (page, row) = holds.current {
            found[try stored(RequestID(try page.text(row, 1)))] = LineDifference.Pieces(
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
