/// Waits that double from try to try, spread at random so that many do not try in step.
package struct Backoff: Sendable {
    private let first: Duration
    private let most: Duration
    private var ceiling: Duration

    /// - Parameters:
    ///   - first: the longest first wait.
    ///   - most: the longest wait of all.
    package init(first: Duration = .milliseconds(50), most: Duration = .seconds(5)) {
        self.first = first
        self.most = most
        ceiling = first
    }

    /// The next wait: between half of its ceiling and the ceiling.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let wait = ceiling * Double.random(in: 0.5...1, using: &generator)
        ceiling = min(ceiling * 2, most)
        return wait
    }

    /// Begins anew, after a try that went well.
    package mutating func reset() { ceiling = first }
}
