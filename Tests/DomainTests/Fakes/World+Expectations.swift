import CartDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

let ann = user("ann")
let bob = user("bob")
let drill = product("DRILL")
let saw = product("SAW")

extension World {
    /// Writes a cart's history on, as another owner does.
    func writeOn(_ userID: UserID) throws {
        let cart = try cart(of: userID)
        let event = CartEvent(
            version: cart.version + 1, requestID: id("x\(cart.version)"), at: clock.now(),
            kind: .rejected(Fingerprint(RemoveProduct(saw, quantity: 1)), .notInCart))
        let stored = StoredEvent(
            cartID: cart.cartID, version: event.version, partition: partition(of: userID),
            requestID: event.requestID, type: event.type,
            json: event.encoded(cartID: cart.cartID), at: event.at)
        cartStore.state.withLock { $0.events[cart.cartID, default: []].append(stored) }
    }

    /// The one outcome that was told, however often.
    func outcome(
        of requestID: RequestID, sourceLocation: SourceLocation = #_sourceLocation
    ) -> RequestStatus? {
        let told = Set(outcomes(of: requestID).map(\.status))
        #expect(told.count <= 1, "\(requestID) was told \(told)", sourceLocation: sourceLocation)
        return told.first
    }

    /// Everything that must hold when all is quiet.
    func checkQuiet(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try quietViolations() == [], sourceLocation: sourceLocation)
    }
}

extension CartInstance {
    /// Puts a cart into memory as if it had been read from the store.
    func keep(_ cart: Cart, partition: Int, _ world: World) {
        let executor = world.executor
        engine.assumeIsolated { engine in
            engine.carts[cart.cartID] = CartActor(
                cart, partition: partition, configuration: engine.configuration,
                offers: engine.offers, executor: executor)
        }
    }
}
