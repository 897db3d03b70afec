import Catalogue
import Messages
import RestGateway
import Synchronization

/// Products that are kept in memory, as Postgres and the log would.
final class FakeProducts: CatalogueSource, ProductStore {
    struct Away: Error {}

    private struct State {
        var record: [ProductCode: Product] = [:]
        var revision = 0
        var isAway = false
        var isLoaded = true
    }

    private let state = Mutex(State())
    let catalogue = Catalogue()
    /// What loads are fed to.
    let inventory = FakeInventory()

    var loaded: Catalogue? { state.withLock { $0.isLoaded } ? catalogue : nil }

    func setLoaded(_ isLoaded: Bool) { state.withLock { $0.isLoaded = isLoaded } }

    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    func change(_ code: ProductCode, _ change: ProductChange) async throws -> ProductOutcome {
        try state.withLock { state in
            if state.isAway { throw Away() }
            let current = state.record[code]
            switch try change.decide(code, current) {
            case .write(var product):
                state.revision += 1
                product.revision = state.revision
                state.record[code] = product
                return current == nil ? .created(product) : .changed(product)
            case .remove:
                state.revision += 1
                state.record[code] = nil
                return .removed(revision: state.revision)
            case .unchanged: return current.map { .unchanged($0) } ?? .unknownProduct
            case .unknownProduct: return .unknownProduct
            }
        }
    }

    func beginLoad(format: LoadFormat) async throws -> any TableLoad {
        try await inventory.beginLoad(format: format)
    }
}
