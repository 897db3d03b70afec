/// A row that refuses the whole load.
package struct LoadFault: Hashable, Sendable, CustomStringConvertible {
    /// The line on which the row begins, from 1.
    package let line: Int
    /// What is wrong with it.
    package let reason: String

    package var description: String { "line \(line): \(reason)" }
}

/// Why nothing was loaded.
package enum LoadError: Error, Hashable, Sendable, CustomStringConvertible {
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
