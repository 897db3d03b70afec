package import Messages
internal import Synchronization

/// All products, in memory.
///
/// Events are applied in any order and as often as they come: of each product the highest revision is
/// kept, also when it says that the product is gone. Looking up one product waits for no search.
package final class Catalogue: Sendable {
    private enum Entry {
        case present(StoredProduct)
        /// The product is gone since that revision; an older message does not bring it back.
        case removed(revision: Int)

        var revision: Int {
            switch self {
            case .present(let stored): stored.product.revision
            case .removed(let revision): revision
            }
        }
    }

    private struct Book {
        var entries: [ProductCode: Entry] = [:]
        var count = 0
    }

    private let book = Mutex(Book())
    /// Locked before the book, where both are.
    private let index = Mutex(SearchIndex())
    private let isSearchable: Bool

    /// An empty catalogue.
    ///
    /// - Parameter isSearchable: whether ``search(_:)`` is wanted; without, it takes less memory and
    ///   time and finds nothing.
    package init(isSearchable: Bool = true) {
        self.isSearchable = isSearchable
    }

    /// How many products there are.
    package var count: Int { book.withLock { $0.count } }

    /// The product under the code; `nil` if there is none.
    package func product(_ code: ProductCode) -> Product? {
        book.withLock { book in
            guard case .present(let stored)? = book.entries[code] else { return nil }
            return stored.product
        }
    }

    /// Takes note of a change.
    ///
    /// - Returns: whether it was news; one that is not newer than what is known changes nothing.
    @discardableResult
    package func apply(_ event: ProductEvent) -> Bool {
        let stored = event.product.map { StoredProduct($0, isSearchable: isSearchable) }
        guard isSearchable else {
            return book.withLock { Self.note(event, stored, in: &$0) }
        }
        return index.withLock { index in
            guard book.withLock({ Self.note(event, stored, in: &$0) }) else { return false }
            if let stored { index.set(stored) } else { index.remove(event.code) }
            return true
        }
    }

    /// Finds the products that the query asks for.
    package func search(_ query: ProductQuery) -> ProductPage {
        index.withLock { $0.search(query) }
    }

    private static func note(
        _ event: ProductEvent, _ stored: StoredProduct?, in book: inout Book
    ) -> Bool {
        let known = book.entries[event.code]
        if let known, event.revision <= known.revision { return false }
        if case .present? = known { book.count -= 1 }
        if let stored {
            book.entries[event.code] = .present(stored)
            book.count += 1
        } else {
            book.entries[event.code] = .removed(revision: event.revision)
        }
        return true
    }
}
