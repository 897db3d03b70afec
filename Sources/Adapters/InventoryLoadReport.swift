/// What a load of the inventory did.
package struct InventoryLoadReport: Hashable, Sendable {
    /// A row that was left as it is, because more pieces are held than it would leave.
    package struct Skipped: Hashable, Sendable {
        /// The line on which the row begins, from 1.
        package let line: Int
        package let productCode: String
        package let reason: String
    }

    /// How many of the skipped rows are listed.
    package static let skippedListedMax = 100

    /// Rows that were read.
    package let rowCount: Int
    package let insertedCount: Int
    package let updatedCount: Int
    package let unchangedCount: Int
    package let skippedCount: Int
    /// The first of the skipped rows.
    package let skipped: [Skipped]
}

/// A row that refuses the whole load.
package struct LoadFault: Hashable, Sendable, CustomStringConvertible {
    /// The line on which the row begins, from 1.
    package let line: Int
    /// What is wrong with it.
    package let reason: String

    package var description: String { "line \(line): \(reason)" }
}

/// Why nothing was loaded.
package enum InventoryLoadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The input is malformed; `isComplete` says whether these are all of its faults.
    case malformed([LoadFault], isComplete: Bool)
    /// Postgres is away; the same load may succeed later.
    case unavailable(String)
    /// Postgres refuses.
    case refused(String)

    package var description: String {
        switch self {
        case .malformed(let faults, let isComplete):
            faults.map(\.description).joined(separator: "; ") + (isComplete ? "" : "; and more")
        case .unavailable(let reason), .refused(let reason): reason
        }
    }
}
